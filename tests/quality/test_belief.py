"""What is believed before labels are planned: posteriors, their temperature, the next labeler."""

from __future__ import annotations

import numpy as np
import pytest

from labelmill_quality.aggregation.temperature import fit_temperature, tempered
from labelmill_quality.labels import NO_GOLD, LabelTable, make_table
from labelmill_quality.planning.belief import LEAST_GOLD, believe
from tests.quality import crowd


def labels(seed: int = 0, items: int = 200, each: int = 3) -> tuple[LabelTable, np.ndarray]:
    """Eight labelers, right from 60 to 95 %."""
    generator = np.random.default_rng(seed)
    truth, skill = generator.integers(0, 3, items), np.linspace(0.6, 0.95, 8)
    rows = []
    for item in range(items):
        for labeler in generator.choice(8, each, replace=False):
            said = truth[item] if generator.random() < skill[labeler] else generator.integers(0, 3)
            rows.append((f"i{item:03d}", f"l{labeler}", str(said)))
    return make_table(*zip(*rows, strict=True), class_names=["0", "1", "2"]), truth


def test_the_temperature_of_posteriors_that_are_too_sure_is_found() -> None:
    generator = np.random.default_rng(0)
    honest = generator.dirichlet(np.ones(3), 5_000)
    gold = (honest.cumsum(axis=1) < generator.random((5_000, 1))).sum(axis=1).astype(np.int32)
    assert fit_temperature(honest, gold) == pytest.approx(1, abs=0.1)
    assert fit_temperature(tempered(honest, 0.5), gold) == pytest.approx(2, abs=0.2)


def test_a_temperature_changes_no_winner() -> None:
    posterior = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    for temperature in (0.3, 3.0):
        changed = tempered(posterior, temperature)
        assert (changed.argmax(axis=1) == posterior.argmax(axis=1)).all()
        assert changed.sum(axis=1) == pytest.approx(np.ones(50))


def test_gold_is_certain_and_calibrates_only_when_there_is_enough() -> None:
    table, truth = labels()
    for count in (LEAST_GOLD - 1, LEAST_GOLD):
        anchors = np.where(np.arange(len(truth)) < count, truth, NO_GOLD).astype(np.int32)
        belief = believe(table, anchors)
        assert belief.posterior[:count].max(axis=1).tolist() == [1.0] * count
        assert belief.calibrated_on == (count if count == LEAST_GOLD else 0)
        assert (belief.temperature == 1.0) is (count < LEAST_GOLD)


def test_the_next_labeler_is_like_an_average_one_or_like_the_one_named() -> None:
    table, _ = labels()
    confusions = [believe(table, labeler=labeler).confusion for labeler in (0, None, 7)]
    for confusion in confusions:
        assert confusion.sum(axis=0) == pytest.approx(np.ones(3))
    accuracies = [float(np.diag(confusion).mean()) for confusion in confusions]
    assert accuracies == sorted(accuracies)
    assert accuracies[1] == pytest.approx(0.85, abs=0.05)  # of (1 + 2 skill) / 3, averaged over the labelers


@crowd.needs_crowd
@pytest.mark.parametrize(("name", "share", "lost"), [("Snow_temp", 0.55, 1.6), ("Snow_wsd", 0.3, 0.1)])
def test_stopping_on_real_labels_saves_many_and_costs_little(name: str, share: float, lost: float) -> None:
    """Labels of each item bought one by one until it is settled; the same as benchmarks/quality/stopping.py."""
    table, gold = crowd.read(name)
    known = gold != NO_GOLD
    rank = np.arange(len(table)) - table.offsets[table.item_codes]
    counts = np.minimum(2, table.labels_per_item)
    wanting = np.ones(1, bool)
    while wanting.any():
        posterior = believe(table.only(rank < counts[table.item_codes])).posterior
        wanting = (posterior.max(axis=1) < 0.99) & (counts < table.labels_per_item)
        counts = counts + wanting
    right, at_best = (
        100 * (each.argmax(axis=1) == gold)[known].mean() for each in (posterior, believe(table).posterior)
    )
    assert counts.sum() < share * len(table)
    assert right > at_best - lost
