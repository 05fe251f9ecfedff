"""Objects as messages, and the options of aggregating annotations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from labelmill.quality.v1 import instances_service_pb2 as pb
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.convert import scoring
from labelmill_quality.convert.annotations import annotation
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.resources import method_name
from labelmill_quality.instances import consensus, cvat_merge, existence
from labelmill_quality.instances.aggregate import MergedFeature, Outcome, Plan, RelatedFeature
from labelmill_quality.instances.consensus import ConsensusObject, FeatureConsensus, Options
from labelmill_quality.instances.errors import ClassificationNotExpected
from labelmill_quality.instances.figures import LabelerFigures, labeler_figures
from labelmill_quality.instances.fusion import Weighting
from labelmill_quality.instances.relations import ConsensusRelation
from labelmill_quality.shapes.instance import Instance, Statements
from labelmill_quality.shapes.values import Relation

_Mode = pb.AggregationOptions


def plan(options: pb.AggregationOptions, cell_limit: int) -> Plan:
    """How to aggregate."""
    default = Options()
    mean = options.mode == _Mode.MODE_MEAN
    chosen = Options(
        threshold=options.threshold if options.HasField("threshold") else None,
        class_penalty=options.class_penalty if options.HasField("class_penalty") else default.class_penalty,
        existence=options.existence_threshold if options.HasField("existence_threshold") else default.existence,
        weighting=Weighting.EQUAL if mean else Weighting.RELIABILITY,
        class_method=method_name(options.class_method),
        cell_limit=cell_limit,
    )
    quorum = options.quorum if options.HasField("quorum") else cvat_merge.QUORUM
    return Plan(chosen, frozenset(options.oriented_features), options.mode == _Mode.MODE_CVAT, quorum)


def drawn(messages: Sequence[annotation_pb2.Annotation], *, field: str, first: int = 0) -> Statements:
    """Shapes that labelers drew.

    Raises:
        ClassificationNotExpected: One is an answer about a whole asset.
        NoAsset, NoLabeler, InvalidAnnotation: As `scoring.said`.
    """
    return _shapes_only(scoring.said(messages, field=field, first=first), field)


def gold(messages: Sequence[annotation_pb2.Annotation], *, field: str, first: int = 0) -> Statements:
    """True shapes; as `drawn`, but for the source."""
    return _shapes_only(scoring.gold(messages, field=field, first=first), field)


def views(messages: Iterable[pb.AssetView]) -> Iterator[tuple[str, str]]:
    """(item, labeler) pairs."""
    for message in messages:
        for labeler in message.labelers:
            yield message.asset, labeler


def instances(outcome: Outcome) -> Iterator[pb.ConsensusInstance]:
    """Every object or relation."""
    if isinstance(outcome, RelatedFeature):
        for relation, accepted in zip(outcome.relations.relations, outcome.accepted, strict=True):
            yield _relation(outcome.feature, relation, accepted=accepted)
        return
    if isinstance(outcome, MergedFeature):
        for found in outcome.objects:
            yield _object(outcome.feature, found, (), (cvat_merge.NAME, cvat_merge.VERSION), calibrated=False)
        return
    names = (consensus.NAME, consensus.VERSION)
    calibrated = outcome.calibration is not None
    for found in outcome.objects:
        yield _object(outcome.feature, found, outcome.fused.coordinates, names, calibrated=calibrated)


def summary(outcome: Outcome, repaired: Sequence[int] = ()) -> pb.FeatureSummary:
    """What was found about a feature.

    Args:
        outcome: The feature.
        repaired: Indices of the annotations with a polygon that crosses itself.
    """
    if isinstance(outcome, RelatedFeature):
        return _related_summary(outcome)
    message = pb.FeatureSummary(
        feature=outcome.feature,
        instance_count=len(outcome.objects),
        accepted_count=sum(found.accepted for found in outcome.objects),
        threshold=outcome.threshold,
        repaired_indices=repaired,
        converged=True,
    )
    if isinstance(outcome, FeatureConsensus):
        _add_inference(message, outcome)
    else:
        message.existence_method = message.geometry_method = f"{cvat_merge.NAME}/{cvat_merge.VERSION}"
        message.class_method = f"{cvat_merge.NAME}/{cvat_merge.VERSION}"
    return message


def _add_inference(message: pb.FeatureSummary, outcome: FeatureConsensus) -> None:
    message.existence_method = f"{existence.NAME}/{existence.VERSION}"
    message.geometry_method = outcome.fused.method
    message.class_method = f"{outcome.classed.method}/{outcome.classed.version}"
    message.class_note = outcome.classed.note
    message.iteration_count = outcome.existence.iterations
    message.converged = outcome.existence.converged
    message.calibrated = outcome.calibration is not None
    message.judged_count = int((outcome.truth.existence != existence.UNKNOWN).sum())
    message.missed_count = outcome.existence.missed_by_all
    message.repaired_count = outcome.fused.repaired
    message.labelers.extend(_labeler(figures) for figures in labeler_figures(outcome))


def _related_summary(outcome: RelatedFeature) -> pb.FeatureSummary:
    found = outcome.relations
    return pb.FeatureSummary(
        feature=outcome.feature,
        instance_count=len(found.relations),
        accepted_count=sum(outcome.accepted),
        existence_method=f"{existence.NAME}/{existence.VERSION}",
        iteration_count=0 if found.existence is None else found.existence.iterations,
        converged=found.existence is None or found.existence.converged,
        unresolved_indices=found.unresolved,
    )


def _object(
    feature: str, found: ConsensusObject, coordinates: Sequence[str], names: tuple[str, str], *, calibrated: bool
) -> pb.ConsensusInstance:
    confidence = found.existence if calibrated else None
    instance = Instance(
        found.item, "", feature, found.class_name, found.shape, found.attributes, confidence, found.local_id
    )
    message = pb.ConsensusInstance(
        annotation=annotation(instance),
        existence=found.existence,
        accepted=found.accepted,
        member_indices=sorted(found.members),
        viewer_count=found.seen_by,
    )
    _add_source(message, names, len(found.members))
    _add_classes(message, found.class_shares)
    if coordinates:
        for name, spread in zip(coordinates, found.spreads, strict=True):
            if math.isfinite(spread):
                message.spreads.add(coordinate=name, standard_deviation=spread)
    return message


def _relation(feature: str, found: ConsensusRelation, *, accepted: bool) -> pb.ConsensusInstance:
    shape = Relation(found.from_object, found.to_object)
    message = pb.ConsensusInstance(
        annotation=annotation(Instance(found.item, "", feature, found.class_name, shape)),
        existence=found.existence,
        accepted=accepted,
        member_indices=sorted(found.members),
        viewer_count=found.possible,
    )
    _add_source(message, (consensus.NAME, consensus.VERSION), len(found.members))
    _add_classes(message, found.class_shares)
    return message


def _add_source(message: pb.ConsensusInstance, names: tuple[str, str], count: int) -> None:
    source = message.annotation.provenance.consensus
    source.method, source.method_version = names
    source.annotation_count = count


def _add_classes(message: pb.ConsensusInstance, shares: Sequence[tuple[str, float]]) -> None:
    for name, share in shares:
        message.class_distribution.add(class_name=name, probability=min(share, 1.0))


def _labeler(figures: LabelerFigures) -> pb.LabelerInstances:
    return pb.LabelerInstances(
        labeler=figures.labeler,
        view_count=figures.view_count,
        drawn_count=figures.drawn_count,
        sensitivity=estimate(figures.sensitivity),
        false_share=estimate(figures.false_share),
        geometry=[
            pb.GeometryError(coordinate=name, bias=estimate(bias), standard_deviation=estimate(spread))
            for name, bias, spread in figures.geometry
        ],
        pixel_sensitivity=estimate(figures.pixel_sensitivity),
        pixel_specificity=estimate(figures.pixel_specificity),
    )


def _shapes_only(found: Statements, field: str) -> Statements:
    for response in found.responses:
        raise ClassificationNotExpected(f"{field}[{response.index}]")
    return found
