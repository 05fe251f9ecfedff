"""Numbers by a model of the labelers: each one's bias, gain and noise, inferred together with the truth. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labelmill_quality.intervals import LEVEL
from labelmill_quality.numeric.consensus import LabelerNumbers, NumericConsensus, student_interval
from labelmill_quality.numeric.table import Floats, NumberTable

NAME = "labeler_model"
VERSION = "1"


@dataclass(frozen=True)
class Options:
    """How EM is run."""

    gain_variance: float = 0.1
    """Prior variance of a labeler's gain around the labelers' average."""
    noise_answers: float = 10.0
    """Answers of the middling labeler in the prior of each one's noise."""
    smallest_noise: float = 1e-3
    """Noise variance of a labeler at least, as a share of the middling labeler's: nobody is believed without bound."""
    max_iterations: int = 100
    """Rounds at most."""
    tolerance: float = 1e-4
    """Converged when a round moves the items by less (root mean square, as a share of the answers' deviation)."""
    calibration_gold: int = 20
    """Items with gold from which on the intervals are as wide as the gold says; fewer have no 95 % quantile."""


_DEFAULT = Options()
_LINK_DEVIATIONS = 0.5, 0.25
"""How far offset and slope may be from 0 and 1 before gold is doubted: standard deviations of their prior."""
_LINK_ROUNDS = 10


@dataclass
class _State:
    """Where EM stands; all in standardised units, the answers' mean being 0 and their deviation 1."""

    truth: Floats
    variance: Floats
    bias: Floats
    gain: Floats
    noise: Floats
    bias_error: Floats
    gain_error: Floats
    bias_variance: float = 0.1
    truth_variance: float = 1.0


def fit(table: NumberTable, gold: Floats | None = None, options: Options = _DEFAULT) -> NumericConsensus:
    """Infers truths and labelers by expectation maximisation.

    Labeler l answers y_lj = b_l + a_l t_j + e about an item of truth t_j, e being normal with variance s_l². Priors:
    t_j is normal with a variance learned from all items, b_l ~ N(0, learned), a_l ~ N(1, 0.1), and s_l² holds ten
    answers of a middling labeler. Without the gain a_l a labeler who always answers the middle of the scale would look
    precise (little noise) and pull every item there; with it, such a labeler has a gain near 0 and no say.

        E:  1 / v_j = 1 / V + sum over l of a_l² / s_l²;   t_j = v_j sum over l of a_l (y_lj - b_l) / s_l²
        M:  (b_l, a_l): ridge regression of the labeler's answers on the truths, with their variance v_j
            s_l² = (expected squared residuals + 10 x the median labeler's) / (answers + 10)

    The values reported leave the prior of t_j out: no shrinking to the middle. Their intervals are Student's with error
    sqrt(v_j + what biases and gains may be off), degrees of freedom by Satterthwaite; they hold the labelers' noise,
    not what all labelers get wrong alike, which only gold can tell. Gold anchors the scale: a line from the labelers'
    truths to gold, held to the identity, is applied to every item; items with gold keep it. From 20 items with gold,
    the intervals are conformal: as many errors wide as the gold's distances from that line, (n + 1) 95 % of which are
    less. That holds for errors of any distribution, but for the line having been fitted to the same gold.

    (Bias and precision: V. Raykar et al., Learning from Crowds, JMLR 11, 2010, section 5; gains: one-factor analysis by
    EM, D. Rubin and D. Thayer, Psychometrika 47, 1982; conformal: V. Vovk et al., Algorithmic Learning in a Random
    World, 2005.)
    """
    middle, scale = _standard(table)
    values = (table.values - middle) / scale
    state, rounds, converged = _expectation_maximisation(table, values, options)
    truth, error = _truths(table, values, state)
    if table.counts.max() == 1:  # nothing tells the labelers' noise
        error = np.full(len(truth), np.nan)
    lower, upper = student_interval(truth, error, _satterthwaite(table, state, options))
    golds = 0
    if gold is not None:
        golds = int(np.isfinite(gold).sum())
        truth, lower, upper = _on_gold(truth, error, (lower, upper), (gold - middle) / scale, options)
    calibrated = golds >= options.calibration_gold
    return NumericConsensus(
        truth * scale + middle, lower * scale + middle, upper * scale + middle, NAME, VERSION,
        "conformal_on_gold" if calibrated else "student_t", "no item has two answers",
        iterations=rounds, converged=converged, gold_count=golds,
        labelers=LabelerNumbers(
            table.counts_of_labelers, state.bias * scale, state.bias_error * scale, state.gain, state.gain_error,
            np.sqrt(state.noise) * scale, _degrees(table, options),
        ),
        note="" if calibrated else "Intervals hold the labelers' noise, not what all labelers get wrong alike.",
    )  # fmt: skip


def _on_gold(
    truth: Floats, error: Floats, ends: tuple[Floats, Floats], gold: Floats, options: Options
) -> tuple[Floats, Floats, Floats]:
    """Values and ends of the intervals on the scale of the gold, NaN where there is none; items with gold keep it."""
    known = np.isfinite(gold)
    count = int(known.sum())
    if not count:
        return truth, *ends
    offset, slope = _link(truth[known], gold[known])
    truth, lower, upper = (offset + slope * each for each in (truth, *ends))
    if count >= options.calibration_gold:
        distances = np.sort(np.abs(gold - truth)[known] / error[known])
        room = distances[min(count, math.ceil((count + 1) * LEVEL)) - 1] * error
        lower, upper = truth - room, truth + room
    return np.where(known, gold, truth), np.where(known, gold, lower), np.where(known, gold, upper)


def _standard(table: NumberTable) -> tuple[float, float]:
    scale = float(np.std(table.values))
    return float(np.mean(table.values)), scale if scale > 1e-140 else 1.0  # below, squares lose their digits


def _expectation_maximisation(table: NumberTable, values: Floats, options: Options) -> tuple[_State, int, bool]:
    from labelmill_quality.numeric.labeler_loops import item_sums, labeler_sums

    rows, state = (table.item_codes, table.labeler_codes, values), _start(table, values)
    for iteration in range(1, options.max_iterations + 1):
        precision, pull = item_sums(*rows, state.bias, state.gain, state.noise, len(table.items))
        variance = 1 / (precision + 1 / state.truth_variance)
        truth = pull * variance
        before, state.truth, state.variance = state.truth, truth, variance
        state.truth_variance = max(float(np.mean(truth**2 + variance)), 1e-12)
        _learn_labelers(state, labeler_sums(*rows, truth, variance, len(table.labelers)), options)
        _rescale(state, table)
        if float(np.sqrt(np.mean((state.truth - before) ** 2))) < options.tolerance:
            return state, iteration, True
    return state, options.max_iterations, False


def _start(table: NumberTable, values: Floats) -> _State:
    means = table.sums(values) / table.counts
    residuals = (values - means[table.item_codes]) ** 2
    noise = max(float(residuals.sum()) / max(len(table) - len(table.items), 1), 1e-12)
    labelers = len(table.labelers)
    return _State(
        means, np.zeros(len(means)), np.zeros(labelers), np.ones(labelers), np.full(labelers, noise),
        np.zeros(labelers), np.zeros(labelers), bias_variance=0.1 * noise,
    )  # fmt: skip


def _learn_labelers(state: _State, sums: Floats, options: Options) -> None:
    """The M step; `sums` are six columns a labeler: 1, t, t² + v, y, y t, y²."""
    one, t, tt, y, yt, yy = sums
    noise, biases, gains = state.noise, max(state.bias_variance, 1e-9), options.gain_variance
    aa, ab, bb = one / noise + 1 / biases, t / noise, tt / noise + 1 / gains
    ra, rb = y / noise, yt / noise + 1 / gains
    determinant = aa * bb - ab * ab
    var_bias, var_gain, covariance = bb / determinant, aa / determinant, -ab / determinant
    bias, gain = var_bias * ra + covariance * rb, covariance * ra + var_gain * rb
    squares = yy - 2 * bias * y - 2 * gain * yt + (bias**2 + var_bias) * one
    squares += 2 * (bias * gain + covariance) * t + (gain**2 + var_gain) * tt
    # The median labeler's, so that one wild labeler does not make the others look imprecise.
    middling = max(float(np.median(squares / one)), 1e-12)
    noise = (squares + options.noise_answers * middling) / (one + options.noise_answers)
    state.noise = np.maximum(noise, options.smallest_noise * middling)
    state.bias, state.gain = bias, gain
    state.bias_error, state.gain_error = np.sqrt(var_bias), np.sqrt(var_gain)
    state.bias_variance = float(np.mean(bias**2 + var_bias))


def _rescale(state: _State, table: NumberTable) -> None:
    """Makes the median gain 1 by stretching the truths: nothing else fixes their scale.

    The median over labelers who differ from one who says nothing, each weighted by the answers.
    """
    answers = table.counts_of_labelers * (state.gain**2 > 0.1)
    order = np.argsort(state.gain, kind="stable")
    sums = np.cumsum(answers[order])
    gain = float(state.gain[order[np.searchsorted(sums, sums[-1] / 2)]]) if sums[-1] else 0.0
    if gain <= 0:
        return
    state.gain, state.gain_error = state.gain / gain, state.gain_error / gain
    state.truth, state.variance = state.truth * gain, state.variance * gain**2
    state.truth_variance *= gain**2


def _truths(table: NumberTable, values: Floats, state: _State) -> tuple[Floats, Floats]:
    """The truths by the answers alone, and their standard errors, those of biases and gains included.

    Where no labeler tells anything, the prior's.
    """
    from labelmill_quality.numeric.labeler_loops import item_sums

    rows = (table.item_codes, table.labeler_codes, values)
    precision, pull = item_sums(*rows, state.bias, state.gain, state.noise, len(table.items))
    telling = precision > 1e-6 / state.truth_variance
    safe = np.where(telling, precision, 1.0)
    truth = np.where(telling, pull / safe, 0.0)
    weights = (state.gain / state.noise)[table.labeler_codes] / safe[table.item_codes]
    of_labelers = state.bias_error[table.labeler_codes] ** 2
    of_labelers = of_labelers + (truth[table.item_codes] * state.gain_error[table.labeler_codes]) ** 2
    variance = 1 / safe + table.sums(weights**2 * of_labelers)
    return truth, np.sqrt(np.where(telling, variance, state.truth_variance))


def _link(truth: Floats, gold: Floats) -> tuple[float, float]:
    """Offset and slope from what the labelers say to gold: regression, held to (0, 1) as by a normal prior."""
    design, identity = np.column_stack([np.ones(len(gold)), truth]), np.array([0.0, 1.0])
    squares, products = design.T @ design, design.T @ gold
    held = np.diag(1 / np.array(_LINK_DEVIATIONS) ** 2)
    noise = 1.0  # of gold around the line: as wide as the answers, until gold tells
    for _ in range(_LINK_ROUNDS):
        line = np.linalg.solve(squares / noise + held, products / noise + held @ identity)
        residuals = gold - design @ line
        noise = max((float(residuals @ residuals) + 1e-6) / len(gold), 1e-9)
    return float(line[0]), max(float(line[1]), 0.1)


def _satterthwaite(table: NumberTable, state: _State, options: Options) -> Floats:
    weights = (state.gain**2 / state.noise)[table.labeler_codes]
    told = _degrees(table, options)
    degrees = table.sums(weights) ** 2 / np.maximum(table.sums(weights**2 / told[table.labeler_codes]), 1e-300)
    return np.maximum(degrees, 1.0)


def _degrees(table: NumberTable, options: Options) -> Floats:
    """Degrees of freedom of each labeler's noise: a residual tells less where few share its item, since the truth was
    fitted to them.
    """
    told = table.counts_of_labelers * (1 - len(table.items) / len(table))
    return np.asarray(told + options.noise_answers, np.float64)
