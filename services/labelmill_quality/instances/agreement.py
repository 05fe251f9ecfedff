"""How well labelers agree on shapes, beyond chance. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.agreement.gamma import MOST_ALIGNMENTS, MarkedItem, Marks, TooManyAlignments, gamma
from labelmill_quality.agreement.krippendorff import krippendorff_alpha
from labelmill_quality.agreement.own_distance import own_distance_alpha
from labelmill_quality.agreement.unitized import Lines, line_alpha
from labelmill_quality.estimate import Estimate
from labelmill_quality.instances.consensus import Options, clustered
from labelmill_quality.instances.drawn import drawn
from labelmill_quality.instances.errors import TooManyMarks, WrongShapes
from labelmill_quality.instances.kinds import kind_of
from labelmill_quality.instances.seen import Seen
from labelmill_quality.matching.assignment import match
from labelmill_quality.matching.measures import DEFAULT, Measures
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Shape, TextSpan, TimeSegment

Floats = npt.NDArray[np.float64]

_SAMPLE = 200
"""Answers of which all distances are taken; each is a matching."""
_ANY = 1e-9


@dataclass(frozen=True)
class Resampling:
    """The bootstrap."""

    replicates: int = 1000
    seed: int = 0


def shape_distance(left: Sequence[Shape], right: Sequence[Shape], measures: Measures = DEFAULT) -> float:
    """1 - the score of two lists of shapes matched one to one, in [0, 1]; 0 where both are empty.

    `measures` says what alike means: IoU, exact or tolerant boundaries, OKS.

    The score is the sum of the similarities by the number of different shapes, so that a shape without a partner costs
    1 / that.
    """
    score = match(similarities(left, right, measures), threshold=_ANY).score
    return 0.0 if score is None else 1.0 - score


def shapes_alpha(instances: Sequence[Instance], seen: Seen, resampling: Resampling) -> tuple[Estimate, int]:
    """Krippendorff's alpha over items with `shape_distance` between all that two labelers drew; and how many items."""
    kind_of(instances[0].feature, instances)
    lists: dict[tuple[str, str], list[Shape]] = {}
    for instance in instances:
        lists.setdefault((instance.item, instance.labeler), []).append(instance.shape)
    answers: list[list[Sequence[Shape]]] = [[] for _ in seen.items]
    for item, labeler in zip(seen.item_codes.tolist(), seen.labeler_codes.tolist(), strict=True):
        answers[item].append(lists.get((seen.items[item], seen.labelers[labeler]), ()))
    estimate = own_distance_alpha(
        answers,
        _distances,
        method="krippendorff_alpha_shapes",
        replicates=resampling.replicates,
        seed=resampling.seed,
        sample=_SAMPLE,
    )
    return estimate, sum(len(said) > 1 for said in answers)


def classes_alpha(
    instances: Sequence[Instance], seen: Seen, options: Options, resampling: Resampling
) -> tuple[Estimate, int]:
    """Krippendorff's nominal alpha of the classes of objects, over those who drew them; and how many objects several
    drew.
    """
    kind = kind_of(instances[0].feature, instances)
    rows = drawn(instances, seen.items, seen.labelers)
    clusters, _ = clustered(rows, kind, options)
    said = rows.class_codes[clusters.members]
    shape = (len(clusters), len(rows.classes))
    votes = sparse.csr_matrix((np.ones(len(said)), (clusters.cluster_of_member, said)), shape=shape)
    estimate = krippendorff_alpha(votes, replicates=resampling.replicates, seed=resampling.seed)
    return estimate, int((clusters.sizes > 1).sum())


def stretches_alpha(
    instances: Sequence[Instance], seen: Seen, lengths: Mapping[str, float], resampling: Resampling, *, classes: bool
) -> tuple[Estimate, float]:
    """`line_alpha` of spans or segments; segments of different channels lie in different lines.

    Args:
        instances: Of one feature.
        seen: Who saw what.
        lengths: Of the items' lines; of others the last end counts.
        resampling: The bootstrap.
        classes: False: covered or not.

    Raises:
        WrongShapes: Other shapes.
    """
    lines = _lines(instances, seen, lengths)
    return line_alpha(lines, classes=classes, replicates=resampling.replicates, seed=resampling.seed)


def stretches_gamma(
    instances: Sequence[Instance], seen: Seen, lengths: Mapping[str, float], resampling: Resampling
) -> tuple[Estimate, float]:
    """`gamma` of spans or segments, as `stretches_alpha`; and how many items and channels several labelers saw.

    Raises:
        WrongShapes: Other shapes.
        TooManyMarks: Too many marks in one place.
    """
    lines = _lines(instances, seen, lengths)
    order = np.lexsort((lines.starts, lines.stretch_labelers, lines.stretch_items))
    bounds = np.searchsorted(lines.stretch_items[order], np.arange(len(lines.lengths) + 1))
    items = []
    for line, viewers in enumerate(lines.viewers.tolist()):
        rows = order[bounds[line] : bounds[line + 1]]
        parts = [rows[lines.stretch_labelers[rows] == place] for place in range(viewers)]
        marks = [Marks(lines.starts[part], lines.ends[part], lines.stretch_classes[part]) for part in parts]
        items.append(MarkedItem(marks, float(lines.lengths[line])))
    try:
        estimate = gamma(items, replicates=resampling.replicates, seed=resampling.seed)
    except TooManyAlignments:
        raise TooManyMarks(MOST_ALIGNMENTS) from None
    return estimate, estimate.n


def _lines(instances: Sequence[Instance], seen: Seen, lengths: Mapping[str, float]) -> Lines:
    """One line for each item and channel."""
    stretches = [_stretch(instance) for instance in instances]
    items = {item: row for row, item in enumerate(seen.items)}
    place = _places(seen)
    channels = sorted({channel for channel, _, _ in stretches})
    keys = [(items[instance.item], channel) for instance, (channel, _, _) in zip(instances, stretches, strict=True)]
    lines = sorted({(item, channel) for item in items.values() for channel in channels})
    number = {line: row for row, line in enumerate(lines)}
    names = sorted({instance.class_name for instance in instances})
    of_line = np.array([number[key] for key in keys], np.int64)
    ends = np.array([end for _, _, end in stretches], np.float64)
    whole = np.array([lengths.get(seen.items[item], 0.0) for item, _ in lines])
    last = np.zeros(len(seen.items))
    np.maximum.at(last, np.array([item for item, _ in keys], np.int64), ends)
    viewers = np.bincount(seen.item_codes, minlength=len(seen.items))
    return Lines(
        of_line,
        np.array([place[instance.item, instance.labeler] for instance in instances], np.int64),
        np.array([names.index(instance.class_name) for instance in instances], np.int64),
        np.array([start for _, start, _ in stretches], np.float64),
        ends,
        np.maximum(whole, last[[item for item, _ in lines]]),
        viewers[[item for item, _ in lines]].astype(np.int64),
        len(names),
    )


def _distances(left: Sequence[Sequence[Shape]], right: Sequence[Sequence[Shape]]) -> Floats:
    return np.array([[shape_distance(one, other) for other in right] for one in left]).reshape(len(left), len(right))


def _stretch(instance: Instance) -> tuple[int, float, float]:
    """Channel (-1 for all), start and end."""
    match instance.shape:
        case TextSpan(start, end):
            return -1, start, end
        case TimeSegment(start_ms, end_ms, channel):
            return -1 if channel is None else channel, start_ms, end_ms
    raise WrongShapes(f"annotations[{instance.index}]")


def _places(seen: Seen) -> dict[tuple[str, str], int]:
    """The place of each labeler among those who saw the item."""
    starts = np.searchsorted(seen.item_codes, np.arange(len(seen.items)))
    within = np.arange(len(seen.item_codes)) - starts[seen.item_codes]
    rows = zip(seen.item_codes.tolist(), seen.labeler_codes.tolist(), within.tolist(), strict=True)
    return {(seen.items[item], seen.labelers[labeler]): place for item, labeler, place in rows}
