"""What a search in text looks like to the detector, whatever does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from labelmill_anonymization.findings import Finding


class Finder(Protocol):
    """Looks for values of one type by more than one pattern."""

    @property
    def entity_type(self) -> str:
        """What it finds."""

    @property
    def hint(self) -> str:
        """A pattern that is in every text in which something is found; for the prefilter."""

    def findings(self, text: str) -> Iterable[Finding]:
        """What is there; raises RecognizerTimeout."""


class EntityModel(Protocol):
    """A model that finds names and the like."""

    @property
    def version(self) -> str:
        """Name and version."""

    def tag(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The findings of each text."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model, and when it is asked: for which types, about texts in which languages."""

    model: EntityModel
    types: frozenset[str]
    languages: frozenset[str]


class Prefilter(Protocol):
    """Says which of many patterns can be in a text, faster than by trying each."""

    def candidates(self, text: str) -> Sequence[int]:
        """Indices of patterns, ascending: at least all of those that match."""


class EveryPattern:
    """The prefilter where there is no better one: every pattern is tried on every text."""

    def __init__(self, count: int) -> None:
        self._all = tuple(range(count))

    def candidates(self, text: str) -> Sequence[int]:
        """See `Prefilter`."""
        return self._all


class LanguageIdentifier(Protocol):
    """Tells the language of texts."""

    def identify(self, text: str) -> str:
        """An ISO 639-1 code, one of the supported languages unless the text is clearly of another."""
