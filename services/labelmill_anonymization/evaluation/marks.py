"""Texts cut into pieces for people to look at: what was hidden, what leaked, what was hidden without need."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from labelmill_anonymization.evaluation.counts import leaked
from labelmill_anonymization.evaluation.outcome import Outcome
from labelmill_anonymization.evaluation.sample import Document, Span


class Mark(Enum):
    """What became of a piece of a text."""

    PLAIN = "plain"
    """Not marked, not found."""
    HIDDEN = "hidden"
    """Marked, and nobody can read it any more."""
    LEAKED = "leaked"
    """Marked, and readable."""
    NEEDLESS = "needless"
    """Not marked, and hidden nevertheless."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text of which one thing can be said."""

    text: str = field(repr=False)
    mark: Mark
    note: str
    """The types, marked and found."""


def pieces(document: Document, outcome: Outcome) -> list[Piece]:
    """The whole text, in order."""
    length = len(document.text)
    gold, found = _names(document.gold, length), _names(outcome.found, length)
    leaks = leaked(document, outcome)
    edges = {0, length, *_edges(document.gold), *_edges(outcome.found)}
    edges |= {int(i) + 1 for i in np.flatnonzero(np.diff(leaks.astype(np.int8)))}
    cuts = sorted(edges)
    made = []
    for start, end in itertools.pairwise(cuts):
        mark = _mark(bool(gold[start]), bool(leaks[start]), bool(outcome.hidden[start]))
        note = "" if mark is Mark.PLAIN else f"marked {gold[start] or 'as nothing'}, found {found[start] or 'nothing'}"
        made.append(Piece(document.text[start:end], mark, note))
    return made


def worst_first(documents: Sequence[Document], outcomes: Sequence[Sequence[Outcome]]) -> list[tuple[int, int]]:
    """(index, leaked code points under all policies) of the documents with a leak, most leaked first."""
    leaks = [
        (index, sum(int(leaked(document, some[index]).sum()) for some in outcomes))
        for index, document in enumerate(documents)
    ]
    return sorted((pair for pair in leaks if pair[1]), key=lambda pair: (-pair[1], pair[0]))


def _mark(is_gold: bool, is_leaked: bool, is_hidden: bool) -> Mark:
    if is_leaked:
        return Mark.LEAKED
    if is_gold:
        return Mark.HIDDEN
    return Mark.NEEDLESS if is_hidden else Mark.PLAIN


def _names(spans: Sequence[Span], length: int) -> list[str]:
    names = [""] * length
    for span in spans:
        for i in range(span.start, span.end):
            names[i] = f"{names[i]}+{span.entity_type}" if names[i] else span.entity_type
    return names


def _edges(spans: Sequence[Span]) -> set[int]:
    return {edge for span in spans for edge in (span.start, span.end)}
