"""How many more labels each item needs, and which item gets the next one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from labelmill_quality.planning.outcomes import batches

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
_UNSAID = 1e-9


class Verdict(Enum):
    """What to do with an item."""

    MORE = "more"
    """Another label is worth its price."""
    SETTLED = "settled"
    """The likeliest class is likely enough, or known."""
    NOT_WORTH_IT = "not_worth_it"
    """More labels would add less than they cost."""
    FULL = "full"
    """It has as many labels as an item may have."""


@dataclass(frozen=True)
class Options:
    """What labels are worth."""

    threshold: float = 0.99
    """Posterior from which on an item is settled."""
    price: float = 0.0
    """Of one label, as a share of what it is worth that an item's consensus is right."""
    most_labels: int = 20
    """Labels of an item at most."""
    courses: int = 200
    """Simulated courses of buying an item's labels."""
    seed: int = 0
    """The same seed gives the same plan."""


@dataclass(frozen=True)
class Plan:
    """One entry an item, in the order of the posterior's rows; `order` ranks them."""

    verdicts: tuple[Verdict, ...]
    next_maxima: Floats
    """Expected largest posterior after one more label."""
    gains: Floats
    """Expected growth of the largest posterior by each label of the best batch."""
    batches: Counts
    """Labels of that batch."""
    needed: Floats
    """Labels that will be bought on average until the item is settled or full."""
    needed_lower: Floats
    """2.5 % of the courses buy fewer."""
    needed_upper: Floats
    settling: Floats
    """Share of the courses that end with a settled item."""
    order: Counts
    """The items that want more labels, the most rewarding first."""


def make_plan(
    posterior: Floats,
    label_counts: Counts,
    confusion: Floats,
    known: npt.NDArray[np.bool_] | None = None,
    options: Options | None = None,
) -> Plan:
    """Plans by the expected value of information.

    With p_c the posterior of an item and pi_kc the chance that the next labeler says k about class c, the largest
    posterior after one more label is on average

        sum over k of  max over c of  p_c pi_kc

    and after n labels the same over all that n labels could say. One label alone often cannot change the outcome,
    though three could: so the gain of an item is that of its best batch, for each label of it,

        max over n of  (E max after n labels - max now) / n

    An item is settled when its largest posterior reaches the threshold; it is not worth more labels when the gain is
    below the price. The labels needed are counted over simulated courses: a true class drawn from the posterior, labels
    from the labeler's confusion, until the item is settled or full.

    All of that is only as good as the posterior: calibrate it, and take it from a model that knows how good each
    labeler is. Labels are taken to be independent given the class; items that are hard for everybody need more than
    said.

    (R. Howard, Information Value Theory, 1966; batches: P. Frazier and W. Powell, Paradoxes in Learning and the
    Marginal Value of Information, Decision Analysis 7, 2010.)

    Args:
        posterior: (items, classes): calibrated.
        label_counts: (items): labels there are.
        confusion: (classes said, true classes): of who gives the next labels; columns sum to 1.
        known: (items): the class is known from gold.
        options: What labels are worth.
    """
    options = options or Options()
    confusion = np.maximum(confusion, _UNSAID)
    confusion = np.ascontiguousarray(confusion / confusion.sum(axis=0))
    posterior = np.ascontiguousarray(posterior)
    now = posterior.max(axis=1)
    known = np.zeros(len(now), bool) if known is None else known
    rooms = np.maximum(options.most_labels - label_counts, 0)
    next_maxima, gains, sizes = _look_ahead(posterior, now, confusion, rooms)
    settled = known | (now >= options.threshold)
    rooms = np.where(settled, 0, rooms)
    courses = _simulate(posterior, confusion, rooms, options)
    wanted = ~settled & (rooms > 0) & (gains >= options.price)
    order = np.lexsort((now, -gains))
    return Plan(
        tuple(_verdict(*row, options.price) for row in zip(settled, rooms, gains, strict=True)),
        next_maxima,
        gains,
        sizes,
        courses.mean,
        courses.lower,
        courses.upper,
        np.where(known, 1.0, courses.settling),
        order[wanted[order]],
    )


@dataclass(frozen=True)
class _Courses:
    mean: Floats
    lower: Floats
    upper: Floats
    settling: Floats


def _simulate(posterior: Floats, confusion: Floats, rooms: Counts, options: Options) -> _Courses:
    from labelmill_quality.planning import lookahead_loops as loops

    items, most = len(posterior), int(rooms.max(initial=0))
    bought, reached = np.zeros((items, most + 1), np.int64), np.zeros(items, np.int64)
    columns = np.ascontiguousarray(confusion.T)
    seed = options.seed % 2**32
    loops.simulate(posterior, columns, rooms, options.threshold, options.courses, seed, bought, reached)
    shares = bought.cumsum(axis=1) / options.courses
    lower, upper = ((shares < share - 1e-12).sum(axis=1).astype(np.float64) for share in (0.025, 0.975))
    return _Courses(bought @ np.arange(most + 1) / options.courses, lower, upper, reached / options.courses)


def _look_ahead(posterior: Floats, now: Floats, confusion: Floats, rooms: Counts) -> tuple[Floats, Floats, Counts]:
    from labelmill_quality.planning import lookahead_loops as loops

    maxima = np.empty(len(now))
    best, sizes, first = np.zeros(len(now)), np.ones(len(now), np.int64), now
    for outcomes in batches(confusion):
        loops.expected_maxima(posterior, np.ascontiguousarray(outcomes.likelihoods), maxima)
        reached = np.maximum(maxima, now)  # rounding must not make information harmful
        if outcomes.batch == 1:
            first = reached
        rates = (reached - now) / outcomes.batch
        better = (rates > best * (1 + 1e-9)) & (outcomes.batch <= np.maximum(rooms, 1))
        best, sizes = np.where(better, rates, best), np.where(better, outcomes.batch, sizes)
    return first, best, sizes


def _verdict(settled: np.bool_, room: np.int64, gain: np.float64, price: float) -> Verdict:
    if settled:
        return Verdict.SETTLED
    if room == 0:
        return Verdict.FULL
    return Verdict.NOT_WORTH_IT if gain < price else Verdict.MORE
