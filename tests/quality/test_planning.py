"""How many more labels an item needs, which item is next, and where a budget is best spent."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality.errors import PlanTooLarge
from labelmill_quality.planning.budget import allocate
from labelmill_quality.planning.outcomes import MOST_OUTCOMES, batches
from labelmill_quality.planning.plan import Options, Verdict, make_plan

EIGHTY = np.array([[0.8, 0.2], [0.2, 0.8]])
NO_LABELS = np.zeros(1, np.int64)


def symmetric(classes: int, right: float) -> np.ndarray:
    return np.full((classes, classes), (1 - right) / (classes - 1)) + np.eye(classes) * (
        right - (1 - right) / (classes - 1)
    )


def by_enumeration(posterior: np.ndarray, confusion: np.ndarray, labels: int) -> float:
    """The expected largest posterior after some labels, over all sequences of answers."""
    classes = len(posterior)
    return sum(
        max(posterior[c] * np.prod([confusion[k, c] for k in said]) for c in range(classes))
        for said in product(range(classes), repeat=labels)
    )


def test_one_label_of_an_80_percent_labeler_makes_a_coin_flip_80_percent_sure() -> None:
    plan = make_plan(np.array([[0.5, 0.5]]), NO_LABELS, EIGHTY)
    assert plan.next_maxima[0] == pytest.approx(0.8)
    assert plan.gains[0] == pytest.approx(0.3)
    assert (plan.verdicts, plan.order.tolist()) == ((Verdict.MORE,), [0])


def test_a_label_that_cannot_change_the_outcome_is_seen_as_part_of_a_batch_that_can() -> None:
    """At 0.9, one label of an 80 % labeler changes nothing; three who all say the other class do."""
    plan = make_plan(np.array([[0.9, 0.1]]), NO_LABELS, EIGHTY)
    assert plan.next_maxima[0] == pytest.approx(0.9)
    assert plan.gains[0] > 0.01
    assert plan.batches[0] == 3


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("labels", [1, 2, 3])
def test_the_look_ahead_equals_enumeration(classes: int, labels: int) -> None:
    generator = np.random.default_rng(classes)
    confusion = generator.dirichlet(np.ones(classes), classes).T
    posterior = generator.dirichlet(np.ones(classes))
    outcomes = batches(confusion)[labels - 1]
    assert outcomes.likelihoods.sum(axis=0) == pytest.approx(np.ones(classes))
    expected = (posterior * outcomes.likelihoods).max(axis=1).sum()
    assert expected == pytest.approx(by_enumeration(posterior, confusion, labels))


@pytest.mark.parametrize("classes", [2, 10, 300])
def test_batches_stay_few_enough(classes: int) -> None:
    found = batches(symmetric(classes, 0.7))
    assert found[0].batch == 1
    assert all(len(each.likelihoods) <= MOST_OUTCOMES for each in found[1:])


def test_an_item_at_the_threshold_is_settled_and_one_with_gold_too() -> None:
    posterior = np.array([[0.992, 0.008], [0.6, 0.4], [0.6, 0.4]])
    plan = make_plan(posterior, np.full(3, 2), EIGHTY, np.array([False, True, False]))
    assert plan.verdicts == (Verdict.SETTLED, Verdict.SETTLED, Verdict.MORE)
    assert plan.needed[:2].tolist() == [0, 0]
    assert plan.settling[:2].tolist() == [1, 1]


def test_labels_that_cost_more_than_they_bring_are_not_bought() -> None:
    posterior = np.array([[0.5, 0.5], [0.95, 0.05]])
    plan = make_plan(posterior, np.zeros(2, np.int64), EIGHTY, options=Options(price=0.05))
    assert plan.verdicts == (Verdict.MORE, Verdict.NOT_WORTH_IT)
    assert plan.order.tolist() == [0]


def test_an_item_with_as_many_labels_as_allowed_is_full() -> None:
    plan = make_plan(np.array([[0.5, 0.5]]), np.array([3]), EIGHTY, options=Options(most_labels=3))
    assert plan.verdicts == (Verdict.FULL,)
    assert (plan.needed[0], plan.settling[0]) == (0, 0)


def test_the_labels_needed_are_those_of_the_sequential_test_of_wald() -> None:
    """From even odds, an 80 % labeler's votes must lead by 4 (odds 4^4 = 256 > 99): 4 + excursions, 6.6 on average.

    A walk that goes up with 0.8 takes 4 (1 - 2 r) / 0.6 steps to leave (-4, 4), r = 1 / (1 + 256) being the other exit.
    """
    plan = make_plan(np.array([[0.5, 0.5]]), NO_LABELS, EIGHTY, options=Options(most_labels=200, courses=20_000))
    assert plan.needed[0] == pytest.approx(4 * (1 - 2 / 257) / 0.6, rel=0.02)
    assert plan.needed_lower[0] == 4
    assert 12 <= plan.needed_upper[0] <= 18
    assert plan.settling[0] == 1


def test_better_labelers_need_fewer_labels() -> None:
    needed = [make_plan(np.array([[0.5, 0.5]]), NO_LABELS, symmetric(2, right)).needed[0] for right in (0.6, 0.75, 0.9)]
    assert needed[0] > needed[1] > needed[2]


def test_labelers_who_say_anything_add_nothing() -> None:
    plan = make_plan(np.array([[0.6, 0.3, 0.1]]), NO_LABELS, np.full((3, 3), 1 / 3), options=Options(most_labels=5))
    assert plan.gains[0] == pytest.approx(0, abs=1e-12)
    assert (plan.needed[0], plan.settling[0]) == (5, 0)


@pytest.mark.parametrize("budget", [1, 2, 3, 5])
def test_a_budget_goes_where_it_makes_most_items_right(budget: int) -> None:
    """Checked against all ways to give so many labels to three items; with four, a batch would be cut."""
    posterior = np.array([[0.5, 0.5], [0.7, 0.3], [0.95, 0.05]])
    found = allocate(posterior, EIGHTY, budget, np.full(3, 9))
    best = max(
        sum(by_enumeration(row, EIGHTY, n) for row, n in zip(posterior, given, strict=True))
        for given in product(range(budget + 1), repeat=3)
        if sum(given) <= budget
    )
    assert found.labels.sum() <= budget
    assert found.expected_right == pytest.approx(best)


def test_a_budget_keeps_to_the_room_of_every_item() -> None:
    found = allocate(np.array([[0.5, 0.5], [0.5, 0.5]]), EIGHTY, 100, np.array([3, 0]))
    assert found.labels.tolist() == [3, 0]


def test_a_plan_that_would_take_too_long_has_fewer_courses_or_is_refused() -> None:
    posterior, none_yet = np.full((50_000, 4), 0.25), np.zeros(50_000, np.int64)
    short = make_plan(posterior, none_yet, symmetric(4, 0.9), options=Options(most_labels=500))
    assert short.courses == 40
    with pytest.raises(PlanTooLarge):
        make_plan(posterior, none_yet, symmetric(4, 0.9), options=Options(most_labels=1_500))


posteriors = st.lists(
    st.lists(st.floats(0.001, 1), min_size=3, max_size=3).map(lambda row: (np.array(row) / sum(row)).tolist()),
    min_size=1, max_size=8,
).map(np.array)  # fmt: skip
matrices = st.lists(st.floats(0.01, 1), min_size=9, max_size=9).map(
    lambda cells: np.array(cells).reshape(3, 3) / np.array(cells).reshape(3, 3).sum(axis=0)
)


@settings(max_examples=50)
@given(posteriors, matrices)
def test_information_never_hurts_and_is_never_worth_more_than_certainty(
    posterior: np.ndarray, confusion: np.ndarray
) -> None:
    plan = make_plan(posterior, np.zeros(len(posterior), np.int64), confusion, options=Options(courses=20))
    now = posterior.max(axis=1)
    assert (plan.gains >= 0).all()
    assert (plan.next_maxima >= now).all()
    assert (plan.next_maxima <= 1 + 1e-9).all()
    assert (now + plan.gains * plan.batches <= 1 + 1e-9).all()
    assert (plan.needed_lower <= plan.needed_upper).all()
    assert (plan.needed_lower <= plan.needed).all()
    assert ((plan.settling >= 0) & (plan.settling <= 1)).all()


@settings(max_examples=50)
@given(posteriors, matrices, st.randoms())
def test_the_order_of_items_changes_nothing(posterior: np.ndarray, confusion: np.ndarray, random) -> None:  # type: ignore[no-untyped-def]
    order = random.sample(range(len(posterior)), len(posterior))
    counts = np.zeros(len(posterior), np.int64)
    one, other = (
        make_plan(given, counts, confusion, options=Options(courses=20)) for given in (posterior, posterior[order])
    )
    assert (one.gains[order] == other.gains).all()
    assert (one.needed[order] == other.needed).all()
    assert [one.verdicts[place] for place in order] == list(other.verdicts)


@settings(max_examples=50)
@given(posteriors, matrices, st.integers(0, 30))
def test_a_larger_budget_never_makes_fewer_items_right(
    posterior: np.ndarray, confusion: np.ndarray, budget: int
) -> None:
    rooms = np.full(len(posterior), 20)
    less, more = (allocate(posterior, confusion, amount, rooms) for amount in (budget, budget + 5))
    assert less.labels.sum() <= budget
    assert more.expected_right >= less.expected_right - 1e-12
