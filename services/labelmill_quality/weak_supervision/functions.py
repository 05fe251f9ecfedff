"""Labeling functions applied to texts. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from labelmill_quality.errors import UnknownClass
from labelmill_quality.weak_supervision.errors import DuplicateFunction
from labelmill_quality.weak_supervision.rules import Model, Rule, TextItem


@dataclass(frozen=True)
class LabelingFunction:
    """A rule with a name."""

    name: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Vote:
    """What one function says of one item."""

    item: str
    function: str
    class_name: str


def apply(functions: Sequence[LabelingFunction], items: Iterable[TextItem]) -> Iterator[Vote]:
    """The votes of every function on every item, item by item; an abstention is left out."""
    rules = [(function.name, function.rule.vote) for function in functions]
    for item in items:
        for name, vote in rules:
            said = vote(item)
            if said:
                yield Vote(item.item, name, said)


def models_of(functions: Iterable[LabelingFunction]) -> list[str]:
    """The models that functions ask, each once."""
    return list(dict.fromkeys(one.rule.model for one in functions if isinstance(one.rule, Model)))


def check(functions: Sequence[LabelingFunction], class_names: Container[str] | None = None) -> None:
    """Looks for what is wrong with functions before they meet a text.

    Raises:
        DuplicateFunction: Two have one name.
        UnknownClass: One votes for a class that is not in class_names.
        InvalidPattern: A pattern is no RE2 expression.
    """
    seen: set[str] = set()
    nothing = TextItem("", "")
    for row, function in enumerate(functions):
        if function.name in seen:
            raise DuplicateFunction(f"functions[{row}].function_id")
        seen.add(function.name)
        if class_names is not None and not all(name in class_names for name in function.rule.class_names):
            raise UnknownClass(f"functions[{row}]")
        function.rule.vote(nothing)  # compiles what is to be compiled
