"""The loops of `measurements`, compiled. Pure.

A member is always judged by the other members of its object: e is its deviation from their weighted mean, v the
variance of that mean, so that nobody confirms itself. Where gold says where the object lies, e is the deviation from it
and v is 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FREEDOM = 4.0
_INNER_ROUNDS = 4
_GROSS = 25.0
"""Square of the standard deviations beyond which a deviation says nothing about a labeler's usual spread."""


@compiled
def look(
    labelers: Integers,
    values: Floats,
    known: Floats,
    bias: Floats,
    variance: Floats,
    weights: Floats,
    begin: int,
    end: int,
) -> tuple[Floats, Floats]:
    """Deviation of every member of a cluster from the others' mean, and its variance: their own and the mean's."""
    coordinates = values.shape[1]
    deviation, spread = np.zeros((end - begin, coordinates)), np.zeros((end - begin, coordinates))
    for d in range(coordinates):
        total, weighted = 0.0, 0.0
        for member in range(begin, end):
            labeler = labelers[member]
            weight = weights[member] / variance[labeler, d]
            total += weight
            weighted += weight * (values[member, d] - bias[labeler, d])
        for member in range(begin, end):
            labeler = labelers[member]
            value = values[member, d] - bias[labeler, d]
            if not np.isnan(known[d]):
                deviation[member - begin, d] = value - known[d]
                spread[member - begin, d] = variance[labeler, d]
            elif end - begin > 1:
                weight = weights[member] / variance[labeler, d]
                deviation[member - begin, d] = value - (weighted - weight * value) / (total - weight)
                spread[member - begin, d] = variance[labeler, d] + 1 / (total - weight)
    return deviation, spread


@compiled
def weigh(deviation: Floats, spread: Floats, weights: Floats, begin: int) -> None:
    """Weights of a cluster's members under the t distribution: what lies far off counts little."""
    coordinates = deviation.shape[1]
    for index in range(len(deviation)):
        distance = 0.0
        for d in range(coordinates):
            distance += deviation[index, d] ** 2 / spread[index, d]
        weights[begin + index] = (FREEDOM + coordinates) / (FREEDOM + distance)


@compiled
def learn(
    starts: Integers, labelers: Integers, values: Floats, known: Floats, telling: Flags, bias: Floats, variance: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Sums over the telling clusters by (labeler, coordinate), but for clusters with a gross error.

    Returns:
        members, by labeler; sum e² / s, with s = sigma² + v; sum e² sigma² / s²; sum e / s; sum 1 / s.
    """
    shape = bias.shape
    squares, slopes, shifts, totals = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    counts, weights = np.zeros(shape[0]), np.ones(len(labelers))
    for cluster in range(len(starts) - 1):
        begin, end = starts[cluster], starts[cluster + 1]
        if not telling[cluster]:
            continue
        deviation, spread = look(labelers, values, known[cluster], bias, variance, weights, begin, end)
        if (deviation**2 > _GROSS * spread).any():
            continue
        for member in range(begin, end):
            labeler, index = labelers[member], member - begin
            counts[labeler] += 1
            for d in range(shape[1]):
                square = deviation[index, d] ** 2 / spread[index, d]
                squares[labeler, d] += square
                slopes[labeler, d] += square * variance[labeler, d] / spread[index, d]
                shifts[labeler, d] += deviation[index, d] / spread[index, d]
                totals[labeler, d] += 1 / spread[index, d]
    return counts, squares, slopes, shifts, totals


@compiled
def place(
    starts: Integers, labelers: Integers, values: Floats, bias: Floats, variance: Floats, robust: bool
) -> tuple[Floats, Floats]:
    """Place of every cluster and what is known about it (1 / variance)."""
    coordinates = values.shape[1]
    places = np.zeros((len(starts) - 1, coordinates))
    information = np.zeros((len(starts) - 1, coordinates))
    weights = np.ones(len(labelers))
    unknown = np.full(coordinates, np.nan)
    for cluster in range(len(starts) - 1):
        begin, end = starts[cluster], starts[cluster + 1]
        if robust and end - begin > 1:
            for _ in range(_INNER_ROUNDS):
                deviation, spread = look(labelers, values, unknown, bias, variance, weights, begin, end)
                weigh(deviation, spread, weights, begin)
        for d in range(coordinates):
            total, weighted = 0.0, 0.0
            for member in range(begin, end):
                labeler = labelers[member]
                weight = weights[member] / variance[labeler, d]
                total += weight
                weighted += weight * (values[member, d] - bias[labeler, d])
            places[cluster, d], information[cluster, d] = weighted / total, total
    return places, information
