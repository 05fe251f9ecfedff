"""Auto: what it weighs methods by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality import aggregation
from labelmill_quality.aggregation import auto, draws
from labelmill_quality.aggregation.held_out import hold_out, predicted, stacked
from labelmill_quality.aggregation.selection import Basis
from labelmill_quality.labels import NO_GOLD, LabelTable, make_table
from tests.quality import crowd
from tests.quality.strategies import Row, rows, table_of


def swapping(items: int = 300) -> tuple[LabelTable, np.ndarray]:
    """Two classes; four labelers are right in 90 %, five call the first class the second: only confusions tell."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, items)
    right = generator.random((items, 9)) < 0.9
    said = np.where(right, truth[:, None], 1 - truth[:, None])
    said[:, 4:] = np.where(generator.random((items, 5)) < 0.75, 1, truth[:, None])
    columns = [(f"i{i:03d}", f"l{n}", str(said[i, n])) for i in range(items) for n in range(9)]
    return make_table(*(list(column) for column in zip(*columns, strict=True))), truth


def few_labels(items: int = 200) -> tuple[LabelTable, np.ndarray]:
    """Five classes, three labels an item, everybody labels three items: nobody's confusion can be learned."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 5, items)
    said = np.where(generator.random((items, 3)) < 0.7, truth[:, None], generator.integers(0, 5, (items, 3)))
    labelers = generator.permutation(np.repeat(np.arange(items), 3)).reshape(items, 3)
    columns = [(f"i{i:03d}", f"l{labelers[i, n]}", str(said[i, n])) for i in range(items) for n in range(3)]
    return make_table(*(list(column) for column in zip(*columns, strict=True))), truth


def weights_of(model: auto.Auto) -> dict[str, float]:
    return {each.method: each.weight for each in model.selection.judgements}


def test_confusions_count_where_they_can_be_learned_and_help() -> None:
    table, truth = swapping()
    model = auto.fit(table)
    weights = weights_of(model)
    assert weights["dawid_skene"] + weights["ibcc"] + weights["mace"] > 0.8
    majority = aggregation.aggregate(table, "majority_vote").winners
    assert (model.apply(table).winners == truth).mean() > (majority == truth).mean() + 0.1


def test_votes_and_skills_count_where_confusions_cannot_be_learned() -> None:
    table, _ = few_labels()
    weights = weights_of(auto.fit(table))
    assert sum(weights[name] for name in ("majority_vote", "weighted_majority", "one_coin", "glad")) > 0.7


def test_the_weights_sum_to_one_and_every_method_is_reported() -> None:
    selection = auto.fit(few_labels()[0]).selection
    assert [each.method for each in selection.judgements] == list(auto.CANDIDATES)
    assert sum(each.weight for each in selection.judgements) == pytest.approx(1)
    assert selection.basis is Basis.HELD_OUT_LABELS
    assert all(each.log_likelihood is not None and each.log_likelihood < 0 for each in selection.judgements)


def test_twenty_gold_answers_decide_and_nineteen_do_not() -> None:
    table, truth = swapping()
    for count, basis in ((19, Basis.HELD_OUT_LABELS), (20, Basis.GOLD)):
        anchors = np.full(len(table.items), NO_GOLD, np.int32)
        anchors[:count] = truth[:count]
        selection = auto.fit(table, anchors).selection
        assert selection.basis is basis
        assert selection.judgements[0].gold_accuracy.n == count
        assert str(count) in selection.reason()


def test_gold_is_not_known_to_the_methods_that_it_judges() -> None:
    """Gold that contradicts every label: had it been an anchor, all would be right about it."""
    table, truth = swapping()
    anchors = np.full(len(table.items), NO_GOLD, np.int32)
    anchors[:40] = 1 - truth[:40]
    for each in auto.fit(table, anchors).selection.judgements:
        assert each.gold_accuracy.value is not None
        assert each.gold_accuracy.value < 0.5


def test_a_method_that_errs_on_gold_loses_its_weight() -> None:
    table, truth = swapping()
    anchors = np.full(len(table.items), NO_GOLD, np.int32)
    anchors[:60] = truth[:60]
    before, after = weights_of(auto.fit(table)), weights_of(auto.fit(table, anchors))
    assert after["majority_vote"] <= before["majority_vote"]
    assert after["majority_vote"] == 0.0


def test_without_three_labels_of_an_item_all_methods_count_the_same() -> None:
    table = make_table(["x", "x", "y"], ["a", "b", "a"], ["yes", "no", "yes"])
    selection = auto.fit(table).selection
    assert selection.basis is Basis.NOTHING
    count = len(auto.CANDIDATES)
    assert [each.weight for each in selection.judgements] == pytest.approx([1 / count] * count)
    assert {each.log_likelihood for each in selection.judgements} == {None}


def test_a_large_table_is_judged_on_some_items_and_aggregated_whole() -> None:
    table, truth = swapping()
    model = auto.fit(table, options=auto.Options(sampled_labels=1000))
    assert 70 < model.selection.sampled_items < 150
    assert (model.apply(table).winners == truth).mean() > 0.8


def test_slow_methods_take_no_part_where_confusion_matrices_are_many() -> None:
    table, truth = swapping()
    model = auto.fit(table, options=auto.Options(most_cells=30))  # 9 labelers x 2 x 2 cells
    assert set(weights_of(model)) == set(auto.CANDIDATES) - {"mace", "ibcc"}
    assert (model.apply(table).winners == truth).mean() > 0.8


def test_in_a_very_large_table_the_best_method_is_taken_alone() -> None:
    table, _ = swapping()
    mixed, alone = auto.fit(table), auto.fit(table, options=auto.Options(mixed_labels=1000))
    best = max(mixed.selection.judgements, key=lambda each: each.weight)
    assert {name: weight for name, weight in weights_of(alone).items() if weight} == {best.method: 1.0}
    consensus = alone.apply(table)
    assert (consensus.posterior == auto.CANDIDATES[best.method](table, None).apply(table).posterior).all()
    assert (consensus.method, consensus.note) == ("auto", alone.selection.reason())


@settings(max_examples=30)
@given(rows(min_size=5), st.randoms(use_true_random=False))
def test_what_is_held_out_does_not_depend_on_order_or_names(given_rows: list[Row], shuffler: object) -> None:
    shuffled = list(given_rows)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    names = {row[1]: f"n{place}" for place, row in enumerate(shuffled)}
    renamed = [(item, names[labeler], said) for item, labeler, said in shuffled]
    one, other = table_of(given_rows), table_of(renamed)
    weights = [
        [each.weight for each in auto.fit(table, options=auto.Options(most_splits=1)).selection.judgements]
        for table in (one, other)
    ]
    assert weights[0] == pytest.approx(weights[1], abs=1e-6)


def test_equal_items_are_drawn_apart() -> None:
    """All say the same of all: what is left to tell items apart by is nothing but their number."""
    table = make_table([f"i{n}" for n in range(1000)] * 2, ["a"] * 1000 + ["b"] * 1000, ["yes"] * 2000)
    for numbers in (draws.of_items(table, 0), draws.of_labels(table, 0)):
        assert len(set(numbers.tolist())) == len(numbers)
        assert np.quantile(numbers, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.05)


@settings(max_examples=30)
@given(rows(min_size=5))
def test_every_item_keeps_labels_that_are_not_held_out(given_rows: list[Row]) -> None:
    table = table_of(given_rows)
    out = hold_out(table, 0)
    held = np.bincount(table.item_codes[out], minlength=len(table.items))
    assert (held == np.where(table.labels_per_item >= 3, np.maximum(1, np.rint(table.labels_per_item * 0.2)), 0)).all()


def test_probabilities_of_held_out_labels_are_those_of_all_classes() -> None:
    table, _ = few_labels()
    posterior = table.votes / table.votes.sum(axis=1, keepdims=True)
    every = [replace(table, class_codes=np.full(len(table), c, np.int32)) for c in range(5)]
    sums = sum(predicted(table, posterior, held) for held in every)
    assert sums == pytest.approx(np.ones(len(table)))


def test_stacking_finds_the_mixture_that_made_the_labels() -> None:
    generator = np.random.default_rng(0)
    first, second = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.2, 0.7])
    labels = generator.choice(3, 50_000, p=0.3 * first + 0.7 * second)
    assert stacked(np.stack([first[labels], second[labels]], axis=1), 1.0) == pytest.approx([0.3, 0.7], abs=0.02)


@crowd.needs_crowd
def test_auto_without_gold_is_as_accurate_as_any_single_published_method_on_average() -> None:
    """82.8 % on these ten sets: crowd-kit's Dawid-Skene, and a variational IBCC; benchmarks/quality/accuracy.py."""
    right = []
    for name in crowd.CATEGORICAL:
        table, gold = crowd.read(name)
        known = gold != NO_GOLD
        right.append((aggregation.aggregate(table).winners == gold)[known].mean())
    assert np.mean(right) > 0.828
