"""Text + findings + policy -> clean text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_anonymization.findings import Finding, merge, outside, whole_characters
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.offset_map import OffsetMap, Segment
from labelmill_anonymization.operators import Keep, Operator, Protection
from labelmill_anonymization.policy import Policy


@dataclass(frozen=True, slots=True)
class AppliedFinding:
    """A finding, what was done to it, and where the result is; `clean_start == clean_end` when it was removed."""

    finding: Finding
    operator_name: str
    clean_start: int
    clean_end: int


@dataclass(frozen=True, slots=True)
class CleanText:
    """The outcome for one text."""

    text: str
    findings: tuple[AppliedFinding, ...]
    protection: Protection
    offsets: OffsetMap
    key_ids: tuple[str, ...] = ()
    """The keys by which values can be linked or read again, ordered."""


def transform(text: str, findings: Sequence[Finding], policy: Policy, keys: ProjectKeys) -> CleanText:
    """Applies a policy to what was found.

    Findings that the policy transforms win over those that it keeps: a kept date in a redacted address goes with it.
    """
    out: list[str] = []
    applied: list[AppliedFinding] = []
    segments: list[Segment] = []
    protection = Protection.ANONYMIZED
    key_ids: set[str] = set()
    raw = clean = 0
    for finding, operator in _resolved(text, findings, policy):
        gap = text[raw : finding.start]
        value = text[finding.start : finding.end]
        new = operator.apply(value, finding.entity_type, keys)
        out += (gap, new)
        start = clean + len(gap)
        raw, clean = finding.end, start + len(new)
        applied.append(AppliedFinding(finding, operator.name, start, clean))
        protection = max(protection, operator.protection(value))
        key_ids.update(operator.key_ids(keys))
        if not isinstance(operator, Keep):
            segments.append(Segment(finding.start, finding.end, start, clean))
    out.append(text[raw:])
    clean_text = "".join(out)
    offsets = OffsetMap(len(text), len(clean_text), tuple(segments))
    return CleanText(clean_text, tuple(applied), protection, offsets, tuple(sorted(key_ids)))


def _resolved(text: str, findings: Sequence[Finding], policy: Policy) -> list[tuple[Finding, Operator]]:
    transformed: list[Finding] = []
    kept: list[Finding] = []
    for finding in findings:
        operator = policy.operator_for(finding.entity_type, finding.score)
        if operator is not None:
            (kept if isinstance(operator, Keep) else transformed).append(whole_characters(finding, text))
    covering = merge(transformed)
    resolved: list[tuple[Finding, Operator]] = []
    for finding in covering:
        operator = policy.operator_for(finding.entity_type, finding.score)
        assert operator is not None
        resolved.append((finding, operator))
    resolved += [(part, Keep()) for finding in merge(kept) for part in outside(finding, covering)]
    return sorted(resolved, key=lambda pair: pair[0].start)
