"""Cuts texts into tokens: runs of letters, runs of digits, runs of one symbol, and line breaks.

Many texts at once, without a Python loop over characters: the texts lie one after another in one array of code points.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPACE, BREAK, LETTER, DIGIT, SYMBOL, _MARK = range(6)
"""Classes of characters. A mark (accent, joiner, soft hyphen) belongs to whatever it follows."""

_KNOWN = 0x20000  # code points beyond it are rare scripts' and symbols'
_BREAKS = frozenset("\n\r\v\f\x85\u2028\u2029")
_PLAIN = str.maketrans("øłđßæœıþðħŧ", "oldsaoitdht")  # letters without a decomposition


def _class(character: str) -> int:
    category = unicodedata.category(character)
    if character in _BREAKS:
        return BREAK
    if category[0] == "Z" or character == "\t":
        return SPACE
    if category[0] == "M" or category == "Cf":
        return _MARK
    return {"L": LETTER, "N": DIGIT}.get(category[0], SYMBOL)


def _folded(character: str) -> int:
    """Lower case, without accents, width or font."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character)[0].lower())[0]
    return ord(plain.translate(_PLAIN))


CLASSES: NDArray[np.uint8] = np.array([_class(chr(code)) for code in range(_KNOWN)], np.uint8)
FOLDED: NDArray[np.uint32] = np.array([_folded(chr(code)) for code in range(_KNOWN)], np.uint32)
UPPER: NDArray[np.bool_] = np.array([unicodedata.category(chr(code)) in ("Lu", "Lt") for code in range(_KNOWN)])


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of some texts, in their order.

    Attributes:
        codes: Code points of all texts, one after another.
        classes: The class of each code point; a mark has that of what it follows.
        marks: Which code points are marks.
        start: Where each token begins in `codes`.
        end: Where it ends, exclusive.
        text: The index of its text.
        offset: Where each text begins in `codes`; one more than there are texts.
    """

    codes: NDArray[np.uint32]
    classes: NDArray[np.uint8]
    marks: NDArray[np.bool_]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    text: NDArray[np.int64]
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)


def cut(texts: Sequence[str]) -> Tokens:
    """Cuts texts into tokens; every character that is no space is in exactly one."""
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, np.uint32)
    offset = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    known = np.minimum(codes, _KNOWN - 1)
    classes = np.where(codes < _KNOWN, CLASSES[known], SYMBOL).astype(np.uint8)
    begins = np.zeros(len(codes) + 1, bool)
    begins[offset] = True
    marks = (classes == _MARK) & ~begins[:-1]
    if marks.any():
        carrier = np.maximum.accumulate(np.where(marks, 0, np.arange(len(codes))))
        classes, compared = classes[carrier], codes[carrier]
    else:
        compared = codes
    classes[classes == _MARK] = SYMBOL
    new = (classes[1:] != classes[:-1]) | ((classes[1:] == SYMBOL) & (compared[1:] != compared[:-1]))
    begins[1:-1] |= new
    borders = np.flatnonzero(begins)
    start, end = borders[:-1], borders[1:]
    solid = classes[start] != SPACE if len(start) else np.zeros(0, bool)
    start, end = start[solid], end[solid]
    text = np.searchsorted(offset, start, side="right") - 1
    return Tokens(codes, classes, marks, start, end, text, offset)
