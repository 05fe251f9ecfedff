"""Answers to questions, about an item or (as attributes) about a shape. Pure."""

from __future__ import annotations

from dataclasses import dataclass

Distribution = tuple[tuple[str, float], ...]
"""Class and probability, as the source gave them; empty from most labelers."""


@dataclass(frozen=True, slots=True)
class SingleChoice:
    """Exactly one class."""

    class_name: str
    distribution: Distribution = ()


@dataclass(frozen=True, slots=True)
class MultipleChoice:
    """Any number of classes, none included."""

    class_names: frozenset[str]
    distribution: Distribution = ()


@dataclass(frozen=True, slots=True)
class OrdinalChoice:
    """One class of an ordered list; the order is the ontology's."""

    class_name: str
    distribution: Distribution = ()


@dataclass(frozen=True, slots=True)
class FreeText:
    """What somebody wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number, such as a rating."""

    value: float


Answer = SingleChoice | MultipleChoice | OrdinalChoice | FreeText | Number
