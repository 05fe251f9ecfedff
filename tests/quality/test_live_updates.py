"""Local updates and refits, as pure functions: what is kept is what all answers together say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality.aggregation import aggregate
from labelmill_quality.live import answers
from labelmill_quality.live.answers import Change, Said
from labelmill_quality.live.figures import ItemGroup, LiveFigures, agreement_with_others, benchmark_accuracy, figures
from labelmill_quality.live.gains import average_confusion, label_gains
from labelmill_quality.live.refitting import empty, refit
from labelmill_quality.live.state import LiveState
from labelmill_quality.live.updating import update, without
from labelmill_quality.report import Answers, Evidence, Plan, make_report

CLASSES = ("a", "b", "c")
GOLD = {"i0": "a", "i1": "b", "i9": "c"}


def change(row: int, item: str, labeler: str, value: str, *, benchmark: bool = False, version: int = 1) -> Change:
    return Change("f", item, Said(f"{row:06d}", version, labeler, benchmark, value, row), withdrawn=False)


def crowd(items: int = 60, seed: int = 1) -> list[Change]:
    """Five labelers of different skill, three an item; every tenth item is also a benchmark."""
    generator = np.random.default_rng(seed)
    skill = {"anna": 0.95, "ben": 0.9, "cleo": 0.8, "dora": 0.6, "emil": 0.4}
    said: list[Change] = []
    for n in range(items):
        truth = CLASSES[n % 3]
        for labeler in generator.permutation(sorted(skill))[:3].tolist():
            value = truth if generator.random() < skill[labeler] else CLASSES[generator.integers(3)]
            said.append(change(len(said), f"i{n}", labeler, value, benchmark=n % 10 == 9))
    return said


def nothing() -> LiveState:
    return LiveState(empty("f", 1, CLASSES), {}, {})


def applied(state: LiveState, changes: Sequence[Change], size: int = 7) -> LiveState:
    """The whole state after changes that come a few at a time."""
    for start in range(0, len(changes), size):
        state = put(state, update(state, changes[start : start + size], GOLD))
    return state


def put(state: LiveState, new: LiveState) -> LiveState:
    items = {name: item for name, item in {**state.items, **new.items}.items() if name not in new.gone}
    return LiveState(new.feature, {**state.labelers, **new.labelers}, items)


def told(state: LiveState) -> LiveFigures:
    groups: dict[tuple[str, int, float], int] = {}
    for item in state.items.values():
        key = (item.tally, item.label_count, item.disagreement)
        groups[key] = groups.get(key, 0) + 1
    rows = [ItemGroup(*key, count) for key, count in groups.items()]
    return figures(state.feature, rows, state.labelers, CLASSES, choice=True, ordered=False, replicates=200)


says = st.tuples(
    st.integers(0, 9), st.sampled_from(["anna", "ben", "cleo"]), st.sampled_from([*CLASSES, "new"]), st.booleans()
)
histories = st.lists(says, min_size=1, max_size=40)


def history(rows: Sequence[tuple[int, str, str, bool]]) -> list[Change]:
    return [change(n, f"i{item}", who, value, benchmark=test) for n, (item, who, value, test) in enumerate(rows)]


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(1, 9), st.data())
def test_counts_are_those_of_all_answers_however_they_came(
    rows: list[tuple[int, str, str, bool]], size: int, data: st.DataObject
) -> None:
    changes = history(rows)
    order = data.draw(st.permutations(changes))
    live = applied(nothing(), order, size)
    fitted, difference = refit(live, changes, GOLD)
    assert difference.repaired_item_count == 0
    assert {name: item.said for name, item in live.items.items()} == {n: i.said for n, i in fitted.items.items()}
    for name, labeler in fitted.labelers.items():
        ours = live.labelers[name]
        assert (ours.label_count, ours.gold_count, ours.right_count) == (
            labeler.label_count,
            labeler.gold_count,
            labeler.right_count,
        )


@settings(max_examples=40, deadline=None)
@given(histories, st.integers(1, 9))
def test_what_is_known_changes_nothing(rows: list[tuple[int, str, str, bool]], size: int) -> None:
    changes = history(rows)
    live = applied(nothing(), changes, size)
    again = update(live, changes, GOLD)
    assert (again.items, again.gone, again.labelers, again.change_count) == ({}, frozenset(), {}, 0)
    assert again.feature.labels_since_refit == live.feature.labels_since_refit


@settings(max_examples=40, deadline=None)
@given(histories)
def test_counts_of_the_model_are_those_of_the_kept_posteriors(rows: list[tuple[int, str, str, bool]]) -> None:
    live = applied(nothing(), history(rows), 3)
    size = len(live.feature.class_names)
    expected = np.zeros(size)
    for item in live.items.values():
        if item.label_count >= 2:
            expected[: len(item.posterior)] += item.posterior
    np.testing.assert_allclose(live.feature.class_counts, expected, atol=1e-9)
    shared = sum(item.label_count for item in live.items.values() if item.label_count >= 2)
    assert sum(float(labeler.counts.sum()) for labeler in live.labelers.values()) == pytest.approx(shared)


def test_after_a_refit_the_figures_are_those_of_a_report() -> None:
    changes = crowd()
    live, _ = refit(applied(nothing(), changes), changes, GOLD)
    labels, benchmark = Answers(), Answers()
    for each in changes:
        (benchmark if each.said.benchmark else labels).add(each.item, each.said.labeler, each.said.value)
    benchmark.add_about(GOLD, labels)
    report = make_report(Evidence(labels, benchmark, GOLD, CLASSES, ordered=False), Plan("dawid_skene", 200))
    found = told(live)
    assert found.alpha == report.alpha
    assert found.benchmark_accuracy == report.benchmark_accuracy
    assert (found.label_count, found.item_count) == (len(report.table), len(report.table.items))
    assert [agreement_with_others(each, "dawid_skene") for each in found.labelers] == [
        score.consensus_agreement for score in report.labelers
    ]
    assert [benchmark_accuracy(each) for each in found.labelers] == [
        score.benchmark_accuracy for score in report.labelers
    ]
    as_made = aggregate(report.table, "dawid_skene").posterior  # the report's are calibrated
    for row, name in enumerate(report.table.items):
        np.testing.assert_allclose(live.items[name].posterior, as_made[row], atol=1e-12)


def test_local_updates_come_close_to_a_fit_of_everything() -> None:
    changes = crowd(items=300)
    live = applied(nothing(), changes, 50)
    _, difference = refit(live, changes, GOLD)
    assert difference.mean_posterior_change < 0.05
    assert difference.changed_item_count < 0.05 * difference.item_count
    assert all(abs(each.now - (each.before or 0)) < 0.05 for each in difference.labelers)


def test_items_that_are_taken_out_leave_no_trace_in_the_counts() -> None:
    changes = crowd()
    few = [each for each in changes if each.item not in {"i3", "i4", "i50"}]
    before = applied(nothing(), few)
    more = put(before, update(before, [each for each in changes if each not in few], GOLD))
    after = put(more, without(more, ["i3", "i4", "i50", "unknown"]))
    assert after.items == before.items
    np.testing.assert_allclose(after.feature.class_counts, before.feature.class_counts, atol=1e-9)
    for name, labeler in before.labelers.items():
        ours = after.labelers[name]
        assert replace(ours, counts=labeler.counts) == labeler
        np.testing.assert_allclose(ours.counts, labeler.counts, atol=1e-9)


def test_an_older_version_never_comes_back() -> None:
    newer = change(1, "i5", "anna", "b", version=2)
    live = applied(nothing(), [newer, change(1, "i5", "anna", "a", version=1)])
    assert [said.value for said in live.items["i5"].said] == ["b"]


def test_a_class_that_the_ontology_does_not_know_keeps_its_number() -> None:
    live = applied(
        nothing(), [change(1, "i5", "anna", "old"), change(2, "i5", "ben", "a"), change(3, "i6", "ben", "z")]
    )
    assert live.feature.class_names == (*CLASSES, "old", "z")
    assert live.items["i5"].tally == "0:1,3:1"
    assert answers.read_tally(live.items["i6"].tally) == {4: 1}


def test_with_very_many_classes_votes_are_counted() -> None:
    names = tuple(f"c{n:03d}" for n in range(250))
    state = LiveState(empty("f", 1, names), {}, {})
    rows = [("i1", "anna", "c007"), ("i1", "ben", "c007"), ("i1", "cleo", "c100")]
    live = put(state, update(state, [change(n, *row) for n, row in enumerate(rows)], {}))
    assert live.items["i1"].posterior[7] == pytest.approx(2 / 3)
    fitted, difference = refit(live, [change(n, *row) for n, row in enumerate(rows)], {})
    assert (difference.mean_posterior_change, difference.labelers) == (0.0, ())
    np.testing.assert_array_equal(fitted.items["i1"].posterior, live.items["i1"].posterior)


def test_one_more_label_is_worth_most_where_the_labels_are_split() -> None:
    rows = [("agreed", "anna", "a"), ("agreed", "ben", "a"), ("split", "anna", "a"), ("split", "ben", "b")]
    live = applied(nothing(), [*crowd(), *(change(1000 + n, *row) for n, row in enumerate(rows))])
    confusion = average_confusion(live.labelers.values(), len(CLASSES))
    np.testing.assert_allclose(confusion.sum(axis=0), 1)
    agreed, split = label_gains([live.items["agreed"], live.items["split"]], confusion)
    assert 0 <= agreed < split


def test_answers_of_other_kinds_are_compared_not_counted() -> None:
    state = LiveState(empty("f", 6, ("car",)), {}, {})
    rows = [change(1, "i1", "anna", "x"), change(2, "i1", "anna", "y"), change(3, "i1", "ben", "x")]
    seen: list[object] = []

    def compare(said: Sequence[Sequence[str]]) -> float:
        seen.append([list(each) for each in said])
        return 0.75

    live = put(state, update(state, rows, {}, compare))
    assert seen == [[["x", "y"], ["x"]]]
    assert (live.items["i1"].label_count, live.items["i1"].disagreement) == (2, 0.25)
    assert {name: labeler.label_count for name, labeler in live.labelers.items()} == {"anna": 1, "ben": 1}
