"""Labeling functions in Python: they run here, and their votes are sent.

    from labelmill import weak_supervision

    @weak_supervision.labeling_function
    def mentions_song(text: str) -> str | None:
        return "ham" if "song" in text.lower() else None

    votes = weak_supervision.votes([mentions_song, ...], {"comment-1": "I love this song", ...})
    answer = client.weak_supervision.fit_label_model(FitLabelModelRequest(votes=votes, class_names=["ham", "spam"]))

A function gets whatever an item is (a text, a row, an image) and returns the name of a class, or None to abstain.
Functions that are data (keywords, patterns, gazetteers, thresholds, models) run in the server: ApplyLabelingFunctions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from labelmill.quality.v1 import labels_pb2

__all__ = ["LabelingFunction", "labeling_function", "votes"]

T = TypeVar("T")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.-]{0,62}")


@dataclass(frozen=True)
class LabelingFunction(Generic[T]):
    """A function with a name; called, it votes."""

    name: str
    vote: Callable[[T], str | None]

    def __post_init__(self) -> None:
        """Raises ValueError for a name that the server would refuse."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} must begin with a letter and have letters, digits, dots, dashes or underscores"
            )

    def __call__(self, item: T) -> str | None:
        """The vote on one item; None: it abstains."""
        return self.vote(item)


@overload
def labeling_function(vote: Callable[[T], str | None], /) -> LabelingFunction[T]: ...


@overload
def labeling_function(*, name: str) -> Callable[[Callable[[T], str | None]], LabelingFunction[T]]: ...


def labeling_function(
    vote: Callable[[T], str | None] | None = None, /, *, name: str = ""
) -> LabelingFunction[T] | Callable[[Callable[[T], str | None]], LabelingFunction[T]]:
    """Makes a labeling function of a function, as a decorator; its name is the function's own unless given."""
    if vote is not None:
        return LabelingFunction(vote.__name__, vote)
    return lambda given: LabelingFunction(name or given.__name__, given)


def votes(functions: Iterable[LabelingFunction[T]], items: Mapping[str, T]) -> list[labels_pb2.LabelRow]:
    """The votes of every function on every item, item by item; an abstention has no row.

    Args:
        functions: Their names must differ.
        items: Id -> what the functions get. For SuperviseProject, ids are projects/{project}/assets/{asset}.

    Raises:
        ValueError: Two functions have one name.
    """
    listed = list(functions)
    if len({function.name for function in listed}) < len(listed):
        raise ValueError("two labeling functions have the same name")
    return [
        labels_pb2.LabelRow(item=item, labeler=function.name, class_name=said)
        for item, content in items.items()
        for function in listed
        if (said := function(content)) is not None
    ]
