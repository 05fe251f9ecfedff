"""What labeling functions look for: each rule says of one text which class it speaks for, or nothing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from labelmill_quality.weak_supervision.errors import InvalidPattern
from labelmill_quality.weak_supervision.words import Phrases, words_of

_PATTERN_MEMORY = 4 << 20
"""Bytes that one compiled pattern may take."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one text."""

    class_name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class TextItem:
    """One text, and numbers known of it."""

    item: str
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    """Model -> what it says."""


class Rule(Protocol):
    """Votes or abstains."""

    def vote(self, item: TextItem) -> str | None:
        """The class that the rule speaks for; None: it abstains."""

    @property
    def class_names(self) -> frozenset[str]:
        """The classes that it can vote for; empty: not known beforehand."""


@dataclass(frozen=True)
class Keywords:
    """Votes where enough different keywords occur."""

    class_name: str
    keywords: tuple[str, ...]
    whole_words: bool = False
    match_case: bool = False
    least_count: int = 1

    @cached_property
    def class_names(self) -> frozenset[str]:
        """The one class."""
        return frozenset({self.class_name})

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases(self.keywords, match_case=self.match_case)

    @cached_property
    def _needles(self) -> tuple[str, ...]:
        folded = self.keywords if self.match_case else tuple(word.casefold() for word in self.keywords)
        return tuple(dict.fromkeys(folded))

    def vote(self, item: TextItem) -> str | None:
        """See Rule."""
        if self.whole_words:
            count = len(self._phrases.found_in(item.text))
        else:
            text = item.text if self.match_case else item.text.casefold()
            count = sum(needle in text for needle in self._needles)
        return self.class_name if count >= self.least_count else None


@dataclass(frozen=True)
class Pattern:
    """Votes where an RE2 expression matches: linear time, whatever the expression."""

    class_name: str
    expression: str
    match_case: bool = False
    field: str = "expression"
    """Names the expression in errors."""

    @cached_property
    def class_names(self) -> frozenset[str]:
        """The one class."""
        return frozenset({self.class_name})

    @cached_property
    def _compiled(self) -> Any:
        import re2  # type: ignore[import-untyped]  # here: only where a pattern is used

        options = re2.Options()
        options.max_mem, options.log_errors, options.case_sensitive = _PATTERN_MEMORY, False, self.match_case
        try:
            return re2.compile(self.expression, options)
        except re2.error:
            raise InvalidPattern(self.field) from None

    def vote(self, item: TextItem) -> str | None:
        """See Rule; raises InvalidPattern."""
        return self.class_name if self._compiled.search(item.text) else None


@dataclass(frozen=True)
class Gazetteer:
    """Votes for the class whose terms occur most; abstains where several have equally many."""

    terms: Mapping[str, str]
    """Term -> class."""

    @cached_property
    def class_names(self) -> frozenset[str]:
        """The classes of the terms."""
        return frozenset(self.terms.values())

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases(self.terms)

    def vote(self, item: TextItem) -> str | None:
        """See Rule."""
        ranked = Counter(self._phrases.found_in(item.text).values()).most_common(2)
        if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
            return None
        return ranked[0][0]


@dataclass(frozen=True)
class Threshold:
    """Votes where a number lies in a range; "characters" and "words" are counted from the text."""

    class_name: str
    number: str
    at_least: float | None = None
    below: float | None = None

    @cached_property
    def class_names(self) -> frozenset[str]:
        """The one class."""
        return frozenset({self.class_name})

    def vote(self, item: TextItem) -> str | None:
        """See Rule."""
        value = self._value(item)
        if value is None:
            return None
        low_enough = self.below is None or value < self.below
        high_enough = self.at_least is None or value >= self.at_least
        return self.class_name if low_enough and high_enough else None

    def _value(self, item: TextItem) -> float | None:
        if self.number == "characters":
            return len(item.text)
        if self.number == "words":
            return len(words_of(item.text))
        return item.numbers.get(self.number)


@dataclass(frozen=True)
class Model:
    """Votes as a model does."""

    model: str
    votes: Mapping[str, str]
    """The model's class -> the vote; empty: the model's classes are the votes."""
    least_confidence: float = 0.0

    @cached_property
    def class_names(self) -> frozenset[str]:
        """The classes it is told to vote for."""
        return frozenset(self.votes.values())

    def vote(self, item: TextItem) -> str | None:
        """See Rule."""
        prediction = item.predictions.get(self.model)
        if prediction is None or prediction.confidence < self.least_confidence:
            return None
        return self.votes.get(prediction.class_name) if self.votes else prediction.class_name
