"""PlanLabels over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import labels_pb2 as labels_pb
from labelmill.quality.v1 import planning_service_pb2 as pb
from labelmill.quality.v1 import predictions_pb2
from labelmill.type.v1 import annotation_pb2
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Plan = pb.PlanLabelsRequest
CLASSES = ["no", "yes"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    folder: Path = tmp_path_factory.mktemp("quality")
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=folder, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def labels() -> list[labels_pb.LabelRow]:
    """Six labelers, right four times of five; three labels an item, on which two of them agree or all."""
    generator = np.random.default_rng(0)
    found = []
    for item in range(60):
        for labeler in generator.choice(6, 3, replace=False):
            right = generator.random() < 0.8
            name = CLASSES[(item % 2) ^ (not right)]
            found.append(labels_pb.LabelRow(item=f"i{item:02d}", labeler=f"l{labeler}", class_name=name))
    return found


LABELS = labels()
GOLD = [labels_pb.GoldRow(item=f"i{item:02d}", class_name=CLASSES[item % 2]) for item in range(25)]


def prediction(item: str, **shares: float) -> predictions_pb2.ItemPrediction:
    distribution = [annotation_pb2.ClassProbability(class_name=k, probability=v) for k, v in shares.items()]
    return predictions_pb2.ItemPrediction(item=item, distribution=distribution)


async def test_disputed_items_are_next_and_agreed_ones_need_less(mill: Mill) -> None:
    plan = await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS, max_labels_per_item=12))
    items = {item.item: item for item in plan.items}
    assert list(items) == sorted(items)
    wanting = [item for item in plan.items if item.verdict == pb.ItemPlan.VERDICT_MORE]
    assert set(plan.next_items) <= {item.item for item in wanting}
    gains = [items[name].gain_per_label for name in plan.next_items]
    assert gains == sorted(gains, reverse=True)
    first, last = items[plan.next_items[0]], max(plan.items, key=lambda item: item.probability)
    assert first.probability < last.probability
    assert first.labels_needed.value > last.labels_needed.value
    assert first.labels_needed.lower <= first.labels_needed.value <= first.labels_needed.upper
    assert plan.labels_needed == pytest.approx(sum(item.labels_needed.value for item in plan.items))
    assert (plan.method, plan.temperature, plan.calibration_count) == ("dawid_skene", 1, 0)


async def test_gold_settles_its_items_and_calibrates(mill: Mill) -> None:
    plan = await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS, gold=GOLD))
    assert all(item.verdict == pb.ItemPlan.VERDICT_SETTLED and item.probability == 1 for item in plan.items[:25])
    assert plan.calibration_count == 25
    assert plan.temperature != 1


async def test_a_budget_is_spent_and_makes_more_items_right(mill: Mill) -> None:
    plan = await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS, budget=40))
    assert 0 < sum(item.budget_labels for item in plan.items) <= 40
    assert plan.expected_accuracy_after_budget > plan.expected_accuracy
    without = await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS))
    assert not without.HasField("expected_accuracy_after_budget")


async def test_a_higher_price_or_a_lower_threshold_buys_less(mill: Mill) -> None:
    async def wanted(**options: float) -> int:
        plan = await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS, next_count=1000, **options))
        return len(plan.next_items)

    base = await wanted()
    assert await wanted(price=0.1) < base
    assert await wanted(threshold=0.8) < base
    assert await wanted(max_labels_per_item=3) == 0


async def test_a_classifier_saves_labels(mill: Mill) -> None:
    sure = [prediction(f"i{n:02d}", **{CLASSES[n % 2]: 0.95, CLASSES[1 - n % 2]: 0.05}) for n in range(60)]
    alone = await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS))
    helped = await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS, predictions=sure))
    assert helped.method == "with_classifier"
    assert helped.labels_needed < alone.labels_needed


async def test_a_better_labeler_needs_fewer_labels(mill: Mill) -> None:
    """Two labelers more, who look at every item: one is always right, one guesses."""
    known = [(f"i{n:02d}", "sure", CLASSES[n % 2]) for n in range(60)]
    known += [(f"i{n:02d}", "guesser", CLASSES[n // 2 % 2]) for n in range(60)]
    more = [labels_pb.LabelRow(item=item, labeler=labeler, class_name=said) for item, labeler, said in known]
    needed = []
    for labeler in ("sure", "", "guesser"):
        plan = await mill.as_("manager").planning.plan_labels(Plan(labels=[*LABELS, *more], labeler=labeler))
        needed.append(plan.labels_needed)
    assert needed[0] < needed[1] < needed[2]


async def test_a_labeler_who_gave_no_label_is_refused(mill: Mill) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS, labeler="nobody"))
    assert refused.value.reason == "UNKNOWN_LABELER"


async def test_the_same_seed_gives_the_same_plan(mill: Mill) -> None:
    one, other = [await mill.as_("manager").planning.plan_labels(Plan(labels=LABELS, seed=7)) for _ in range(2)]
    assert one == other


@pytest.mark.parametrize(
    ("predictions", "reason", "field"),
    [
        ([prediction("i00", yes=0.5, no=0.5)] * 2, "DUPLICATE_PREDICTION", "predictions[1].item"),
        ([prediction("i00", yes=0.5, no=0.4)], "BAD_DISTRIBUTION", "predictions[0].distribution"),
        ([prediction("i00", maybe=1)], "UNKNOWN_CLASS", "predictions[0].distribution[0].class_name"),
    ],
)
async def test_predictions_that_make_no_sense_are_refused(
    mill: Mill, predictions: list[predictions_pb2.ItemPrediction], reason: str, field: str
) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        await mill.as_("manager").planning.plan_labels(
            Plan(labels=LABELS, predictions=predictions, class_names=CLASSES)
        )
    assert (refused.value.reason, refused.value.metadata["field"]) == (reason, field)


async def test_annotators_may_not_ask(mill: Mill) -> None:
    with pytest.raises(errors.PermissionDenied):
        await mill.as_("annotator").planning.plan_labels(Plan(labels=LABELS))
