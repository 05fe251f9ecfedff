"""The bounds against published and enumerated ones, and the drawing."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.risk.bounds import clopper_pearson_upper, hypergeometric_upper
from labelmill_anonymization.risk.drawing import Drawing
from labelmill_anonymization.risk.report import missed_values


def test_three_hundred_without_a_suspicion_bound_the_share_below_one_percent() -> None:
    assert clopper_pearson_upper(0, 300, 0.95) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert 0.0099 < clopper_pearson_upper(0, 300, 0.95) < 0.01


@pytest.mark.parametrize(
    ("suspected", "sample", "upper"),
    # One-sided 97.5 % is the upper end of the two-sided 95 % intervals in Newcombe (1998), table I, method 5.
    [(81, 263, 0.3676), (15, 148, 0.1617), (0, 20, 0.1684), (1, 29, 0.1776)],
)
def test_the_bound_for_the_future_is_clopper_and_pearsons(suspected: int, sample: int, upper: float) -> None:
    assert clopper_pearson_upper(suspected, sample, 0.975) == pytest.approx(upper, abs=5e-5)


def test_where_all_are_suspected_all_may_be_affected() -> None:
    assert clopper_pearson_upper(5, 5, 0.95) == 1.0
    assert hypergeometric_upper(5, 5, 100, 0.95) == 100


def test_a_sample_of_everything_leaves_no_doubt() -> None:
    assert hypergeometric_upper(3, 50, 50, 0.95) == 3


def test_a_small_population_is_bounded_more_tightly_than_an_endless_one() -> None:
    assert hypergeometric_upper(0, 300, 400, 0.95) / 400 <= 0.005
    endless = hypergeometric_upper(0, 300, 10_000_000, 0.95) / 10_000_000
    assert endless == pytest.approx(clopper_pearson_upper(0, 300, 0.95), abs=1e-5)


@given(st.integers(1, 8), st.data())
def test_the_bound_is_the_largest_number_that_enumeration_does_not_exclude(
    population: int, data: st.DataObject
) -> None:
    sample = data.draw(st.integers(1, population))
    suspected = data.draw(st.integers(0, sample))

    def probability(affected: int) -> float:
        draws = list(itertools.combinations(range(population), sample))
        return sum(sum(i < affected for i in draw) <= suspected for draw in draws) / len(draws)

    possible = range(suspected, population - (sample - suspected) + 1)
    expected = max(k for k in possible if k == suspected or probability(k) > 0.1 + 1e-9)
    assert hypergeometric_upper(suspected, sample, population, 0.9) == expected


def test_the_same_seed_draws_the_same_names_in_any_order_and_more_of_them_in_a_larger_sample() -> None:
    names = [f"asset-{i}" for i in range(1000)]

    def drawn(order: list[str], size: int, seed: int) -> list[str]:
        drawing = Drawing(size, seed)
        for name in order:
            drawing.offer(name)
        assert drawing.seen == 1000
        return drawing.drawn

    assert drawn(names, 20, 1) == drawn(names[::-1], 20, 1) == drawn(names, 100, 1)[:20]
    assert drawn(names, 20, 1) != drawn(names, 20, 2)


def test_every_name_is_drawn_about_as_often() -> None:
    times: Counter[str] = Counter()
    for seed in range(2000):
        drawing = Drawing(2, seed)
        for i in range(5):
            drawing.offer(f"asset-{i}")
        times.update(drawing.drawn)
    assert all(abs(times[f"asset-{i}"] - 800) < 110 for i in range(5))  # five standard deviations


def test_what_was_missed_follows_from_the_recall() -> None:
    estimate = missed_values(900, 100, 90, 0.95)
    assert estimate.value == pytest.approx(100)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < 100 < estimate.high
    assert missed_values(900, 10, 10, 0.95).low == 0
