"""Texts as words, and phrases found among them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

_WORD = re.compile(r"\w+")


def words_of(text: str, *, match_case: bool = False) -> list[str]:
    """The runs of letters, digits and underscores; folded unless case matters."""
    return _WORD.findall(text if match_case else text.casefold())


class Phrases:
    """Phrases that are looked for as whole words, in time that does not depend on how many there are.

    Args:
        phrases: Phrase -> what it stands for. A phrase without a word never occurs.
        match_case: Upper and lower case differ.
    """

    def __init__(self, phrases: Mapping[str, str] | Iterable[str], *, match_case: bool = False) -> None:
        self._match_case = match_case
        given = phrases if isinstance(phrases, Mapping) else {phrase: phrase for phrase in phrases}
        self._phrases = {tuple(words_of(phrase, match_case=match_case)): value for phrase, value in given.items()}
        self._phrases.pop((), None)

    @cached_property
    def _lengths(self) -> dict[str, list[int]]:
        """The first word of phrases -> how many words they have."""
        found: dict[str, set[int]] = {}
        for words in self._phrases:
            found.setdefault(words[0], set()).add(len(words))
        return {word: sorted(lengths) for word, lengths in found.items()}

    def found_in(self, text: str) -> dict[tuple[str, ...], str]:
        """The phrases that occur, and what they stand for."""
        words = words_of(text, match_case=self._match_case)
        found = {}
        for start, word in enumerate(words):
            for length in self._lengths.get(word, ()):
                phrase = tuple(words[start : start + length])
                if phrase in self._phrases:
                    found[phrase] = self._phrases[phrase]
        return found
