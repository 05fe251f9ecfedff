"""One shape or one answer, with who said it about what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_quality.shapes.answers import Answer
from labelmill_quality.shapes.values import Shape

Attributes = tuple[tuple[str, Answer], ...]
"""Answers about one shape, by the name of the question."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A shape that a labeler drew."""

    item: str
    """The asset."""
    labeler: str
    """The labeler's id, a model version, or empty where the source is a consensus or nobody said."""
    feature: str
    class_name: str
    shape: Shape
    attributes: Attributes = ()
    confidence: float | None = None
    """How sure the source is, in [0, 1]."""
    local_id: str = ""
    """What relations of the same labeler and item call it."""
    create_ms: int | None = None
    """When it was said, in milliseconds since 1970; None where nobody said."""
    index: int = -1
    """Where it stood in what was sent; -1 where it was not sent."""


@dataclass(frozen=True, slots=True)
class Response:
    """A labeler's answer to a question about a whole item."""

    item: str
    labeler: str
    feature: str
    answer: Answer
    confidence: float | None = None
    local_id: str = ""
    create_ms: int | None = None
    index: int = -1


@dataclass(frozen=True, slots=True)
class Statements:
    """What a list of annotations says, in its order."""

    instances: Sequence[Instance]
    responses: Sequence[Response]
    repaired: Sequence[int] = ()
    """Indices of annotations whose polygon touches or crosses itself; it counts as the area that it encloses."""
