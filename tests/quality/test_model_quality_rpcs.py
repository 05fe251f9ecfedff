"""FindLabelErrors, its stream, and ScoreModel over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import labels_pb2 as labels_pb
from labelmill.quality.v1 import model_quality_service_pb2 as pb
from labelmill.type.v1 import annotation_pb2, geometry_pb2
from labelmill_quality.intervals import wilson
from labelmill_runtime.settings import RuntimeSettings
from tests.quality import cleanlab_golden as golden
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations
from tests.quality.label_noise import simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

Options = pb.LabelErrorOptions
CLASSES = ["c0", "c1", "c2", "c3"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quality")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(data_dir: Path) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=data_dir, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def items() -> list[pb.LabeledItem]:
    _, labels, probabilities = simulated(*golden.SETS["mid"])
    return [
        pb.LabeledItem(item=f"i{row}", class_names=[CLASSES[label]], probabilities=shares)
        for row, (label, shares) in enumerate(zip(labels, probabilities, strict=True))
    ]


async def test_label_errors_are_found_and_told_with_their_reasons(mill: Mill) -> None:
    request = pb.FindLabelErrorsRequest(options=Options(class_names=CLASSES), items=items())
    answer = await mill.as_("manager").model_quality.find_label_errors(request)
    assert {issue.item for issue in answer.issues} == {f"i{row}" for row in golden.ERRORS["mid"]["prune_by_noise_rate"]}
    worst = answer.issues[0]
    assert worst.type == pb.LabelIssue.TYPE_LABEL_ERROR
    assert worst.score == pytest.approx(answer.label_quality[int(worst.item[1:])])
    assert worst.suggested_class_name != worst.class_name
    assert worst.class_name in worst.reason
    assert answer.label_quality[:6] == pytest.approx(golden.SCORES["mid"]["self_confidence"], abs=1e-6)
    summary = answer.summary
    assert (summary.label_count, summary.probabilities_from) == (500, "given")
    assert (summary.method, summary.method_version) == ("confident_learning_prune_by_noise_rate", "1")
    joint = np.array(summary.confident_joint.counts).reshape(4, 4)
    assert joint.T.tolist() == golden.JOINTS["mid"]
    wrong = int(joint.sum() - np.trace(joint))
    assert (summary.error_rate.lower, summary.error_rate.upper) == pytest.approx(wilson(wrong, 500))
    assert sum(one.label_count for one in summary.classes) == 500


async def test_a_stream_gets_the_same_answer_in_parts(mill: Mill) -> None:
    options = Options(class_names=CLASSES, filter=Options.FILTER_BOTH, score=Options.SCORE_NORMALIZED_MARGIN)
    sent = items()

    def messages() -> Iterator[pb.StreamFindLabelErrorsRequest]:
        yield pb.StreamFindLabelErrorsRequest(options=options, items=sent[:3])
        for start in range(3, 500, 100):
            yield pb.StreamFindLabelErrorsRequest(items=sent[start : start + 100])

    service = mill.as_("manager").model_quality
    whole = await service.find_label_errors(pb.FindLabelErrorsRequest(options=options, items=sent))
    parts = [part async for part in service.stream_find_label_errors(messages())]
    assert [issue for part in parts for issue in part.issues] == list(whole.issues)
    assert [score for part in parts for score in part.label_quality] == list(whole.label_quality)
    assert [part.summary for part in parts if part.HasField("summary")] == [whole.summary]
    assert parts[-1].HasField("summary")


async def test_a_stream_begins_with_options_and_has_them_once(mill: Mill) -> None:
    service, options = mill.as_("manager").model_quality, Options(class_names=CLASSES)
    for messages in (
        [pb.StreamFindLabelErrorsRequest(items=items()[:2])],
        [pb.StreamFindLabelErrorsRequest(options=options)] * 2,
    ):
        with pytest.raises(errors.InvalidArgument) as caught:
            async for _ in service.stream_find_label_errors(iter(messages)):
                pass
        assert caught.value.reason == "OPTIONS_MISSING"


async def test_conflicting_copies_and_outliers_are_found_without_any_model(mill: Mill) -> None:
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(40, 8)) * 0.3 + np.eye(8)[0]
    embeddings[5] = -np.eye(8)[0]
    texts = [f"text number {row} about {row * 7919}" for row in range(40)]
    texts[1] = texts[0].upper()
    given = [
        pb.LabeledItem(
            item=f"i{row}", class_names=["c0" if row else "c1"], text=text, embedding=embedding, image_hash=row << 40
        )
        for row, (text, embedding) in enumerate(zip(texts, embeddings, strict=True))
    ]
    options = Options(class_names=["c0", "c1"], least_cosine=0.9999)
    answer = await mill.as_("reviewer").model_quality.find_label_errors(
        pb.FindLabelErrorsRequest(options=options, items=given)
    )
    by_type: dict[int, list[pb.LabelIssue]] = {}
    for issue in answer.issues:
        by_type.setdefault(issue.type, []).append(issue)
    conflicting = by_type[pb.LabelIssue.TYPE_CONFLICTING_DUPLICATE]
    assert {"i0", "i1"} <= {issue.item for issue in conflicting}
    assert "i5" in {issue.item for issue in by_type[pb.LabelIssue.TYPE_OUTLIER]}
    assert answer.summary.probabilities_from == "cross_validated_logistic_regression"
    assert [one.rare for one in answer.summary.classes] == [False, True]


def item(**changes: object) -> pb.LabeledItem:
    given = {"item": "x", "class_names": ["a"], "probabilities": [0.5, 0.5], **changes}
    return pb.LabeledItem(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("second", "kind", "reason", "field"),
    [
        (item(), Options.KIND_SINGLE, "DUPLICATE_ITEM", "items[1].item"),
        (item(item="y", class_names=["z"]), Options.KIND_SINGLE, "UNKNOWN_CLASS", "items[1].class_names[0]"),
        (item(item="y", class_names=["a", "b"]), Options.KIND_SINGLE, "WRONG_LABEL_COUNT", "items[1].class_names"),
        (item(item="y", class_names=["a", "a"]), Options.KIND_MULTIPLE, "WRONG_LABEL_COUNT", "items[1].class_names"),
        (
            item(item="y", probabilities=[0.5, 0.4]),
            Options.KIND_SINGLE,
            "WRONG_PROBABILITIES",
            "items[1].probabilities",
        ),
        (item(item="y", probabilities=[]), Options.KIND_SINGLE, "WRONG_PROBABILITIES", "items[1].probabilities"),
        (
            item(item="y", probabilities=[float("nan"), 1]),
            Options.KIND_SINGLE,
            "WRONG_PROBABILITIES",
            "items[1].probabilities",
        ),
        (item(item="y", class_names=["a", "b"]), Options.KIND_TOKENS, "WRONG_PROBABILITIES", "items[1].probabilities"),
        (item(item="y", embedding=[1.0]), Options.KIND_SINGLE, "WRONG_EMBEDDINGS", "items[1].embedding"),
    ],
)
async def test_items_that_cannot_be_judged_are_refused(
    mill: Mill, second: pb.LabeledItem, kind: Options.Kind.ValueType, reason: str, field: str
) -> None:
    options = Options(class_names=["a", "b"], kind=kind)
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").model_quality.find_label_errors(
            pb.FindLabelErrorsRequest(options=options, items=[item(), second])
        )
    assert (caught.value.reason, list(caught.value.fields)) == (reason, [field])


async def test_labels_alone_tell_nothing(mill: Mill) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").model_quality.find_label_errors(
            pb.FindLabelErrorsRequest(options=Options(class_names=["a", "b"]), items=[item(probabilities=[])])
        )
    assert caught.value.reason == "NOTHING_TO_JUDGE_BY"


def drawn(class_name: str, x: float, confidence: float | None = None) -> annotation_pb2.Annotation:
    shape = geometry_pb2.Box(
        left_px=x, top_px=0, width_px=10, height_px=10, image_size=geometry_pb2.ImageSize(width_px=200, height_px=100)
    )
    return annotation_pb2.Annotation(
        asset="projects/p-one/assets/a", feature="objects", class_name=class_name, box=shape, confidence=confidence
    )


async def test_shapes_that_a_detector_sees_otherwise_are_doubted(mill: Mill) -> None:
    request = pb.FindShapeErrorsRequest(
        annotations=[drawn("cat", 0), drawn("cat", 50), drawn("dog", 100)],
        predictions=[drawn("dog", 0, 0.95), drawn("cat", 50, 0.99), drawn("dog", 105, 0.92), drawn("cat", 150, 0.97)],
    )
    answer = await mill.as_("manager").model_quality.find_shape_errors(request)
    assert [
        (one.type, one.annotation_index if one.HasField("annotation_index") else None, one.prediction_index)
        for one in answer.issues
    ] == [
        (pb.ShapeIssue.TYPE_OVERLOOKED, None, 3),
        (pb.ShapeIssue.TYPE_WRONG_CLASS, 0, 0),
        (pb.ShapeIssue.TYPE_BADLY_PLACED, 2, 2),
    ]
    wrong = answer.issues[1]
    assert (wrong.class_name, wrong.suggested_class_name, wrong.score) == ("cat", "dog", pytest.approx(0.05))
    assert "0.95" in wrong.reason
    assert answer.annotation_count == 3
    assert answer.doubted_share.value == pytest.approx(2 / 3)


async def test_an_answer_is_no_shape(mill: Mill) -> None:
    answer = annotation_pb2.Annotation(
        asset="projects/p-one/assets/a",
        feature="mood",
        classification=annotation_pb2.Classification(single="good"),
    )
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").model_quality.find_shape_errors(pb.FindShapeErrorsRequest(predictions=[answer]))
    assert (caught.value.reason, list(caught.value.fields)) == (
        "WRONG_ANSWER_KIND",
        ["predictions[0].classification"],
    )


def prediction(row: int, class_name: str, confidence: float = 0.0) -> pb.ScoreModelRequest.Prediction:
    shares = [confidence if name == class_name else 1 - confidence for name in ("a", "b")] if confidence else []
    return pb.ScoreModelRequest.Prediction(
        item=f"i{row:03}", class_name="" if confidence else class_name, probabilities=shares
    )


def truth(row: int) -> str:
    return "ab"[row % 2]


async def test_a_model_is_scored_as_one_more_labeler(mill: Mill) -> None:
    # The model is wrong on every tenth of 100 items, Cleo on every third, Anna and Ben never.
    said = [truth(row) if row % 10 else truth(row + 1) for row in range(100)]
    rows = [
        labels_pb.LabelRow(item=f"i{row:03}", labeler=who, class_name=truth(row + (who == "cleo" and row % 3 == 0)))
        for row in range(100)
        for who in ("anna", "ben", "cleo")
    ]
    gold = [labels_pb.GoldRow(item=f"i{row:03}", class_name=truth(row)) for row in range(60)]
    request = pb.ScoreModelRequest(
        model="m",
        class_names=["a", "b"],
        predictions=[prediction(row, one, 0.9) for row, one in enumerate(said)],
        labels=rows,
        gold=gold,
    )
    answer = await mill.as_("manager").model_quality.score_model(request)
    assert (answer.accuracy.value, answer.accuracy.sample_count) == (0.9, 60)
    assert (answer.accuracy.lower, answer.accuracy.upper) == pytest.approx(wilson(54, 60))
    assert (answer.consensus_agreement.value, answer.consensus_agreement.sample_count) == (0.9, 100)
    assert answer.consensus_kappa.value == pytest.approx(0.8)
    assert answer.consensus_kappa.lower < 0.8 < answer.consensus_kappa.upper
    assert answer.reliability.value == pytest.approx(0.9, abs=0.01)
    assert answer.best_labeler_reliability.value > answer.reliability.value
    assert answer.calibration_error.value == pytest.approx(0, abs=1e-6)
    assert answer.log_loss.value == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)), abs=1e-6)
    assert answer.confusion.reference == "benchmark"
    assert sum(answer.confusion.counts) == 60
    assert [one.benchmark_recall.sample_count for one in answer.classes] == [30, 30]


async def test_a_model_without_gold_is_scored_by_labelers_alone(mill: Mill) -> None:
    rows = [
        labels_pb.LabelRow(item=f"i{row:03}", labeler=who, class_name=truth(row)) for row in range(8) for who in "xyz"
    ]
    request = pb.ScoreModelRequest(
        model="m", predictions=[prediction(row, truth(row)) for row in range(9)], labels=rows
    )
    answer = await mill.as_("manager").model_quality.score_model(request)
    assert (answer.consensus_agreement.value, answer.consensus_agreement.sample_count) == (1.0, 8)
    assert answer.accuracy.undefined_reason
    assert answer.log_loss.undefined_reason
    assert answer.confusion.reference == "consensus"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "NOTHING_TO_JUDGE_BY"),
        ({"labels": [labels_pb.LabelRow(item="i000", labeler="m", class_name="a")]}, "LABELER_NAMED_AS_MODEL"),
        ({"class_names": ["b"], "gold": [labels_pb.GoldRow(item="i000", class_name="b")]}, "UNKNOWN_CLASS"),
        (
            {"predictions": [prediction(0, "a", 0.9)], "gold": [labels_pb.GoldRow(item="i000", class_name="b")]},
            "WRONG_PROBABILITIES",
        ),
        (
            {"predictions": [prediction(0, "a")] * 2, "gold": [labels_pb.GoldRow(item="i000", class_name="b")]},
            "DUPLICATE_ITEM",
        ),
    ],
)
async def test_models_that_cannot_be_scored_are_refused(mill: Mill, changes: dict[str, object], reason: str) -> None:
    given = {"model": "m", "predictions": [prediction(0, "a")], **changes}
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").model_quality.score_model(pb.ScoreModelRequest(**given))  # type: ignore[arg-type]
    assert caught.value.reason == reason
