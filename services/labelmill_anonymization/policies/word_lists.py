"""Finds words and phrases of a list as wholes: "Ann" is not in "Annual"."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import regex  # type: ignore[import-untyped]

_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}_]+|\S")
_END = ""
"""Marks in a trie that a phrase ends here; no token is empty."""
_Trie = dict[str, Any]


def occurrences(words: tuple[str, ...], text: str, *, case_sensitive: bool) -> Iterator[tuple[int, int]]:
    """(start, end) in code points of each occurrence; of those that begin at one place the longest.

    Spaces, compatibility forms, and case unless it is to be told apart, do not matter. However many words there are, a
    place of the text costs no more steps than the longest of them has tokens.
    """
    trie = _trie(words, case_sensitive)
    tokens = [(_form(match[0], case_sensitive), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    place = 0
    while place < len(tokens):
        length = _longest(trie, tokens, place)
        if length:
            yield tokens[place][1], tokens[place + length - 1][2]
        place += length or 1


def _longest(trie: _Trie, tokens: Sequence[tuple[str, int, int]], place: int) -> int:
    """Tokens of the longest phrase that stands here; 0: none."""
    node: _Trie | None = trie
    longest = walked = 0
    while node is not None:
        if _END in node:
            longest = walked
        following = tokens[place + walked][0] if place + walked < len(tokens) else None
        node = node.get(following) if following is not None else None
        walked += 1
    return longest


@lru_cache(maxsize=128)
def _trie(words: tuple[str, ...], case_sensitive: bool) -> _Trie:
    trie: _Trie = {}
    for word in words:
        node = trie
        for token in _TOKEN.findall(word):
            node = node.setdefault(_form(token, case_sensitive), {})
        if node is not trie:
            node[_END] = True
    return trie


def _form(token: str, case_sensitive: bool) -> str:
    if token.isascii():
        return token if case_sensitive else token.lower()
    form = unicodedata.normalize("NFKC", token)
    return form if case_sensitive else form.casefold()
