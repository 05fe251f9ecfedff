"""A rule: a pattern, what a match of it must fulfil, and which words near it say that it is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import regex  # type: ignore[import-untyped]

from labelmill_anonymization.detection.context import NO_CONTEXT, Contexts, Words
from labelmill_anonymization.findings import Finding

PATTERN_TIMEOUT_S = 10.0
CASELESS = regex.IGNORECASE | regex.MULTILINE
CASED = regex.MULTILINE
_CONTEXT_ADDS = 0.35  # Presidio's
_LEAST_WITH_CONTEXT = 0.4
_VALUE = "value"

Check = Callable[[str], float | None]
"""The value -> its score where the check is passed, None where it is not a finding."""


class RecognizerTimeout(Exception):
    """A pattern ran out of time, and nothing is known about the text."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Finds values of one type by one pattern."""

    entity_type: str
    recognizer: str
    pattern: str
    """For the `regex` package; what the group `value` holds is the finding, without such a group the whole match."""
    score: float
    """Without context."""
    flags: int = CASED
    context: Contexts = NO_CONTEXT
    """Words near a match that make it more certain."""
    needs_context: bool = False
    """Whether there is no finding without a word of the context."""
    check: Check | None = None
    inside: str = ""
    """What every match contains, where matches have no white space in them: only words that contain it are searched."""
    hint: str | None = None
    """A cheaper pattern that is in every text in which `pattern` is."""

    @property
    def prefilter(self) -> tuple[str, int]:
        """What is in every text in which the rule finds something: pattern and flags."""
        if self.hint:
            return self.hint, self.flags
        if self.needs_context:
            return self.context.hint, CASELESS
        return self.pattern, self.flags

    @property
    def second_prefilter(self) -> tuple[str, int] | None:
        """What must be in the text as well, if the first says nothing of the pattern."""
        return (self.pattern, self.flags) if self.needs_context and not self.hint else None


class RuleSet:
    """Rules, compiled. A prefilter says which of them to try on a text."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._compiled = [regex.compile(rule.pattern, rule.flags) for rule in rules]
        self._has_value = [_VALUE in compiled.groupindex for compiled in self._compiled]

    @property
    def types(self) -> frozenset[str]:
        """Every type that some rule finds."""
        return frozenset(rule.entity_type for rule in self.rules)

    def findings(self, text: str, candidates: Sequence[int], wanted: frozenset[str]) -> list[Finding]:
        """What the candidate rules of wanted types find.

        Raises:
            RecognizerTimeout: A pattern ran out of time.
        """
        found: list[Finding] = []
        words = Words(text)
        for index in candidates:
            if self.rules[index].entity_type in wanted:
                found += self._of_rule(index, text, words)
        return found

    def _matches(self, index: int, text: str) -> Iterator[Any]:
        inside, compiled = self.rules[index].inside, self._compiled[index]
        if not inside:
            yield from search(compiled, text)
            return
        for start, end in words_with(inside, text):
            yield from search(compiled, text, start, end)

    def _of_rule(self, index: int, text: str, words: Words) -> Iterator[Finding]:
        rule = self.rules[index]
        for match in self._matches(index, text):
            start, end = match.span(_VALUE) if self._has_value[index] else match.span()
            score = rule.check(text[start:end]) if rule.check else rule.score
            if start == end or score is None:
                continue
            if rule.needs_context or (score < 1.0 and rule.context):
                if rule.context.near(words, start, end):
                    score = min(1.0, max(score + _CONTEXT_ADDS, _LEAST_WITH_CONTEXT))
                elif rule.needs_context:
                    continue
            yield Finding(rule.entity_type, start, end, score, rule.recognizer)


def words_with(mark: str, text: str) -> Iterator[tuple[int, int]]:
    """Where the words (runs without white space) are that contain a mark."""
    end = 0
    while (at := text.find(mark, end)) >= 0:
        start = at
        while start > end and not text[start - 1].isspace():
            start -= 1
        end = at + len(mark)
        while end < len(text) and not text[end].isspace():
            end += 1
        yield start, end


def search(compiled: Any, text: str, start: int = 0, end: int | None = None) -> Iterator[Any]:
    """The matches of a compiled pattern between two places.

    Raises:
        RecognizerTimeout: It ran out of time. Not a TimeoutError, which libraries swallow.
    """
    try:
        yield from compiled.finditer(text, start, end, timeout=PATTERN_TIMEOUT_S)
    except TimeoutError:
        raise RecognizerTimeout from None
