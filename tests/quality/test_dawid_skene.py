"""Dawid-Skene: the same as elsewhere, the same in parts, and cheap to carry on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.aggregation.confusion_counts import split
from labelmill_quality.aggregation.leave_one_out import ByApplying
from labelmill_quality.labels import LabelTable, make_table
from tests.quality.test_aggregation import simulated

GOLDEN = Path(__file__).parent / "golden" / "crowd_kit_dawid_skene.json"


def test_without_prior_knowledge_it_is_crowd_kits() -> None:
    golden = json.loads(GOLDEN.read_text())
    table = make_table(*map(list, zip(*golden["rows"], strict=True)))
    options = replace(dawid_skene.AS_PUBLISHED, max_iterations=20, tolerance=0)
    posterior = dawid_skene.fit(table, options=options).apply(table).posterior
    assert posterior == pytest.approx(np.array(golden["posterior"]), abs=1e-6)


@pytest.mark.parametrize("labels_a_part", [1, 7, 400])
def test_in_parts_it_learns_the_same(labels_a_part: int) -> None:
    table, _ = simulated(items=120)
    options = dawid_skene.Options(max_iterations=10, tolerance=0)
    parts = split(table, labels_a_part=labels_a_part)
    assert sum(len(part.offsets) - 1 for part in parts.parts) == len(table.items)
    model = dawid_skene.fit_parts(parts, len(table.labelers), options)
    whole = dawid_skene.fit(table, options=options)
    assert model.confusion == pytest.approx(whole.confusion, abs=1e-12)
    assert parts.posteriors(model.prior, model.confusion.reshape(-1, 3)) == pytest.approx(
        whole.apply(table).posterior, abs=1e-12
    )


def test_an_empty_table_is_learned_from_and_judged() -> None:
    table = make_table([], [], [], class_names=["yes", "no"], labeler_names=["anna"])
    model = dawid_skene.fit(table)
    assert model.prior.tolist() == [0.5, 0.5]
    assert model.apply(table).posterior.shape == (0, 2)


def test_hundreds_of_labels_about_one_item_do_not_vanish() -> None:
    """The product of so many probabilities is smaller than the smallest number."""
    labelers = [f"l{n:04d}" for n in range(3000)]
    table = make_table(["x"] * 3000 + ["y"] * 3000, labelers * 2, ["yes"] * 2000 + ["no"] * 4000)
    consensus = dawid_skene.fit(table).apply(table)
    assert consensus.winners.tolist() == [1, 0]
    assert np.isfinite(consensus.posterior).all()


def test_a_labeler_who_was_not_there_yet_is_taken_for_an_average_one() -> None:
    table, _ = simulated()
    model = dawid_skene.fit(table)
    newcomer = make_table(
        ["x", "x"], ["l00", "zoe"], ["0", "1"], class_names=table.classes, labeler_names=table.labelers
    )
    judged = model.apply(newcomer)
    scores = np.log(model.prior) + model.log_confusion[0, 0] + np.log(model.average[1])
    assert judged.posterior[0] == pytest.approx(np.exp(scores) / np.exp(scores).sum())


def test_leaving_one_out_by_taking_its_part_away_is_leaving_it_out() -> None:
    table, _ = simulated(items=80, per_item=3)
    model = dawid_skene.fit(table)
    quick, slow = model.apply(table).others(), ByApplying(model, table)()
    assert quick.winners[~quick.tied].tolist() == slow.winners[~slow.tied].tolist()
    assert quick.tied.tolist() == slow.tied.tolist()


def test_of_an_item_with_very_many_labels_none_is_taken_away() -> None:
    """It would take the square of their number."""
    labelers = [f"l{n:05d}" for n in range(20_000)]
    table = make_table(
        ["x"] * 20_000 + ["y", "y"], [*labelers, *labelers[:2]], ["yes"] * 15_000 + ["no"] * 5000 + ["yes", "yes"]
    )
    model = dawid_skene.fit(table)
    others = ByApplying(model, table)()
    assert set(others.winners.tolist()) == {1}
    assert not others.tied.any()


def test_half_labels_count_half() -> None:
    """Two halves of the same label are the whole."""
    whole, _ = simulated(items=50)
    twice = LabelTable(
        whole.items,
        whole.labelers,
        whole.classes,
        *(np.repeat(codes, 2) for codes in (whole.item_codes, whole.labeler_codes, whole.class_codes)),
        weights=np.full(2 * len(whole), 0.5),
    )
    options = dawid_skene.Options(tolerance=0, max_iterations=20)
    one, other = (dawid_skene.fit(table, options=options).apply(table).posterior for table in (whole, twice))
    assert one == pytest.approx(other, abs=1e-6)


def test_carrying_on_from_what_was_learned_ends_at_once() -> None:
    table, _ = simulated()
    model = dawid_skene.fit(table)
    again = dawid_skene.fit_parts(split(table), len(table.labelers), start=model)
    assert again.iterations <= 4 < model.iterations
    assert (again.apply(table).winners == model.apply(table).winners).mean() > 0.99
