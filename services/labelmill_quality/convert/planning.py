"""Predictions as rows, plans as messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from labelmill.quality.v1 import planning_service_pb2 as pb
from labelmill.quality.v1 import predictions_pb2
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL
from labelmill_quality.labels import LabelTable
from labelmill_quality.planning.belief import Belief
from labelmill_quality.planning.budget import Allocation
from labelmill_quality.planning.plan import Options, Plan, Verdict

_VERDICTS = {
    Verdict.MORE: pb.ItemPlan.VERDICT_MORE,
    Verdict.SETTLED: pb.ItemPlan.VERDICT_SETTLED,
    Verdict.NOT_WORTH_IT: pb.ItemPlan.VERDICT_NOT_WORTH_IT,
    Verdict.FULL: pb.ItemPlan.VERDICT_FULL,
}
_DEFAULT = Options()
_NEXT_COUNT = 100


def predictions(rows: Iterable[predictions_pb2.ItemPrediction]) -> Iterator[tuple[str, Iterator[tuple[str, float]]]]:
    """The items and their distributions."""
    for row in rows:
        yield row.item, ((share.class_name, share.probability) for share in row.distribution)


def options(request: pb.PlanLabelsRequest) -> Options:
    """What labels are worth."""
    return Options(
        threshold=request.threshold if request.HasField("threshold") else _DEFAULT.threshold,
        price=request.price,
        most_labels=request.max_labels_per_item or _DEFAULT.most_labels,
        seed=request.seed,
    )


def answer(
    request: pb.PlanLabelsRequest, table: LabelTable, belief: Belief, plan: Plan, allocation: Allocation | None
) -> pb.PlanLabelsResponse:
    """A plan."""
    winners = belief.posterior.argmax(axis=1).tolist()
    maxima, counts = belief.posterior.max(axis=1), table.labels_per_item.tolist()
    budgets = allocation.labels.tolist() if allocation else [0] * len(counts)
    columns = (plan.next_maxima, plan.gains, plan.batches, plan.settling, plan.needed, plan.needed_lower)
    figures = zip(*(column.tolist() for column in (*columns, plan.needed_upper)), strict=True)
    rows = zip(table.items, counts, winners, maxima.tolist(), plan.verdicts, figures, budgets, strict=True)
    response = pb.PlanLabelsResponse(
        items=[
            pb.ItemPlan(
                item=item,
                label_count=count,
                class_name=table.classes[winner],
                probability=probability,
                verdict=_VERDICTS[verdict],
                probability_after_next=after,
                gain_per_label=gain,
                batch_size=batch,
                labels_needed=estimate(_needed(mean, lower, upper, plan.courses)),
                settling_probability=settling,
                budget_labels=budget,
            )
            for item, count, winner, probability, verdict, (
                after,
                gain,
                batch,
                settling,
                mean,
                lower,
                upper,
            ), budget in rows
        ],
        next_items=[table.items[place] for place in plan.order[: request.next_count or _NEXT_COUNT].tolist()],
        labels_needed=float(plan.needed.sum()),
        expected_accuracy=float(maxima.mean()),
        method=belief.method,
        method_version=belief.version,
        temperature=belief.temperature,
        calibration_count=belief.calibrated_on,
    )
    if allocation:
        response.expected_accuracy_after_budget = allocation.expected_right / len(counts)
    return response


def _needed(mean: float, lower: float, upper: float, courses: int) -> Estimate:
    return Estimate(mean, lower, upper, LEVEL, "simulated_courses", f"quantiles_of_{courses}_courses", courses)
