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
    """What is taken for true before any evidence."""

    hits: float = 8.0
    misses: float = 2.0
    """Objects that every labeler is taken to have drawn, and missed, besides those of the data."""
    joining: float = 0.05
    """Probability that a labeler draws a thing that is no object, where another has. Only gold can tell it: it counts
    like 20 things that gold judges."""
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

    An item holds Poisson(lambda) real objects; labeler l, who sees the item, draws one with probability a_l
    (sensitivity), independently. And l takes Poisson(phi_l) other things on it for objects, each of which any other
    labeler joins with probability delta. A cluster drawn by the set D of those S who saw its item therefore has the
    intensities

        real:      lambda  prod_{l in D} a_l  prod_{l in S - D} (1 - a_l)
        spurious:  sum_{l in D} phi_l  delta^(|D| - 1)  (1 - delta)^(|S| - |D|)

    and the posterior r = real / (real + spurious) (E). What nobody drew is not seen but counted: an item is expected to
    hide lambda prod_{l in S} (1 - a_l) real objects. Without these, two labelers who each miss half would look perfect
    (it is capture and recapture, Petersen 1896). M: shares of expected counts, with the pseudo-counts of `options`.

    Three labelers tell all of it but delta: did spurious things coincide freely (Dawid and Skene's model for two
    classes), the patterns of votes could be explained in many ways. With two, the pseudo-counts decide about what one
    of them drew alone; with one, the start does.

    Args:
        looks: Who drew what.
        views: Who saw what, items without any object included.
        known: (clusters,): REAL or SPURIOUS by gold, else UNKNOWN.
        options: How.
    """
    looks, known, weights, pattern_of = _patterns(looks, known)
    sets, set_labelers, set_counts = _seen_sets(views, looks.labeler_count)
    voters = np.bincount(looks.clusters, minlength=len(weights))
    posterior = tally(looks.clusters, looks.drew, len(weights))
    posterior = _anchor((posterior + 1) / (voters + 1.2), known)  # a share of the votes, one vote alone being 0.9
    state = _State(looks, weights, sets, set_labelers, set_counts, max(1, views.item_count), options)
    joining = _joining(looks, weights, known, options)
    seen = tally(views.labelers, np.ones(len(views.items)), looks.labeler_count)
    hidden = np.zeros(len(set_counts))
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        real, hidden, figures = state.real(posterior, hidden)
        spurious = state.spurious(posterior, joining, seen)
        before, posterior = posterior, _anchor(expit(real - spurious), known)
        converged = bool(np.abs(posterior - before).max(initial=0.0) < options.tolerance)
    sensitivity, drawn, there = figures
    drew = looks.drew.astype(np.float64)
    return Existence(
        posterior[pattern_of],
        sensitivity,
        drawn,
        there,
        tally(looks.labelers, (weights * (1 - posterior))[looks.clusters] * drew, looks.labeler_count),
        tally(looks.labelers, weights[looks.clusters] * drew, looks.labeler_count),
        float(hidden.sum()),
        iteration,
        converged,
    )


@dataclass
class _State:
    """The parameters between rounds."""

    looks: Looks
    weights: Floats
    sets: Integers
    set_labelers: Integers
    set_counts: Floats
    items: int
    options: Options
    false_rates: Floats | None = None

    def real(self, posterior: Floats, hidden: Floats) -> tuple[Floats, Floats, tuple[Floats, Floats, Floats]]:
        """(patterns,): log intensity of real objects; what is hidden; sensitivity, objects drawn and objects there."""
        looks, labelers = self.looks, self.looks.labeler_count
        share = self.weights * posterior
        per_look = share[looks.clusters]
        drawn = tally(looks.labelers, per_look * looks.drew, labelers)
        there = tally(looks.labelers, per_look, labelers) + tally(self.set_labelers, hidden[self.sets], labelers)
        chance = (drawn + self.options.hits) / (there + self.options.hits + self.options.misses)
        rate = (share.sum() + hidden.sum() + 0.5) / (self.items + 1)
        missing = tally(self.sets, np.log1p(-chance[self.set_labelers]), len(self.set_counts))
        logs = np.where(looks.drew, np.log(chance)[looks.labelers], np.log1p(-chance)[looks.labelers])
        intensity = np.log(rate) + tally(looks.clusters, logs, len(self.weights))
        return intensity, self.set_counts * rate * np.exp(missing), (chance, drawn, there)

    def spurious(self, posterior: Floats, joining: float, seen: Floats) -> Floats:
        """(patterns,): log intensity of what is no object."""
        looks = self.looks
        drew = looks.drew.astype(np.float64)
        rates = np.ones(looks.labeler_count) if self.false_rates is None else self.false_rates
        by_pattern = tally(looks.clusters, rates[looks.labelers] * drew, len(self.weights))
        share = self.weights * (1 - posterior) / np.maximum(by_pattern, 1e-300)
        begun = tally(looks.labelers, (share[looks.clusters] * drew) * rates[looks.labelers], looks.labeler_count)
        self.false_rates = (begun + 0.1) / (seen + 1)
        by_pattern = tally(looks.clusters, self.false_rates[looks.labelers] * drew, len(self.weights))
        logs = np.where(looks.drew, np.log(joining), np.log1p(-joining))
        with np.errstate(divide="ignore"):  # what nobody drew is no spurious thing
            intensity: Floats = np.log(by_pattern) + tally(looks.clusters, logs, len(self.weights)) - np.log(joining)
        return intensity


def _joining(looks: Looks, weights: Floats, known: Integers, options: Options) -> float:
    """The probability that others join a spurious thing, from those that gold judges."""
    drawn = tally(looks.clusters, looks.drew, len(weights))
    others = np.bincount(looks.clusters, minlength=len(weights)) - 1
    judged = weights * (known == SPURIOUS)
    joined = float((judged * (drawn - 1)).sum()) + 20 * options.joining
    return joined / (float((judged * others).sum()) + 20)


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
