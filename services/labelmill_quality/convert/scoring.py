"""Scores of annotations as messages, and the options of scoring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labelmill.quality.v1 import resources_pb2
from labelmill.quality.v1 import scoring_pb2 as pb
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.benchmark.drift import Drift
from labelmill_quality.benchmark.errors import NoAsset, NoLabeler
from labelmill_quality.benchmark.figures import Figures
from labelmill_quality.benchmark.groups import ClassConfusion, Group
from labelmill_quality.benchmark.judgement import Judgement
from labelmill_quality.benchmark.precision import SourcePrecision
from labelmill_quality.benchmark.rules import DriftDesign, Mode, Rules
from labelmill_quality.benchmark.scoring import ItemScore
from labelmill_quality.convert.annotations import labeler_of, statements
from labelmill_quality.convert.estimates import confusion, estimate
from labelmill_quality.matching.measures import BoxMeasure, Measures, StretchMeasure
from labelmill_quality.scores import BENCHMARK, Confusion
from labelmill_quality.shapes.instance import Statements

_MODES = {
    pb.MATCHING_MODE_UNSPECIFIED: Mode.OPTIMAL,
    **{number: Mode(number) for number in pb.MatchingMode.values() if number},
}
_BOX_MEASURES = {
    pb.BOX_MEASURE_UNSPECIFIED: BoxMeasure.IOU,
    pb.BOX_MEASURE_IOU: BoxMeasure.IOU,
    pb.BOX_MEASURE_GIOU: BoxMeasure.GIOU,
}
_STRETCH_MEASURES = {
    pb.STRETCH_MEASURE_UNSPECIFIED: StretchMeasure.IOU,
    pb.STRETCH_MEASURE_IOU: StretchMeasure.IOU,
    pb.STRETCH_MEASURE_EXACT: StretchMeasure.EXACT,
    pb.STRETCH_MEASURE_BOUNDARY: StretchMeasure.BOUNDARY,
}
_DEFAULT_THRESHOLD = {Mode.CVAT: 0.4}


def rules(options: pb.ScoringOptions) -> Rules:
    """What counts as right; 0 means the default."""
    mode = _MODES[options.mode]
    default = Rules()
    measures = Measures(
        box=_BOX_MEASURES[options.box_measure],
        stretch=_STRETCH_MEASURES[options.stretch_measure],
        boundary_tolerance=options.boundary_tolerance,
        oks_sigma=options.oks_sigma or default.measures.oks_sigma,
        keypoint_sigmas={sigma.keypoint_name: sigma.sigma for sigma in options.keypoint_sigmas},
        line_thickness=options.line_thickness or default.measures.line_thickness,
    )
    return Rules(
        mode=mode,
        threshold=options.threshold or _DEFAULT_THRESHOLD.get(mode, default.threshold),
        class_aware=options.class_aware,
        measures=measures,
        number_tolerance=options.number_tolerance,
        text_threshold=options.text_threshold or default.text_threshold,
        class_orders={order.feature: tuple(order.class_names) for order in options.class_orders},
        window_ms=options.window_ms,
        minimum_count=options.minimum_count or default.minimum_count,
        bootstrap_count=options.bootstrap_count or default.bootstrap_count,
        seed=options.seed,
        drift=_design(options.drift) if options.HasField("drift") else None,
        include_subclasses=options.include_subclasses,
    )


def said(messages: Sequence[annotation_pb2.Annotation], *, field: str, first: int = 0) -> Statements:
    """What labelers said; each annotation has an asset and a source.

    Raises:
        NoAsset: One says nothing of what it is about.
        NoLabeler: One says nothing of whose it is.
        InvalidAnnotation: One makes no sense.
    """
    for index, message in enumerate(messages, first):
        if not message.asset:
            raise NoAsset(f"{field}[{index}]")
        if not labeler_of(message):
            raise NoLabeler(f"{field}[{index}]")
    return statements(messages, field=field, first=first)


def gold(messages: Sequence[annotation_pb2.Annotation], *, field: str, first: int = 0) -> Statements:
    """What is right; the source does not matter.

    Raises:
        NoAsset: One says nothing of what it is about.
        InvalidAnnotation: One makes no sense.
    """
    for index, message in enumerate(messages, first):
        if not message.asset:
            raise NoAsset(f"{field}[{index}]")
    return statements(messages, field=field, first=first)


def annotation_score(judgement: Judgement) -> pb.AnnotationScore:
    """A judgement."""
    verdict = judgement.verdict
    message = pb.AnnotationScore(
        item=judgement.item,
        labeler=judgement.labeler,
        feature=judgement.feature,
        outcome=pb.AnnotationScore.Outcome.ValueType(verdict.outcome),
        score=verdict.score,
        annotation_index=judgement.index,
        gold_index=judgement.gold_index,
        class_names=[said for _, said in verdict.cells if said is not None],
        gold_class_names=[right for right, _ in verdict.cells if right is not None],
        error=verdict.error,
    )
    if judgement.create_ms is not None:
        message.create_time.FromMilliseconds(judgement.create_ms)
    return message


def item_scores(scores: Iterable[ItemScore]) -> list[pb.ItemScore]:
    """The scores of items."""
    return [pb.ItemScore(item=s.item, labeler=s.labeler, feature=s.feature, score=s.score) for s in scores]


def group_quality(group: Group) -> pb.GroupQuality:
    """The figures of a group."""
    message = pb.GroupQuality(
        feature=group.feature,
        labeler=group.labeler,
        class_name=group.class_name,
        figures=_figures(group.figures),
        confusion=None if group.confusion is None else _confusion(group.confusion),
    )
    if group.window_start_ms is not None:
        message.window_start_time.FromMilliseconds(group.window_start_ms)
    return message


def labeler_drift(drift: Drift) -> pb.LabelerDrift:
    """A watch over a labeler."""
    message = pb.LabelerDrift(
        labeler=drift.labeler,
        feature=drift.feature,
        item_count=drift.item_count,
        undefined_reason=drift.undefined_reason,
        sums=drift.sums,
        alarm=drift.alarm_item is not None,
        alarm_item=drift.alarm_item or "",
    )
    if drift.alarm_ms is not None:
        message.alarm_time.FromMilliseconds(drift.alarm_ms)
    if drift.chart is not None:
        message.baseline_mean, message.baseline_deviation = drift.chart.mean, drift.chart.deviation
        message.allowance, message.limit = drift.chart.allowance, drift.chart.limit
        message.run_length_in_control = drift.chart.run_length_in_control
        message.run_length_shifted = drift.chart.run_length_shifted
    return message


def average_precision(precision: SourcePrecision) -> pb.AveragePrecision:
    """COCO's figures of a source."""
    return pb.AveragePrecision(
        labeler=precision.labeler,
        feature=precision.feature,
        figures=[
            pb.AveragePrecision.Figure(
                figure_name=figure.figure_name, class_name=figure.class_name, value=estimate(figure.value)
            )
            for figure in precision.figures
        ],
        unranked_count=precision.unranked,
    )


def _design(options: pb.DriftOptions) -> DriftDesign:
    default = DriftDesign()
    return DriftDesign(
        baseline_count=options.baseline_count or default.baseline_count,
        shift=options.shift or default.shift,
        run_length=options.run_length or default.run_length,
    )


def _figures(value: Figures) -> pb.ScoreFigures:
    return pb.ScoreFigures(
        right_count=value.right_count,
        wrong_count=value.wrong_count,
        spurious_count=value.spurious_count,
        missed_count=value.missed_count,
        accuracy=estimate(value.accuracy),
        precision=estimate(value.precision),
        recall=estimate(value.recall),
        f1=estimate(value.f1),
        jaccard=estimate(value.jaccard),
        mean_score=estimate(value.mean_score),
        mean_error=estimate(value.mean_error),
        mean_absolute_error=estimate(value.mean_absolute_error),
    )


def _confusion(value: ClassConfusion) -> resources_pb2.ConfusionMatrix:
    return confusion(Confusion(value.counts, BENCHMARK), [*value.class_names, ""])
