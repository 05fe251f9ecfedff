"""Methods in which a vote has a weight: weighted majority, one-coin."""

from __future__ import annotations

import numpy as np
import pytest

from labelmill_quality.aggregation import dawid_skene, majority_vote, one_coin, weighted_majority
from labelmill_quality.aggregation.leave_one_out import ByApplying
from labelmill_quality.labels import NO_GOLD, make_table
from tests.quality import crowd
from tests.quality.test_aggregation import simulated


def test_a_labelers_weight_is_the_smoothed_agreement_with_the_majority() -> None:
    table = make_table(list("xxxyyy"), ["a", "b", "c"] * 2, ["yes", "yes", "no", "no", "no", "no"])
    weights = weighted_majority.fit(table).weights  # a and b agree twice, c once: 5 of 6 labels
    assert weights.tolist() == pytest.approx([(2 + 2 * 5 / 6) / 4] * 2 + [(1 + 2 * 5 / 6) / 4])


def test_with_a_tie_half_of_the_majority_is_agreed_with() -> None:
    table = make_table(["x", "x"], ["a", "b"], ["yes", "no"])
    assert weighted_majority.fit(table).weights.tolist() == pytest.approx([0.5, 0.5])


def test_gold_says_whom_to_believe() -> None:
    """Two of three always agree, and are wrong wherever it is known."""
    items = [f"i{n}" for n in range(8)]
    table = make_table(items * 3, ["a"] * 8 + ["b"] * 8 + ["c"] * 8, ["no"] * 16 + ["yes"] * 8)
    anchors = np.array([*[1] * 7, NO_GOLD], np.int32)
    for method in (weighted_majority, one_coin):
        assert method.fit(table).apply(table).winners[-1] == 0
        assert method.fit(table, anchors).apply(table).winners[-1] == 1


def test_one_coin_learns_the_skills() -> None:
    table, truth = simulated(items=3000)
    right = table.class_codes == truth[table.item_codes]
    shares = np.bincount(table.labeler_codes, right) / np.bincount(table.labeler_codes)
    assert one_coin.fit(table).skills == pytest.approx(shares, abs=0.05)


def test_one_coin_is_dawid_skene_with_even_errors() -> None:
    """Its skills as a confusion matrix, judged by Dawid and Skene's rule, say the same."""
    table, _ = simulated(items=100)
    model = one_coin.fit(table)
    wrong = (1 - model.skills)[:, None, None] / 2
    confusion = wrong + (model.skills[:, None, None] - wrong) * np.eye(3)
    same = dawid_skene.fit(table, options=dawid_skene.Options(max_iterations=1))
    same = type(same)(**{**vars(same), "prior": np.full(3, 1 / 3), "confusion": confusion})
    assert model.apply(table).posterior == pytest.approx(same.apply(table).posterior, abs=1e-9)


@pytest.mark.parametrize("method", [weighted_majority, one_coin])
def test_leaving_one_out_by_taking_its_part_away_is_leaving_it_out(method) -> None:  # type: ignore[no-untyped-def]
    table, _ = simulated(items=60, per_item=3)
    model = method.fit(table)
    quick, slow = model.apply(table).others(), ByApplying(model, table)()
    assert quick.tied.tolist() == slow.tied.tolist()
    assert quick.winners[~quick.tied].tolist() == slow.winners[~slow.tied].tolist()


@pytest.mark.parametrize("method", [weighted_majority, one_coin])
def test_a_labeler_who_was_not_there_yet_is_taken_for_an_average_one(method) -> None:  # type: ignore[no-untyped-def]
    table, _ = simulated()
    newcomer = make_table(["x"], ["zoe"], ["1"], class_names=table.classes, labeler_names=table.labelers)
    assert method.fit(table).apply(newcomer).winners.tolist() == [1]


@crowd.needs_crowd
def test_weights_are_worth_it_on_real_labels() -> None:
    def right(method) -> float:  # type: ignore[no-untyped-def]
        shares = []
        for name in ("D_PosSent", "D_Product", "Snow_temp"):
            table, gold = crowd.read(name)
            known = gold != NO_GOLD
            shares.append((method.fit(table).apply(table).winners[known] == gold[known]).mean())
        return float(np.mean(shares))

    assert right(one_coin) > right(weighted_majority) > right(majority_vote)
