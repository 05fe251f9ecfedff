"""Whether an object is there, from who drew it and who looked and did not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from labelmill_quality.instances.tally import tally

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NAME = "existence_poisson_em"
VERSION = "1"
UNKNOWN, SPURIOUS, REAL = -1, 0, 1
_SALT = 19_790_101


@dataclass(frozen=True, slots=True)
class Options:
    """Pseudo-counts: before any evidence, labelers draw most of what is there and little of what is not."""

    hits: float = 8.0
    misses: float = 2.0
    """Objects that every labeler is taken to have drawn, and missed, besides those of the data."""
    false_draws: float = 1.0
    refusals: float = 9.0
    """Tempting things that every labeler is taken to have drawn, and left, besides those of the data."""
    max_iterations: int = 200
    tolerance: float = 1e-3
    """EM has converged when no posterior moves by more."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Who looked at the place of each cluster, and whether they drew it; one entry for every (cluster, labeler)."""

    clusters: Integers
    labelers: Integers
    drew: Flags
    cluster_count: int
    labeler_count: int


@dataclass(frozen=True, slots=True)
class Views:
    """Which labelers saw which item; one entry for every (item, labeler)."""

    items: Integers
    labelers: Integers
    item_count: int
    complete: Flags
    """(items,): all objects of the item are known (gold), so that none can have been missed by everybody."""


@dataclass(frozen=True, slots=True)
class Existence:
    """What EM found."""

    posterior: Floats
    """(clusters,): that the object is there. Not calibrated."""
    sensitivity: Floats
    """(labelers,): share of the real objects that the labeler draws, pseudo-counts included."""
    expected_hits: Floats
    expected_objects: Floats
    """(labelers,): real objects drawn, and real objects that were there to be drawn; those nobody drew are
    estimated."""
    expected_false: Floats
    draws: Floats
    """(labelers,): spurious instances drawn, and all instances drawn."""
    missed_by_all: float
    """Real objects on the items seen that nobody drew, estimated."""
    iterations: int
    converged: bool


_DEFAULT = Options()


def infer_existence(looks: Looks, views: Views, known: Integers, options: Options = _DEFAULT) -> Existence:
    """Existence of every cluster and sensitivity of every labeler, each inferred from the other.

    An item holds Poisson(lambda) real objects and Poisson(mu) things that tempt. Labeler l, who sees the item, draws a
    real one with probability a_l (sensitivity) and a tempting one with b_l < a_l, independently. A cluster drawn by the
    set D of those S who saw its item therefore has the intensities

        real:      lambda  prod_{l in D} a_l  prod_{l in S - D} (1 - a_l)
        spurious:  mu      prod_{l in D} b_l  prod_{l in S - D} (1 - b_l)

    and the posterior r = real / (real + spurious) (E). What nobody drew is not seen but counted: an item is expected to
    hide lambda prod_{l in S} (1 - a_l) real objects. Without these, two labelers who each miss half would look perfect
    (it is capture and recapture, Petersen 1896). M: shares of expected counts, with the pseudo-counts of `options`. It
    is Dawid and Skene's model (1979) for two classes where items with no vote are never seen.

    With one labeler nothing but the start and the pseudo-counts tells real from spurious; with two, they decide about
    what one of them drew alone.

    Args:
        looks: Who drew what.
        views: Who saw what, items without any object included.
        known: (clusters,): REAL or SPURIOUS by gold, else UNKNOWN.
        options: How.
    """
    looks, known, weights, pattern_of = _patterns(looks, known)
    sets, set_labelers, set_counts = _seen_sets(views, looks.labeler_count)
    labelers, drew = looks.labelers, looks.drew.astype(np.float64)
    voters = np.bincount(looks.clusters, minlength=len(weights))
    posterior = tally(looks.clusters, drew, len(weights))
    posterior = _anchor((posterior + 1) / (voters + 1.2), known)  # a share of the votes, one vote alone being 0.9
    items, iteration, converged = max(1, views.item_count), 0, False
    hidden = [np.zeros(len(set_counts)), np.zeros(len(set_counts))]
    while not converged and iteration < options.max_iterations:
        iteration += 1
        intensities, chances = [], []
        counts = ((options.hits, options.misses), (options.false_draws, options.refusals))
        for kind, (yes, no) in enumerate(counts):
            share = weights * (posterior if kind == 0 else 1 - posterior)
            per_look = share[looks.clusters]
            drawn = tally(labelers, per_look * drew, looks.labeler_count)
            there = tally(labelers, per_look, looks.labeler_count)
            there += tally(set_labelers, hidden[kind][sets], looks.labeler_count)
            chance = (drawn + yes) / (there + yes + no)
            rate = (share.sum() + hidden[kind].sum() + 0.5) / (items + 1)
            hidden[kind] = set_counts * rate * np.exp(tally(sets, np.log1p(-chance[set_labelers]), len(set_counts)))
            logs = np.where(looks.drew, np.log(chance)[labelers], np.log1p(-chance)[labelers])
            intensities.append(np.log(rate) + tally(looks.clusters, logs, len(weights)))
            chances.append((chance, drawn, there))
        before = posterior
        posterior = _anchor(expit(intensities[0] - intensities[1]), known)
        converged = bool(np.abs(posterior - before).max(initial=0.0) < options.tolerance)
    sensitivity, drawn, there = chances[0]
    return Existence(
        posterior[pattern_of],
        sensitivity,
        drawn,
        there,
        chances[1][1],
        tally(labelers, weights[looks.clusters] * drew, looks.labeler_count),
        float(hidden[0].sum()),
        iteration,
        converged,
    )


def _patterns(looks: Looks, known: Integers) -> tuple[Looks, Integers, Floats, Integers]:
    """Clusters that the same labelers drew and left are one, with a weight: there are far fewer of them."""
    salts = np.random.default_rng(_SALT).integers(0, 2**63, (2, looks.labeler_count), dtype=np.uint64)
    keys = np.zeros(looks.cluster_count, np.uint64)
    np.add.at(keys, looks.clusters, salts[looks.drew.astype(np.int64), looks.labelers])
    keys = keys * np.uint64(4) + (known + 1).astype(np.uint64)
    _, first, pattern_of, weights = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    rank = np.full(looks.cluster_count, -1, np.int64)
    rank[first] = np.arange(len(first))
    kept = rank[looks.clusters] >= 0
    patterns = Looks(
        rank[looks.clusters[kept]], looks.labelers[kept], looks.drew[kept], len(first), looks.labeler_count
    )
    return patterns, known[first], weights.astype(np.float64), pattern_of


def _seen_sets(views: Views, labeler_count: int) -> tuple[Integers, Integers, Floats]:
    """Sets of labelers that saw an item: (set, labeler) entries, and how many incomplete items each set saw."""
    salts = np.random.default_rng(_SALT).integers(0, 2**63, labeler_count, dtype=np.uint64)
    keys = np.zeros(views.item_count, np.uint64)
    np.add.at(keys, views.items, salts[views.labelers])
    _, first, set_of = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.full(views.item_count, -1, np.int64)
    rank[first] = np.arange(len(first))
    kept = rank[views.items] >= 0
    counts = tally(set_of, ~views.complete, len(first))
    return rank[views.items[kept]], views.labelers[kept], counts


def _anchor(posterior: Floats, known: Integers) -> Floats:
    return np.where(known == UNKNOWN, posterior, known.astype(np.float64))
