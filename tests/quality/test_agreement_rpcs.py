"""ComputeAgreement over a real socket: coefficients, weights, and agreement by class, pair and time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from labelmill import errors
from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2
from labelmill.type.v1.annotation_pb2 import ClassNames
from labelmill_runtime.settings import RuntimeSettings
from tests.quality import golden_agreement as golden
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Request = pb.ComputeAgreementRequest
NAMES = {
    "gwet": pb.AGREEMENT_COEFFICIENT_GWET_AC,
    "fleiss": pb.AGREEMENT_COEFFICIENT_FLEISS_KAPPA_GENERALIZED,
    "conger": pb.AGREEMENT_COEFFICIENT_CONGER_KAPPA,
    "bp": pb.AGREEMENT_COEFFICIENT_BRENNAN_PREDIGER,
}

COHEN_GWET = [pb.AGREEMENT_COEFFICIENT_COHEN_KAPPA, pb.AGREEMENT_COEFFICIENT_GWET_AC]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agreement")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(data_dir: Path) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=data_dir, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def labels_of(name: str, *, at_s: int | None = None) -> list[labels_pb2.LabelRow]:
    rows = []
    for item, line in enumerate(golden.TABLES[name].split("|")):
        for labeler, said in enumerate(line.split()):
            if said != ".":
                row = labels_pb2.LabelRow(item=f"i{item:02d}", labeler=f"l{labeler}", class_name=said)
                if at_s is not None:
                    row.answer_time.seconds = at_s + item * 60
                rows.append(row)
    return rows


async def test_coefficients_come_in_the_order_asked_for_with_method_and_interval(mill: Mill) -> None:
    request = Request(labels=labels_of("four"), coefficients=NAMES.values(), interval=Request.INTERVAL_ANALYTIC)
    answer = await mill.agreement.compute_agreement(request)
    expected = {name: row for row in golden.IRRCAC if row[0] == "four" and row[2] == "identity" for name in [row[1]]}
    for name, estimate in zip(NAMES, answer.coefficients, strict=True):
        assert (estimate.value, estimate.lower) == pytest.approx((expected[name][3], expected[name][5]), abs=1e-9)
        assert (estimate.interval_method, estimate.sample_count) == ("linearized_items", 12)
    assert [estimate.method for estimate in answer.coefficients] == [
        "gwet_ac1",
        "fleiss_kappa_generalized",
        "conger_kappa",
        "brennan_prediger",
    ]
    assert answer.alpha.value == pytest.approx(expected["krippendorff"][3], abs=1e-9)


@pytest.mark.parametrize(
    ("weights", "name"), [(pb.AGREEMENT_WEIGHTS_LINEAR, "linear"), (pb.AGREEMENT_WEIGHTS_QUADRATIC, "quadratic")]
)
async def test_weights_go_by_the_rank_of_the_classes(
    mill: Mill, weights: pb.AgreementWeights.ValueType, name: str
) -> None:
    request = Request(
        labels=labels_of("two"), coefficients=COHEN_GWET, weights=weights, class_names="123", bootstrap_count=100
    )
    cohen, gwet = (await mill.agreement.compute_agreement(request)).coefficients
    kappa = next(row[1] for row in golden.STATSMODELS_COHEN if row[0] == name)
    assert (cohen.value, cohen.method) == (pytest.approx(kappa, abs=1e-9), f"cohen_kappa_{name}")
    value = next(row[3] for row in golden.IRRCAC if row[:3] == ("two", "gwet", name))
    assert (gwet.value, gwet.method) == (pytest.approx(value, abs=1e-9), f"gwet_ac2_{name}")
    assert gwet.interval_method == "bootstrap_items_100"


async def test_a_matrix_of_your_own_is_taken(mill: Mill) -> None:
    matrix = [1, 0.5, 0, 0.5, 1, 0.5, 0, 0.5, 1]
    request = Request(
        labels=labels_of("two"),
        class_names="123",
        coefficients=[pb.AGREEMENT_COEFFICIENT_COHEN_KAPPA],
        weights=pb.AGREEMENT_WEIGHTS_CUSTOM,
        weight_matrix=matrix,
        metric=Request.METRIC_CUSTOM,
        distance_matrix=[1 - weight for weight in matrix],
    )
    answer = await mill.agreement.compute_agreement(request)
    assert answer.coefficients[0].value == pytest.approx(golden.STATSMODELS_COHEN[1][1], abs=1e-9)
    alpha = next(row[3] for row in golden.IRRCAC if row[:3] == ("two", "krippendorff", "linear"))
    assert answer.alpha.value == pytest.approx(alpha, abs=1e-9)


@pytest.mark.parametrize(("form", "row"), list(enumerate(golden.PINGOUIN[:6])))
async def test_ratings_have_intraclass_correlations(mill: Mill, form: int, row: tuple[str, str, float]) -> None:
    coefficient = pb.AgreementCoefficient.Value(f"AGREEMENT_COEFFICIENT_{row[1].upper()}")
    request = Request(labels=labels_of("shrout"), coefficients=[coefficient])
    estimate = (await mill.agreement.compute_agreement(request)).coefficients[0]
    assert (estimate.value, estimate.method, estimate.sample_count) == (pytest.approx(row[2], abs=1e-9), row[1], 6)


async def test_answers_may_be_numbers(mill: Mill) -> None:
    rows = labels_of("shrout")
    as_numbers = [labels_pb2.LabelRow(item=row.item, labeler=row.labeler, number=float(row.class_name)) for row in rows]
    request = Request(
        labels=as_numbers, metric=Request.METRIC_INTERVAL, coefficients=[pb.AGREEMENT_COEFFICIENT_ICC_2_1]
    )
    answer = await mill.agreement.compute_agreement(request)
    assert answer.coefficients[0].value == pytest.approx(golden.PINGOUIN[1][2], abs=1e-9)
    named = await mill.agreement.compute_agreement(Request(labels=rows, metric=Request.METRIC_INTERVAL))
    assert answer.alpha.value == pytest.approx(named.alpha.value, abs=1e-12)
    ordered = [str(number) for number in range(1, 11)]
    by_rank = await mill.agreement.compute_agreement(Request(labels=as_numbers, metric=Request.METRIC_ORDINAL))
    ranked = Request(labels=rows, metric=Request.METRIC_ORDINAL, class_names=ordered)
    expected = (await mill.agreement.compute_agreement(ranked)).alpha.value
    assert by_rank.alpha.value == pytest.approx(expected, abs=1e-12)


def chosen(*rows: tuple[str, str, str]) -> list[labels_pb2.LabelRow]:
    """Rows of (item, labeler, the classes chosen, a letter each)."""
    return [
        labels_pb2.LabelRow(item=item, labeler=labeler, class_names=ClassNames(class_names=list(letters)))
        for item, labeler, letters in rows
    ]


SETS = chosen(
    ("u", "a", "pq"), ("u", "b", "pq"), ("v", "a", "p"), ("v", "b", "pr"), ("w", "a", ""), ("w", "b", ""),
    ("x", "a", "r"), ("x", "b", "q"), ("y", "a", "qr"), ("y", "b", "rq"),
)  # fmt: skip


async def test_sets_of_classes_agree_by_what_they_share(mill: Mill) -> None:
    share = [pb.AGREEMENT_COEFFICIENT_PERCENT_AGREEMENT]
    request = Request(
        labels=SETS, coefficients=share, weights=pb.AGREEMENT_WEIGHTS_METRIC, class_names="pqrs", per_class=True
    )
    answer = await mill.agreement.compute_agreement(request)
    assert answer.alpha.method == "krippendorff_alpha_jaccard"
    assert (answer.coefficients[0].value, answer.coefficients[0].method) == (
        pytest.approx((1 + 1 / 2 + 1 + 0 + 1) / 5),
        "percent_agreement_jaccard",
    )
    values = {row.class_name: (row.label_count, row.coefficients[0].value) for row in answer.classes}
    assert values == {"p": (4, 1.0), "q": (5, 0.8), "r": (4, 0.6), "s": (0, 1.0)}
    masi = await mill.agreement.compute_agreement(Request(labels=SETS, metric=Request.METRIC_MASI))
    equal = await mill.agreement.compute_agreement(Request(labels=SETS, metric=Request.METRIC_NOMINAL))
    assert equal.alpha.value < answer.alpha.value
    assert masi.alpha.value == pytest.approx(by_pairs(masi_distance), abs=1e-9)
    assert answer.alpha.value == pytest.approx(by_pairs(jaccard_distance), abs=1e-9)


def jaccard_distance(one: set[str], other: set[str]) -> float:
    return 1 - len(one & other) / len(one | other) if one | other else 0.0


def masi_distance(one: set[str], other: set[str]) -> float:
    if one == other:
        return 0.0
    factor = 2 / 3 if one <= other or other <= one else 1 / 3
    return 1 - factor * len(one & other) / len(one | other)


def by_pairs(distance: Callable[[set[str], set[str]], float]) -> float:
    """Alpha of SETS from its definition: the distances within items over those of all answers."""
    said = [set(row.class_names.class_names) for row in SETS]
    observed = sum(2 * distance(said[n], said[n + 1]) for n in range(0, 10, 2)) / 10
    expected = sum(distance(one, other) for one in said for other in said) / (10 * 9)
    return 1 - observed / expected


async def test_texts_agree_by_their_edits(mill: Mill) -> None:
    said = ["colour", "color", "grey", "gray", "blue", "blue"]
    rows = [labels_pb2.LabelRow(item=f"i{n // 2}", labeler="ab"[n % 2], text=text) for n, text in enumerate(said)]
    share = [pb.AGREEMENT_COEFFICIENT_PERCENT_AGREEMENT]
    request = Request(labels=rows, coefficients=share, weights=pb.AGREEMENT_WEIGHTS_METRIC)
    answer = await mill.agreement.compute_agreement(request)
    assert answer.alpha.method == "krippendorff_alpha_edit"
    assert answer.coefficients[0].value == pytest.approx((5 / 6 + 3 / 4 + 1) / 3)
    assert answer.alpha.value > 0.7


async def test_the_first_of_several_answers_counts_where_asked_for(mill: Mill) -> None:
    label = labels_pb2.LabelRow
    rows = [
        label(item="x", labeler="a", class_name="p"),
        label(item="x", labeler="b", class_name="p"),
        label(item="x", labeler="b", class_name="q"),
    ]
    share = [pb.AGREEMENT_COEFFICIENT_PERCENT_AGREEMENT]
    values = [
        (await mill.agreement.compute_agreement(Request(labels=rows, coefficients=share, repeat_policy=policy)))
        .coefficients[0]
        .value
        for policy in (labels_pb2.REPEAT_POLICY_UNSPECIFIED, labels_pb2.REPEAT_POLICY_FIRST)
    ]
    assert values == [0.0, 1.0]


async def test_agreement_is_broken_down_by_class_and_pair(mill: Mill) -> None:
    coefficients = [pb.AGREEMENT_COEFFICIENT_KRIPPENDORFF_ALPHA, pb.AGREEMENT_COEFFICIENT_COHEN_KAPPA]
    request = Request(
        labels=labels_of("four"),
        class_names="123456",
        coefficients=coefficients,
        per_class=True,
        per_pair=True,
        min_pair_item_count=9,
        bootstrap_count=100,
    )
    answer = await mill.agreement.compute_agreement(request)
    assert [row.class_name for row in answer.classes] == list("123456")
    assert [row.label_count for row in answer.classes] == [9, 13, 11, 5, 3, 0]
    assert answer.classes[0].coefficients[0].value > 0.5
    assert answer.classes[5].coefficients[0].undefined_reason
    pairs = {(row.first_labeler, row.second_labeler): row for row in answer.pairs}
    assert ("l0", "l1") in pairs
    assert len(pairs) + answer.small_pair_count == 6
    first = pairs["l0", "l1"]
    assert (first.agreement.value, first.agreement.sample_count) == (pytest.approx(8 / 9), 9)
    assert [estimate.method for estimate in first.coefficients] == ["cohen_kappa"]  # alpha is about groups


async def test_agreement_is_broken_down_by_time(mill: Mill) -> None:
    start_s = 1_800_000_000
    request = Request(labels=labels_of("complete", at_s=start_s), window_ms=300_000, bootstrap_count=100)
    windows = (await mill.agreement.compute_agreement(request)).windows
    assert sum(window.label_count for window in windows) == 36
    assert windows[0].start_time.seconds == start_s
    assert windows[0].end_time.seconds == windows[1].start_time.seconds == start_s + 300
    assert windows[0].coefficients[0].method == "krippendorff_alpha_nominal"


NUMBER = labels_pb2.LabelRow(item="x", labeler="l0", number=-1.5)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"weights": pb.AGREEMENT_WEIGHTS_LINEAR}, "CLASS_ORDER_MISSING", "class_names"),
        ({"metric": Request.METRIC_CUSTOM}, "CLASS_ORDER_MISSING", "class_names"),
        (
            {"class_names": "123", "weights": pb.AGREEMENT_WEIGHTS_CUSTOM, "weight_matrix": [1, 2]},
            "BAD_WEIGHTS",
            "weight_matrix",
        ),
        ({"class_names": "123", "metric": Request.METRIC_CUSTOM}, "BAD_WEIGHTS", "distance_matrix"),
        ({"class_names": ["1", "2", "3", "-1"], "metric": Request.METRIC_RATIO}, "CLASS_NEGATIVE", "class_names[3]"),
        (
            {"class_names": ["1", "2", "3", "x"], "coefficients": [pb.AGREEMENT_COEFFICIENT_ICC_1_1]},
            "CLASS_NOT_NUMERIC",
            "class_names[3]",
        ),
        ({"repeat_policy": labels_pb2.REPEAT_POLICY_ALL}, "REPEATS_NOT_WEIGHED", "repeat_policy"),
        ({"labels": [NUMBER, *labels_of("two")]}, "WRONG_ANSWER_KIND", "labels[1].class_name"),
        ({"labels": SETS, "class_names": "pq"}, "UNKNOWN_CLASS", "labels[3].class_names"),
        ({"labels": SETS, "metric": Request.METRIC_ORDINAL}, "METRIC_NOT_APPLICABLE", "metric"),
        ({"labels": SETS, "weights": pb.AGREEMENT_WEIGHTS_LINEAR}, "METRIC_NOT_APPLICABLE", "weights"),
        ({"metric": Request.METRIC_EDIT}, "METRIC_NOT_APPLICABLE", "metric"),
        ({"weights": pb.AGREEMENT_WEIGHTS_METRIC}, "METRIC_NOT_APPLICABLE", "weights"),
        ({"labels": [*labels_of("two"), NUMBER]}, "WRONG_ANSWER_KIND", "labels[30].number"),
        ({"labels": [NUMBER], "class_names": "123"}, "WRONG_ANSWER_KIND", "labels[0].number"),
        ({"labels": [NUMBER], "metric": Request.METRIC_RATIO}, "CLASS_NEGATIVE", "labels[0].number"),
        ({"window_ms": 1000}, "ANSWER_TIME_MISSING", "labels[0].answer_time"),
        ({"window_ms": 1000, "labels": None}, "TOO_MANY_WINDOWS", "window_ms"),
        (
            {"class_names": [str(n) for n in range(10_000)], "coefficients": [pb.AGREEMENT_COEFFICIENT_GWET_AC]},
            "TOO_MANY_CELLS",
            "class_names",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bad_questions_are_refused_with_reason_and_field(
    mill: Mill, changes: dict[str, object], reason: str, field: str
) -> None:
    if changes.get("labels", ()) is None:
        changes["labels"] = [
            labels_pb2.LabelRow(item=f"i{n}", labeler="a", class_name="1", answer_time=Timestamp(seconds=10 * n))
            for n in range(2001)
        ]
    request = Request(**{"labels": labels_of("two"), **changes})  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.agreement.compute_agreement(request)
    assert caught.value.reason == reason
    assert field in caught.value.fields


async def test_pairs_that_do_not_fit_are_refused_before_they_are_made(mill: Mill) -> None:
    labels = [labels_pb2.LabelRow(item="x", labeler=f"l{n}", class_name="1") for n in range(20_000)]
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.agreement.compute_agreement(Request(labels=labels, per_pair=True))
    assert caught.value.reason == "TOO_MANY_CELLS"


async def test_texts_that_are_too_long_to_be_compared_are_refused(mill: Mill) -> None:
    rows = [labels_pb2.LabelRow(item="x", labeler=f"l{n}", text=f"{n}" + "x" * 90_000) for n in range(8)]
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.agreement.compute_agreement(Request(labels=rows))
    assert caught.value.reason == "TOO_MANY_CELLS"


@pytest.mark.parametrize(
    "request_",
    [
        Request(labels=labels_of("two"), coefficients=[pb.AGREEMENT_COEFFICIENT_GWET_AC] * 2),
        Request(labels=labels_of("two"), coefficients=[pb.AGREEMENT_COEFFICIENT_UNSPECIFIED]),
        Request(labels=labels_of("two"), weights=77),  # type: ignore[arg-type]
        Request(labels=labels_of("two"), window_ms=-1),
    ],
    ids=["asked twice", "unspecified", "no such weights", "negative window"],
)
async def test_requests_against_the_contract_are_refused(mill: Mill, request_: Request) -> None:
    with pytest.raises(errors.InvalidArgument):
        await mill.agreement.compute_agreement(request_)
