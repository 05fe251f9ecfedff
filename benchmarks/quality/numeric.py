"""Numbers: mean absolute error against the truth of our models beside the plain mean, and how often intervals hold it.

On two public sets where the machine has them (../shared/data/crowd: strengths of emotions that headlines evoke, the
truth being the mean of other raters), and on simulated labelers of unequal bias, gain and noise. No library measured
here aggregates numbers; crowd-kit has no method for them. Speed: from encoded rows to the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.quality.figure import Figure, better, faster, timed
from benchmarks.quality.labels import CROWD, rows
from labelmill_quality.numeric import aggregate_numbers
from labelmill_quality.numeric.table import Floats, NumberTable, make_number_table

SETS = ("N_Emotion", "Snow_valence")
GOLD = 50


def figures(*, quick: bool) -> Iterator[Figure]:
    """Error, coverage, speed."""
    for name in SETS if CROWD.is_dir() else ():
        table, truth = crowd_set(name)
        yield from errors(name, table, truth)
        yield with_gold(name, table, truth, draws=5 if quick else 20)
    for each in (3, 10):
        table, truth = simulated(1_000, each)
        yield from errors(f"simulated, {each} labels an item", table, truth)
        yield held(f"simulated, {each} labels an item: intervals of 95 %", table, truth)
    table, _ = simulated(200_000, 5)
    aggregate_numbers(simulated(100, 5)[0])  # compiled once
    for method in ("labeler_model", "median"):
        _, seconds = timed(lambda method=method: aggregate_numbers(replace(table), method))  # nothing kept
        yield faster(f"numbers, {method}, {len(table):.0e} answers (peer: our limit)", seconds, 1.0)


def errors(name: str, table: NumberTable, truth: Floats) -> Iterator[Figure]:
    """The labeler model and the weighted mean beside mean and median."""
    error = {
        method: float(np.abs(aggregate_numbers(table, method).values - truth).mean())
        for method in ("labeler_model", "weighted_mean", "mean", "median")
    }
    for ours in ("labeler_model", "weighted_mean"):
        for peer in ("mean", "median"):
            yield faster(f"{name}: error, {ours} / {peer}", error[ours], error[peer], unit="MAE")


def with_gold(name: str, table: NumberTable, truth: Floats, draws: int) -> Figure:
    """How often intervals hold the truth of the other items, with gold for some and without any; the mean of draws."""
    shares = []
    for seed in range(draws):
        gold = np.full(len(truth), np.nan)
        chosen = np.random.default_rng(seed).choice(len(truth), GOLD, replace=False)
        gold[chosen] = truth[chosen]
        shares.append([coverage(table, truth, known)[np.isnan(gold)].mean() for known in (gold, None)])
    with_it, without = np.mean(shares, axis=0) * 100
    return better(f"{name}: held by 95 % intervals, {GOLD} gold / none", with_it, without, unit="% of items")


def held(name: str, table: NumberTable, truth: Floats) -> Figure:
    """How often intervals hold the truth."""
    return better(name + " (peer: claimed)", float(coverage(table, truth, None).mean()) * 100, 95.0, unit="% of items")


def coverage(table: NumberTable, truth: Floats, gold: Floats | None) -> Floats:
    """Whether each item's interval holds its truth."""
    found = aggregate_numbers(table, gold=gold)
    return (found.lower <= truth) & (truth <= found.upper)


def simulated(items: int, each: int, labelers: int = 40) -> tuple[NumberTable, Floats]:
    """Truths around 50, labelers with biases of 5, gains of 0.2 around 1, noise from 2 to 12."""
    generator = np.random.default_rng(0)
    truth = generator.normal(50, 20, items)
    # Different labelers for each item: a start, and steps too short to come round.
    start, step = generator.integers(0, labelers, (items, 1)), generator.integers(1, labelers // each, (items, 1))
    chosen = np.sort((start + step * np.arange(each)) % labelers, axis=1)
    gain = generator.normal(1, 0.2, labelers)
    bias, gain, noise = generator.normal(0, 5, labelers), gain / np.median(gain), generator.uniform(2, 12, labelers)
    spread = noise[chosen] * generator.normal(size=chosen.shape)
    said = 50 + bias[chosen] + gain[chosen] * (truth[:, None] - 50) + spread
    codes = np.repeat(np.arange(items, dtype=np.int32), each), chosen.ravel().astype(np.int32)
    return NumberTable([f"i{n}" for n in range(items)], [f"l{n}" for n in range(labelers)], *codes, said.ravel()), truth


def crowd_set(name: str) -> tuple[NumberTable, Floats]:
    """A public set."""
    items, labelers, said = zip(*rows(CROWD / name / "answers.csv"), strict=True)
    table = make_number_table(items, labelers, [float(value) for value in said])
    truth = dict(rows(CROWD / name / "truth.csv"))
    return table, np.array([float(truth[item]) for item in table.items])
