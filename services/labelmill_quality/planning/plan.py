"""How many more labels each item needs, and which item gets the next one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from labelmill_quality.errors import PlanTooLarge
from labelmill_quality.planning.outcomes import batches

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
LEAST_COURSES = 20
MOST_STEPS = 4_000_000_000
"""Labels bought in thought, times classes: some ten seconds."""
_CHUNK_CELLS = 4_000_000
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
    """Simulated courses of buying an item's labels; fewer where all of them together would take too long."""
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
    courses: int
    """Simulated for each item."""
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

    Raises:
        PlanTooLarge: Even few courses for each item would take too long.
    """
    options = options or Options()
    confusion = np.maximum(confusion, _UNSAID)
    confusion = np.ascontiguousarray(confusion / confusion.sum(axis=0))
    posterior = np.ascontiguousarray(posterior)
    now = posterior.max(axis=1)
    known = np.zeros(len(now), bool) if known is None else known
    rooms = np.maximum(options.most_labels - label_counts, 0)
    settled = known | (now >= options.threshold)
    rooms = np.where(settled, 0, rooms)
    count = _affordable(posterior, rooms, options)
    next_maxima, gains, sizes = _look_ahead(posterior, now, confusion, rooms)
    courses = _simulate(posterior, confusion, rooms, replace(options, courses=count))
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
        courses.count,
        order[wanted[order]],
    )


@dataclass(frozen=True)
class _Courses:
    mean: Floats
    lower: Floats
    upper: Floats
    settling: Floats
    count: int


def _affordable(posterior: Floats, rooms: Counts, options: Options) -> int:
    """How many courses can be simulated in a reasonable time."""
    items, classes = posterior.shape
    count: int = min(options.courses, MOST_STEPS // max(1, int(rooms.sum()) * classes))
    if count < LEAST_COURSES or items * classes**2 > MOST_STEPS:
        raise PlanTooLarge
    return count


def _simulate(posterior: Floats, confusion: Floats, rooms: Counts, options: Options) -> _Courses:
    from labelmill_quality.planning import lookahead_loops as loops

    items, most, courses = len(posterior), int(rooms.max(initial=0)), options.courses
    columns, seed, step = np.ascontiguousarray(confusion.T), options.seed % 2**32, max(1, _CHUNK_CELLS // (most + 1))
    mean, lower, upper, settling = np.zeros((4, items))
    for start in range(0, items, step):
        some = slice(start, start + step)
        bought, reached = np.zeros((len(rooms[some]), most + 1), np.int64), np.zeros(len(rooms[some]), np.int64)
        loops.simulate(posterior[some], columns, rooms[some], options.threshold, courses, seed, bought, reached)
        below = bought.cumsum(axis=1) / courses
        mean[some], settling[some] = bought @ np.arange(most + 1) / courses, reached / courses
        lower[some], upper[some] = ((below < share - 1e-12).sum(axis=1) for share in (0.025, 0.975))
    return _Courses(mean, lower, upper, settling, courses)


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
