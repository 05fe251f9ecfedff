"""ScoreAnnotations and StreamScoreAnnotations over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2
from labelmill.quality.v1 import scoring_pb2 as scoring
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.convert.annotations import annotation
from labelmill_quality.shapes.answers import SingleChoice
from labelmill_quality.shapes.instance import Instance, Response
from labelmill_quality.shapes.values import Shape
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.drawing import box, polygon
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Outcome = scoring.AnnotationScore
Request = pb.StreamScoreAnnotationsRequest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    data_dir: Path = tmp_path_factory.mktemp("scoring")
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=data_dir, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def drawn(item: str, labeler: str, shape: Shape, class_name: str = "cat") -> annotation_pb2.Annotation:
    message = annotation(Instance(item, "", "thing", class_name, shape))
    if labeler:
        message.provenance.human.labeler = labeler
    return message


def answered(item: str, labeler: str, class_name: str, second: int | None = None) -> annotation_pb2.Annotation:
    message = annotation(Response(item, "", "question", SingleChoice(class_name)))
    if labeler:
        message.provenance.human.labeler = labeler
    if second is not None:
        message.create_time.FromSeconds(second)
    return message


GOLD = [drawn("x", "", box(0, 0, 10, 10)), drawn("y", "", box(0, 0, 10, 10)), answered("x", "", "yes")]
ANNA = [drawn("x", "anna", box(0, 0, 10, 8)), answered("x", "anna", "yes"), drawn("z", "anna", box(0, 0, 1, 1))]
BEN = [drawn("y", "ben", box(50, 0, 10, 10)), answered("x", "ben", "no")]
OPTIONS = scoring.ScoringOptions(bootstrap_count=100)


async def test_annotations_are_scored_one_by_one_by_item_and_in_groups(mill: Mill) -> None:
    request = pb.ScoreAnnotationsRequest(
        annotations=[*ANNA, *BEN], gold=scoring.GoldSet(annotations=GOLD), options=OPTIONS
    )
    answer = await mill.benchmark.score_annotations(request)
    told = {(s.labeler, s.feature, s.item): (s.outcome, s.score) for s in answer.scores}
    assert told["anna", "thing", "x"] == (Outcome.OUTCOME_RIGHT, pytest.approx(0.8))
    assert told["anna", "question", "x"] == (Outcome.OUTCOME_RIGHT, 1)
    assert told["ben", "question", "x"] == (Outcome.OUTCOME_WRONG, 0)
    assert len([s for s in answer.scores if s.outcome == Outcome.OUTCOME_MISSED]) == 2
    assert {(s.item, s.labeler, s.feature): s.score for s in answer.item_scores}["y", "ben", "thing"] == 0
    groups = {(g.feature, g.labeler, g.class_name): g for g in answer.groups}
    all_things = groups["thing", "", ""]
    assert (all_things.figures.right_count, all_things.figures.spurious_count, all_things.figures.missed_count) == (
        1,
        1,
        2,
    )
    assert list(all_things.confusion.class_names) == ["cat", ""]
    assert list(all_things.confusion.counts) == [1, 2, 1, 0]
    accuracy = groups["question", "ben", ""].figures.accuracy
    assert (accuracy.value, accuracy.sample_count, accuracy.interval_method) == (0, 1, "wilson")
    assert answer.method_version == "1"


async def test_each_mode_has_its_own_way_and_threshold(mill: Mill) -> None:
    """An IoU of 0.43: a pair for CVAT alone. Labelbox has one score an item, greedy, over all names."""
    gold = scoring.GoldSet(annotations=[drawn("x", "", box(0, 0, 10, 10))])
    said, told = [drawn("x", "anna", box(4, 0, 10, 10))], {}
    for mode in scoring.MatchingMode.values():
        options = scoring.ScoringOptions(mode=mode, bootstrap_count=100)
        request = pb.ScoreAnnotationsRequest(annotations=said, gold=gold, options=options)
        answer = await mill.benchmark.score_annotations(request)
        told[mode] = ([s.outcome for s in answer.scores], [(s.feature, s.score) for s in answer.item_scores])
    apart = ([Outcome.OUTCOME_SPURIOUS, Outcome.OUTCOME_MISSED], [("thing", 0)])
    assert told[scoring.MATCHING_MODE_UNSPECIFIED] == told[scoring.MATCHING_MODE_OPTIMAL] == apart
    assert told[scoring.MATCHING_MODE_COCO] == apart
    assert told[scoring.MATCHING_MODE_CVAT] == ([Outcome.OUTCOME_RIGHT], [("", pytest.approx(60 / 140))])
    assert told[scoring.MATCHING_MODE_LABELBOX] == ([Outcome.OUTCOME_RIGHT], [("", pytest.approx(60 / 140))])


async def test_labels_have_windows_and_drift_where_options_ask_for_them(mill: Mill) -> None:
    labels = [
        labels_pb2.LabelRow(item=f"i{n}", labeler="anna", class_name="yes" if n < 30 else "no") for n in range(40)
    ]
    for n, row in enumerate(labels):
        row.answer_time.FromSeconds(n)
    gold = [labels_pb2.GoldRow(item=f"i{n}", class_name="yes") for n in range(40)]
    options = scoring.ScoringOptions(bootstrap_count=100, window_ms=20_000, drift=scoring.DriftOptions())
    request = pb.ScoreBenchmarkRequest(labels=labels, gold=gold, options=options)
    answer = await mill.benchmark.score_benchmark(request)
    windows = [group for group in answer.groups if group.HasField("window_start_time")]
    assert [(w.window_start_time.seconds, w.figures.accuracy.value) for w in windows] == [(0, 1), (20, 0.5)]
    assert answer.drifts[0].alarm
    assert answer.accuracy.value == 0.75
    request.ClearField("options")
    bare = await mill.benchmark.score_benchmark(request)
    assert (len(bare.groups), len(bare.drifts)) == (0, 0)


async def test_a_polygon_that_crosses_itself_is_repaired_and_named(mill: Mill) -> None:
    bow_tie = drawn("x", "anna", polygon([(0, 0), (10, 10), (10, 0), (0, 10)]))
    gold = scoring.GoldSet(annotations=[drawn("x", "", box(0, 0, 10, 10))])
    request = pb.ScoreAnnotationsRequest(annotations=[bow_tie], gold=gold, options=OPTIONS)
    answer = await mill.benchmark.score_annotations(request)
    assert (list(answer.repaired_indices), answer.scores[0].score) == ([0], pytest.approx(0.5))


async def test_who_was_asked_and_said_nothing_is_scored(mill: Mill) -> None:
    gold = scoring.GoldSet(annotations=GOLD[:1], asked=[scoring.AskedItem(item="x", labeler="cleo")])
    answer = await mill.benchmark.score_annotations(pb.ScoreAnnotationsRequest(gold=gold, options=OPTIONS))
    assert [(s.labeler, s.outcome) for s in answer.scores] == [("cleo", Outcome.OUTCOME_MISSED)]


async def test_average_precision_is_told_in_the_mode_coco(mill: Mill) -> None:
    gold = [drawn(f"i{n}", "", box(0, 0, 40, 40)) for n in range(8)]
    said = [drawn(f"i{n}", "model", box(0, 0, 40, 40 - 15 * (n % 2))) for n in range(8)]
    for n, one in enumerate(said):
        one.confidence = 0.9 - n / 100
    options = scoring.ScoringOptions(mode=scoring.MATCHING_MODE_COCO, bootstrap_count=100)
    request = pb.ScoreAnnotationsRequest(
        annotations=said, gold=scoring.GoldSet(annotations=gold, empty_items=["i9"]), options=options
    )
    (told,) = (await mill.benchmark.score_annotations(request)).average_precisions
    figures = {(figure.figure_name, figure.class_name): figure.value for figure in told.figures}
    assert (told.labeler, told.feature, told.unranked_count) == ("model", "thing", 0)
    assert {name for name, class_name in figures if not class_name} == {
        *("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
    }
    assert (figures["AP50", ""].value, figures["AP", "cat"].value) == (pytest.approx(1), figures["AP", ""].value)
    average = figures["AP", ""]
    assert average.lower < average.value < average.upper
    assert (average.interval_method, average.sample_count) == ("bootstrap_items_100", 9)
    assert figures["APl", ""].undefined_reason


async def test_a_labeler_is_watched_where_drift_is_asked_for(mill: Mill) -> None:
    items = [f"i{n}" for n in range(40)]
    gold = scoring.GoldSet(annotations=[answered(item, "", "yes") for item in items])
    said = [answered(item, "anna", "yes" if n < 30 else "no", 100 + n) for n, item in enumerate(items)]
    options = scoring.ScoringOptions(bootstrap_count=100, drift=scoring.DriftOptions(baseline_count=20))
    request = pb.ScoreAnnotationsRequest(annotations=said, gold=gold, options=options)
    (drift,) = (await mill.benchmark.score_annotations(request)).drifts
    assert (drift.labeler, drift.feature, drift.item_count, len(drift.sums)) == ("anna", "question", 40, 20)
    assert drift.alarm
    assert drift.alarm_time.seconds == 100 + int(drift.alarm_item[1:])
    assert drift.run_length_in_control >= 500
    assert max(drift.sums) > drift.limit


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"annotations": [drawn("x", "", box(0, 0, 1, 1))]}, "NO_LABELER", "annotations[0].provenance"),
        ({"annotations": [drawn("", "anna", box(0, 0, 1, 1))]}, "NO_ASSET", "annotations[0].asset"),
        ({"gold": scoring.GoldSet(annotations=GOLD[2:] * 2)}, "DUPLICATE_GOLD", "gold.annotations[1]"),
        (
            {"annotations": [drawn("x", "anna", polygon([(0, 0), (5, 5), (9, 9)]))]},
            "INVALID_ANNOTATION",
            "annotations[0].polygon",
        ),
    ],
)
async def test_bad_annotations_are_refused_with_their_place(
    mill: Mill, change: dict[str, object], reason: str, field: str
) -> None:
    request = pb.ScoreAnnotationsRequest(**{"gold": scoring.GoldSet(annotations=GOLD), **change})  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument) as refused:
        await mill.benchmark.score_annotations(request)
    assert refused.value.reason == reason
    assert field in refused.value.fields


async def stream(mill: Mill, *requests: Request) -> list[pb.StreamScoreAnnotationsResponse]:
    async def sent() -> AsyncIterator[Request]:
        for request in requests:
            yield request

    return [answer async for answer in mill.benchmark.stream_score_annotations(sent())]


HEADER = Request(header=Request.Header(options=OPTIONS))
GOLDS = [Request(gold=scoring.GoldSet(annotations=[one])) for one in GOLD]


def batch(*annotations: annotation_pb2.Annotation) -> Request:
    return Request(batch=Request.Batch(annotations=annotations))


async def test_a_stream_says_the_same_as_one_call(mill: Mill) -> None:
    asked = [scoring.AskedItem(item="x", labeler="cleo"), scoring.AskedItem(item="x", labeler="anna")]
    golds = [*GOLDS, Request(gold=scoring.GoldSet(asked=asked))]
    *batches, last = await stream(mill, HEADER, *golds, batch(*ANNA), batch(*BEN))
    whole = await mill.benchmark.score_annotations(
        pb.ScoreAnnotationsRequest(
            annotations=[*ANNA, *BEN], gold=scoring.GoldSet(annotations=GOLD, asked=asked), options=OPTIONS
        )
    )
    assert [answer.WhichOneof("part") for answer in (*batches, last)] == ["batch", "batch", "batch", "summary"]
    scores = [score for answer in batches for score in answer.batch.scores]
    assert sorted(map(str, scores)) == sorted(map(str, whole.scores))
    assert list(last.summary.groups) == list(whole.groups)


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ((), "STREAM_SEQUENCE"),
        ((batch(*ANNA),), "STREAM_SEQUENCE"),
        ((HEADER, *GOLDS, batch(*ANNA), GOLDS[0]), "STREAM_SEQUENCE"),
        ((HEADER, *GOLDS, batch(ANNA[0]), batch(ANNA[1])), "ITEM_SPLIT"),
        (
            (Request(header=Request.Header(options=scoring.ScoringOptions(mode=scoring.MATCHING_MODE_COCO))),),
            "MODE_NOT_OFFERED",
        ),
    ],
)
async def test_streams_out_of_order_are_refused(mill: Mill, requests: tuple[Request, ...], reason: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        await stream(mill, *requests)
    assert refused.value.reason == reason
