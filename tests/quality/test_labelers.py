"""What is said of labelers whose habits are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality import aggregation
from labelmill_quality.agreement.pairs import pair_count
from labelmill_quality.labelers.analysis import Analysis, Plan, analyze
from labelmill_quality.labelers.bias import biases
from labelmill_quality.labelers.copying import false_discovery_rates, similarities
from labelmill_quality.labelers.reference import NO_REFERENCE, References, references
from labelmill_quality.labelers.reliability import NO_REFERENCES, confusion_posterior, gold_accuracies, reliabilities
from labelmill_quality.labelers.spammers import independence_p_value, mean_ranks, raykar_yu, spammer_scores
from labelmill_quality.labelers.times import NO_TIMES, TOO_FEW_LABELERS, time_scores
from labelmill_quality.labels import NO_GOLD, LabelTable, gold_codes, make_table
from tests.quality.crowds import Crowd, Ints, always, at_random, crowd, right_with
from tests.quality.strategies import CLASSES, Row, rows, table_of

GOOD = {f"good-{n}": right_with(0.85) for n in range(5)}


def compared(table: LabelTable, gold: dict[str, str] | None = None, method: str = "majority_vote") -> References:
    codes = None
    if gold is not None:
        codes = gold_codes(table.items, list(gold), list(gold.values()), table.classes)
    return references(table, aggregation.aggregate(table, method, codes), codes)


def analysis_of(table: LabelTable, **plan: object) -> Analysis:
    return analyze(table, None, np.full(len(table), np.nan), Plan(method="majority_vote", **plan))  # type: ignore[arg-type]


def test_a_label_is_compared_with_gold_or_the_others_never_with_itself() -> None:
    table = make_table(["x", "x", "x", "y", "z", "z"], ["a", "b", "c", "a", "a", "b"], ["p", "p", "q", "q", "p", "q"])
    found = compared(table, {"y": "p"})
    said = [None if code == NO_REFERENCE else table.classes[code] for code in found.codes]
    # x: the others of a are b and c, who are tied; y: gold; z: the other one.
    assert said == [None, None, "p", "p", "q", "p"]
    assert found.of_gold.tolist() == [False, False, False, True, False, False]


def test_reliability_is_near_the_truth_and_its_interval_holds_it() -> None:
    skills = {f"l{n}": right_with(0.5 + 0.05 * n) for n in range(9)}
    group = crowd(skills, items=600)
    estimates = reliabilities(compared(group.table(), method="dawid_skene"))
    truth = (group.answers == group.truth[:, None]).mean(axis=0)
    inside = 0
    for estimate, right in zip(estimates, truth, strict=True):
        assert estimate.value == pytest.approx(right, abs=0.06)
        assert estimate.lower is not None
        assert estimate.upper is not None
        inside += estimate.lower <= right <= estimate.upper
    assert inside >= 7


def test_reliability_of_a_labeler_with_one_label_is_a_typical_one_and_wide() -> None:
    table = crowd(GOOD).table()
    one = replace(
        table,
        labelers=(*table.labelers, "new"),
        item_codes=np.insert(table.item_codes, 5, 0),
        labeler_codes=np.insert(table.labeler_codes, 5, 5),
        class_codes=np.insert(table.class_codes, 5, table.class_codes[0]),
    )
    new, good = (reliabilities(compared(one))[code] for code in (5, 0))
    assert new.n == 1
    assert new.value is not None
    assert 0.7 < new.value < 0.95
    assert new.lower is not None
    assert good.lower is not None
    assert new.value - new.lower > good.value - good.lower  # type: ignore[operator]


def test_accuracy_on_gold_is_told_apart_from_agreement() -> None:
    table = make_table(["x", "x", "y", "y"], ["a", "b"] * 2, ["p", "q", "p", "p"])
    found = compared(table, {"x": "q"})
    a, b = gold_accuracies(found)
    assert (a.value, a.n, b.value) == (0.0, 1, 1.0)


def test_a_labeler_who_cannot_be_compared_has_no_reliability() -> None:
    table = make_table(["x", "y"], ["a", "b"], ["p", "q"])
    found = compared(table)
    assert [estimate.undefined_reason for estimate in reliabilities(found)] == [NO_REFERENCES] * 2
    assert spammer_scores(found)[0].raykar_yu.undefined_reason == NO_REFERENCES
    assert spammer_scores(found)[0].independence_p_value is None


def test_a_confusion_posterior_is_wide_where_nothing_was_seen() -> None:
    posterior = confusion_posterior(np.array([[8.0, 2.0], [0.0, 0.0]]))
    assert posterior.mean[0] == pytest.approx([8.5 / 11, 2.5 / 11])
    assert posterior.mean[1] == pytest.approx([0.5, 0.5])
    widths = posterior.upper - posterior.lower
    assert (widths[1] > 2 * widths[0] - 0.1).all()
    assert (posterior.lower <= posterior.mean).all()
    assert (posterior.mean <= posterior.upper).all()


def test_bias_names_the_class_that_is_said_too_often() -> None:
    def eager(generator: np.random.Generator, truth: Ints) -> Ints:
        return np.where(generator.random(len(truth)) < 0.3, 2, truth)

    group = crowd({**GOOD, "eager": eager}, items=300)
    table = group.table()
    row = biases(compared(table))[table.labelers.index("eager")]
    by_class = {table.classes[each.class_code]: each for each in row}
    assert by_class["2"].difference.value == pytest.approx(0.2, abs=0.07)
    assert by_class["2"].difference.lower is not None
    assert by_class["2"].difference.lower > 0
    assert by_class["0"].difference.value is not None
    assert by_class["0"].difference.value < 0
    assert sum(each.said_share for each in row) == pytest.approx(1)
    assert sum(each.difference.value or 0 for each in row) == pytest.approx(0, abs=1e-12)


def test_raykar_and_yus_score_of_two_classes_is_theirs() -> None:
    """(sensitivity + specificity - 1)² for a binary confusion matrix."""
    sensitivity, specificity = 0.8, 0.7
    matrix = np.array([[specificity, 1 - specificity], [1 - sensitivity, sensitivity]])
    assert raykar_yu(matrix) == pytest.approx((sensitivity + specificity - 1) ** 2)
    assert raykar_yu(np.eye(4)) == pytest.approx(1)
    assert raykar_yu(np.full((4, 4), 0.25)) == pytest.approx(0)
    three = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
    by_hand = sum(((three[a] - three[b]) ** 2).sum() for a in range(3) for b in range(a)) / 6
    assert raykar_yu(three) == pytest.approx(by_hand)


def test_spammers_stand_out_in_every_score_but_the_one_that_does_not_see_them() -> None:
    group = crowd({**GOOD, "constant": always(0), "random": at_random()}, items=300)
    table = group.table()
    scores = dict(zip(table.labelers, spammer_scores(compared(table)), strict=True))
    good, constant, random = (scores[name] for name in ("good-0", "constant", "random"))
    for name in ("raykar_yu", "kappa_with_reference", "agreement_with_reference", "mutual_information"):
        lowest = getattr(good, name).lower
        assert getattr(constant, name).upper < lowest, name
        assert getattr(random, name).upper < lowest, name
    assert constant.answer_entropy.value == pytest.approx(0)
    assert random.answer_entropy.value == pytest.approx(1, abs=0.05)  # entropy alone sees nothing wrong
    assert good.independence_p_value == pytest.approx(0, abs=1e-6)
    assert constant.independence_p_value == 1.0
    assert random.independence_p_value is not None
    assert random.independence_p_value > 0.01


def test_the_mean_rank_puts_spammers_first_and_needs_company() -> None:
    group = crowd({**GOOD, "constant": always(0), "random": at_random()}, items=300)
    table = group.table()
    ranks = dict(zip(table.labelers, mean_ranks(spammer_scores(compared(table))), strict=True))
    assert sorted(ranks, key=ranks.__getitem__)[:2] == ["constant", "random"]
    assert all(0 <= rank <= 1 for rank in ranks.values())
    alone = make_table(["x"], ["a"], ["p"])
    assert np.isnan(mean_ranks(spammer_scores(compared(alone)))).tolist() == [True]
    assert mean_ranks([]).tolist() == []


def test_the_g_test_is_scipys_with_williams_correction() -> None:
    """scipy 1.16: chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic is 9.8319, and
    Williams' q = 1 + (n sum 1/rows - 1)(n sum 1/columns - 1) / (6 n df)."""
    from scipy.stats import chi2, chi2_contingency

    counts = np.array([[12.0, 5.0, 3.0], [4.0, 11.0, 5.0]])
    statistic = chi2_contingency(counts, correction=False, lambda_="log-likelihood").statistic
    n, r, c = counts.sum(), counts.sum(axis=1), counts.sum(axis=0)
    q = 1 + ((n / r).sum() - 1) * ((n / c).sum() - 1) / (6 * n * 2)
    assert independence_p_value(counts) == pytest.approx(chi2.sf(statistic / q, 2))


def test_independence_is_not_rejected_more_often_than_it_says() -> None:
    generator = np.random.default_rng(5)
    p_values = []
    for _ in range(400):
        counts = np.zeros((3, 3))
        np.add.at(counts, (generator.integers(0, 3, 60), generator.integers(0, 3, 60)), 1)
        p_values.append(independence_p_value(counts))
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.035)


def times_of(group: Crowd, milliseconds: dict[str, float]) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(1)
    table = group.table()
    medians = np.array([milliseconds.get(name, 4000.0) for name in table.labelers])
    return medians[table.labeler_codes] * np.exp(generator.normal(scale=0.3, size=len(table)))


def test_haste_that_errs_is_seen_as_such() -> None:
    group = crowd({**GOOD, "hasty": at_random()}, items=300)
    table = group.table()
    scores = dict(zip(table.labelers, time_scores(compared(table), times_of(group, {"hasty": 400.0})), strict=True))
    hasty, good = scores["hasty"], scores["good-0"]
    assert hasty.z is not None
    assert good.z is not None
    assert hasty.z < -5 < -3 < good.z
    assert hasty.median_ms == pytest.approx(400, rel=0.1)
    assert hasty.fastest.lower is not None
    assert hasty.fastest.lower > 0.01
    assert hasty.hurried_disagreement.value == pytest.approx(2 / 3, abs=0.1)
    assert good.unhurried_disagreement.value == pytest.approx(0.17, abs=0.08)


def test_times_are_compared_within_a_kind_of_task() -> None:
    """good-0 gets the quick kind of task only; that is no haste."""
    group = crowd({**GOOD, "steady": right_with(0.85)}, items=300)
    table = group.table()
    quick = (table.labeler_codes == table.labelers.index("good-0")) | (table.item_codes % 3 == 0)
    milliseconds = times_of(group, {}) * np.where(quick, 0.1, 1.0)
    blind, seeing = (
        time_scores(compared(table), milliseconds, types)[table.labelers.index("good-0")]
        for types in (None, quick.astype(np.int32))
    )
    assert blind.z is not None
    assert seeing.z is not None
    assert blind.z < -5
    assert seeing.z > -3


def test_times_that_are_not_known_say_so() -> None:
    table = crowd(GOOD, items=20).table()
    scores = time_scores(compared(table), np.full(len(table), np.nan))
    assert {score.z_missing_reason for score in scores} == {NO_TIMES}
    assert scores[0].median_ms is None
    assert scores[0].fastest.undefined_reason == NO_TIMES
    few = crowd({"a": right_with(0.9), "b": right_with(0.9)}, items=20)
    assert time_scores(compared(few.table()), times_of(few, {}))[0].z_missing_reason == TOO_FEW_LABELERS


def test_a_labeler_who_copies_is_found_and_nobody_else() -> None:
    group = crowd({f"l{n}": right_with(0.75) for n in range(8)}, items=150, seed=4)
    copied = np.random.default_rng(0).random(150) < 0.7
    group.answers[copied, 6] = group.answers[copied, 2]
    found = similarities(compared(group.table(), method="dawid_skene"))
    assert (found.first[0], found.second[0]) == (2, 6)
    assert found.tested == 28
    assert found.q_values[0] < 1e-4
    assert (found.q_values[1:] > 0.05).all()
    assert found.agreed[0] > found.expected_agreed[0] + 20
    assert found.shared_errors[0] > 2 * found.expected_shared_errors[0]


def test_honest_labelers_of_hard_items_are_no_copies() -> None:
    """On hard items all err alike: agreement beyond the labelers' average reliability, and yet nobody copied."""
    generator = np.random.default_rng(6)
    alarms = 0
    for trial in range(6):
        group = crowd({f"l{n}": right_with(0.85) for n in range(8)}, items=150, seed=trial)
        hard = generator.random(150) < 0.2
        lure = (group.truth + 1) % 3
        lured = hard[:, None] & (generator.random((150, 8)) < 0.6)
        group.answers[lured] = np.broadcast_to(lure[:, None], (150, 8))[lured]
        alarms += int((similarities(compared(group.table(), method="dawid_skene")).q_values < 0.05).sum())
    assert alarms <= 2


def test_independent_labelers_give_even_p_values() -> None:
    p_values = np.concatenate(
        [
            similarities(
                compared(crowd({f"l{n}": right_with(0.7) for n in range(7)}, seed=seed).table(), method="dawid_skene")
            ).p_values
            for seed in range(10)
        ]
    )
    assert np.mean(p_values < 0.05) < 0.1
    assert np.mean(p_values < 0.5) == pytest.approx(0.45, abs=0.2)


def test_false_discovery_rates_are_benjamini_and_hochbergs() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.2), "BH")."""
    rates = false_discovery_rates(np.array([0.01, 0.04, 0.03, 0.005, 0.2]))
    assert rates.tolist() == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.2])
    assert false_discovery_rates(np.empty(0)).tolist() == []


def test_hard_classes_and_the_ones_they_are_taken_for_come_first() -> None:
    def blurred(generator: np.random.Generator, truth: Ints) -> Ints:
        return np.where((truth == 1) & (generator.random(len(truth)) < 0.4), 2, truth)

    found = analysis_of(crowd({f"l{n}": blurred for n in range(5)}, items=300).table())
    zero, one, _ = found.difficulties
    assert zero.confusion_entropy.value == pytest.approx(0)
    assert one.confusion_entropy.value is not None
    assert one.confusion_entropy.value > 0.5
    assert one.recall.value is not None
    assert one.recall.value < 0.8
    assert (found.confused[0].first, found.confused[0].second) == (1, 2)
    assert found.confused[0].first_as_second.value is not None
    assert found.confused[0].first_as_second.value > 0.2
    assert found.alphas[0].value == 1.0


def test_disputed_items_come_first() -> None:
    table = make_table(
        ["clear"] * 3 + ["open"] * 3 + ["leaning"] * 3,
        ["a", "b", "c"] * 3,
        ["p", "p", "p", "p", "q", "r", "p", "p", "q"],
    )
    found = analysis_of(table)
    assert [table.items[code] for code in found.items.disputed()] == ["open", "leaning", "clear"]
    clear, leaning, undecided = (table.items.index(name) for name in ("clear", "leaning", "open"))
    assert found.items.disagreement[[clear, leaning, undecided]] == pytest.approx([0, 2 / 3, 1])
    assert found.items.margin[[clear, leaning, undecided]] == pytest.approx([1, 1 / 3, 0])
    assert found.items.entropy[undecided] == pytest.approx(1)
    assert table.classes[found.items.runners_up[leaning]] == "q"
    assert found.items.difficulty[undecided] > found.items.difficulty[clear]


@settings(max_examples=40, deadline=None)
@given(rows(min_size=3), st.permutations(range(10)), st.permutations(range(6)))
def test_the_names_of_items_and_labelers_change_nothing(
    given_rows: list[Row], items: list[int], labelers: list[int]
) -> None:
    renamed = [
        (f"i{items[int(item[1:])]}", f"l{labelers[int(labeler[1:])]}", said) for item, labeler, said in given_rows
    ]
    one, other = (analysis_of(table_of(each), min_pair_items=1, replicates=20) for each in (given_rows, renamed))
    back = {f"l{labelers[n]}": f"l{n}" for n in range(6)}
    theirs = {back[name]: code for code, name in enumerate(other.table.labelers)}
    for code, name in enumerate(one.table.labelers):
        mine, its = one.reliabilities[code], other.reliabilities[theirs[name]]
        assert (mine.n, mine.undefined_reason) == (its.n, its.undefined_reason)
        assert mine.value == (None if its.value is None else pytest.approx(its.value))
        ours, others = one.spammers[code], other.spammers[theirs[name]]
        assert ours.independence_p_value == (
            None if others.independence_p_value is None else pytest.approx(others.independence_p_value)
        )
        for score in ("raykar_yu", "kappa_with_reference", "mutual_information"):
            value = getattr(others, score).value
            assert getattr(ours, score).value == (None if value is None else pytest.approx(value, abs=1e-9))
    for column in ("p_values", "expected_agreed", "shared_errors", "expected_shared_errors"):
        before, after = (sorted(getattr(each.similarities, column)) for each in (one, other))
        assert before == pytest.approx(after, abs=1e-6), column


@settings(max_examples=40, deadline=None)
@given(rows(min_size=1), st.lists(st.sampled_from([*CLASSES, None]), min_size=10, max_size=10))
def test_whatever_is_sent_every_number_is_finite_or_has_its_reason(
    given_rows: list[Row], truth: list[str | None]
) -> None:
    table = table_of(given_rows)
    gold = np.array(
        [NO_GOLD if truth[int(i[1:])] is None else CLASSES.index(str(truth[int(i[1:])])) for i in table.items]
    )
    found = analyze(table, gold.astype(np.int32), np.full(len(table), 1000.0), Plan(min_pair_items=1, replicates=20))
    estimates = [*found.gold_accuracies, *found.others, *found.reliabilities, *found.alphas]
    estimates += [getattr(scores, name) for scores in found.spammers for name in ("raykar_yu", "mutual_information")]
    for estimate in estimates:
        assert (estimate.value is None) == bool(estimate.undefined_reason)
        assert estimate.value is None or np.isfinite(estimate.value)
    for column in ("p_values", "q_values", "z", "expected_agreed", "expected_shared_errors"):
        assert np.isfinite(getattr(found.similarities, column)).all()
    assert ((found.similarities.p_values >= 0) & (found.similarities.q_values <= 1)).all()
    assert found.similarities.tested <= pair_count(table)
    assert np.isfinite(found.items.margin).all()
    assert np.isfinite(found.items.entropy).all()


def test_an_empty_table_has_nothing_to_say() -> None:
    table = make_table([], [], [], class_names=CLASSES)
    found = compared(table)
    assert reliabilities(found) == []
    assert similarities(found).tested == 0
