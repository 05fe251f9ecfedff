"""What is suspicious in one clean text, outside of what the policy has put there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from labelmill_anonymization.findings import Finding, outside
from labelmill_anonymization.offset_map import OffsetMap
from labelmill_anonymization.operators import Keep, Redact
from labelmill_anonymization.policy import Policy

_SHORTEST_VALUE = 3
_SURE = 1.0


class Source(IntEnum):
    """What made something suspicious, with the contract's numbers; a lower one wins where several agree."""

    RAW_VALUE = 1
    SECOND_PASS = 2
    LISTED_NAME = 3


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A place in a clean text, never its value."""

    asset: str
    entity_type: str
    start: int
    end: int
    source: Source


def stricter(policy: Policy) -> Policy:
    """Every type, whatever its score; what the policy allows on purpose, and what is its own to find, stays so."""
    return Policy(default_operator=Redact(), language=policy.language, own=policy.own)


def look(
    asset: str,
    raw: str,
    clean: str,
    offsets: OffsetMap,
    policy: Policy,
    second_pass: Iterable[Finding],
    listed: Iterable[tuple[int, int]],
) -> list[Suspicion]:
    """Everything suspicious in a clean text, in order, each place once.

    Args:
        asset: Its name.
        raw: The raw text.
        clean: What became of it.
        offsets: Where what is.
        policy: By which; types that it leaves or keeps are nobody's mistake.
        second_pass: What `stricter` finds in `clean`.
        listed: Places of listed names in `clean`.
    """
    candidates = [Finding("", start, end, _SURE, Source.RAW_VALUE.name) for start, end in _values(raw, clean, offsets)]
    candidates += [
        Finding(f.entity_type, f.start, f.end, f.score, Source.SECOND_PASS.name)
        for f in second_pass
        if _transforms(policy, f.entity_type)
    ]
    candidates += [Finding("", start, end, _SURE, Source.LISTED_NAME.name) for start, end in listed]
    covered = [
        Finding("", s.clean_start, s.clean_end, _SURE, "") for s in offsets.segments if s.clean_end > s.clean_start
    ]
    suspicions: list[Suspicion] = []
    for candidate in candidates:
        for part in outside(candidate, covered):
            if any(character.isalnum() for character in clean[part.start : part.end]):
                source = Source[part.recognizer]
                suspicions.append(Suspicion(asset, part.entity_type, part.start, part.end, source))
                covered = sorted([*covered, part], key=lambda one: one.start)
    return sorted(suspicions, key=lambda one: one.start)


def _transforms(policy: Policy, entity_type: str) -> bool:
    operator = policy.operator_for(entity_type, _SURE)
    return operator is not None and not isinstance(operator, Keep)


def _values(raw: str, clean: str, offsets: OffsetMap) -> list[tuple[int, int]]:
    """Where values that were transformed somewhere still stand: as whole words, in either case."""
    values = {raw[segment.raw_start : segment.raw_end].strip() for segment in offsets.segments}
    long_enough = [v for v in values if sum(map(str.isalnum, v)) >= _SHORTEST_VALUE]
    if not long_enough:
        return []
    longest_first: Sequence[str] = sorted(long_enough, key=lambda value: (-len(value), value))
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
    return [match.span() for match in pattern.finditer(clean)]
