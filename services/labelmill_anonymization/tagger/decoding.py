"""Turns the network's answers into spans: the most likely sequence of states in which no type goes on unbegun.

Viterbi (1967), for all stretches of a batch at once. A token that is outside beyond doubt parts the stretches, so that
they are short however long a text is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.tagger.labels import OUTSIDE, STATES, TYPES

_TYPES = len(TYPES)
_BEYOND_DOUBT = 0.998


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `first` to `last`, both included, are of a type; `score` is the geometric mean of its probabilities."""

    entity_type: str
    first: int
    last: int
    score: float


def spans(logits: NDArray[np.float32], text: NDArray[np.int64], temperature: float, caution: float) -> Iterator[Span]:
    """The spans in their order.

    Args:
        logits: A row a token, a column a state.
        text: The index of each token's text; no span goes from one text into another.
        temperature: What logits are divided by, so that probabilities are calibrated (Guo et al. 2017).
        caution: What the logarithm of "outside" is lowered by: above 0, more is found, wrongly too.
    """
    if not len(logits):
        return
    scaled = logits / np.float32(temperature)
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    total = weights.sum(axis=1, keepdims=True)
    in_doubt = np.flatnonzero(weights[:, OUTSIDE] < _BEYOND_DOUBT * total[:, 0])
    if not len(in_doubt):
        return
    logs = scaled[in_doubt] - np.log(total[in_doubt])
    chances = weights[in_doubt] / total[in_doubt]
    logs[:, OUTSIDE] -= np.float32(caution)
    parts = np.flatnonzero((np.diff(in_doubt) != 1) | (np.diff(text[in_doubt]) != 0)) + 1
    starts = np.concatenate([[0], parts])
    states = _best_states(logs, starts, np.diff(np.concatenate([starts, [len(in_doubt)]])))
    yield from _spans(states, chances, starts, in_doubt)


def _best_states(logs: NDArray[np.float32], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The best state of each row of `logs`, where stretches begin at `starts`."""
    order = np.argsort(-lengths, kind="stable")  # those still going on are always the first ones
    starts, lengths = starts[order], lengths[order]
    longest = int(lengths[0])
    active = np.searchsorted(-lengths, -np.arange(longest), side="left")
    came_from: list[NDArray[np.int64]] = []
    best = np.full((len(starts), STATES), -np.inf, np.float32)
    for step in range(longest):
        rows = logs[starts[: active[step]] + step]
        if step == 0:
            score, origin = np.zeros((len(rows), STATES), np.float32), np.zeros((len(rows), STATES), np.int64)
            score[:, 1 + _TYPES :] = -np.inf
        else:
            score, origin = _step(best[: active[step]])
        best[: active[step]] = score + rows
        came_from.append(origin)
    states = np.empty(len(logs), np.int64)
    state = best.argmax(axis=1)
    for step in range(longest - 1, -1, -1):
        now = np.arange(active[step])
        states[starts[now] + step] = state[now]
        state[now] = came_from[step][now, state[now]]
    return states


def _step(best: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best way into each state, without the state's own weight, and where it comes from."""
    size = len(best)
    origin = np.empty((size, STATES), np.int64)
    score = np.empty((size, STATES), np.float32)
    top = best.argmax(axis=1)
    origin[:, : 1 + _TYPES] = top[:, None]
    score[:, : 1 + _TYPES] = best[np.arange(size), top][:, None]
    begun, gone_on = best[:, 1 : 1 + _TYPES], best[:, 1 + _TYPES :]
    fresh = begun >= gone_on
    origin[:, 1 + _TYPES :] = np.where(fresh, np.arange(1, 1 + _TYPES), np.arange(1 + _TYPES, STATES))
    score[:, 1 + _TYPES :] = np.where(fresh, begun, gone_on)
    return score, origin


def _spans(
    states: NDArray[np.int64], chances: NDArray[np.float32], starts: NDArray[np.int64], tokens: NDArray[np.int64]
) -> Iterator[Span]:
    kind = (states - 1) % _TYPES
    begins = (states >= 1) & (states <= _TYPES)
    goes_on = states > _TYPES
    ends = np.ones(len(states), bool)
    ends[:-1] = ~goes_on[1:]
    ends[starts[1:] - 1] = True
    firsts = np.flatnonzero(begins)
    lasts = np.flatnonzero(ends & (states != OUTSIDE))
    rows = np.arange(len(states))
    sure = np.log(np.maximum(chances[rows, 1 + kind] + chances[rows, 1 + _TYPES + kind], 1e-9))
    running = np.concatenate([[0.0], np.cumsum(sure, dtype=np.float64)])
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        score = float(np.exp((running[last + 1] - running[first]) / (last + 1 - first)))
        yield Span(TYPES[int(kind[first])], int(tokens[first]), int(tokens[last]), min(score, 1.0))
