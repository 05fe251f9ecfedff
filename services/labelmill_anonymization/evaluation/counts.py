"""What is counted in one document, for each entity type and for all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.evaluation.matching import exact_matches, overlap_matches
from labelmill_anonymization.evaluation.outcome import Bools, Outcome
from labelmill_anonymization.evaluation.sample import Document, Span

Counts = NDArray[np.int64]
"""(..., rows, columns): row 0 is all types together, then one row a type; the columns are those of `Column`."""


class Column(IntEnum):
    """The counts. A code point in two spans counts once in the row of all types."""

    GOLD = 0
    FOUND = 1
    """Findings, without those that touch nothing but ignored spans."""
    EXACT = 2
    OVERLAP = 3
    GOLD_CHARACTERS = 4
    DETECTED_CHARACTERS = 5
    """Marked code points inside of findings of any type."""
    LEAKED_CHARACTERS = 6
    """Marked code points that can still be read."""
    FOUND_CHARACTERS = 7
    RIGHT_CHARACTERS = 8
    """Found code points inside of marked spans of any type."""


def entity_types_of(documents: Sequence[Document], outcomes: Iterable[Sequence[Outcome]]) -> list[str]:
    """Every type that was marked or found, ordered."""
    marked = {span.entity_type for document in documents for span in document.gold}
    return sorted(marked | {s.entity_type for some in outcomes for outcome in some for s in outcome.found})


def count(documents: Sequence[Document], outcomes: Sequence[Outcome], types: Sequence[str]) -> Counts:
    """Counts of shape (documents, 1 + types, columns)."""
    counts = np.zeros((len(documents), 1 + len(types), len(Column)), np.int64)
    rows = {entity_type: index for index, entity_type in enumerate(types, 1)}
    for row, document, outcome in zip(counts, documents, outcomes, strict=True):
        _count_document(row, document, outcome, rows)
    return counts


def leaked(document: Document, outcome: Outcome) -> Bools:
    """The code points that are marked and readable."""
    return _mask(document.gold, len(document.text)) & ~outcome.hidden


def _count_document(row: Counts, document: Document, outcome: Outcome, rows: Mapping[str, int]) -> None:
    length = len(document.text)
    gold, ignored = _mask(document.gold, length), _mask(document.ignored, length)
    counted = gold | ~ignored
    found = [span for span in outcome.found if counted[span.start : span.end].any()]
    detected = _mask(found, length)
    present = {span.entity_type for span in (*document.gold, *found)}
    for index, entity_type in ((0, ""), *((rows[one], one) for one in present)):
        of_gold = [s for s in document.gold if entity_type in ("", s.entity_type)]
        of_found = [s for s in found if entity_type in ("", s.entity_type)]
        gold_here, found_here = _mask(of_gold, length), _mask(of_found, length) & counted
        row[index, Column.GOLD] = len(of_gold)
        row[index, Column.FOUND] = len(of_found)
        row[index, Column.EXACT] = exact_matches(of_gold, of_found)
        row[index, Column.OVERLAP] = overlap_matches(of_gold, of_found)
        row[index, Column.GOLD_CHARACTERS] = gold_here.sum()
        row[index, Column.DETECTED_CHARACTERS] = (gold_here & detected).sum()
        row[index, Column.LEAKED_CHARACTERS] = (gold_here & ~outcome.hidden).sum()
        row[index, Column.FOUND_CHARACTERS] = found_here.sum()
        row[index, Column.RIGHT_CHARACTERS] = (found_here & gold).sum()


def _mask(spans: Sequence[Span], length: int) -> Bools:
    mask = np.zeros(length, np.bool_)
    for span in spans:
        mask[span.start : span.end] = True
    return mask
