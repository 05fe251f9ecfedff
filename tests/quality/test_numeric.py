"""Numbers of several labelers as one, with its interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from labelmill_quality.errors import DuplicateGold, NotANumber
from labelmill_quality.numeric import METHODS, aggregate_numbers
from labelmill_quality.numeric.table import NumberTable, gold_numbers, make_number_table
from labelmill_quality.repeats import Repeats
from tests.quality import crowd

Row = tuple[str, str, float]


def table_of(rows: list[Row], repeats: Repeats = Repeats.LAST) -> NumberTable:
    items, labelers, values = zip(*rows, strict=True)
    return make_number_table(items, labelers, values, repeats=repeats)


def one_item(*values: float) -> NumberTable:
    return table_of([("x", f"l{n:02d}", value) for n, value in enumerate(values)])


def simulated(
    seed: int = 0, items: int = 600, labelers: int = 30, each: int = 5, middling: int = 0
) -> tuple[NumberTable, np.ndarray]:
    """Labelers of unequal bias, gain and noise; the first `middling` answer 50 whatever they see."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(50, 20, items)
    chosen = np.array([generator.choice(labelers, each, replace=False) for _ in range(items)])
    bias, gain = generator.normal(0, 5, labelers), generator.normal(1, 0.2, labelers)
    gain *= 1 / gain.mean()
    noise = generator.uniform(2, 12, labelers)
    bias[:middling], gain[:middling], noise[:middling] = 0, 0, 1
    said = (
        50 + bias[chosen] + gain[chosen] * (truth[:, None] - 50) + noise[chosen] * generator.normal(size=chosen.shape)
    )
    rows = [(f"i{i:04d}", f"l{chosen[i, k]:02d}", float(said[i, k])) for i in range(items) for k in range(each)]
    return table_of(rows), truth


def test_a_mean_and_its_interval_are_the_textbook_ones() -> None:
    values = [3.0, 4.0, 8.0, 9.0]
    found = aggregate_numbers(one_item(*values), "mean")
    interval = stats.t.interval(0.95, 3, loc=6.0, scale=stats.sem(values))
    assert (found.values[0], found.lower[0], found.upper[0]) == pytest.approx((6.0, *interval))


def test_the_interval_of_a_median_runs_between_order_statistics() -> None:
    """Of ten answers the second and the ninth: they hold the median with 97.85 % (Conover, table A3)."""
    found = aggregate_numbers(one_item(*range(1, 11)), "median")
    assert (found.values[0], found.lower[0], found.upper[0]) == (5.5, 2.0, 9.0)


def test_five_answers_bound_no_median() -> None:
    found = aggregate_numbers(one_item(1, 2, 3, 4, 5), "median")
    assert found.values[0] == 3.0
    assert np.isnan(found.lower[0])
    assert found.no_interval_reason


def test_a_trimmed_mean_is_scipys() -> None:
    values = [1.0, 2.0, 4.0, 7.0, 8.0, 9.0, 11.0, 12.0, 40.0, 1000.0]
    found = aggregate_numbers(one_item(*values), "trimmed_mean")
    assert found.values[0] == pytest.approx(stats.trim_mean(values, 0.2))
    error = stats.mstats.trimmed_stde(np.ma.array(values), limits=(0.2, 0.2), inclusive=(True, True))
    assert found.upper[0] - found.values[0] == pytest.approx(error * stats.t.ppf(0.975, 5))


def test_hubers_estimate_solves_its_equation() -> None:
    values = np.array([9.0, 10.0, 10.5, 11.0, 12.0, 500.0])
    found = aggregate_numbers(one_item(*values), "huber")
    scale = 1.4826 * np.median(np.abs(values - np.median(values)))
    pull = np.clip((values - found.values[0]) / scale, -1.345, 1.345)
    assert pull.sum() == pytest.approx(0, abs=1e-4)
    assert 9 < found.lower[0] < found.values[0] < found.upper[0] < 14


def test_one_far_off_answer_moves_a_robust_method_little() -> None:
    for method in ("median", "trimmed_mean", "huber"):
        near, far = (aggregate_numbers(one_item(1, 2, 3, 4, last), method).values[0] for last in (9, 1e9))
        assert near == pytest.approx(far, abs=1e-5)


def test_an_imprecise_labeler_counts_less() -> None:
    rows = [(f"i{n}", name, float(n + shift)) for n in range(40) for name, shift in (("a", 0.1), ("b", -0.1))]
    rows += [(f"i{n}", "wild", float(n + 30 * (-1) ** n)) for n in range(40)]
    table, truth = table_of(rows), np.arange(40)
    order = [int(name[1:]) for name in table.items]
    for method in ("weighted_mean", "labeler_model"):
        errors = np.abs(aggregate_numbers(table, method).values - truth[order])
        assert errors.mean() < 0.4 * np.abs(aggregate_numbers(table, "mean").values - truth[order]).mean()


@pytest.mark.parametrize("each", [3, 10])
def test_the_labeler_model_is_nearer_to_the_truth_than_mean_and_median(each: int) -> None:
    table, truth = simulated(each=each)
    error = {method: np.abs(aggregate_numbers(table, method).values - truth).mean() for method in METHODS}
    assert error["labeler_model"] < 0.75 * min(error["mean"], error["median"], error["trimmed_mean"])


@pytest.mark.parametrize("each", [2, 3, 5, 10])
def test_intervals_hold_the_truth_as_often_as_they_claim(each: int) -> None:
    held = []
    for seed in range(4):
        table, truth = simulated(seed, each=each)
        found = aggregate_numbers(table)
        held.append(np.mean((found.lower <= truth) & (truth <= found.upper)))
    assert 0.92 < np.mean(held) < 0.985


def test_bias_gain_and_noise_of_labelers_are_found() -> None:
    rows = []
    generator = np.random.default_rng(1)
    for n, truth in enumerate(generator.normal(0, 10, 400)):
        rows += [
            (f"i{n:03d}", "high", truth + 4 + generator.normal()),
            (f"i{n:03d}", "low", truth - 4 + generator.normal()),
        ]
        rows += [(f"i{n:03d}", "noisy", truth + 6 * generator.normal())]
    model = aggregate_numbers(table_of(rows)).labelers
    assert model is not None
    high, low, noisy = range(3)
    assert model.bias[high] == pytest.approx(4, abs=0.5)
    assert model.bias[low] == pytest.approx(-4, abs=0.5)
    assert model.gain == pytest.approx([1, 1, 1], abs=0.1)
    assert model.deviation[noisy] == pytest.approx(6, rel=0.15)


def test_a_labeler_who_always_answers_the_middle_is_not_taken_for_precise() -> None:
    table, truth = simulated(middling=6)
    found = aggregate_numbers(table)
    assert found.labelers is not None
    assert found.labelers.gain[:6].max() < 0.2 < found.labelers.gain[6:].min()
    assert np.abs(found.values - truth).mean() < 0.5 * np.abs(aggregate_numbers(table, "mean").values - truth).mean()


def test_gold_corrects_what_all_labelers_get_wrong_alike() -> None:
    table, truth = simulated()
    truth = 1.3 * truth + 15  # everybody stays too low
    gold = np.where(np.arange(len(truth)) % 15 == 0, truth, np.nan)
    rest = np.isnan(gold)
    alone, anchored = aggregate_numbers(table), aggregate_numbers(table, gold=gold)
    assert np.abs(anchored.values - truth)[rest].mean() < 0.5 * np.abs(alone.values - truth)[rest].mean()
    assert anchored.values[~rest] == pytest.approx(truth[~rest])
    assert anchored.gold_count == 40
    assert anchored.interval_method == "conformal_on_gold"
    assert 0.9 < np.mean((anchored.lower <= truth) & (truth <= anchored.upper)) < 0.995


def test_one_answer_an_item_has_no_interval() -> None:
    table = table_of([("x", "a", 1.0), ("y", "b", 5.0), ("z", "a", 2.0)])
    for method in METHODS:
        found = aggregate_numbers(table, method)
        assert found.values == pytest.approx([1, 5, 2], abs=0.5)
        assert np.isnan(found.lower).all()
        assert found.no_interval_reason


def test_all_equal_answers_are_their_value() -> None:
    table = table_of([(item, labeler, 7.0) for item in "xy" for labeler in "abc"])
    for method in METHODS:
        assert aggregate_numbers(table, method).values == pytest.approx([7, 7])


@pytest.mark.parametrize(
    ("policy", "value"), [(Repeats.LAST, 3.0), (Repeats.FIRST, 1.0), (Repeats.ALL, 2.0), (Repeats.MAJORITY, 3.0)]
)
def test_what_counts_of_repeated_answers_is_a_policy(policy: Repeats, value: float) -> None:
    table = table_of([("x", "a", 1.0), ("y", "a", 5.0), ("x", "a", 3.0)], policy)
    assert table.values.tolist() == [value, 5.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -2e15])
def test_what_is_no_number_is_refused_with_its_row(value: float) -> None:
    with pytest.raises(NotANumber) as refused:
        table_of([("x", "a", 1.0), ("x", "b", value)])
    assert refused.value.metadata["field"] == "labels[1].number"
    with pytest.raises(NotANumber) as refused:
        gold_numbers(["x"], ["x"], [value])
    assert refused.value.metadata["field"] == "gold[0].number"


def test_two_gold_values_of_one_item_are_refused() -> None:
    with pytest.raises(DuplicateGold):
        gold_numbers(["x"], ["x", "x"], [1.0, 1.0])


def crowd_error(name: str, method: str) -> float:
    """Mean absolute error against the truth of a public set."""
    said, truth = (crowd._rows(crowd.FOLDER / name / file) for file in ("answers.csv", "truth.csv"))
    found = aggregate_numbers(table_of([(item, labeler, float(number)) for item, labeler, number in said]), method)
    gold = {item: float(number) for item, number in truth}
    items = table_of([(item, labeler, float(number)) for item, labeler, number in said]).items
    return float(np.mean([abs(value - gold[item]) for item, value in zip(items, found.values, strict=True)]))


@crowd.needs_crowd
@pytest.mark.parametrize(("method", "published"), [("mean", 12.02), ("median", 13.53)])
def test_errors_on_real_numbers_are_the_published_ones(method: str, published: float) -> None:
    """N_Emotion in Y. Zheng et al., Truth Inference in Crowdsourcing: Is the Problem Solved?, VLDB 2017, table 6."""
    assert crowd_error("N_Emotion", method) == pytest.approx(published, abs=0.005)


@crowd.needs_crowd
@pytest.mark.parametrize("name", ["N_Emotion", "Snow_valence"])
def test_on_real_numbers_the_labeler_model_is_about_as_near_as_the_mean(name: str) -> None:
    assert crowd_error(name, "labeler_model") < 1.03 * crowd_error(name, "mean")


rows_of_numbers = st.lists(
    st.tuples(
        st.integers(0, 5).map(lambda n: f"i{n}"), st.integers(0, 4).map(lambda n: f"l{n}"), st.floats(-1e15, 1e15)
    ),
    min_size=1, max_size=30, unique_by=lambda row: row[:2],
)  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@given(rows=rows_of_numbers)
def test_every_value_is_finite_and_inside_its_interval(method: str, rows: list[Row]) -> None:
    found = aggregate_numbers(table_of(rows), method)
    assert np.isfinite(found.values).all()
    known = np.isfinite(found.lower)
    assert (known == np.isfinite(found.upper)).all()
    assert (found.lower[known] <= found.values[known]).all()
    assert (found.values[known] <= found.upper[known]).all()


@given(rows=rows_of_numbers, golds=st.lists(st.floats(-1e15, 1e15), min_size=6, max_size=6))
def test_whatever_the_gold_items_keep_it_and_others_stay_finite(rows: list[Row], golds: list[float]) -> None:
    table = table_of(rows)
    gold = np.where(np.arange(len(table.items)) % 2 == 0, golds[: len(table.items)], np.nan)
    found = aggregate_numbers(table, gold=gold)
    known = np.isfinite(gold)
    assert found.values[known] == pytest.approx(gold[known], rel=1e-6, abs=1)
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("method", METHODS)
@given(rows=rows_of_numbers, random=st.randoms())
def test_the_order_of_rows_changes_nothing(method: str, rows: list[Row], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(rows, len(rows))
    assert (
        aggregate_numbers(table_of(rows), method).values == aggregate_numbers(table_of(shuffled), method).values
    ).all()


@given(rows=rows_of_numbers, shift=st.integers(-1000, 1000))
def test_values_move_with_the_answers(rows: list[Row], shift: int) -> None:
    rows = [(item, labeler, value % 1000) for item, labeler, value in rows]
    moved = [(item, labeler, value + shift) for item, labeler, value in rows]
    for method in METHODS:
        before, after = (aggregate_numbers(table_of(given), method).values for given in (rows, moved))
        assert after == pytest.approx(before + shift, abs=0.05)
