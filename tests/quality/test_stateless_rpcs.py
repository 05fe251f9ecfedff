"""ScoreConsensus, ComputeAgreement and ScoreBenchmark over a real socket."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import agreement_service_pb2 as agreement_pb
from labelmill.quality.v1 import benchmark_service_pb2 as benchmark_pb
from labelmill.quality.v1 import consensus_service_pb2 as consensus_pb
from labelmill.quality.v1 import labels_pb2 as labels_pb
from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.quality.v1 import service_pb2 as projects_pb
from labelmill_quality.intervals import wilson
from labelmill_runtime.settings import RuntimeSettings
from tests.quality import reliability
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Metric = agreement_pb.ComputeAgreementRequest


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quality")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(data_dir: Path) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=data_dir, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def label_rows(*rows: tuple[str, str, str]) -> list[labels_pb.LabelRow]:
    return [labels_pb.LabelRow(item=item, labeler=labeler, class_name=said) for item, labeler, said in rows]


THREE = label_rows(
    ("x", "anna", "yes"), ("x", "ben", "yes"), ("x", "cleo", "no"),
    ("y", "anna", "no"), ("y", "ben", "no"), ("y", "cleo", "no"),
    ("z", "anna", "yes"), ("z", "ben", "no"),
)  # fmt: skip


def published(text: str) -> list[labels_pb.LabelRow]:
    table = reliability.table_of(text)
    codes = zip(table.item_codes, table.labeler_codes, table.class_codes, strict=True)
    return label_rows(*((table.items[i], table.labelers[j], table.classes[k]) for i, j, k in codes))


async def test_majority_vote_is_answered_item_by_item(mill: Mill) -> None:
    answer = await mill.consensus.score_consensus(
        consensus_pb.ScoreConsensusRequest(labels=THREE, method=pb.CONSENSUS_METHOD_MAJORITY_VOTE)
    )
    assert [(label.item, label.class_name, label.label_count, label.tied) for label in answer.labels] == [
        ("x", "yes", 3, False),
        ("y", "no", 3, False),
        ("z", "no", 2, True),
    ]
    first = answer.labels[0]
    assert first.agreement == pytest.approx(2 / 3)
    odds = first.distribution[1].probability / first.distribution[0].probability
    assert [share.class_name for share in first.distribution] == ["no", "yes"]
    assert odds == pytest.approx(math.exp(answer.calibration.strength * (2 / 3 - 1 / 3)))  # a softmax of the shares
    assert (answer.method, answer.method_version) == (pb.CONSENSUS_METHOD_MAJORITY_VOTE, "1")
    assert (answer.iteration_count, answer.converged) == (0, True)


async def test_the_default_method_is_auto_and_says_why(mill: Mill) -> None:
    answer = await mill.consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=THREE))
    assert answer.method == pb.CONSENSUS_METHOD_AUTO
    assert answer.iteration_count > 0
    assert "labels held out" in answer.note
    assert answer.selection.basis == pb.ConsensusSelection.BASIS_HELD_OUT_LABELS
    assert sum(each.weight for each in answer.selection.judgements) == pytest.approx(1)
    assert not answer.calibration.calibrated
    assert answer.calibration.error.undefined_reason == "there is no gold"
    assert [sum(share.probability for share in label.distribution) for label in answer.labels] == pytest.approx([1] * 3)


async def test_labelers_are_scored_against_the_others(mill: Mill) -> None:
    answer = await mill.consensus.score_consensus(
        consensus_pb.ScoreConsensusRequest(labels=THREE, method=pb.CONSENSUS_METHOD_MAJORITY_VOTE)
    )
    anna, ben, cleo = answer.labelers
    assert [labeler.labeler for labeler in (anna, ben, cleo)] == ["anna", "ben", "cleo"]
    assert (cleo.label_count, cleo.consensus_agreement.value, cleo.consensus_agreement.sample_count) == (2, 0.5, 2)
    assert (cleo.consensus_agreement.lower, cleo.consensus_agreement.upper) == pytest.approx(wilson(1, 2))
    assert cleo.consensus_agreement.interval_method == "wilson"
    assert not cleo.benchmark_accuracy.HasField("value")
    assert cleo.benchmark_accuracy.undefined_reason
    assert (cleo.confusion.reference, list(cleo.confusion.class_names)) == ("consensus", ["no", "yes"])
    assert sum(cleo.confusion.counts) == pytest.approx(2)


async def test_classes_are_answered_in_the_order_given(mill: Mill) -> None:
    answer = await mill.consensus.score_consensus(
        consensus_pb.ScoreConsensusRequest(labels=THREE, class_names=["yes", "no", "unclear"])
    )
    assert [share.class_name for share in answer.labels[0].distribution] == ["yes", "no", "unclear"]


async def test_the_last_of_several_answers_counts(mill: Mill) -> None:
    labels = label_rows(("x", "anna", "no"), ("x", "ben", "yes"), ("x", "anna", "yes"))
    answer = await mill.consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=labels))
    assert (answer.labels[0].class_name, answer.labels[0].label_count, answer.labels[0].agreement) == ("yes", 2, 1.0)


@pytest.mark.parametrize(
    ("policy", "class_name", "count"),
    [
        (labels_pb.REPEAT_POLICY_UNSPECIFIED, "yes", 1),
        (labels_pb.REPEAT_POLICY_FIRST, "no", 1),
        (labels_pb.REPEAT_POLICY_MAJORITY, "no", 1),
        (labels_pb.REPEAT_POLICY_ALL, "no", 3),
    ],
)
async def test_repeated_answers_follow_the_policy(
    mill: Mill, policy: labels_pb.RepeatPolicy.ValueType, class_name: str, count: int
) -> None:
    labels = label_rows(("x", "anna", "no"), ("x", "anna", "no"), ("x", "anna", "yes"))
    answer = await mill.consensus.score_consensus(
        consensus_pb.ScoreConsensusRequest(labels=labels, repeat_policy=policy)
    )
    assert (answer.labels[0].class_name, answer.labels[0].label_count) == (class_name, count)
    assert answer.repeat_policy == (policy or labels_pb.REPEAT_POLICY_LAST)
    assert answer.repeated_label_count == 2


async def test_gold_is_kept_and_tells_whom_to_believe(mill: Mill) -> None:
    items = [f"i{n}" for n in range(8)]
    labels = label_rows(*((item, labeler, "no") for item in items for labeler in ("anna", "ben")))
    labels += label_rows(*((item, "cleo", "yes") for item in items))
    gold = [labels_pb.GoldRow(item=item, class_name="yes") for item in items[:6]]
    answer = await mill.consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=labels, gold=gold))
    assert {label.class_name for label in answer.labels} == {"yes"}
    assert answer.labels[0].distribution[1].probability == 1.0


async def test_twenty_gold_answers_decide_on_the_method_and_calibrate(mill: Mill) -> None:
    said = [
        (f"i{n:02d}", f"l{labeler}", str((n + (n * labeler % 7 == 3)) % 2)) for n in range(60) for labeler in range(5)
    ]
    gold = [labels_pb.GoldRow(item=f"i{n:02d}", class_name=str(n % 2)) for n in range(20)]
    answer = await mill.consensus.score_consensus(
        consensus_pb.ScoreConsensusRequest(labels=label_rows(*said), gold=gold)
    )
    assert answer.selection.basis == pb.ConsensusSelection.BASIS_GOLD
    assert all(each.gold_accuracy.sample_count == 20 for each in answer.selection.judgements)
    assert answer.calibration.calibrated
    assert answer.calibration.gold_count == 20
    assert 0 <= answer.calibration.error.lower <= answer.calibration.error.upper <= 1
    assert answer.calibration.error_by_chance > 0


async def test_the_consensus_of_ordered_classes_is_the_middle(mill: Mill) -> None:
    votes = [
        ("x", "anna", "low"),
        ("x", "ben", "low"),
        ("x", "cleo", "mid"),
        ("x", "dan", "high"),
        ("x", "eve", "high"),
    ]
    request = consensus_pb.ScoreConsensusRequest(
        labels=label_rows(*votes),
        class_names=["low", "mid", "high"],
        method=pb.CONSENSUS_METHOD_MAJORITY_VOTE,
        ordered=True,
    )
    answer = await mill.consensus.score_consensus(request)
    assert (answer.labels[0].class_name, answer.labels[0].agreement) == ("mid", pytest.approx(0.2))


@pytest.mark.parametrize("asked", [{"ordered": True}, {"method": pb.CONSENSUS_METHOD_ORDINAL}])
async def test_an_order_without_class_names_is_refused(mill: Mill, asked: dict[str, int]) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=THREE, **asked))
    assert caught.value.reason == "CLASS_ORDER_MISSING"


async def test_an_answer_that_is_no_class_is_refused_with_its_row(mill: Mill) -> None:
    labels = [*THREE, labels_pb.LabelRow(item="x", labeler="zoe", number=3.5)]
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=labels))
    assert caught.value.reason == "WRONG_ANSWER_KIND"
    assert list(caught.value.fields) == [f"labels[{len(THREE)}].number"]


@pytest.mark.parametrize(
    ("metric", "value"),
    [(Metric.METRIC_UNSPECIFIED, 0.743), (Metric.METRIC_NOMINAL, 0.743), (Metric.METRIC_INTERVAL, 0.849)],
)
async def test_agreement_has_a_value_an_interval_and_a_source(
    mill: Mill, metric: Metric.Metric.ValueType, value: float
) -> None:
    request = agreement_pb.ComputeAgreementRequest(labels=published(reliability.FOUR_CODERS), metric=metric)
    alpha = (await mill.agreement.compute_agreement(request)).alpha
    assert alpha.value == pytest.approx(value, abs=5e-4)
    assert alpha.lower < alpha.value < alpha.upper
    assert (alpha.sample_count, alpha.confidence_level) == (11, 0.95)
    assert alpha.interval_method == "bootstrap_items_1000"
    assert alpha.method.startswith("krippendorff_alpha_")


async def test_ordinal_agreement_takes_the_order_from_class_names(mill: Mill) -> None:
    labels = published(reliability.FOUR_CODERS)
    ordered, shuffled = [
        (
            await mill.agreement.compute_agreement(
                agreement_pb.ComputeAgreementRequest(labels=labels, metric=Metric.METRIC_ORDINAL, class_names=order)
            )
        ).alpha.value
        for order in ("12345", "31524")
    ]
    assert ordered == pytest.approx(0.815, abs=5e-4)
    assert shuffled < ordered - 0.05


async def test_the_seed_and_the_count_of_the_bootstrap_are_the_callers(mill: Mill) -> None:
    labels = published(reliability.FOUR_CODERS)
    estimates = [
        (
            await mill.agreement.compute_agreement(
                agreement_pb.ComputeAgreementRequest(labels=labels, seed=seed, bootstrap_count=300)
            )
        ).alpha
        for seed in (7, 7, -8)
    ]
    assert estimates[0] == estimates[1]
    assert estimates[0].lower != estimates[2].lower
    assert estimates[0].interval_method == "bootstrap_items_300"


async def test_undefined_agreement_is_absent_and_says_why(mill: Mill) -> None:
    labels = label_rows(("x", "anna", "yes"), ("x", "ben", "yes"))
    alpha = (await mill.agreement.compute_agreement(agreement_pb.ComputeAgreementRequest(labels=labels))).alpha
    assert not any(alpha.HasField(name) for name in ("value", "lower", "upper"))
    assert "one class" in alpha.undefined_reason


async def test_labels_are_scored_against_gold(mill: Mill) -> None:
    gold = [labels_pb.GoldRow(item="x", class_name="yes"), labels_pb.GoldRow(item="y", class_name="no")]
    answer = await mill.benchmark.score_benchmark(benchmark_pb.ScoreBenchmarkRequest(labels=THREE, gold=gold))
    assert (answer.accuracy.value, answer.accuracy.sample_count) == (pytest.approx(5 / 6), 6)
    assert (answer.accuracy.lower, answer.accuracy.upper) == pytest.approx(wilson(5, 6))
    cleo = answer.labelers[2]
    assert (cleo.benchmark_accuracy.value, cleo.label_count) == (0.5, 2)
    assert list(cleo.confusion.counts) == [1, 0, 1, 0]  # gold no, yes; said no, yes
    assert (cleo.confusion.reference, list(answer.confusion.counts)) == ("benchmark", [3, 0, 1, 2])
    yes = answer.classes[1]
    assert (yes.class_name, yes.benchmark_recall.value, yes.benchmark_precision.value) == (
        "yes",
        pytest.approx(2 / 3),
        1.0,
    )


async def test_gold_about_nothing_leaves_accuracy_undefined(mill: Mill) -> None:
    gold = [labels_pb.GoldRow(item="elsewhere", class_name="yes")]
    answer = await mill.benchmark.score_benchmark(benchmark_pb.ScoreBenchmarkRequest(labels=THREE, gold=gold))
    assert not answer.accuracy.HasField("value")
    assert answer.accuracy.undefined_reason


MAYBE = label_rows(("x", "anna", "yes"), ("y", "ben", "maybe"))


@pytest.mark.parametrize(
    ("rpc", "request_", "reason", "field"),
    [
        (
            "score_consensus",
            consensus_pb.ScoreConsensusRequest(labels=MAYBE, class_names=["yes", "no"]),
            "UNKNOWN_CLASS",
            "labels[1].class_name",
        ),
        (
            "compute_agreement",
            agreement_pb.ComputeAgreementRequest(labels=MAYBE, class_names=["yes", "no"]),
            "UNKNOWN_CLASS",
            "labels[1].class_name",
        ),
        (
            "score_benchmark",
            benchmark_pb.ScoreBenchmarkRequest(
                labels=THREE, gold=[labels_pb.GoldRow(item="x", class_name="maybe")], class_names=["yes", "no"]
            ),
            "UNKNOWN_CLASS",
            "gold[0].class_name",
        ),
        (
            "score_benchmark",
            benchmark_pb.ScoreBenchmarkRequest(labels=THREE, gold=[labels_pb.GoldRow(item="x", class_name="no")] * 2),
            "DUPLICATE_GOLD",
            "gold[1].item",
        ),
        (
            "compute_agreement",
            agreement_pb.ComputeAgreementRequest(labels=THREE, metric=Metric.METRIC_ORDINAL),
            "CLASS_ORDER_MISSING",
            "class_names",
        ),
        (
            "compute_agreement",
            agreement_pb.ComputeAgreementRequest(labels=THREE, metric=Metric.METRIC_INTERVAL),
            "CLASS_NOT_NUMERIC",
            "labels[0].class_name",
        ),
        (
            "compute_agreement",
            agreement_pb.ComputeAgreementRequest(
                labels=label_rows(("x", "anna", "1")), metric=Metric.METRIC_INTERVAL, class_names=["1", "two"]
            ),
            "CLASS_NOT_NUMERIC",
            "class_names[1]",
        ),
    ],
)
async def test_bad_input_is_refused_with_reason_and_field(
    mill: Mill, rpc: str, request_: object, reason: str, field: str
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await getattr(getattr(mill, rpc.rpartition("_")[2]), rpc)(request_)
    assert caught.value.reason == reason
    assert field in caught.value.fields
    assert "maybe" not in str(caught.value)


@pytest.mark.parametrize(
    "request_",
    [
        consensus_pb.ScoreConsensusRequest(),
        consensus_pb.ScoreConsensusRequest(labels=label_rows(("", "anna", "yes"))),
        consensus_pb.ScoreConsensusRequest(labels=label_rows(("x", "anna", "y" * 64))),
        consensus_pb.ScoreConsensusRequest(labels=THREE, class_names=["yes", "yes"]),
        consensus_pb.ScoreConsensusRequest(labels=THREE, method=99),  # type: ignore[arg-type]
    ],
    ids=["nothing", "item without a name", "class name too long", "class named twice", "no such method"],
)
async def test_requests_against_the_contract_are_refused(
    mill: Mill, request_: consensus_pb.ScoreConsensusRequest
) -> None:
    with pytest.raises(errors.InvalidArgument):
        await mill.consensus.score_consensus(request_)


async def test_tables_that_do_not_fit_are_refused_before_they_are_made(mill: Mill) -> None:
    labels = label_rows(*((f"i{n}", f"l{n}", "a") for n in range(2000)))
    request = consensus_pb.ScoreConsensusRequest(labels=labels, class_names=["a", *map(str, range(999))])
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.consensus.score_consensus(request)
    assert caught.value.reason == "TOO_MANY_CELLS"
    assert caught.value.metadata["labelers"] == "2000"


async def test_an_answer_that_does_not_fit_into_a_message_is_refused(mill: Mill) -> None:
    labels = label_rows(*((f"i{n}", "anna", "a") for n in range(5000)))
    request = consensus_pb.ScoreConsensusRequest(labels=labels, class_names=["a", *(f"class-{n}" for n in range(99))])
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.consensus.score_consensus(request)
    assert caught.value.reason == "ANSWER_TOO_LARGE"


@pytest.mark.parametrize("who", ["annotator", "officer"])
async def test_annotators_and_privacy_officers_may_not_score(mill: Mill, who: str) -> None:
    with pytest.raises(errors.PermissionDenied):
        await mill.as_(who).consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=THREE))


async def test_the_event_loop_stays_free_while_a_large_request_is_computed(mill: Mill) -> None:
    """Every call shares one loop: health and the other services must not wait for somebody's statistics."""
    await mill.consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=THREE))  # starts the worker
    labels = label_rows(*((f"i{n // 3}", f"l{n % 7}", str(n * n % 11 % 3)) for n in range(40_000)))
    busy = asyncio.create_task(
        mill.consensus.score_consensus(consensus_pb.ScoreConsensusRequest(labels=labels), timeout_s=60)
    )
    answered = 0
    while not busy.done():
        await mill.quality.list_quality_reports.page(projects_pb.ListQualityReportsRequest(parent="projects/p-one"))
        answered += not busy.done()
    assert len((await busy).labels) == 13_334
    assert answered > 5
