"""Finds words and phrases of a list as wholes: "Ann" is not in "Annual"."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex  # type: ignore[import-untyped]

_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}_]+|\S")
_Phrase = tuple[str, ...]


def occurrences(words: tuple[str, ...], text: str, *, case_sensitive: bool) -> Iterator[tuple[int, int]]:
    """(start, end) in code points of each occurrence; of those that begin at one place the longest.

    Spaces, compatibility forms, and case unless it is to be told apart, do not matter.
    """
    index = _index(words, case_sensitive)
    tokens = [(_form(match[0], case_sensitive), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    place = 0
    while place < len(tokens):
        length = _longest(index.get(tokens[place][0], ()), tokens, place)
        if length:
            yield tokens[place][1], tokens[place + length - 1][2]
        place += length or 1


def _longest(phrases: Sequence[_Phrase], tokens: Sequence[tuple[str, int, int]], place: int) -> int:
    """Tokens of the first phrase that stands here; 0: none."""
    for phrase in phrases:
        if phrase == tuple(token for token, _, _ in tokens[place : place + len(phrase)]):
            return len(phrase)
    return 0


@lru_cache(maxsize=128)
def _index(words: tuple[str, ...], case_sensitive: bool) -> dict[str, list[_Phrase]]:
    """Phrases by their first token, the longest first."""
    index: dict[str, list[_Phrase]] = {}
    for word in words:
        phrase = tuple(_form(token, case_sensitive) for token in _TOKEN.findall(word))
        if phrase:
            index.setdefault(phrase[0], []).append(phrase)
    for phrases in index.values():
        phrases.sort(key=len, reverse=True)
    return index


def _form(token: str, case_sensitive: bool) -> str:
    if token.isascii():
        return token if case_sensitive else token.lower()
    form = unicodedata.normalize("NFKC", token)
    return form if case_sensitive else form.casefold()
