"""Label models: votes of labeling functions become probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelmill_quality.labels import NO_GOLD, make_table
from labelmill_quality.weak_supervision import class_conditional, one_accuracy
from labelmill_quality.weak_supervision.analysis import analyse, repetitions, weights_of
from labelmill_quality.weak_supervision.calibration import temperature_of, tempered
from labelmill_quality.weak_supervision.label_model import MODELS, supervise
from labelmill_quality.weak_supervision.votes import ABSTAIN, VoteMatrix, distinct, matrix_of

# Eight items, four functions, and what snorkel 0.10's LFAnalysis(L).lf_summary(Y) says of them.
VOTES = [
    [0, -1, 1, -1],
    [0, 0, -1, -1],
    [1, -1, 1, 1],
    [-1, -1, -1, -1],
    [0, 1, 1, -1],
    [-1, -1, 0, -1],
    [1, -1, 1, 1],
    [0, -1, 0, -1],
]
TRUTH = np.array([0, 0, 1, 0, 1, 0, 1, 0], np.int32)
POLARITY = [(0, 1), (0, 1), (0, 1), (1,)]
COVERAGE = [0.750, 0.250, 0.750, 0.250]
OVERLAPS = [0.750, 0.250, 0.625, 0.250]
CONFLICTS = [0.250, 0.125, 0.250, 0.000]
ACCURACY = [5 / 6, 1.0, 5 / 6, 1.0]


def matrix(votes: npt.ArrayLike, classes: int = 2) -> VoteMatrix:
    cells = np.asarray(votes, np.int16)
    names = tuple(f"f{column}" for column in range(cells.shape[1]))
    return VoteMatrix([f"i{row:05}" for row in range(len(cells))], names, tuple("abcdefg"[:classes]), cells)


def simulated(
    items: int, accuracies: list[float], coverage: float, *, classes: int = 2, seed: int = 0, balance: float = 0.5
) -> tuple[VoteMatrix, npt.NDArray[np.int32]]:
    """Functions that vote for any class, independently, right with their accuracy."""
    random = np.random.default_rng(seed)
    shares = np.full(classes, (1 - balance) / (classes - 1))
    shares[0] = balance
    truth = random.choice(classes, items, p=shares).astype(np.int32)
    votes = np.full((items, len(accuracies)), ABSTAIN)
    for column, accuracy in enumerate(accuracies):
        right = random.random(items) < accuracy
        wrong = (truth + random.integers(1, classes, items)) % classes
        votes[:, column] = np.where(random.random(items) < coverage, np.where(right, truth, wrong), ABSTAIN)
    return matrix(votes, classes), truth


def keywords(items: int, precisions: list[float], said: list[int], coverage: float, seed: int = 0):  # type: ignore[no-untyped-def]
    """Functions that vote for one class only."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, items).astype(np.int32)
    votes = np.full((items, len(said)), ABSTAIN)
    for column, (precision, vote) in enumerate(zip(precisions, said, strict=True)):
        odds = np.where(truth == vote, precision, 1 - precision) * 2 * coverage
        votes[random.random(items) < odds, column] = vote
    return matrix(votes), truth


def test_functions_are_analysed_as_snorkel_does() -> None:
    found = analyse(matrix(VOTES), np.full((8, 2), 0.5), "any", TRUTH)
    assert [one.polarity for one in found] == POLARITY
    assert [one.coverage.value for one in found] == COVERAGE
    assert [one.overlap.value for one in found] == OVERLAPS
    assert [one.conflict.value for one in found] == CONFLICTS
    assert [one.empirical_accuracy.value for one in found] == pytest.approx(ACCURACY)
    assert found[0].coverage.interval_method == "wilson"


def test_without_gold_the_empirical_accuracy_is_undefined() -> None:
    found = analyse(matrix(VOTES), np.full((8, 2), 0.5), "any", None)
    assert {one.empirical_accuracy.value for one in found} == {None}
    assert all(one.empirical_accuracy.undefined_reason for one in found)


def test_functions_for_one_class_each_get_one_accuracy_and_others_class_conditional_parameters() -> None:
    assert supervise(keywords(200, [0.9] * 4, [0, 0, 1, 1], 0.3)[0]).method == one_accuracy.NAME
    assert supervise(simulated(200, [0.9] * 4, 0.5)[0]).method == class_conditional.NAME
    chosen = supervise(matrix(VOTES), model=one_accuracy.NAME)
    assert (chosen.method, chosen.reason) == (one_accuracy.NAME, "asked for")


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("classes", [2, 5])
def test_accuracies_are_learned_without_gold(model: str, classes: int) -> None:
    accuracies = [0.95, 0.85, 0.75, 0.65, 0.9, 0.8]
    votes, truth = simulated(4000, accuracies, 0.7, classes=classes)
    supervision = supervise(votes, model=model)
    learned = [one.learned_accuracy.value for one in supervision.functions]
    assert learned == pytest.approx(accuracies, abs=0.05)
    posterior = supervision.posterior.argmax(axis=1)
    majority = np.stack([(votes.votes == code).sum(axis=1) for code in range(classes)], axis=1).argmax(axis=1)
    assert (posterior == truth).mean() > (majority == truth).mean()


def test_precisions_of_keywords_are_learned_in_order() -> None:
    votes, _ = keywords(6000, [0.95, 0.7, 0.9, 0.75], [0, 0, 1, 1], 0.4)
    learned = [float(one.learned_accuracy.value or 0) for one in supervise(votes).functions]
    assert learned[0] > learned[1]
    assert learned[2] > learned[3]


def test_the_frequency_of_classes_is_estimated_where_functions_vote_for_all() -> None:
    votes, truth = simulated(5000, [0.9, 0.85, 0.8, 0.85], 0.6, balance=0.85)
    assert supervise(votes).balance[0] == pytest.approx((truth == 0).mean(), abs=0.03)


def test_a_known_balance_moves_the_posterior() -> None:
    votes, _ = keywords(500, [0.8] * 4, [0, 0, 1, 1], 0.3)
    even = supervise(votes).posterior
    skewed = supervise(votes, balance=np.array([0.9, 0.1])).posterior
    assert (skewed[:, 0] > even[:, 0]).all()
    assert skewed[~votes.covered][:, 0] == pytest.approx(0.9)


def test_items_without_votes_have_even_chances_under_one_accuracy() -> None:
    votes, _ = keywords(300, [0.8] * 3, [0, 0, 1], 0.2)
    assert supervise(votes).posterior[~votes.covered] == pytest.approx(0.5)


def test_silence_is_evidence_under_class_conditional_parameters() -> None:
    # Five functions find class b nearly always, and one finds a little of a: whoever is silent is an a.
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, 3000)
    votes = np.where((truth == 1)[:, None] & (random.random((3000, 5)) < 0.8), 1, ABSTAIN)
    some = np.where((truth == 0) & (random.random(3000) < 0.2), 0, ABSTAIN)
    supervision = supervise(matrix(np.column_stack([votes, some])), model=class_conditional.NAME)
    silent = (supervision.posterior[(votes == ABSTAIN).all(axis=1) & (some == ABSTAIN)])[0]
    assert silent[0] > 0.9


def test_copies_of_a_function_count_once() -> None:
    votes, truth = simulated(3000, [0.8, 0.8, 0.8], 0.9)
    copied = np.column_stack([votes.votes, *[votes.votes[:, 0]] * 5])
    pairs = repetitions(matrix(copied))
    assert {(pair.first, pair.second) for pair in pairs} == {
        (one, other) for one in (0, 3, 4, 5, 6, 7) for other in (3, 4, 5, 6, 7) if one < other
    }
    assert weights_of(pairs, 8) == pytest.approx([1 / 6, 1, 1, *[1 / 6] * 5])
    alone, with_copies = supervise(votes), supervise(matrix(copied))
    assert (with_copies.posterior.argmax(axis=1) == truth).mean() == pytest.approx(
        (alone.posterior.argmax(axis=1) == truth).mean(), abs=0.01
    )


def test_gold_measures_and_calibrates_and_its_items_keep_it() -> None:
    votes, truth = simulated(2000, [0.8, 0.75, 0.7], 0.8)
    gold = np.full(2000, NO_GOLD, np.int32)
    gold[:60] = truth[:60]
    supervision = supervise(votes, gold=gold)
    assert supervision.temperature is not None
    assert supervision.accuracy.n == int(votes.covered[:60].sum())
    assert supervision.posterior[:60].argmax(axis=1).tolist() == truth[:60].tolist()
    assert supervision.posterior[:60].max(axis=1) == pytest.approx(1)
    gold[19:] = NO_GOLD
    assert supervise(votes, gold=gold).temperature is None


def test_the_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet([1.0, 1.0, 1.0], 4000)
    gold = np.array([random.choice(3, p=row) for row in shares], np.int32)
    assert temperature_of(tempered(shares, 1 / 3), gold) == pytest.approx(3, rel=0.1)


@given(arrays(np.int16, st.tuples(st.integers(1, 30), st.integers(1, 5)), elements=st.integers(-1, 2)))
def test_patterns_are_the_distinct_rows(votes: npt.NDArray[np.int16]) -> None:
    patterns = distinct(votes, 3)
    assert (patterns.rows[patterns.pattern_of_item] == votes).all()
    assert len(np.unique(patterns.rows, axis=0)) == len(patterns.rows)
    assert patterns.counts.sum() == len(votes)


@given(
    arrays(np.int16, st.tuples(st.integers(1, 20), st.integers(1, 4)), elements=st.integers(-1, 2)),
    st.sampled_from(sorted(MODELS)),
    st.randoms(use_true_random=False),
)
def test_any_votes_give_probabilities_whatever_the_order_of_items(votes, model, random) -> None:  # type: ignore[no-untyped-def]
    supervision = supervise(matrix(votes, 3), model=model)
    assert np.isfinite(supervision.posterior).all()
    assert supervision.posterior.sum(axis=1) == pytest.approx(1)
    order = list(range(len(votes)))
    random.shuffle(order)
    shuffled = supervise(matrix(votes[order], 3), model=model)
    assert shuffled.posterior == pytest.approx(supervision.posterior[order], abs=1e-6)


def test_rows_become_a_matrix_with_silent_items_in_their_places() -> None:
    table = make_table(["b", "d", "d"], ["f", "g", "f"], ["x", "y", "x"])
    made = matrix_of(table, ["a", "b", "c"], ["g"])
    assert (list(made.items), made.functions) == (["a", "b", "c", "d"], ("g", "f"))
    assert made.votes.tolist() == [[-1, -1], [-1, 0], [-1, -1], [1, 0]]
