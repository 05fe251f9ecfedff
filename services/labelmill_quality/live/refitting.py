"""A fit of everything: the state anew from all answers, and what became different. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelmill_quality import aggregation
from labelmill_quality.live import answers, judging
from labelmill_quality.live.answers import Change
from labelmill_quality.live.judged import Compare, compared, judged, tallies
from labelmill_quality.live.judging import Counts
from labelmill_quality.live.state import (
    LiveFeature,
    LiveItem,
    LiveLabeler,
    LiveState,
    grown,
    posteriors,
    with_classes,
)

MAX_LABELERS = 50
"""Of those whose reliability changed most, that a refit names."""


@dataclass(frozen=True, slots=True)
class LabelerChange:
    """What is said of a labeler's reliability, before and now."""

    labeler: str
    before: float | None
    now: float


@dataclass(frozen=True)
class Difference:
    """What a refit changed."""

    label_count: int
    item_count: int
    changed_item_count: int
    """Items whose likeliest class is another one."""
    repaired_item_count: int
    """Items whose answers were not right."""
    mean_posterior_change: float
    labelers: tuple[LabelerChange, ...]


def refit(
    before: LiveState, everything: Iterable[Change], gold: Mapping[str, str], compare: Compare | None = None
) -> tuple[LiveState, Difference]:
    """The state anew.

    Args:
        before: The whole state until now: what a refit says is different from it.
        everything: All answers to the feature.
        gold: Item -> gold class.
        compare: For answers that are no single classes.
    """
    by_item: dict[str, list[Change]] = defaultdict(list)
    for change in everything:
        by_item[change.item].append(change)
    bare = [LiveItem(item, answers.merged((), some), gold.get(item, "")) for item, some in by_item.items()]
    bare = [item for item in bare if item.said]
    people = sorted({said.labeler for item in bare for said in item.said})
    if before.feature.is_choice:
        classes = with_classes(before.feature, (v for item in bare for v in item.labels.values()))
        items, counts = _fit(bare, people, classes)
    else:
        classes = before.feature.class_names
        items = compared(bare, compare) if compare is not None else {}
        counts = Counts(np.zeros(len(classes)), np.zeros((len(people), 0, 0)))
    tally = tallies(items.values())
    labelers = {
        labeler: LiveLabeler(
            labeler,
            counts=counts.labelers[row],
            label_count=tally[labeler]["label_count"],
            agreed_count=tally[labeler]["agreed_count"],
            compared_count=tally[labeler]["compared_count"],
            right_count=tally[labeler]["right_count"],
            gold_count=tally[labeler]["gold_count"],
        )
        for row, labeler in enumerate(people)
    }
    feature = replace(before.feature, class_names=classes, class_counts=counts.classes, labels_since_refit=0)
    after = LiveState(feature, labelers, items)
    return after, _difference(before, after, counts)


def _fit(bare: Sequence[LiveItem], people: Sequence[str], classes: Sequence[str]) -> tuple[dict[str, LiveItem], Counts]:
    """Items judged by the method's own fit, and the counts that they make."""
    table = judging.table_of(bare, classes, people)
    if not len(table):
        return judged(bare, table, None), judging.added(table, np.zeros((0, len(classes))))
    consensus = aggregation.METHODS[judging.method(len(classes))[0]](table, None).apply(table)
    return judged(bare, table, consensus), judging.added(table, consensus.posterior)


def _difference(before: LiveState, after: LiveState, counts: Counts) -> Difference:
    size = len(after.feature.class_names)
    repaired = sum(
        1
        for item in {*before.items, *after.items}
        if (item in before.items and before.items[item].said) != (item in after.items and after.items[item].said)
    )
    both = [name for name in after.items if name in before.items]
    both = [name for name in both if len(after.items[name].posterior) and len(before.items[name].posterior)]
    old = posteriors([before.items[name] for name in both], size)
    new = posteriors([after.items[name] for name in both], size)
    moved = np.abs(new - old).sum(axis=1) / 2
    other = old.argmax(axis=1) != new.argmax(axis=1) if size else np.zeros(0, bool)
    return Difference(
        sum(item.label_count for item in after.items.values()),
        sum(1 for item in after.items.values() if item.label_count),
        int(other.sum()),
        repaired,
        float(moved.mean()) if len(moved) else 0.0,
        _labeler_changes(before, after, counts),
    )


def _labeler_changes(before: LiveState, after: LiveState, counts: Counts) -> tuple[LabelerChange, ...]:
    if not after.labelers or not counts.labelers.size:
        return ()
    known = reliabilities(before)
    now = dict(zip(after.labelers, judging.reliabilities(counts).tolist(), strict=True))
    changes = [LabelerChange(labeler, known.get(labeler), value) for labeler, value in now.items()]
    changes.sort(key=lambda each: (-abs(each.now - (each.before or 0.0)), each.labeler))
    return tuple(changes[:MAX_LABELERS])


def reliabilities(state: LiveState) -> dict[str, float]:
    """Labeler -> the probability of a right answer under the model that is kept; none where votes are counted."""
    size = len(state.feature.class_names)
    if not state.labelers or not 0 < size <= judging.MAX_CLASSES:
        return {}
    counts = Counts(
        grown(state.feature.class_counts, size),
        np.stack([grown(labeler.counts, size) for labeler in state.labelers.values()]),
    )
    return dict(zip(state.labelers, judging.reliabilities(counts).tolist(), strict=True))


def empty(feature: str, kind: int, class_names: tuple[str, ...]) -> LiveFeature:
    """A feature that nobody has answered, with the ontology's classes."""
    return LiveFeature(feature, kind, class_names, np.zeros(len(class_names)))
