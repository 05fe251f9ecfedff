"""Instances of one feature, drawn by many labelers, as objects. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labelmill_quality import aggregation
from labelmill_quality.errors import TooManyInstances
from labelmill_quality.instances.calibration import Calibration, calibrate
from labelmill_quality.instances.classes import Classed, Rules, infer_attributes, infer_classes
from labelmill_quality.instances.clustering import Clusters, cluster
from labelmill_quality.instances.drawn import Drawn, drawn
from labelmill_quality.instances.existence import REAL, SPURIOUS, UNKNOWN, Existence, infer_existence
from labelmill_quality.instances.fusion import Fused, Weighting
from labelmill_quality.instances.gold import Truth, no_truth, truth_of
from labelmill_quality.instances.kinds import Kind, fused, kind_of
from labelmill_quality.instances.pairs import alike
from labelmill_quality.instances.seen import Seen
from labelmill_quality.matching.measures import DEFAULT, Measures
from labelmill_quality.shapes.answers import Answer
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Shape

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NAME = "instance_consensus"
VERSION = "1"
MOST_INSTANCES = 4000
"""Of one feature and item: all pairs of them are looked at."""


@dataclass(frozen=True)
class Options:
    """How objects are inferred."""

    threshold: float | None = None
    """Similarity above which two instances are rather one object than two; None: that of the kind of shape."""
    class_penalty: float = 0.25
    """Share of its similarity that a pair of different classes loses; 1: different classes are never one object."""
    existence: float = 0.5
    """Objects that are less likely to exist are marked as rejected."""
    weighting: Weighting = Weighting.RELIABILITY
    class_method: str = aggregation.DEFAULT
    oriented: bool = False
    """The direction in which a line is drawn means something."""
    measures: Measures = DEFAULT
    cell_limit: int = 50_000_000


@dataclass(frozen=True, slots=True)
class ConsensusObject:
    """One object of one item."""

    item: str
    local_id: str
    """Unique among the objects of the item, of all features."""
    shape: Shape
    class_name: str
    class_shares: tuple[tuple[str, float], ...]
    """Posterior of every class that is not impossible; empty where there is only one."""
    existence: float
    """Posterior that the object is there; calibrated where the consensus says so."""
    accepted: bool
    members: tuple[int, ...]
    """Indices of the annotations that are it."""
    seen_by: int
    """Labelers who saw the item."""
    spreads: tuple[float, ...]
    """Standard deviation of each of the consensus's coordinates; NaN where nothing tells."""
    attributes: tuple[tuple[str, Answer], ...] = ()


@dataclass(frozen=True)
class FeatureConsensus:
    """All objects of one feature, and what was learned about its labelers."""

    feature: str
    objects: Sequence[ConsensusObject]
    labelers: Sequence[str]
    drawn: Drawn
    clusters: Clusters
    existence: Existence
    items_seen: Integers
    """(labelers,)"""
    fused: Fused
    classed: Classed
    calibration: Calibration | None
    threshold: float
    truth: Truth = field(default_factory=no_truth)


def infer_objects(
    feature: str,
    instances: Sequence[Instance],
    seen: Seen,
    options: Options,
    gold: Sequence[Instance] = (),
    gold_items: frozenset[str] = frozenset(),
) -> FeatureConsensus:
    """Objects of one feature: clusters of instances, each with existence, class, geometry and attributes inferred.

    Args:
        feature: Its name.
        instances: Of the feature, at least one; two of one labeler and item are two objects.
        seen: Who saw which item; those who drew on it included.
        options: How.
        gold: True objects.
        gold_items: Items whose true objects are all in `gold`.

    Raises:
        MixedShapes: Shapes of several kinds.
        InvalidAnnotation: Masks of one item have different sizes.
        TooManyInstances: More than 4,000 of one item.
    """
    kind = kind_of(feature, [*instances, *gold])
    rows = drawn(instances, seen.items, seen.labelers)
    clusters, threshold = clustered(rows, kind, options)
    shapes = fused(kind, rows, clusters, options.weighting, oriented=options.oriented)
    truth = truth_of(rows, clusters, shapes.shapes, gold, gold_items, threshold, options.measures)
    if any(shape is not None for shape in truth.shapes):
        shapes = fused(kind, rows, clusters, options.weighting, oriented=options.oriented, gold=truth.shapes)
    existence, calibration = _existence(rows, clusters, seen, truth)
    rules = Rules(options.class_method, options.cell_limit)
    classed = infer_classes(
        rows.class_codes, rows.labeler_codes, rows.labelers, rows.classes, clusters, rules, truth.classes
    )
    attributes = infer_attributes(rows.instances, rows.labeler_codes, rows.labelers, clusters, rules)
    probability = existence.posterior[: len(clusters)]
    if calibration is not None:
        probability = np.where(truth.existence == UNKNOWN, calibration.apply(probability), probability)
    objects = _objects(feature, rows, clusters, seen, shapes, classed, probability, attributes, options.existence)
    return FeatureConsensus(
        feature,
        objects,
        seen.labelers,
        rows,
        clusters,
        existence,
        seen.per_labeler,
        shapes,
        classed,
        calibration,
        threshold,
        truth,
    )


def clustered(rows: Drawn, kind: Kind, options: Options) -> tuple[Clusters, float]:
    """Which instances are one object, and the threshold that decided.

    Raises:
        TooManyInstances: More than 4,000 of one item.
    """
    if np.bincount(rows.item_codes).max() > MOST_INSTANCES:
        raise TooManyInstances(MOST_INSTANCES)
    threshold = kind.threshold if options.threshold is None else options.threshold
    pairs = alike(rows, options.class_penalty, options.measures)
    return cluster(rows.labeler_codes, pairs, threshold), threshold


def _existence(rows: Drawn, clusters: Clusters, seen: Seen, truth: Truth) -> tuple[Existence, Calibration | None]:
    """With gold taken as known; and the calibration that half of gold gives to what the other half says."""
    item_of = rows.item_codes[clusters.members[clusters.starts[:-1]]]

    def inferred(told: npt.NDArray[np.bool_]) -> Existence:
        """With the gold of some items: (items,)."""
        missed = truth.missed_items[told[truth.missed_items]]
        looks = seen.looks(np.concatenate([item_of, missed]), clusters, rows.labeler_codes)
        known = np.concatenate([np.where(told[item_of], truth.existence, UNKNOWN), np.full(len(missed), REAL)])
        return infer_existence(looks, seen.views(told), known)

    judged = truth.existence != UNKNOWN
    if not judged.any():
        return inferred(truth.complete), None
    half = np.cumsum(truth.complete) % 2 == 0
    first, second = (inferred(truth.complete & told).posterior[: len(clusters)] for told in (half, ~half))
    blind = np.where(half[item_of], second, first)
    return inferred(truth.complete), calibrate(blind[judged], truth.existence[judged] != SPURIOUS)


def _objects(
    feature: str,
    rows: Drawn,
    clusters: Clusters,
    seen: Seen,
    shapes: Fused,
    classed: Classed,
    probability: Floats,
    attributes: Sequence[Sequence[tuple[str, Answer]]],
    least: float,
) -> list[ConsensusObject]:
    indices = np.array([instance.index for instance in rows.instances])[clusters.members].tolist()
    starts = clusters.starts.tolist()
    item_of = rows.item_codes[clusters.members[clusters.starts[:-1]]].tolist()
    seen_by = np.bincount(seen.item_codes, minlength=len(seen.items)).tolist()
    winners = classed.posterior.argmax(axis=1).tolist()
    shares, spreads = classed.posterior.tolist(), shapes.spreads.tolist()
    objects: list[ConsensusObject] = []
    number, item_before = 0, -1
    for index, item in enumerate(item_of):
        number = 1 if item != item_before else number + 1
        item_before = item
        objects.append(
            ConsensusObject(
                rows.items[item],
                f"{feature[:48]}-{number}",
                shapes.shapes[index],
                classed.classes[winners[index]],
                _shares(classed.classes, shares[index]),
                float(probability[index]),
                bool(probability[index] >= least),
                tuple(indices[starts[index] : starts[index + 1]]),
                seen_by[item],
                tuple(spreads[index]),
                tuple(attributes[index]),
            )
        )
    return objects


def _shares(classes: Sequence[str], shares: Sequence[float]) -> tuple[tuple[str, float], ...]:
    if len(classes) < 2:
        return ()
    return tuple((name, share) for name, share in zip(classes, shares, strict=True) if share > 1e-6)
