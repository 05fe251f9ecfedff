"""ScoreWithClassifier over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import classifier_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2 as labels_pb
from labelmill.quality.v1 import predictions_pb2
from labelmill.type.v1 import annotation_pb2
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations
from tests.quality.test_with_classifier import CONSENSUS, LABELS, PREDICTIONS, QUALITY, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

Request = pb.ScoreWithClassifierRequest
NAMES = ["0", "1", "2"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    folder: Path = tmp_path_factory.mktemp("quality")
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=folder, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


ROWS = [
    labels_pb.LabelRow(item=f"i{n:02d}", labeler=f"l{k}", class_name=word)
    for n, row in enumerate(LABELS)
    for k, word in enumerate(row)
    if word != "."
]


def predictions(shares: list[list[float]]) -> list[predictions_pb2.ItemPrediction]:
    return [
        predictions_pb2.ItemPrediction(
            item=f"i{n:02d}" if len(shares) < 100 else f"i{n:04d}",
            distribution=[
                annotation_pb2.ClassProbability(class_name=str(k), probability=share) for k, share in enumerate(row)
            ],
        )
        for n, row in enumerate(shares)
    ]


async def test_crowdlab_answers_as_cleanlab_does(mill: Mill) -> None:
    found = await mill.as_("manager").classifier.score_with_classifier(
        Request(labels=ROWS, predictions=predictions(PREDICTIONS), method=Request.METHOD_CROWDLAB)
    )
    assert [label.class_name for label in found.labels] == [str(winner) for winner in CONSENSUS]
    best = [max(share.probability for share in label.distribution) for label in found.labels]
    assert best == pytest.approx(QUALITY, abs=1e-9)
    assert not found.HasField("trust")


async def test_every_label_is_scored_by_all_the_others(mill: Mill) -> None:
    found = await mill.as_("manager").classifier.score_with_classifier(
        Request(labels=ROWS, predictions=predictions(PREDICTIONS))
    )
    assert [(score.item, score.labeler, score.class_name) for score in found.label_scores] == [
        (row.item, row.labeler, row.class_name) for row in ROWS
    ]
    shares = {
        (label.item, share.class_name): share.probability for label in found.labels for share in label.distribution
    }
    assert all(score.probability == shares[score.item, score.class_name] for score in found.label_scores)
    assert (found.method, found.method_version, found.converged) == (Request.METHOD_EXPERT, "1", True)
    assert found.trust.temperature > 0
    assert found.classifier_agreement.lower < found.classifier_agreement.value
    assert [labeler.labeler for labeler in found.labelers] == ["l0", "l1", "l2", "l3"]


async def test_gold_calibrates_and_stays(mill: Mill) -> None:
    table, shares, truth = simulated(items=120)
    columns = zip(table.item_codes, table.labeler_codes, table.class_codes, strict=True)
    rows = [
        labels_pb.LabelRow(item=table.items[i], labeler=table.labelers[j], class_name=table.classes[k])
        for i, j, k in columns
    ]
    gold = [labels_pb.GoldRow(item=f"i{n:04d}", class_name=str(truth[n])) for n in range(30)]
    found = await mill.as_("manager").classifier.score_with_classifier(
        Request(labels=rows, predictions=predictions(shares.tolist()), gold=gold)
    )
    assert (found.calibration_count, found.labels[3].class_name) == (30, str(truth[3]))
    assert max(share.probability for share in found.labels[3].distribution) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"predictions": predictions(PREDICTIONS)[1:], "method": Request.METHOD_CROWDLAB}, "PREDICTION_MISSING"),
        ({"class_names": ["0", "1"]}, "UNKNOWN_CLASS"),
        ({"gold": [labels_pb.GoldRow(item="i00", class_name="0")] * 2}, "DUPLICATE_GOLD"),
        ({"predictions": predictions([[0.9, 0.9, 0.9]])}, "BAD_DISTRIBUTION"),
    ],
)
async def test_what_makes_no_sense_is_refused(mill: Mill, changes: dict[str, object], reason: str) -> None:
    request = {"labels": ROWS, "predictions": predictions(PREDICTIONS), **changes}
    with pytest.raises(errors.InvalidArgument) as refused:
        await mill.as_("manager").classifier.score_with_classifier(Request(**request))
    assert refused.value.reason == reason


async def test_an_item_without_prediction_is_judged_by_its_labels(mill: Mill) -> None:
    found = await mill.as_("manager").classifier.score_with_classifier(
        Request(labels=ROWS, predictions=predictions(PREDICTIONS)[:6])
    )
    assert len(found.labels) == 12
    assert found.classifier_agreement.sample_count == 6


async def test_annotators_may_not_ask(mill: Mill) -> None:
    with pytest.raises(errors.PermissionDenied):
        await mill.as_("annotator").classifier.score_with_classifier(
            Request(labels=ROWS, predictions=predictions(PREDICTIONS))
        )
