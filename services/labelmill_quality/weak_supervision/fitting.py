"""What label models are fitted to, and what they give. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.weak_supervision.votes import Patterns

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Options:
    """How label models are fitted.

    The numbers were chosen on the YouTube comments of Snorkel's tutorial, the SMS spam collection and Snorkel's
    synthetic votes: what we reach on those is no held-out figure.
    """

    expected_accuracy: float = 0.8
    """How often a vote is right, before any evidence."""
    items_of_guess: float = 20.0
    """How many items that guess weighs as much as, where functions have class-conditional parameters."""
    share_of_guess: float = 0.1
    """The same where functions have one accuracy, as a share of all items."""
    better_than_chance: float = 0.05
    """How much better than chance a function is at least."""
    max_iterations: int = 200
    """Rounds of EM at most."""
    tolerance: float = 1e-7
    """EM has converged when a round changes the log-likelihood per item by less."""


@dataclass(frozen=True)
class Evidence:
    """Votes, and what is known beside them."""

    patterns: Patterns
    weights: Floats
    """(functions): how much of each one's evidence counts; below 1 for functions that repeat one another."""
    balance: Floats | None = None
    """(classes): how frequent each class is, where that is known."""
    anchor_shares: Floats | None = None
    """(patterns, classes + 1): of the items of each pattern, the share whose gold is each class; last, without gold."""


@dataclass(frozen=True)
class Judgement:
    """What a label model makes of patterns."""

    posterior: Floats
    """(patterns, classes)"""
    method: str
    version: str
    iterations: int
    converged: bool


def softmax(scores: Floats) -> tuple[Floats, Floats]:
    """Rows to probabilities, and the logarithm of what each row was divided by."""
    largest = scores.max(axis=1, keepdims=True)
    shares = np.exp(scores - largest)
    totals = shares.sum(axis=1, keepdims=True)
    return shares / totals, (largest + np.log(totals)).ravel()


def anchored(posterior: Floats, anchor_shares: Floats | None) -> Floats:
    """Items with gold keep it: the mean over the items of each pattern."""
    if anchor_shares is None:
        return posterior
    return anchor_shares[:, :-1] + anchor_shares[:, -1:] * posterior
