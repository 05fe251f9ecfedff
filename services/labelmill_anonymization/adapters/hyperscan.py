"""Hyperscan: one look at a text says which of all patterns can be in it.

Compiled with HS_FLAG_PREFILTER, patterns match at least wherever PCRE would match them; those that may match are then
tried one by one by who asks. Hyperscan's Unicode mode takes several times as long to compile, so patterns and texts are
both written in ASCII first, each letter as some letter, each digit as itself: what matched before still does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import hyperscan
import regex  # type: ignore[import-untyped]

_ALWAYS = hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_SINGLEMATCH
_FLAGS = {
    regex.IGNORECASE: hyperscan.HS_FLAG_CASELESS,
    regex.MULTILINE: hyperscan.HS_FLAG_MULTILINE,
    regex.DOTALL: hyperscan.HS_FLAG_DOTALL,
}
_TOGETHER = 32  # more compile for longer than they save
_WORD, _SPACE, _DIGIT = regex.compile(r"\w"), regex.compile(r"\s"), regex.compile(r"\d")
_OTHER = "\x1a"


class _Ascii(dict[int, str]):
    """A stand-in for each character; filled as characters are met, which are not many."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = stand_in = _stand_in(character) if code > 0x7F else character
        return stand_in


class HyperscanPrefilter:
    """Says which patterns can be in a text; see `detection.finders.Prefilter`.

    Args:
        patterns: (pattern, flags of the `regex` package).
    """

    def __init__(self, patterns: Sequence[tuple[str, int]]) -> None:
        self._ascii = _Ascii()
        self._databases = [
            self._compile(patterns[first : first + _TOGETHER], first) for first in range(0, len(patterns), _TOGETHER)
        ]

    def candidates(self, text: str) -> Sequence[int]:
        """See `detection.finders.Prefilter`."""
        found: list[int] = []
        scanned = self._bytes(text)
        for database in self._databases:
            database.scan(scanned, match_event_handler=lambda pattern, *_: found.append(pattern))
        return sorted(found)

    def _compile(self, patterns: Sequence[tuple[str, int]], first: int) -> hyperscan.Database:
        database = hyperscan.Database()
        database.compile(
            expressions=[self._bytes(pattern) for pattern, _ in patterns],
            ids=list(range(first, first + len(patterns))),
            elements=len(patterns),
            flags=[_flags(flags) for _, flags in patterns],
        )
        return database

    def _bytes(self, text: str) -> bytes:
        return (text if text.isascii() else text.translate(self._ascii)).encode("ascii")


def _stand_in(character: str) -> str:
    folded = character.casefold()
    if len(folded) == 1 and folded.isascii():  # the Kelvin sign is a "k" to patterns without case
        return folded
    if _DIGIT.match(character):
        return str(unicodedata.decimal(character, 0))
    if _SPACE.match(character):
        return " "
    if _WORD.match(character):
        return "X" if character.isupper() or character.istitle() else "x"
    return _OTHER


def _flags(flags: int) -> int:
    result: int = _ALWAYS
    for theirs, ours in _FLAGS.items():
        if flags & theirs:
            result |= ours
    return result
