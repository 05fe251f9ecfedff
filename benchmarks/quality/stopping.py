"""Stopping: labels bought one by one until an item's posterior is 0.99, replayed on the public crowd sets.

Each item starts with two labels, drawn at random from those it has; then, round by round, everything is fitted anew and
every item below the threshold gets another, until none is left that wants or has one. Labels per item beside all that
there are, accuracy beside that with all; the mean of some draws. The posteriors are those of PlanLabels, not
calibrated: a threshold of 0.99 is a rule for stopping, no probability. The firm prior was chosen on these sets: no
held-out figure. Bluebird shows where it fails: two kinds of birds that most labelers take for each other.

Planning: seconds for a plan of many items, and how much more often a budget spent by value makes items right than the
same budget spread at random, on simulated labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.figure import Figure, better, faster, timed
from benchmarks.quality.labels import CROWD, crowd_set
from labelmill_quality.labels import NO_GOLD, Codes, Floats, LabelTable, gold_codes
from labelmill_quality.planning.belief import believe
from labelmill_quality.planning.budget import allocate
from labelmill_quality.planning.plan import make_plan

SETS = ("D_PosSent", "S_Face", "Bluebird", "Snow_temp", "Snow_wsd", "CF")
THRESHOLD = 0.99
START = 2


@dataclass(frozen=True)
class Replay:
    """How a replay ended."""

    labels_per_item: float
    accuracy: float
    """Percent of gold hit."""


def figures(*, quick: bool) -> Iterator[Figure]:
    """Labels and accuracy of each set, then planning."""
    for name in SETS if CROWD.is_dir() else ():
        labels = crowd_set(name)
        table = labels.table()
        truth = [(item, said) for item, said in labels.truth.items() if said in table.classes]
        gold = gold_codes(table.items, *zip(*truth, strict=True), table.classes)
        draws = [replay(table, gold, seed) for seed in range(1 if quick else 3)]
        every = accuracy(believe(table).posterior, gold)
        bought = float(np.mean([draw.labels_per_item for draw in draws]))
        right = float(np.mean([draw.accuracy for draw in draws]))
        yield faster(
            f"{name}: labels an item, stopped / all", bought, float(table.labels_per_item.mean()), unit="labels"
        )
        yield better(f"{name}: accuracy, stopped / all", right, every, target=0.984)
    yield from planning(20_000 if quick else 100_000)


def replay(table: LabelTable, gold: Codes, seed: int) -> Replay:
    """Buys the labels of a table one by one."""
    order = np.lexsort((np.random.default_rng(seed).random(len(table)), table.item_codes))
    rank = np.empty(len(table), np.int64)
    rank[order] = np.arange(len(table)) - table.offsets[table.item_codes[order]]
    counts = np.minimum(START, table.labels_per_item)
    while True:
        posterior = believe(table.only(rank < counts[table.item_codes])).posterior
        wanting = (posterior.max(axis=1) < THRESHOLD) & (counts < table.labels_per_item)
        if not wanting.any():
            return Replay(float(counts.mean()), accuracy(posterior, gold))
        counts = counts + wanting


def accuracy(posterior: Floats, gold: Codes) -> float:
    """Percent of gold hit."""
    known = gold != NO_GOLD
    return float(100 * (posterior.argmax(axis=1) == gold)[known].mean())


def planning(items: int) -> Iterator[Figure]:
    """A plan and a budget for so many items of ten classes, three labels each."""
    generator, classes = np.random.default_rng(0), 10
    posterior = generator.dirichlet(np.full(classes, 0.2), items)
    confusion = np.full((classes, classes), 0.3 / (classes - 1))
    np.fill_diagonal(confusion, 0.7)
    counts = np.full(items, 3)
    make_plan(posterior[:10], counts[:10], confusion)  # compiled once
    _, seconds = timed(lambda: make_plan(posterior, counts, confusion), rounds=1)
    yield faster(f"plan of {items} items, 10 classes (peer: our limit)", seconds, items / 10_000)
    rooms = np.full(items, 17)
    now, budget = float(posterior.max(axis=1).sum()), items // 2
    by_value = allocate(posterior, confusion, budget, rooms).expected_right - now
    lucky = generator.choice(items, budget, replace=False)
    at_random = allocate(posterior[lucky], confusion, budget, np.ones(budget, np.int64)).expected_right
    yield better(
        f"items made right by {budget} labels, by value / one at random",
        by_value, at_random - float(posterior[lucky].max(axis=1).sum()), unit="items",
    )  # fmt: skip
