"""A consensus about items as what is kept about each of them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.labels import LabelTable
from labelmill_quality.live import answers
from labelmill_quality.live.state import NONE, LiveItem

Compare = Callable[[Sequence[Sequence[str]]], float]
"""What several labelers said about an item, each several things -> how alike it is, the mean over pairs, in [0, 1]."""


def judged(items: Iterable[LiveItem], table: LabelTable, consensus: Consensus | None) -> dict[str, LiveItem]:
    """Items with what a consensus about them says.

    Args:
        items: The items.
        table: Their labels.
        consensus: About the table; None where the table is empty.
    """
    rows = {name: row for row, name in enumerate(table.items)}
    agreed = _agreed(table, consensus) if consensus is not None else {}
    codes = {name: code for code, name in enumerate(table.classes)}
    result: dict[str, LiveItem] = {}
    for item in items:
        said = item.labels
        row = rows.get(item.item)
        posterior = NONE if row is None or consensus is None else consensus.posterior[row].copy()
        result[item.item] = replace(
            item,
            posterior=posterior,
            agreed=agreed.get(item.item, {}),
            label_count=len(said),
            disagreement=answers.disagreement(said.values()),
            uncertainty=float(1 - posterior.max()) if len(posterior) else 0.0,
            tally=answers.tally(said.values(), codes),
        )
    return result


def compared(items: Iterable[LiveItem], compare: Compare) -> dict[str, LiveItem]:
    """Items whose answers are no single classes, with how much they disagree."""
    result: dict[str, LiveItem] = {}
    for item in items:
        said = item.sets
        score = min(1.0, max(0.0, 1 - compare(list(said.values())))) if len(said) >= 2 else 0.0
        score = round(score, 4)  # so that items with nearly the same score are one group
        result[item.item] = replace(
            item, posterior=NONE, agreed={}, label_count=len(said), disagreement=score, uncertainty=score, tally=""
        )
    return result


def tallies(items: Iterable[LiveItem]) -> dict[str, Counter[str]]:
    """Labeler -> field of LiveLabeler -> what the items add to it."""
    result: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        for labeler in item.labels:
            result[labeler]["label_count"] += 1
        for labeler, right in item.agreed.items():
            result[labeler]["compared_count"] += 1
            result[labeler]["agreed_count"] += right
        if item.gold:
            for labeler, value in answers.against_gold(item.said).items():
                result[labeler]["gold_count"] += 1
                result[labeler]["right_count"] += value == item.gold
    return result


def _agreed(table: LabelTable, consensus: Consensus) -> Mapping[str, dict[str, bool]]:
    """Item -> labeler -> whether they said what the others' consensus is."""
    others = consensus.others()
    told = (table.labels_per_item[table.item_codes] >= 2) & ~others.tied
    right = others.winners == table.class_codes
    agreed: dict[str, dict[str, bool]] = {}
    for row in told.nonzero()[0].tolist():
        item = table.items[table.item_codes[row]]
        agreed.setdefault(item, {})[table.labelers[table.labeler_codes[row]]] = bool(right[row])
    return agreed
