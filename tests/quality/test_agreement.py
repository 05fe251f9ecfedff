"""What coefficients of agreement say, and when they say nothing."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality.agreement.breakdown import by_class, by_pair, by_window
from labelmill_quality.agreement.coefficients import (
    NOT_TWO,
    UNEQUAL,
    Coefficient,
    Labels,
    Question,
    agreement,
)
from labelmill_quality.agreement.distances import edit_distances, set_distances
from labelmill_quality.agreement.icc import NO_VARIANCE, TOO_FEW
from labelmill_quality.agreement.krippendorff import NO_DISTANCE, NO_PAIRS, ONE_VALUE, Metric, krippendorff_alpha
from labelmill_quality.agreement.pairs import pair_count, pair_rows
from labelmill_quality.agreement.patterns import patterns_of_table, patterns_of_votes
from labelmill_quality.agreement.weights import (
    Scheme,
    custom_distances,
    custom_weights,
    distance_weights,
    scheme_weights,
)
from labelmill_quality.errors import BadWeights
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import LabelTable, make_table
from tests.quality.strategies import CLASSES, Row, rows, table_of

NUMBERS = np.array([1.0, 2.0, 3.0, 4.0])
ALL = tuple(Coefficient)
CHANCE_CORRECTED = tuple(each for each in ALL if each is not Coefficient.PERCENT_AGREEMENT)


def every(table: LabelTable, *, replicates: int = 0) -> dict[Coefficient, Estimate]:
    numbers = np.arange(1.0, len(table.classes) + 1)
    estimates = agreement(Labels(table), Question(ALL, numbers=numbers, replicates=replicates))
    return dict(zip(ALL, estimates, strict=True))


def full_table(answers: npt.NDArray[np.int64], classes: list[str] | None = None) -> LabelTable:
    """One row an item, one column a labeler."""
    items, labelers = np.indices(answers.shape)
    return make_table(
        [f"i{n}" for n in items.ravel()],
        [f"l{n}" for n in labelers.ravel()],
        [str(value) for value in answers.ravel()],
        class_names=classes,
    )


def test_perfect_agreement_is_one_by_every_coefficient() -> None:
    perfect = full_table(np.repeat(np.arange(6)[:, None] % 3, 2, axis=1))
    for coefficient, estimate in every(perfect).items():
        assert estimate.value == pytest.approx(1.0, abs=1e-12), coefficient


def test_random_answers_agree_by_chance_only() -> None:
    answers = np.random.default_rng(3).integers(0, 4, (4000, 2))
    for coefficient, estimate in every(full_table(answers)).items():
        if coefficient in CHANCE_CORRECTED:
            assert estimate.value == pytest.approx(0, abs=0.06), coefficient
    assert every(full_table(answers))[Coefficient.PERCENT_AGREEMENT].value == pytest.approx(0.25, abs=0.02)


@settings(max_examples=60)
@given(rows(min_size=4), st.permutations(range(10)), st.permutations(range(6)), st.permutations(range(4)))
def test_renaming_items_labelers_and_classes_changes_nothing(
    given_rows: list[Row], items: list[int], labelers: list[int], classes: list[int]
) -> None:
    renamed = [
        (f"i{items[int(item[1:])]}", f"l{labelers[int(labeler[1:])]}", CLASSES[classes[CLASSES.index(said)]])
        for item, labeler, said in given_rows
    ]
    one, other = every(table_of(given_rows)), every(table_of(renamed))
    for coefficient in ALL:
        if coefficient.value.startswith("icc"):
            continue  # numbers are no names
        before, after = one[coefficient], other[coefficient]
        assert before.undefined_reason == after.undefined_reason
        assert before.n == after.n
        for end in ("value", "lower", "upper"):
            expected = getattr(after, end)
            assert getattr(before, end) == (None if expected is None else pytest.approx(expected, abs=1e-9))


@settings(max_examples=60)
@given(rows(min_size=1))
def test_a_number_is_given_or_the_reason_why_there_is_none(given_rows: list[Row]) -> None:
    for estimate in every(table_of(given_rows), replicates=50).values():
        assert (estimate.value is None) == bool(estimate.undefined_reason)
        if estimate.value is None:
            assert (estimate.lower, estimate.upper) == (None, None)
        else:
            assert np.isfinite(estimate.value)
            assert estimate.value <= 1 + 1e-12
        if estimate.lower is not None and estimate.upper is not None and estimate.value is not None:
            assert estimate.lower <= estimate.value + 1e-9
            assert estimate.value <= estimate.upper + 1e-9


def test_one_label_an_item_leaves_everything_undefined() -> None:
    for coefficient, estimate in every(make_table(["x", "y"], ["a", "b"], ["p", "q"])).items():
        assert estimate.value is None, coefficient


def test_one_labeler_leaves_everything_undefined() -> None:
    for coefficient, estimate in every(make_table(["x", "y"], ["a", "a"], ["p", "q"])).items():
        assert estimate.value is None, coefficient


def test_nothing_at_all_is_undefined() -> None:
    for coefficient, estimate in every(make_table([], [], [], class_names=CLASSES)).items():
        assert (estimate.value, estimate.n) == (None, 0), coefficient


def test_a_single_class_is_undefined_where_chance_explains_it() -> None:
    found = every(make_table(["x", "x", "y", "y"], ["a", "b"] * 2, ["yes"] * 4))
    for name in ("fleiss_kappa", "cohen_kappa", "scott_pi", "conger_kappa", "gwet_ac", "brennan_prediger"):
        assert found[Coefficient(name)].undefined_reason == ONE_VALUE
    assert found[Coefficient.ICC_2_1].undefined_reason == NO_VARIANCE
    assert found[Coefficient.PERCENT_AGREEMENT].value == 1.0


def test_a_class_that_nobody_used_counts_where_chance_is_even_over_the_classes() -> None:
    """Brennan and Prediger's and Gwet's chance knows the classes on offer; the others' the answers alone."""
    answers = np.array([[0, 0], [0, 1], [1, 1], [0, 0]])
    used, offered = every(full_table(answers)), every(full_table(answers, ["0", "1", "2"]))
    assert used[Coefficient.BRENNAN_PREDIGER].value == pytest.approx(0.5)
    assert offered[Coefficient.BRENNAN_PREDIGER].value == pytest.approx(1 - 0.25 / (2 / 3))
    assert used[Coefficient.GWET_AC].value != pytest.approx(offered[Coefficient.GWET_AC].value)
    assert used[Coefficient.FLEISS_KAPPA].value == pytest.approx(offered[Coefficient.FLEISS_KAPPA].value)


def test_fleiss_kappa_refuses_unequal_numbers_of_labels_and_names_the_way_out() -> None:
    found = every(make_table(["x", "x", "y", "y", "z"], ["a", "b", "a", "b", "a"], ["p", "q", "p", "p", "q"]))
    assert found[Coefficient.FLEISS_KAPPA].undefined_reason == UNEQUAL
    assert found[Coefficient.FLEISS_KAPPA_GENERALIZED].value is not None


def test_cohens_kappa_and_scotts_pi_are_for_two_labelers() -> None:
    found = every(full_table(np.array([[0, 0, 1], [1, 1, 1]])))
    assert found[Coefficient.COHEN_KAPPA].undefined_reason == NOT_TWO
    assert found[Coefficient.SCOTT_PI].undefined_reason == NOT_TWO
    assert found[Coefficient.CONGER_KAPPA].value is not None


def test_intraclass_correlations_take_the_items_that_everybody_rated() -> None:
    table = make_table(["x", "x", "y", "y", "z"], ["a", "b", "a", "b", "a"], ["1", "2", "3", "3", "4"])
    found = agreement(Labels(table), Question((Coefficient.ICC_2_1,), numbers=NUMBERS))[0]
    assert found.n == 2
    one = make_table(["x", "x", "y"], ["a", "b", "a"], ["1", "2", "3"])
    assert agreement(Labels(one), Question((Coefficient.ICC_3_1,), numbers=NUMBERS))[0].undefined_reason == TOO_FEW


def test_the_last_of_contradictory_answers_counts() -> None:
    twice = make_table(["x", "x", "x", "y", "y"], ["a", "a", "b", "a", "b"], ["q", "p", "p", "q", "q"])
    once = make_table(["x", "x", "y", "y"], ["a", "b", "a", "b"], ["p", "p", "q", "q"])
    assert every(twice) == every(once)


@given(rows(min_size=2, max_size=40))
def test_patterns_of_a_table_are_those_of_its_votes(given_rows: list[Row]) -> None:
    table = table_of(given_rows)
    one, other = patterns_of_table(table), patterns_of_votes(table.sparse_votes)
    assert (one.votes != other.votes).nnz == 0
    assert one.multiplicities.tolist() == other.multiplicities.tolist()
    assert one.sizes.tolist() == other.sizes.tolist()


@given(rows(min_size=2, max_size=40))
def test_a_class_against_the_rest_is_a_table_of_two_classes(given_rows: list[Row]) -> None:
    table = table_of(given_rows)
    question = Question((Coefficient.KRIPPENDORFF_ALPHA, Coefficient.GWET_AC, Coefficient.CONGER_KAPPA), replicates=0)
    for name, estimates in zip(CLASSES, by_class(Labels(table), question), strict=True):
        merged = [(item, labeler, said if said == name else "rest") for item, labeler, said in given_rows]
        expected = agreement(Labels(table_of(merged, [name, "rest"])), question)
        for ours, theirs in zip(estimates, expected, strict=True):
            assert ours.value == (None if theirs.value is None else pytest.approx(theirs.value, abs=1e-9))
            assert ours.lower == (None if theirs.lower is None else pytest.approx(theirs.lower, abs=1e-9))


@given(rows(min_size=2, max_size=40))
def test_every_pair_of_labelers_is_compared_as_if_they_were_alone(given_rows: list[Row]) -> None:
    coefficients = (Coefficient.COHEN_KAPPA, Coefficient.SCOTT_PI, Coefficient.GWET_AC, Coefficient.BRENNAN_PREDIGER)
    table = table_of(given_rows)
    scores = by_pair(table, Question(coefficients), minimum_items=1)
    found = {
        (table.labelers[a], table.labelers[b]): row
        for a, b, row in zip(scores.first, scores.second, range(len(scores.agreed)), strict=True)
    }
    for pair in itertools.combinations(table.labelers, 2):
        said = {labeler: {item: x for item, who, x in given_rows if who == labeler} for labeler in pair}
        shared = sorted(said[pair[0]].keys() & said[pair[1]].keys())
        assert (pair in found) == bool(shared)
        if not shared:
            continue
        alone = table_of([(item, labeler, said[labeler][item]) for item in shared for labeler in pair])
        row = found[pair]
        assert scores.agreed[row].value == sum(said[pair[0]][i] == said[pair[1]][i] for i in shared) / len(shared)
        for place, coefficient in enumerate(coefficients):
            theirs = agreement(Labels(alone), Question((coefficient,), replicates=0))[0]
            ours = scores.estimates[place][row]
            assert ours.n == len(shared)
            assert ours.value == (None if theirs.value is None else pytest.approx(theirs.value, abs=1e-9))


def test_pairs_with_too_few_shared_items_are_counted_but_not_scored() -> None:
    table = make_table(["x", "x", "y", "y", "y"], ["a", "b", "a", "b", "c"], ["p", "q", "p", "p", "q"])
    scores = by_pair(table, Question((Coefficient.COHEN_KAPPA,)), minimum_items=2)
    assert [table.labelers[code] for code in (*scores.first, *scores.second)] == ["a", "b"]
    assert scores.left_out == 2


@given(rows(min_size=1, max_size=40))
def test_pair_rows_are_all_pairs_of_an_item_once(given_rows: list[Row]) -> None:
    table = table_of(given_rows)
    found = pair_rows(table)
    expected = [
        (one, other)
        for one, other in itertools.combinations(range(len(table)), 2)
        if table.item_codes[one] == table.item_codes[other]
    ]
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected
    assert pair_count(table) == len(expected)


def test_an_item_counts_in_the_window_of_its_last_answer_with_all_its_labels() -> None:
    table = make_table(["x", "x", "y", "y", "z"], ["a", "b", "a", "b", "a"], ["p", "p", "p", "q", "q"])
    latest = np.array([25, 22, 47])
    windows = list(by_window(table, latest, Question((Coefficient.PERCENT_AGREEMENT,)), 10))
    assert [(each.start_ms, each.end_ms, each.label_count) for each in windows] == [(20, 30, 4), (40, 50, 1)]
    assert windows[0].estimates[0].value == 0.5
    assert windows[1].estimates[0].undefined_reason == NO_PAIRS


def test_bootstrap_and_analytic_intervals_agree_where_items_are_many() -> None:
    generator = np.random.default_rng(8)
    truth = generator.integers(0, 3, 800)
    answers = np.where(generator.random((800, 3)) < 0.7, truth[:, None], generator.integers(0, 3, (800, 3)))
    drawn, linear = every(full_table(answers), replicates=2000), every(full_table(answers))
    for coefficient in (Coefficient.KRIPPENDORFF_ALPHA, Coefficient.FLEISS_KAPPA, Coefficient.GWET_AC):
        one, other = drawn[coefficient], linear[coefficient]
        assert one.lower == pytest.approx(other.lower, abs=0.005)
        assert one.upper == pytest.approx(other.upper, abs=0.005)


def test_a_distance_of_your_own_is_used_as_it_is() -> None:
    table = full_table(np.random.default_rng(4).integers(0, 4, (50, 3)))
    squared = (NUMBERS[:, None] - NUMBERS) ** 2
    ours = krippendorff_alpha(table.sparse_votes, Metric.CUSTOM, values=7 * squared)
    interval = krippendorff_alpha(table.sparse_votes, Metric.INTERVAL, values=NUMBERS)
    assert ours.value == pytest.approx(interval.value, abs=1e-12)
    assert ours.lower == pytest.approx(interval.lower, abs=1e-12)
    nothing = krippendorff_alpha(table.sparse_votes, Metric.CUSTOM, values=np.zeros((4, 4)))
    assert nothing.undefined_reason == NO_DISTANCE


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([1, 0.5, 0.5], "must have 4"),
        ([1, 0.5, 0.4, 1], "symmetric"),
        ([1, np.nan, np.nan, 1], "finite"),
        ([0.9, 0.5, 0.5, 1], "diagonal"),
        ([1, 1.5, 1.5, 1], "above 1"),
        ([1, -0.1, -0.1, 1], "between 0 and 1"),
    ],
)
def test_weights_that_make_no_sense_are_refused(values: list[float], problem: str) -> None:
    with pytest.raises(BadWeights) as caught:
        custom_weights(np.array(values), 2, "weight_matrix")
    assert problem in caught.value.fields["weight_matrix"]


def test_distances_of_sets_are_jaccards_and_passonneaus() -> None:
    sets = [set(), {"a"}, {"a", "b"}, {"b", "c"}, {"d"}]
    members = np.array([[name in each for name in "abcd"] for each in sets])
    jaccard, masi = (set_distances(members, masi=masi) for masi in (False, True))
    assert jaccard.diagonal().tolist() == masi.diagonal().tolist() == [0] * 5
    assert (jaccard[0, 1], masi[0, 1]) == (1, 1)
    assert (jaccard[1, 2], masi[1, 2]) == pytest.approx((1 / 2, 1 - 1 / 2 * 2 / 3))  # included
    assert (jaccard[2, 3], masi[2, 3]) == pytest.approx((2 / 3, 1 - 1 / 3 * 1 / 3))  # overlapping
    assert (jaccard[2, 4], masi[2, 4]) == (1, 1)
    assert (jaccard == jaccard.T).all()
    assert (masi >= jaccard).all()


def test_distances_of_texts_count_edits_of_code_points() -> None:
    found = edit_distances(["kitten", "sitting", "", "kitten", "\N{GRINNING FACE}itten"])
    assert found[0] == pytest.approx([0, 3 / 7, 1, 0, 1 / 6])
    assert found[2, 2] == 0


def test_weights_of_a_metric_are_one_less_its_share_of_the_largest_distance() -> None:
    assert distance_weights(np.array([[0.0, 1.0], [1.0, 0.0]])).tolist() == [[1, 0], [0, 1]]
    assert distance_weights(np.array([[0.0, 2, 4], [2, 0, 1], [4, 1, 0]]))[0].tolist() == [1, 0.5, 0]
    assert distance_weights(np.zeros((2, 2))).tolist() == [[1, 1], [1, 1]]


def test_distances_must_be_nought_from_a_class_to_itself() -> None:
    with pytest.raises(BadWeights):
        custom_distances(np.array([1.0, 2.0, 2.0, 0.0]), 2, "distance_matrix")
    assert custom_distances(np.array([0.0, 2.0, 2.0, 0.0]), 2, "distance_matrix").tolist() == [[0, 2], [2, 0]]


@pytest.mark.parametrize("scheme", sorted(set(Scheme) - {Scheme.CUSTOM, Scheme.METRIC}, key=str))
def test_weights_are_one_for_equal_classes_and_fall_to_nought_for_the_farthest(scheme: Scheme) -> None:
    weights = scheme_weights(scheme, NUMBERS)
    assert weights.diagonal().tolist() == [1.0] * 4
    assert weights[0, 3] == 0.0
    assert (np.diff(weights[0]) <= 0).all()
