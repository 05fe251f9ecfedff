"""Percent of gold hit by every method, beside crowd-kit's in the same run and beside figures measured earlier.

On the ten categorical public crowd sets, only where the machine has them beside the repository (../shared/data/crowd).

Without gold: our methods, and `auto`, which is the default. With gold: `auto` is told 50 answers and scored on the
other items, over 20 draws; its peer is the best method of each set, chosen with hindsight among all of ours,
crowd-kit's of this run, and EARLIER. Anchors: how much a share of the gold, told to a method, helps on the items that
are not told.

No held-out comparison: the design of `auto` (which methods, stacking, gold_rate) was chosen while these sets were
looked at, and so was the size of Dawid-Skene's prior, while crowd-kit has none. IBCC, MACE and GLAD learn their priors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from benchmarks import peers
from benchmarks.quality.figure import Figure, better
from benchmarks.quality.labels import CROWD, SETS, SMALL_SETS, crowd_set
from labelmill_quality import aggregation
from labelmill_quality.aggregation import auto
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable, gold_codes, make_table

METHODS = (auto.NAME, *auto.CANDIDATES)
GOLD = 50
DRAWS = 20
ALLOWED = 0.8
"""Points that `auto` with gold may be below the best method in hindsight."""
ANCHORED = (0.02, 0.1, 0.2)
EARLIER: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        name: dict(zip(SETS, values, strict=True))
        for name, values in {
            "crowd-kit DS": (96.0, 94.0, 61.4, 76.6, 64.0, 88.9, 94.2, 99.4, 83.0, 70.2),
            "crowd-kit Wawa": (95.1, 89.7, 55.9, 76.3, 63.0, 75.9, 94.4, 99.4, 89.3, 64.6),
            "variational IBCC": (96.0, 93.8, 58.5, 74.5, 64.0, 88.9, 94.2, 99.4, 88.3, 70.5),
            "MACE": (95.9, 83.5, 60.7, 79.3, 66.3, 89.8, 94.2, 99.4, 87.3, 70.4),
        }.items()
    }
)
"""Measured in November 2026: crowd-kit 1.4.2 (Wawa with scikit-learn 1.5), and trials of IBCC and MACE in numpy."""


@dataclass(frozen=True)
class Scored:
    """A set, and who is right about which of its items with gold."""

    table: LabelTable
    gold: Codes
    known: npt.NDArray[np.int64]
    right: Mapping[str, npt.NDArray[np.bool_]]
    """By method: (items with gold)."""


def figures(*, quick: bool) -> Iterator[Figure]:
    """Set by set and on average."""
    if not CROWD.is_dir():
        return
    names = SMALL_SETS if quick else SETS
    sets = {name: scored(name) for name in names}
    yield from without_gold(sets)
    yield from with_gold(sets, 3 if quick else DRAWS)
    yield from with_anchors(sets, 2 if quick else 5)


def scored(name: str) -> Scored:
    """Every method on one set."""
    labels = crowd_set(name)
    classes = sorted({*labels.classes, *labels.truth.values()})
    table = make_table(labels.tasks, labels.workers, labels.classes, class_names=classes)
    gold = gold_codes(table.items, list(labels.truth), list(labels.truth.values()), classes)
    known = np.flatnonzero(gold != NO_GOLD)
    winners = {method: aggregation.aggregate(table, method).winners for method in METHODS}
    for method in ("dawid_skene", "majority_vote"):
        found = peers.call("crowd_kit.py", method, str(labels.path), "{}")["labels"]
        winners[f"crowd-kit {method}"] = np.array([classes.index(found[item]) for item in table.items], np.int32)
    return Scored(table, gold, known, {method: (each == gold)[known] for method, each in winners.items()})


def without_gold(sets: Mapping[str, Scored]) -> Iterator[Figure]:
    """Each method's accuracy beside crowd-kit's Dawid-Skene; then the means, beside every single method."""
    for name, each in sets.items():
        peer = 100 * float(each.right["crowd-kit dawid_skene"].mean())
        for method in METHODS:
            yield better(f"{method}, {name} (crowd-kit DS)", 100 * float(each.right[method].mean()), peer, target=0.97)
    means = {method: mean(sets, method) for method in next(iter(sets.values())).right}
    for method in METHODS:
        yield better(
            f"{method}, mean of {len(sets)} sets (crowd-kit DS)", means[method], means["crowd-kit dawid_skene"]
        )
    yield better(f"auto, mean of {len(sets)} sets (crowd-kit MV)", means["auto"], means["crowd-kit majority_vote"])
    for peer_name, row in EARLIER.items():
        earlier = float(np.mean([row[name] for name in sets]))
        yield better(f"auto, mean of {len(sets)} sets ({peer_name}, measured earlier)", means["auto"], earlier)


def mean(sets: Mapping[str, Scored], method: str) -> float:
    """Percent, each set counting the same."""
    return float(np.mean([100 * each.right[method].mean() for each in sets.values()]))


def with_gold(sets: Mapping[str, Scored], draws: int) -> Iterator[Figure]:
    """`auto` told some gold, scored on the rest, beside the best method in hindsight on the same items."""
    ours, best = [], []
    for name, each in sets.items():
        told, hindsight = [], []
        for seed in range(draws):
            anchors, rest = tell(each, GOLD, seed)
            winners = aggregation.aggregate(each.table, "auto", anchors).winners
            told.append(100 * float((winners == each.gold)[each.known][rest].mean()))
            hindsight.append({method: 100 * float(right[rest].mean()) for method, right in each.right.items()})
        ours.append(float(np.mean(told)))
        of_methods = max(float(np.mean([row[method] for row in hindsight])) for method in each.right)
        best.append(max(of_methods, *(row[name] for row in EARLIER.values())))
        yield better(f"auto with {GOLD} gold, {name} (best in hindsight)", ours[-1], best[-1], target=0.97)
    total, limit = float(np.mean(ours)), float(np.mean(best))
    yield better(
        f"auto with {GOLD} gold, mean of {len(sets)} sets, {draws} draws (best in hindsight)",
        total, limit, target=round((limit - ALLOWED) / limit, 4),
    )  # fmt: skip


def with_anchors(sets: Mapping[str, Scored], draws: int) -> Iterator[Figure]:
    """How much gold as anchors helps on the items that are not told; the peer is the same method without."""
    for method in ("dawid_skene", "ibcc", "mace", "glad"):
        for share in ANCHORED:
            ours, alone = [], []
            for each in sets.values():
                for seed in range(draws):
                    anchors, rest = tell(each, max(1, round(share * len(each.known))), seed)
                    winners = aggregation.aggregate(each.table, method, anchors).winners
                    ours.append(100 * float((winners == each.gold)[each.known][rest].mean()))
                    alone.append(100 * float(each.right[method][rest].mean()))
            label = f"{method}, {share:.0%} of gold as anchors, mean of {len(sets)} sets (without)"
            yield better(label, float(np.mean(ours)), float(np.mean(alone)))


def tell(each: Scored, count: int, seed: int) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Anchors for random items with gold, and which of those with gold are not told."""
    chosen = np.random.default_rng([seed, count]).choice(len(each.known), count, replace=False)
    anchors = np.full(len(each.gold), NO_GOLD, np.int32)
    anchors[each.known[chosen]] = each.gold[each.known[chosen]]
    rest = np.ones(len(each.known), np.bool_)
    rest[chosen] = False
    return anchors, rest
