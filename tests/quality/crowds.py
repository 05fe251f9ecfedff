"""Simulated labelers with known habits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.labels import LabelTable, make_table

Ints = npt.NDArray[np.int64]
Answer = Callable[[np.random.Generator, Ints], Ints]


@dataclass(frozen=True)
class Crowd:
    """Everybody answers every item; items i0000, i0001 ..., classes "0", "1" ..."""

    truth: Ints
    answers: Ints
    """(items, labelers)"""
    names: list[str]
    classes: list[str]

    def table(self) -> LabelTable:
        """The labels."""
        items, labelers = np.indices(self.answers.shape)
        return make_table(
            [f"i{n:04d}" for n in items.ravel()],
            [self.names[n] for n in labelers.ravel()],
            [self.classes[n] for n in self.answers.ravel()],
            class_names=self.classes,
        )


def right_with(probability: float, classes: int = 3) -> Answer:
    """Right so often, else any other class."""

    def answer(generator: np.random.Generator, truth: Ints) -> Ints:
        wrong = (truth + generator.integers(1, classes, len(truth))) % classes
        return np.where(generator.random(len(truth)) < probability, truth, wrong)

    return answer


def always(code: int) -> Answer:
    """The same answer whatever the item."""
    return lambda _generator, truth: np.full_like(truth, code)


def at_random(classes: int = 3) -> Answer:
    """Presses buttons."""
    return lambda generator, truth: generator.integers(0, classes, len(truth))


def crowd(habits: dict[str, Answer], *, items: int = 200, classes: int = 3, seed: int = 0) -> Crowd:
    """One labeler for each habit."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, items)
    answers = np.stack([answer(generator, truth) for answer in habits.values()], axis=1)
    return Crowd(truth, answers, list(habits), [str(code) for code in range(classes)])
