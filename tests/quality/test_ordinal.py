"""Consensus of classes in an order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality import aggregation
from labelmill_quality.aggregation import auto, ordinal
from labelmill_quality.aggregation.consensus import middle
from labelmill_quality.labels import NO_GOLD, LabelTable, make_table


def rated(items: int = 300, per_item: int = 4, labelers: int = 150) -> tuple[LabelTable, np.ndarray]:
    """Five ranks, labelers with a bias and a noise of their own, a handful of labels from each."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 5, items)
    bias, noise = generator.normal(0, 0.7, labelers), generator.uniform(0.4, 1.2, labelers)
    rows = []
    for item in range(items):
        for labeler in generator.choice(labelers, per_item, replace=False):
            seen = truth[item] + bias[labeler] + noise[labeler] * generator.normal()
            rows.append((f"i{item:03d}", f"l{labeler:03d}", str(int(np.clip(np.rint(seen), 0, 4)))))
    columns = [list(column) for column in zip(*rows, strict=True)]
    return make_table(*columns, class_names=[str(rank) for rank in range(5)]), truth


def ranks_off(table: LabelTable, truth: np.ndarray, method: str) -> float:
    winners = aggregation.aggregate_calibrated(table, method, ordered=True).winners
    return float(np.abs(winners - truth).mean())


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=6))
def test_the_middle_errs_by_the_fewest_ranks(masses: list[float]) -> None:
    posterior = np.array([masses]) / sum(masses)
    ranks = np.arange(len(masses))
    expected = np.abs(ranks[:, None] - ranks[None, :]) @ posterior[0]
    assert expected[middle(posterior)[0][0]] == pytest.approx(expected.min())


def test_two_middles_are_a_tie_won_by_the_lower() -> None:
    winners, tied = middle(np.array([[0.5, 0.0, 0.5], [0.2, 0.6, 0.2]]))
    assert (winners.tolist(), tied.tolist()) == ([0, 1], [True, False])


def test_order_helps_where_labelers_have_few_labels() -> None:
    table, truth = rated()
    for other in ("majority_vote", "dawid_skene", "ibcc"):
        assert ranks_off(table, truth, "ordinal") < ranks_off(table, truth, other)


def test_the_bias_of_a_labeler_is_learned_from_other_classes() -> None:
    """A labeler who rates one rank too high is expected to do so for a class that they never met."""
    truth = np.tile(np.arange(4), 30)
    rows = [(f"i{i:03d}", f"l{n}", str(rank)) for i, rank in enumerate(truth) for n in range(4)]
    rows += [(f"i{i:03d}", "high", str(rank + 1)) for i, rank in enumerate(truth) if rank != 2]
    columns = [list(column) for column in zip(*rows, strict=True)]
    model = ordinal.fit(make_table(*columns, class_names=[str(rank) for rank in range(5)]))
    high, other = model.confusion[:2]  # (said, true); "high" is the first name
    assert high[3, 2] > 0.4
    assert high[3, 2] > 5 * max(high[1, 2], other[3, 2])


def test_auto_tries_the_ordinal_method_where_classes_are_ordered() -> None:
    table, truth = rated()
    plain, ordered = (aggregation.aggregate_calibrated(table, ordered=ordered) for ordered in (False, True))
    assert plain.selection is not None
    assert ordered.selection is not None
    assert "ordinal" not in {each.method for each in plain.selection.judgements}
    weights = {each.method: each.weight for each in ordered.selection.judgements}
    assert weights["ordinal"] > 1 / len(weights)
    assert np.abs(ordered.winners - truth).mean() <= np.abs(plain.winners - truth).mean()


def test_errors_on_gold_count_by_their_ranks() -> None:
    table, truth = rated()
    anchors = np.full(len(truth), NO_GOLD, np.int32)
    anchors[:80] = truth[:80]
    judgements = auto.fit(table, anchors, auto.Options(ordered=True)).selection.judgements
    off = {
        name: np.abs(middle(fit(table, None).apply(table).posterior)[0] - truth)[:80].sum()
        for name, fit in {**auto.CANDIDATES, ordinal.NAME: ordinal.fit}.items()
    }
    best = min(off, key=lambda name: off[name])
    assert max(judgements, key=lambda each: each.weight).method == best
