"""A linear (softmax) classifier on frozen sentence embeddings.

Minimises over weights W and biases b

    mean_i  c_i * sum_k -t_ik log softmax(x_i W + b)_k   +   penalty / 2 * |W|^2

by L-BFGS in double precision; t are soft targets (posteriors), c the class weights where classes are balanced. One
pseudo-item, spread evenly over the items and classes, keeps the bias of a class finite that nobody has chosen.

The penalty is chosen by 5-fold cross-validation where it is not given, and the temperature that calibrates the logits
is fitted on those logits that each fold's model gave the items it had not seen. The same input and seed give the same
bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from labelmill_training.evaluation import Floats, Ints

FOLDS = 5
PENALTIES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
"""Strongest first: each fit starts where the one before ended."""

_MAX_ROUNDS = 300
_GRADIENT_TOLERANCE = 1e-7
_CHOICE_TOLERANCE = 1e-5
_PATIENCE = 2
_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Settings:
    """What a caller may choose."""

    l2_penalty: float = 0.0
    """0: chosen by cross-validation."""
    balance_classes: bool = False
    hard_labels: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Fitted:
    """A trained classifier."""

    weights: Floats
    """One row an embedding dimension, one column a class."""
    biases: Floats
    temperature: float
    l2_penalty: float


def train(
    embeddings: Floats,
    posteriors: Floats,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fitted:
    """Trains on embeddings (one row an item) and the posteriors of their classes."""
    torch.set_num_threads(1)  # the problem is small, and threads would make sums depend on the machine
    targets = np.eye(posteriors.shape[1])[posteriors.argmax(axis=1)] if settings.hard_labels else posteriors
    penalties = (settings.l2_penalty,) if settings.l2_penalty > 0 else PENALTIES
    problem = _Problem.of(embeddings, targets, balanced=settings.balance_classes)
    folds = _folds(posteriors.argmax(axis=1), settings.seed)
    penalty, unseen = _out_of_fold(problem, folds, penalties, progress)
    solution = problem.fit(penalty, problem.start(), _GRADIENT_TOLERANCE)
    return Fitted(solution[:-1].numpy(), solution[-1].numpy(), fit_temperature(unseen.numpy(), targets), penalty)


def fit_temperature(logits: Floats, targets: Floats) -> float:
    """The temperature that minimises the cross-entropy of logits / temperature; between 0.05 and 20.

    The loss is convex in the inverse temperature, so its slope is bisected.
    """
    spread = logits - (targets * logits).sum(axis=1, keepdims=True)

    def slope(inverse: float) -> float:
        scaled = inverse * logits
        likely = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        return float((likely * spread).sum(axis=1).mean())

    low, high = 1 / _TEMPERATURES[1], 1 / _TEMPERATURES[0]
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float(1 / np.sqrt(low * high))


@dataclass(frozen=True)
class _Problem:
    """Items with a column of ones for the biases, their targets and their weights."""

    inputs: torch.Tensor
    targets: torch.Tensor
    class_weights: torch.Tensor

    @classmethod
    def of(cls, embeddings: Floats, targets: Floats, *, balanced: bool) -> _Problem:
        items, classes = targets.shape
        smoothed = (targets + 1 / (items * classes)) / (1 + 1 / items)
        weights = 1 / (classes * smoothed.mean(axis=0)) if balanced else np.ones(classes)
        inputs = np.hstack([embeddings.astype(np.float64), np.ones((items, 1))])
        return cls(torch.from_numpy(inputs), torch.from_numpy(smoothed), torch.from_numpy(weights))

    def part(self, rows: Ints) -> _Problem:
        return _Problem(self.inputs[rows], self.targets[rows], self.class_weights)

    def start(self) -> torch.Tensor:
        return torch.zeros(self.inputs.shape[1], self.targets.shape[1], dtype=torch.float64)

    def loss_of(self, logits: torch.Tensor) -> float:
        return float(self._loss(logits))

    def _loss(self, logits: torch.Tensor) -> torch.Tensor:
        return -(self.class_weights * self.targets * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()

    def fit(self, penalty: float, start: torch.Tensor, tolerance: float) -> torch.Tensor:
        """Weights with the biases as the last row; every part of the gradient is within the tolerance of 0."""
        solution = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS(
            [solution],
            max_iter=_MAX_ROUNDS,
            tolerance_grad=tolerance,
            tolerance_change=1e-12,
            line_search_fn="strong_wolfe",
        )

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = self._loss(self.inputs @ solution) + penalty / 2 * solution[:-1].square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        return solution.detach()


def _folds(classes: Ints, seed: int) -> Ints:
    """The fold of each item: shuffled, and each class spread evenly."""
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    folds = np.empty(len(classes), dtype=np.int64)
    folds[by_class] = np.arange(len(classes)) % FOLDS
    return folds


def _out_of_fold(
    problem: _Problem, folds: Ints, penalties: Sequence[float], progress: Callable[[int, int], None]
) -> tuple[float, torch.Tensor]:
    """The penalty with the least loss, and the logits of every item by the model that had not seen it.

    The loss falls and then rises as the penalty weakens, and weak penalties cost the most rounds; so the search ends
    when two in a row did not better the best.
    """
    parts = [(problem.part(np.flatnonzero(folds != fold)), np.flatnonzero(folds == fold)) for fold in range(FOLDS)]
    solutions = [problem.start() for _ in parts]
    best, chosen, worse = math.inf, (penalties[0], torch.zeros_like(problem.targets)), 0
    for position, penalty in enumerate(penalties):
        logits = torch.zeros_like(problem.targets)
        for fold, (seen, unseen) in enumerate(parts):
            solutions[fold] = seen.fit(penalty, solutions[fold], _CHOICE_TOLERANCE)
            logits[unseen] = problem.inputs[unseen] @ solutions[fold]
        progress(position + 1, len(penalties))
        loss = problem.loss_of(logits)
        if loss < best:
            best, chosen, worse = loss, (penalty, logits), 0
        else:
            worse += 1
        if worse == _PATIENCE:
            break
    return chosen
