"""Figures of a comparison, and how much of what is marked is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Figure = dict[str, Any]
Spans = list[tuple[int, int]]


def figure(
    name: str,
    ours: float,
    theirs: float,
    unit: str,
    target: float | None,
    *,
    peer: str,
    lower_is_better: bool = False,
) -> Figure:
    """One figure; the ratio says how many times better ours is, None where that is no number."""
    above, below = (theirs, ours) if lower_is_better else (ours, theirs)
    return {
        "figure": name,
        "ours": round(ours, 4),
        "peer": round(theirs, 4),
        "peer_name": peer,
        "unit": unit,
        "ratio": round(above / below, 2) if below else None,
        "target": target,
    }


def readable(figure: Figure) -> str:
    """One line for people."""
    target = f" (target {figure['target']})" if figure["target"] is not None else ""
    return (
        f"{figure['figure']}: ours {figure['ours']:g}, {figure['peer_name']} {figure['peer']:g} {figure['unit']}, "
        f"{figure['ratio']} times better{target}"
    )


def shares(gold: Sequence[Spans], found: Sequence[Spans], texts: Sequence[str]) -> tuple[float, float]:
    """(share of personal characters not covered, share of the other ones covered)."""
    personal = leaked = other = covered = 0
    for gold_spans, spans, text in zip(gold, found, texts, strict=True):
        is_gold = {i for start, end in gold_spans for i in range(start, end)}
        is_found = {i for start, end in spans for i in range(start, end)}
        personal += len(is_gold)
        leaked += len(is_gold - is_found)
        other += len(text) - len(is_gold)
        covered += len(is_found - is_gold)
    return leaked / personal, covered / other
