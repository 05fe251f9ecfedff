"""What a policy itself says about findings: its recognizers and deny lists add some, its allow list takes some away."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from labelmill_anonymization.detection.context import Contexts, Words
from labelmill_anonymization.findings import Finding
from labelmill_anonymization.keys import normalized
from labelmill_anonymization.policies.patterns import matches, matches_whole
from labelmill_anonymization.policies.word_lists import occurrences

DEFAULT_SCORE = 0.5
DEFAULT_BOOST = 0.35
_DENY_LIST = "deny-list"


@dataclass(frozen=True, slots=True)
class CustomRecognizer:
    """Finds values of one type by a regular expression (`regex`) or else a list of words."""

    name: str
    entity_type: str
    regex: str = ""
    words: tuple[str, ...] = ()
    score: float = DEFAULT_SCORE
    context_words: tuple[str, ...] = ()
    context_boost: float = DEFAULT_BOOST
    needs_context: bool = False
    case_sensitive: bool = False

    def findings(self, text: str) -> Iterator[Finding]:
        """What it finds; a context word nearby makes it more certain."""
        context, words = _context(self.context_words), Words(text)
        for start, end in self._places(text):
            near = bool(context) and context.near(words, start, end)
            if near or not self.needs_context:
                score = min(1.0, self.score + self.context_boost) if near else self.score
                yield Finding(self.entity_type, start, end, score, f"policy:{self.name}")

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        if self.regex:
            return matches(self.regex, text, case_sensitive=self.case_sensitive)
        return occurrences(self.words, text, case_sensitive=self.case_sensitive)


@dataclass(frozen=True, slots=True)
class AllowList:
    """Values that are never reported."""

    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    case_sensitive: bool = False

    def holds(self, value: str) -> bool:
        """Whether the whole value is on it."""
        if _form(value, self.case_sensitive) in _forms(self.values, self.case_sensitive):
            return True
        return any(matches_whole(pattern, value, case_sensitive=self.case_sensitive) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class DenyList:
    """Values that are always found."""

    entity_type: str
    words: tuple[str, ...]
    case_sensitive: bool = False

    def findings(self, text: str) -> Iterator[Finding]:
        """All of them, with score 1."""
        for start, end in occurrences(self.words, text, case_sensitive=self.case_sensitive):
            yield Finding(self.entity_type, start, end, 1.0, _DENY_LIST)


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What a policy brings along."""

    recognizers: tuple[CustomRecognizer, ...] = ()
    allow_list: AllowList = field(default_factory=AllowList)
    deny_lists: tuple[DenyList, ...] = ()

    @property
    def entity_types(self) -> frozenset[str]:
        """The types that it finds by itself."""
        return frozenset(one.entity_type for one in self.recognizers) | {one.entity_type for one in self.deny_lists}

    def amend(self, text: str, findings: Sequence[Finding]) -> list[Finding]:
        """The service's findings with the policy's, without what is allowed; a deny list beats the allow list."""
        found = [*findings, *_all(self.recognizers, text)]
        if self.allow_list.values or self.allow_list.patterns:
            found = [one for one in found if not self.allow_list.holds(text[one.start : one.end])]
        return found + list(_all(self.deny_lists, text))


def _all(finders: Iterable[CustomRecognizer | DenyList], text: str) -> Iterator[Finding]:
    for finder in finders:
        yield from finder.findings(text)


@lru_cache(maxsize=512)
def _context(words: tuple[str, ...]) -> Contexts:
    return Contexts(before=words, after=words)


@lru_cache(maxsize=64)
def _forms(values: tuple[str, ...], case_sensitive: bool) -> frozenset[str]:
    return frozenset(_form(value, case_sensitive) for value in values)


def _form(value: str, case_sensitive: bool) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).split()) if case_sensitive else normalized(value)
