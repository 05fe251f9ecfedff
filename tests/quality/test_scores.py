"""Scores against gold, against the consensus of the others, and the report that joins them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality import aggregation
from labelmill_quality.benchmark import NO_ANSWERS, consensus_accuracy, score_benchmark
from labelmill_quality.errors import TooManyCells
from labelmill_quality.intervals import wilson
from labelmill_quality.labelers import NO_OTHERS, agreement_with_others, consensus_confusions
from labelmill_quality.labels import gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.report import Answers, Evidence, Plan, Report, make_report
from tests.quality.strategies import CLASSES, Row, rows, table_of

METHODS = list(aggregation.METHODS)


def answers(*given_rows: Row) -> Answers:
    columns = Answers()
    for row in given_rows:
        columns.add(*row)
    return columns


def test_answers_are_scored_against_gold() -> None:
    table = make_table(
        ["x", "x", "y", "y", "z"], ["anna", "ben", "anna", "ben", "anna"], ["yes", "no", "no", "no", "yes"]
    )
    score = score_benchmark(table, gold_codes(table.items, ["x", "y"], ["yes", "no"], table.classes))
    accuracy = score.accuracy()
    assert (accuracy.value, accuracy.n, accuracy.interval_method) == (0.75, 4, "wilson")
    assert (accuracy.lower, accuracy.upper) == wilson(3, 4)
    assert [estimate.value for estimate in score.labeler_accuracies()] == [1.0, 0.5]
    assert score.confusion.tolist() == [[2, 0], [1, 1]]  # gold no, yes; said no, yes
    assert [estimate.value for estimate in score.recalls()] == [1.0, 0.5]
    assert [estimate.value for estimate in score.precisions()] == [pytest.approx(2 / 3), 1.0]


def test_a_labeler_without_benchmark_answers_has_no_accuracy() -> None:
    table = make_table(["x", "y"], ["anna", "ben"], ["yes", "no"])
    score = score_benchmark(table, gold_codes(table.items, ["x"], ["yes"], table.classes))
    ben = score.labeler_accuracies()[1]
    assert (ben.value, ben.lower, ben.undefined_reason) == (None, None, NO_ANSWERS)
    assert score.recalls()[0].value is None  # no gold is "no"


@given(rows(), st.lists(st.sampled_from(CLASSES), min_size=10, max_size=10))
def test_confusion_counts_every_answer_about_gold_once(given_rows: list[Row], truth: list[str]) -> None:
    table = table_of(given_rows)
    gold = gold_codes(table.items, [f"i{i}" for i in range(0, 10, 2)], truth[::2], CLASSES)
    score = score_benchmark(table, gold)
    about_gold = [(item, said) for item, _, said in given_rows if int(item[1:]) % 2 == 0]
    assert score.confusion.sum() == len(about_gold)
    assert score.confusion.trace() == sum(truth[int(item[1:])] == said for item, said in about_gold)


def test_nobody_agrees_with_themselves() -> None:
    """Anna is alone against two on every item; with her own vote in, she would be a third of each consensus."""
    items = ["x", "y", "z"]
    table = make_table(items * 3, ["anna"] * 3 + ["ben"] * 3 + ["cleo"] * 3, ["no"] * 3 + ["yes"] * 6)
    consensus = aggregation.aggregate(table, "majority_vote")
    anna, ben, _ = agreement_with_others(table, consensus)
    assert (anna.value, anna.n) == (0.0, 3)
    assert ben.value is None  # anna and cleo are tied on every item
    assert ben.undefined_reason == NO_OTHERS


def test_an_item_that_nobody_else_labeled_says_nothing_about_agreement() -> None:
    table = make_table(["x", "y", "y", "y"], ["anna", "anna", "ben", "cleo"], ["no", "yes", "yes", "yes"])
    for method in METHODS:
        anna = agreement_with_others(table, aggregation.aggregate(table, method))[0]
        assert (anna.value, anna.n) == (1.0, 1)


@pytest.mark.parametrize("method", METHODS)
@given(given_rows=rows(min_size=5))
def test_agreement_equals_aggregating_without_the_label(method: str, given_rows: list[Row]) -> None:
    """The same model, applied to the table without one row, says what the others say."""
    table = table_of(given_rows)
    model = aggregation.METHODS[method](table, None)
    agreed, trials = dict.fromkeys(table.labelers, 0), dict.fromkeys(table.labelers, 0)
    for left_out in given_rows:
        others = [row for row in given_rows if row != left_out and row[0] == left_out[0]]
        if not others:
            continue
        columns = [[row[i] for row in others] for i in range(3)]
        rest = make_table(*columns, class_names=CLASSES, labeler_names=table.labelers)
        consensus = model.apply(rest)
        scores = np.sort(consensus.posterior[0])
        if scores[-1] - scores[-2] < 1e-6:
            if scores[-1] - scores[-2] > 1e-12:
                return  # too close to call whether it is a tie
            continue
        trials[left_out[1]] += 1
        agreed[left_out[1]] += CLASSES[consensus.winners[0]] == left_out[2]
    estimates = agreement_with_others(table, model.apply(table))
    assert [estimate.n for estimate in estimates] == list(trials.values())
    shares = [agreed[labeler] / n if n else None for labeler, n in trials.items()]
    assert [estimate.value for estimate in estimates] == shares


@given(rows())
def test_consensus_confusions_count_every_label_once(given_rows: list[Row]) -> None:
    table = table_of(given_rows)
    counts = consensus_confusions(table, aggregation.aggregate(table).posterior)
    assert counts.sum(axis=(1, 2)) == pytest.approx(np.bincount(table.labeler_codes, minlength=len(table.labelers)))
    assert counts.sum(axis=(0, 1)) == pytest.approx(table.votes.sum(axis=0))  # columns are what was said


def test_the_accuracy_of_a_consensus_needs_several_labelers() -> None:
    winners, gold = np.array([0, 1, 1], np.int32), np.array([0, 0, 1], np.int32)
    estimate = consensus_accuracy(winners, [2, 3, 1], gold)
    assert (estimate.value, estimate.n) == (0.5, 2)
    assert consensus_accuracy(winners, [1, 1, 1], gold).undefined_reason


def report_of(**changes: object) -> Report:
    """Three labelers about four items; cleo errs. Two benchmarks."""
    labels = answers(
        *[(f"i{n}", labeler, "yes" if n % 2 else "no") for n in range(4) for labeler in ("anna", "ben")],
        *[(f"i{n}", "cleo", "yes") for n in range(4)],
    )
    benchmark_answers = answers(
        ("g1", "anna", "yes"), ("g1", "ben", "yes"), ("g2", "anna", "no"), ("g2", "cleo", "yes"), ("h", "anna", "no")
    )
    values = {
        "labels": labels,
        "benchmark_answers": benchmark_answers,
        "gold": {"g1": "yes", "g2": "no", "g3": "no"},
        "class_names": ("yes", "no", "unclear"),
        "ordered": False,
    }
    return make_report(Evidence(**{**values, **changes}), Plan(replicates=200))  # type: ignore[arg-type]


def test_a_report_keeps_benchmark_answers_apart_from_labels() -> None:
    report = report_of()
    assert len(report.table) == 12
    assert report.table.items == ("i0", "i1", "i2", "i3")
    assert (report.benchmark_accuracy.value, report.benchmark_accuracy.n) == (0.75, 4)
    assert report.benchmark_confusion.counts.tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert report.consensus_confusion.counts.sum() == pytest.approx(12)


def test_a_report_calibrates_its_probabilities_by_what_the_method_says_about_gold() -> None:
    truths = ["yes" if n % 3 else "no" for n in range(40)]
    all_wrong = answers(
        *[
            (f"g{n}", labeler, "no" if truth == "yes" else "yes")
            for n, truth in enumerate(truths)
            for labeler in ("anna", "ben")
        ]
    )
    gold = {f"g{n}": truth for n, truth in enumerate(truths)}
    usual, humbled = report_of().consensus, report_of(benchmark_answers=all_wrong, gold=gold).consensus
    assert usual.calibration is not None
    assert humbled.calibration is not None
    assert (usual.calibration.gold_count, usual.calibration.on_this_data) == (2, False)
    assert (humbled.calibration.gold_count, humbled.calibration.on_this_data) == (40, True)
    assert humbled.posterior.max(axis=1).mean() < usual.posterior.max(axis=1).mean()
    np.testing.assert_allclose(humbled.posterior.sum(axis=1), 1)


def test_a_report_compares_every_pair_that_shares_ten_items() -> None:
    many = answers(
        *[(f"i{n}", labeler, "yes" if n % 2 else "no") for n in range(12) for labeler in ("anna", "ben")],
        *[(f"i{n}", "cleo", "yes") for n in range(10)],
        *[(f"i{n}", "dan", "yes") for n in range(9)],
    )
    pairs = report_of(labels=many).pairs
    names = report_of(labels=many).table.labelers
    assert [(names[a], names[b]) for a, b in zip(pairs.first, pairs.second, strict=True)] == [
        ("anna", "ben"), ("anna", "cleo"), ("ben", "cleo")
    ]  # fmt: skip
    assert [each.value for each in pairs.agreed] == [1.0, 0.5, 0.5]
    assert [each.value for each in pairs.estimates[0]] == [1.0, 0.0, 0.0]
    assert pairs.left_out == 3


def test_a_report_scores_every_labeler() -> None:
    anna, ben, cleo = report_of().labelers
    assert (anna.labeler, anna.label_count) == ("anna", 4)
    assert (anna.benchmark_accuracy.value, anna.benchmark_accuracy.n) == (1.0, 2)
    assert (cleo.benchmark_accuracy.value, cleo.confusion.reference) == (0.0, "benchmark")
    assert cleo.consensus_agreement.value == 0.5
    assert ben.benchmark_accuracy.n == 1


def test_a_labeler_without_benchmarks_is_compared_with_the_consensus() -> None:
    report = report_of(benchmark_answers=answers(("g1", "anna", "yes")))
    assert [score.confusion.reference for score in report.labelers] == ["benchmark", "consensus", "consensus"]
    assert report.labelers[2].confusion.counts.sum() == pytest.approx(4)


def test_a_report_scores_every_class_in_the_order_of_the_ontology() -> None:
    yes, no, unclear = report_of().classes
    assert [score.class_name for score in (yes, no, unclear)] == ["yes", "no", "unclear"]
    assert (yes.consensus_count, no.consensus_count, unclear.consensus_count) == (2, 2, 0)
    assert (yes.benchmark_recall.value, yes.benchmark_precision.value) == (1.0, pytest.approx(2 / 3))
    assert unclear.benchmark_recall.undefined_reason
    assert unclear.alpha.undefined_reason
    assert yes.alpha.value is not None


def test_the_consensus_is_scored_on_benchmarks_that_several_labeled() -> None:
    accuracy = report_of().consensus_accuracy
    assert (accuracy.value, accuracy.n) == (1.0, 2)  # g2: anna, who is reliable, outweighs cleo, who is not


def test_classes_of_an_older_ontology_come_last_instead_of_being_dropped() -> None:
    report = report_of(class_names=("yes",))
    assert report.table.classes == ("yes", "no")


def test_an_ordinal_feature_gets_ordinal_alpha() -> None:
    assert report_of(ordered=True).alpha.method == "krippendorff_alpha_ordinal"
    assert report_of().alpha.method == "krippendorff_alpha_nominal"


def test_a_report_without_benchmarks_says_that_accuracy_is_undefined() -> None:
    report = report_of(benchmark_answers=Answers(), gold={})
    assert report.benchmark_accuracy.value is None
    assert report.consensus_accuracy.value is None
    assert report.alpha.value is not None


def test_tables_that_do_not_fit_are_refused() -> None:
    table = make_table(["x", "y"], ["anna", "ben"], ["yes", "no"])
    require_room(table, 12)
    with pytest.raises(TooManyCells) as caught:
        require_room(table, 11)
    assert caught.value.metadata == {"items": "2", "labelers": "2", "classes": "2", "cell_limit": "11"}
