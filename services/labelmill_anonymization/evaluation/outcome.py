"""What a policy did to one text of the sample."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.evaluation.sample import Span
from labelmill_anonymization.transform import AppliedFinding, CleanText

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and which code points nobody can read any more."""

    found: tuple[Span, ...]
    hidden: Bools = field(repr=False)


def outcome_of(text: str, clean: CleanText) -> Outcome:
    """Findings that the policy keeps are found, but not hidden; so is what a mask leaves readable."""
    hidden = np.zeros(len(text), np.bool_)
    for applied in clean.findings:
        start, end = applied.finding.start, applied.finding.end
        hidden[start:end] = [not readable for readable in _readable(text[start:end], applied, clean.text)]
    found = tuple(Span(a.finding.entity_type, a.finding.start, a.finding.end) for a in clean.findings)
    return Outcome(found, hidden)


def _readable(value: str, applied: AppliedFinding, clean_text: str) -> list[bool]:
    """For each code point of a found value, whether it still stands in its place."""
    if applied.operator_name == "keep":
        return [True] * len(value)
    if applied.operator_name != "mask":
        return [False] * len(value)
    masked = clean_text[applied.clean_start : applied.clean_end]
    return [old == new for old, new in zip(value, masked, strict=True)]
