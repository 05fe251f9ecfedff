"""What labelers said about one item, kept so that corrections and withdrawals find what they replace. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """One annotation's newest version."""

    annotation: str
    """The annotation's id; ids sort by the time of the first version."""
    version: int
    labeler: str
    benchmark: bool
    """Said in a benchmark task: it counts against gold, never as a label."""
    value: str
    """The class; for answers that are no single class the annotation itself, encoded."""
    time_ms: int


@dataclass(frozen=True, slots=True)
class Change:
    """An annotation that is new, corrected or withdrawn."""

    feature: str
    item: str
    said: Said
    withdrawn: bool


def merged(before: Sequence[Said], changes: Iterable[Change]) -> tuple[Said, ...]:
    """The answers about one item after some changes, by annotation; known versions change nothing."""
    kept = {said.annotation: said for said in before}
    for change in changes:
        known = kept.get(change.said.annotation)
        if known is not None and known.version >= change.said.version:
            continue
        if change.withdrawn:
            kept.pop(change.said.annotation, None)
        else:
            kept[change.said.annotation] = change.said
    return tuple(kept[annotation] for annotation in sorted(kept))


def labels(said: Iterable[Said]) -> dict[str, str]:
    """Labeler -> what they said in ordinary tasks, by labeler; the last annotation counts."""
    return dict(sorted((each.labeler, each.value) for each in _last(each for each in said if not each.benchmark)))


def sets(said: Iterable[Said]) -> dict[str, tuple[str, ...]]:
    """Labeler -> everything they said in ordinary tasks, by labeler: for answers that are several annotations."""
    found: dict[str, list[str]] = {}
    for each in said:
        if not each.benchmark:
            found.setdefault(each.labeler, []).append(each.value)
    return {labeler: tuple(sorted(found[labeler])) for labeler in sorted(found)}


def against_gold(said: Sequence[Said]) -> dict[str, str]:
    """Labeler -> what counts against gold: the last answer to an ordinary task, else to a benchmark task."""
    ordered = sorted(said, key=lambda each: (not each.benchmark, each.annotation))
    return {each.labeler: each.value for each in _last(ordered)}


def disagreement(values: Iterable[str]) -> float:
    """The probability that two different labelers said different things; 0 where there is only one."""
    counts = list(Counter(values).values())
    total = sum(counts)
    if total < 2:
        return 0.0
    return 1 - sum(count * (count - 1) for count in counts) / (total * (total - 1))


def tally(values: Iterable[str], codes: Mapping[str, int]) -> str:
    """How often what was said, as text that is equal for items with the same votes: "0:2,3:1"."""
    counts = sorted((codes[value], count) for value, count in Counter(values).items())
    return ",".join(f"{code}:{count}" for code, count in counts)


def read_tally(text: str) -> dict[int, int]:
    """The counts in a tally."""
    pairs = (pair.partition(":") for pair in text.split(",") if pair)
    return {int(code): int(count) for code, _, count in pairs}


def _last(said: Iterable[Said]) -> Iterable[Said]:
    return {each.labeler: each for each in said}.values()
