"""A local update: the items that changes are about are judged anew, and their labelers' counts follow. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from labelmill_quality.live import answers, judging
from labelmill_quality.live.answers import Change
from labelmill_quality.live.judged import Compare, compared, judged, tallies
from labelmill_quality.live.judging import Counts
from labelmill_quality.live.state import (
    Floats,
    LiveItem,
    LiveLabeler,
    LiveState,
    grown,
    posteriors,
    with_classes,
)

ROUNDS = 2
"""Of judging the items and counting them: their own labels also tell about their labelers."""


def update(
    state: LiveState, changes: Iterable[Change], gold: Mapping[str, str], compare: Compare | None = None
) -> LiveState:
    """What is different after some changes: the feature, and those labelers and items that are no longer as they were.

    Args:
        state: The feature, with the items of the changes (where they are known) and all labelers of those.
        changes: Of this feature; known versions change nothing.
        gold: Item -> gold class.
        compare: For answers that are no single classes.
    """
    by_item: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_item[change.item].append(change)
    after: list[LiveItem] = []
    for name, some in by_item.items():
        known = state.items.get(name, LiveItem(name, ()))
        item = replace(known, said=answers.merged(known.said, some), gold=gold.get(name, ""))
        if (item.said, item.gold) != (known.said, known.gold):
            after.append(item)
    return _replaced(state, after, compare)


def without(state: LiveState, items: Iterable[str]) -> LiveState:
    """What is different when items go altogether."""
    return _replaced(state, [replace(state.items[name], said=()) for name in items if name in state.items], None)


def _replaced(state: LiveState, after: Sequence[LiveItem], compare: Compare | None) -> LiveState:
    """The state in which items are as in `after`, judged; those without answers are gone."""
    before = [state.items[item.item] for item in after if item.item in state.items]
    people = sorted({said.labeler for item in (*before, *after) for said in item.said})
    known = [state.labelers.get(labeler, LiveLabeler(labeler)) for labeler in people]
    if state.feature.is_choice:
        classes = with_classes(state.feature, (v for item in after for v in item.labels.values()))
        items, counts = _judge(state, before, after, known, classes)
    else:
        classes = state.feature.class_names
        items = compared(after, compare) if compare is not None else {item.item: item for item in after}
        counts = _counts(state, known, len(classes))
    gone = frozenset(item.item for item in after if not item.said)
    kept = {name: item for name, item in items.items() if name not in gone}
    moved = tallies(kept.values())
    for labeler, tally in tallies(before).items():
        moved[labeler].subtract(tally)
    labelers = {each.labeler: _moved(each, counts.labelers[row], moved[each.labeler]) for row, each in enumerate(known)}
    feature = replace(
        state.feature,
        class_names=classes,
        class_counts=counts.classes,
        labels_since_refit=state.feature.labels_since_refit
        + _changed_labels(before, after, choice=state.feature.is_choice),
    )
    return LiveState(feature, labelers, kept, gone, _changed_annotations(before, after))


def _judge(
    state: LiveState,
    before: Sequence[LiveItem],
    after: Sequence[LiveItem],
    known: Sequence[LiveLabeler],
    classes: Sequence[str],
) -> tuple[dict[str, LiveItem], Counts]:
    """The items judged, and the counts with them instead of those before."""
    people = [labeler.labeler for labeler in known]
    old = judging.table_of(before, classes, people)
    new = judging.table_of(after, classes, people)
    rest = _counts(state, known, len(classes))
    if len(old):
        by_name = {item.item: item for item in before}
        rest = rest - judging.added(old, posteriors([by_name[name] for name in old.items], len(classes)))
    counts, consensus = rest, None
    for _ in range(ROUNDS if len(new) else 0):
        consensus = judging.judge(new, counts)
        counts = rest + judging.added(new, consensus.posterior)
    return judged(after, new, consensus), counts


def _counts(state: LiveState, labelers: Sequence[LiveLabeler], size: int) -> Counts:
    side = size if size <= judging.MAX_CLASSES else 0
    matrices = np.zeros((len(labelers), side, side))
    for row, labeler in enumerate(labelers if side else ()):
        matrices[row] = grown(labeler.counts, side)
    return Counts(grown(state.feature.class_counts, size), matrices)


def _moved(labeler: LiveLabeler, counts: Floats, moved: Mapping[str, int]) -> LiveLabeler:
    return replace(
        labeler,
        counts=counts,
        label_count=labeler.label_count + moved["label_count"],
        agreed_count=labeler.agreed_count + moved["agreed_count"],
        compared_count=labeler.compared_count + moved["compared_count"],
        right_count=labeler.right_count + moved["right_count"],
        gold_count=labeler.gold_count + moved["gold_count"],
    )


def _changed_annotations(before: Iterable[LiveItem], after: Iterable[LiveItem]) -> int:
    old, new = ({said for item in items for said in item.said} for items in (before, after))
    return len({said.annotation for said in old ^ new})


def _changed_labels(before: Iterable[LiveItem], after: Iterable[LiveItem], *, choice: bool) -> int:
    """How many labels came, changed or went."""
    old, new = (
        {(item.item, *label) for item in items for label in (item.labels if choice else item.sets).items()}
        for items in (before, after)
    )
    return len({(item, labeler) for item, labeler, _ in old ^ new})
