"""AnalyzeLabelers over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import labelers_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2, resources_pb2
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.crowds import always, at_random, crowd, right_with
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAWID_SKENE = resources_pb2.CONSENSUS_METHOD_DAWID_SKENE
GROUP = crowd(
    {**{f"good-{n}": right_with(0.85) for n in range(6)}, "spam-constant": always(1), "spam-random": at_random()},
    items=120,
    seed=3,
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labelers")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(data_dir: Path) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=data_dir, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def labels(*, timed: bool = False) -> list[labels_pb2.LabelRow]:
    generator = np.random.default_rng(0)
    return [
        labels_pb2.LabelRow(
            item=f"i{item:04d}",
            labeler=name,
            class_name=GROUP.classes[GROUP.answers[item, column]],
            time_spent_ms=int(generator.lognormal(6 if name == "spam-random" else 8, 0.3)) if timed else None,
        )
        for item in range(len(GROUP.truth))
        for column, name in enumerate(GROUP.names)
    ]


def gold(count: int) -> list[labels_pb2.GoldRow]:
    truth = GROUP.truth[:count]
    return [labels_pb2.GoldRow(item=f"i{n:04d}", class_name=GROUP.classes[code]) for n, code in enumerate(truth)]


async def test_labelers_are_scored_side_by_side(mill: Mill) -> None:
    request = pb.AnalyzeLabelersRequest(labels=labels(timed=True), gold=gold(30), method=DAWID_SKENE)
    answer = await mill.labelers.analyze_labelers(request)
    found = {labeler.labeler: labeler for labeler in answer.labelers}
    assert list(found) == sorted(GROUP.names)
    good, constant, random = found["good-0"], found["spam-constant"], found["spam-random"]
    assert good.label_count == good.compared_count == 120
    assert (good.gold_accuracy.sample_count, good.gold_accuracy.interval_method) == (30, "wilson")
    assert good.reliability.lower < good.reliability.value < good.reliability.upper
    assert constant.spammer_scores.raykar_yu.upper < good.spammer_scores.raykar_yu.lower
    assert constant.spammer_scores.independence_p_value == 1
    assert random.spammer_scores.kappa_with_reference.upper < good.spammer_scores.kappa_with_reference.lower
    assert random.times.z < -4
    assert max(constant.spammer_rank, random.spammer_rank) < good.spammer_rank
    assert random.times.timed_count == 120
    assert not random.times.z_undefined_reason
    assert {bias.class_name: bias.difference.lower > 0 for bias in constant.biases}["1"]
    size = len(good.confusion.class_names)
    assert len(good.confusion.means) == size**2
    assert sum(good.confusion.means) == pytest.approx(size)
    assert answer.method == DAWID_SKENE
    assert answer.method_version


async def test_classes_items_and_pairs_come_ordered_and_limited(mill: Mill) -> None:
    request = pb.AnalyzeLabelersRequest(
        labels=labels(), item_count=5, pair_count=3, method=resources_pb2.CONSENSUS_METHOD_MAJORITY_VOTE
    )
    answer = await mill.labelers.analyze_labelers(request)
    assert [row.class_name for row in answer.classes] == ["0", "1", "2"]
    assert sum(row.consensus_count for row in answer.classes) == 120
    assert answer.classes[0].confusion_entropy.value > 0
    counts = [row.label_count for row in answer.confused_classes]
    assert counts == sorted(counts, reverse=True)
    entropies = [item.entropy for item in answer.items]
    assert len(entropies) == 5
    assert entropies == sorted(entropies, reverse=True)
    assert answer.items[0].next_class_name
    assert (len(answer.similarities), answer.compared_pair_count) == (3, 28)
    assert all(row.item_count == 120 for row in answer.similarities)
    assert all(0 <= row.p_value <= row.q_value <= 1 for row in answer.similarities)
    assert not answer.labelers[0].times.HasField("z")
    assert answer.labelers[0].times.z_undefined_reason


async def test_the_time_of_the_answer_that_counts_is_taken(mill: Mill) -> None:
    twice = [
        labels_pb2.LabelRow(item="x", labeler="a", class_name="p", time_spent_ms=10),
        labels_pb2.LabelRow(item="x", labeler="a", class_name="q", time_spent_ms=90),
    ]
    answer = await mill.labelers.analyze_labelers(pb.AnalyzeLabelersRequest(labels=twice))
    assert (answer.labelers[0].label_count, answer.labelers[0].times.median_ms) == (1, pytest.approx(90))
    assert answer.labelers[0].reliability.undefined_reason
    assert not answer.labelers[0].HasField("spammer_rank")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"class_names": ["0", "1"]}, "UNKNOWN_CLASS"),
        ({"gold": [labels_pb2.GoldRow(item="i0000", class_name="0")] * 2}, "DUPLICATE_GOLD"),
        ({"class_names": [str(n) for n in range(3000)]}, "TOO_MANY_CELLS"),
    ],
    ids=["unknown class", "gold twice", "too many classes"],
)
async def test_bad_questions_are_refused(mill: Mill, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.labelers.analyze_labelers(pb.AnalyzeLabelersRequest(labels=labels(), **changes))  # type: ignore[arg-type]
    assert caught.value.reason == reason


@pytest.mark.parametrize("who", ["annotator", "officer"])
async def test_annotators_may_not_see_how_others_are_scored(mill: Mill, who: str) -> None:
    with pytest.raises(errors.PermissionDenied):
        await mill.as_(who).labelers.analyze_labelers(pb.AnalyzeLabelersRequest(labels=labels()))
