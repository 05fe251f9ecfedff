"""What is the same about all kinds of answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.shapes.instance import Instance, Response

Floats = npt.NDArray[np.float64]
Answer = tuple[Instance | Response, ...]
"""All that one labeler says about an item: one answer to a question, or any number of shapes."""
Answers = Mapping[str, Mapping[str, Answer]]
"""Item -> labeler -> answer."""


@dataclass(frozen=True)
class Inferred:
    """What was inferred about items, and how."""

    answers: Mapping[str, Answer]
    method: str
    version: str
    note: str = ""
    iterations: int = 0
    converged: bool = True


@dataclass(frozen=True)
class Kind:
    """A kind of answers."""

    likeness: Callable[[Answer, Answer], float]
    """How alike two answers are, in [0, 1]; symmetric, 1 for equals."""
    infer: Callable[[Answers], Inferred]
    """One answer an item."""
    alpha_method: str
    """The name of Krippendorff's alpha with its distance."""
    distances: Callable[[Sequence[Answer], Sequence[Answer]], Floats]
    """(left, right): the distance of alpha."""
    sample: int = 200
    """Answers of which alpha takes all distances."""


def unlikeness(likeness: Callable[[Answer, Answer], float]) -> Callable[[Sequence[Answer], Sequence[Answer]], Floats]:
    """One minus the likeness, as a distance of alpha."""

    def distances(left: Sequence[Answer], right: Sequence[Answer]) -> Floats:
        return np.array([[1 - likeness(one, other) for other in right] for one in left]).reshape(len(left), len(right))

    return distances


def rows(answers: Answers) -> Iterable[tuple[str, str, Answer]]:
    """(item, labeler, answer) of all."""
    return ((item, labeler, said) for item, by in answers.items() for labeler, said in by.items())


def responses(answer: Answer) -> list[Response]:
    """The answers to a question; the last one counts."""
    return [each for each in answer if isinstance(each, Response)]
