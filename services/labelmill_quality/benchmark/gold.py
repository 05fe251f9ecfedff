"""What is known to be right. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from labelmill_quality.errors import DuplicateGold
from labelmill_quality.shapes.instance import Instance, Response, Statements


@dataclass
class Gold:
    """Gold by item and feature; may be filled in several steps."""

    items: set[str] = field(default_factory=set)
    """All that are benchmarks."""
    shapes: dict[tuple[str, str], list[Instance]] = field(default_factory=lambda: defaultdict(list))
    """By item and feature."""
    answers: dict[tuple[str, str], Response] = field(default_factory=dict)
    """By item and feature."""
    shape_features: set[str] = field(default_factory=set)
    """Features whose shapes gold holds: where an item has none of them, there is none to see."""
    questions: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The features that each item has an answer to."""

    def add(self, statements: Statements, empty_items: Iterable[str] = (), *, field: str) -> None:
        """Takes in more gold.

        Args:
            statements: The gold.
            empty_items: Further items that are benchmarks.
            field: The request's field that holds the gold, for errors.

        Raises:
            DuplicateGold: A question about an item has two answers.
        """
        self.items.update(empty_items)
        for instance in statements.instances:
            self.items.add(instance.item)
            self.shape_features.add(instance.feature)
            self.shapes[instance.item, instance.feature].append(instance)
        for response in statements.responses:
            key = response.item, response.feature
            if key in self.answers:
                raise DuplicateGold(f"{field}[{response.index}]")
            self.items.add(response.item)
            self.answers[key] = response
            self.questions[response.item].append(response.feature)


@dataclass
class Said:
    """What one labeler said about one item."""

    item: str
    labeler: str
    shapes: dict[str, list[Instance]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, Response] = field(default_factory=dict)
    """Where a labeler answered twice, the last answer counts."""

    @property
    def latest_ms(self) -> int | None:
        """When it last said something, which is when it missed the rest."""
        shapes = [instance.create_ms for instances in self.shapes.values() for instance in instances]
        answers = [response.create_ms for response in self.answers.values()]
        return max((time for time in (*shapes, *answers) if time is not None), default=None)


def gathered(statements: Statements, asked: Iterable[tuple[str, str]], items: set[str]) -> Sequence[Said]:
    """What each labeler said about each of the items, in order of appearance; nothing, where it was only asked."""
    found: dict[tuple[str, str], Said] = {}

    def of(item: str, labeler: str) -> Said:
        return found.setdefault((item, labeler), Said(item, labeler))

    for instance in statements.instances:
        if instance.item in items:
            of(instance.item, instance.labeler).shapes[instance.feature].append(instance)
    for response in statements.responses:
        if response.item in items:
            of(response.item, response.labeler).answers[response.feature] = response
    for item, labeler in asked:
        if item in items:
            of(item, labeler)
    return list(found.values())
