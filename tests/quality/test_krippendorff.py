"""Krippendorff's alpha against published values, its definition, and its symmetries."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality.agreement.distances import numeric_values
from labelmill_quality.agreement.krippendorff import MATRICES, NO_PAIRS, ONE_VALUE, Metric, krippendorff_alpha
from labelmill_quality.classes import class_alphas
from labelmill_quality.errors import ClassNotNumeric
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import LabelTable, make_table
from tests.quality import reliability
from tests.quality.strategies import Row, rows, table_of


def alpha(table: LabelTable, metric: Metric = Metric.NOMINAL, **options: int) -> Estimate:
    values = np.arange(1.0, len(table.classes) + 1) if metric in (Metric.INTERVAL, Metric.RATIO) else None
    return krippendorff_alpha(table.sparse_votes, metric, values=values, **options)


@pytest.mark.parametrize(
    ("text", "metric", "published"),
    [
        (reliability.FOUR_CODERS, Metric.NOMINAL, 0.743),
        (reliability.FOUR_CODERS, Metric.ORDINAL, 0.815),
        (reliability.FOUR_CODERS, Metric.INTERVAL, 0.849),
        (reliability.THREE_CODERS, Metric.NOMINAL, 0.691),
        (reliability.THREE_CODERS, Metric.ORDINAL, 0.807),
        (reliability.THREE_CODERS, Metric.INTERVAL, 0.811),
    ],
)
def test_alpha_equals_krippendorffs_own_examples(text: str, metric: Metric, published: float) -> None:
    estimate = alpha(reliability.table_of(text), metric)
    assert estimate.value == pytest.approx(published, abs=5e-4)
    assert estimate.method == f"krippendorff_alpha_{metric.value}"
    assert estimate.interval_method == "bootstrap_items_1000"


def by_definition(table: LabelTable, metric: Metric) -> float:
    """From the coincidence matrix and the distances as the book writes them, with loops."""
    votes = table.votes[table.labels_per_item >= 2]
    size = votes.shape[1]
    coincidences = np.zeros((size, size))
    for n in votes:
        for c, k in itertools.product(range(size), repeat=2):
            coincidences[c, k] += n[c] * (n[k] - (c == k)) / (n.sum() - 1)
    marginals = coincidences.sum(axis=1)

    def distance(c: int, k: int) -> float:
        low, high = sorted((c, k))
        match metric:
            case Metric.NOMINAL:
                return float(c != k)
            case Metric.INTERVAL:
                return float(c - k) ** 2
            case Metric.RATIO:
                return (float(c - k) / (c + k + 2)) ** 2
            case Metric.ORDINAL:
                return float(marginals[low : high + 1].sum() - (marginals[c] + marginals[k]) / 2) ** 2
            case _:
                raise AssertionError(metric)

    pairs = list(itertools.product(range(size), repeat=2))
    observed = sum(coincidences[c, k] * distance(c, k) for c, k in pairs)
    expected = sum(marginals[c] * marginals[k] * distance(c, k) for c, k in pairs)
    return float(1 - (marginals.sum() - 1) * observed / expected)


@given(rows(min_size=10))
def test_alpha_equals_its_definition(given_rows: list[Row]) -> None:
    table = table_of(given_rows)
    for metric in set(Metric) - MATRICES:
        estimate = alpha(table, metric, replicates=10)
        if estimate.value is not None:
            assert estimate.value == pytest.approx(by_definition(table, metric), abs=1e-9)


@settings(max_examples=50)
@given(rows(min_size=10), st.randoms(use_true_random=False))
def test_alpha_does_not_depend_on_the_order_of_rows_or_the_names_of_items(
    given_rows: list[Row], shuffler: random.Random
) -> None:
    names = [f"i{i}" for i in range(10)]
    shuffled_names = names.copy()
    shuffler.shuffle(shuffled_names)
    renamed = dict(zip(names, shuffled_names, strict=True))
    shuffled = [(renamed[item], labeler, said) for item, labeler, said in given_rows]
    shuffler.shuffle(shuffled)
    one, other = (alpha(table_of(each), replicates=10) for each in (given_rows, shuffled))
    assert one.undefined_reason == other.undefined_reason
    assert one.value == (None if other.value is None else pytest.approx(other.value, abs=1e-12))


@given(rows(min_size=10))
def test_the_interval_holds_the_value_and_nothing_exceeds_one(given_rows: list[Row]) -> None:
    estimate = alpha(table_of(given_rows), replicates=100)
    if estimate.value is not None:
        assert estimate.value <= 1
    if estimate.lower is not None and estimate.upper is not None and estimate.value is not None:
        assert estimate.lower <= estimate.value <= estimate.upper <= 1


def test_perfect_agreement_is_one() -> None:
    table = make_table(["x", "x", "y", "y"], ["a", "b"] * 2, ["yes", "yes", "no", "no"])
    assert alpha(table).value == 1.0


def test_random_answers_agree_by_chance_only() -> None:
    generator = np.random.default_rng(2)
    said = [str(value) for value in generator.integers(0, 5, 9000)]
    table = make_table([f"i{n // 3}" for n in range(9000)], [f"l{n % 3}" for n in range(9000)], said)
    estimate = alpha(table)
    assert estimate.value == pytest.approx(0, abs=0.02)
    assert estimate.lower is not None
    assert estimate.upper is not None
    assert estimate.lower < 0 < estimate.upper


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Two labelers, right with probability 0.8 on two equally frequent classes: alpha is 2 * 0.68 - 1 = 0.36."""
    generator, covered = np.random.default_rng(9), 0
    for trial in range(100):
        truth = generator.integers(0, 2, 200)
        said = np.where(generator.random((200, 2)) < 0.8, truth[:, None], 1 - truth[:, None]).ravel()
        table = make_table([f"i{n // 2}" for n in range(400)], ["a", "b"] * 200, [str(value) for value in said])
        estimate = alpha(table, replicates=400, seed=trial)
        assert estimate.lower is not None
        assert estimate.upper is not None
        covered += estimate.lower <= 0.36 <= estimate.upper
    assert 88 <= covered <= 100


def test_alpha_is_undefined_when_only_one_class_occurs() -> None:
    estimate = alpha(make_table(["x", "x", "y", "y"], ["a", "b"] * 2, ["yes"] * 4))
    assert (estimate.value, estimate.lower, estimate.undefined_reason) == (None, None, ONE_VALUE)
    assert estimate.n == 2


def test_alpha_is_undefined_when_no_item_has_two_labels() -> None:
    estimate = alpha(make_table(["x", "y"], ["a", "b"], ["yes", "no"]))
    assert (estimate.value, estimate.n, estimate.undefined_reason) == (None, 0, NO_PAIRS)


def test_items_with_one_label_change_nothing() -> None:
    table = make_table(["x", "x", "y", "y"], ["a", "b"] * 2, ["yes", "no", "no", "no"])
    more = make_table(["x", "x", "y", "y", "z"], ["a", "b", "a", "b", "a"], ["yes", "no", "no", "no", "yes"])
    assert alpha(table) == alpha(more)


def test_one_item_gives_a_value_but_no_interval() -> None:
    estimate = alpha(make_table(["x", "x"], ["a", "b"], ["yes", "no"]))
    assert estimate.value == 0.0
    assert (estimate.lower, estimate.upper) == (None, None)


def test_interval_alpha_does_not_depend_on_the_unit() -> None:
    votes = reliability.table_of(reliability.FOUR_CODERS).sparse_votes
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    plain, scaled, huge = (
        krippendorff_alpha(votes, Metric.INTERVAL, values=each)
        for each in (values, 1e-3 * values + 7, 4e307 * (values - 3))
    )
    assert scaled.value == pytest.approx(plain.value, abs=1e-9)
    assert huge.value == pytest.approx(plain.value, abs=1e-9)


def test_interval_alpha_of_one_number_written_in_two_ways_is_undefined() -> None:
    table = make_table(["x", "x"], ["a", "b"], ["1", "1.0"])
    estimate = krippendorff_alpha(table.sparse_votes, Metric.INTERVAL, values=np.array([1.0, 1.0]))
    assert estimate.undefined_reason == ONE_VALUE


@pytest.mark.parametrize("name", ["one", "nan", "inf", "1e999", "1_000", " 1", "", "٣", "0x10"])
def test_names_that_are_no_finite_decimal_numbers_are_refused(name: str) -> None:
    with pytest.raises(ClassNotNumeric) as caught:
        numeric_values(["1", name], "class_names[{index}]")
    assert list(caught.value.fields) == ["class_names[1]"]


def test_numbers_are_read() -> None:
    assert numeric_values(["-1.5", "+2", ".5", "3.", "1e3"], "").tolist() == [-1.5, 2, 0.5, 3, 1000]


def test_the_alpha_of_a_class_is_that_of_the_class_against_the_rest() -> None:
    table = reliability.table_of(reliability.FOUR_CODERS)
    merged = make_table(
        [table.items[i] for i in table.item_codes],
        [table.labelers[i] for i in table.labeler_codes],
        ["this" if table.classes[i] == "3" else "other" for i in table.class_codes],
    )
    assert class_alphas(table)[2].value == pytest.approx(alpha(merged).value, abs=1e-12)
    assert len(class_alphas(table)) == 5


def test_the_alpha_of_a_class_that_nobody_used_is_undefined() -> None:
    table = make_table(["x", "x"], ["a", "b"], ["yes", "no"], class_names=["yes", "no", "never"])
    assert class_alphas(table)[2].undefined_reason == ONE_VALUE


def test_a_hundred_thousand_answers_take_no_loop_over_replicates() -> None:
    generator = np.random.default_rng(1)
    said = [str(value) for value in generator.integers(0, 10, 100_000)]
    table = make_table([f"i{n // 5}" for n in range(100_000)], [f"l{n % 5}" for n in range(100_000)], said)
    draws = alpha(table, replicates=10_000)
    assert draws.interval_method == "bootstrap_items_10000"
