"""The words of a picture as one text that can be searched, and the way back from spans of it to boxes."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.media.boxes import Box


@dataclass(frozen=True, slots=True)
class Word:
    """A word that was read; words of one line have one `line` and come in reading order."""

    text: str = field(repr=False)
    box: Box
    score: float
    line: int
    page: int = 0


@dataclass(frozen=True)
class Reading:
    """Words joined by blanks, lines by line ends."""

    text: str = field(repr=False)
    words: tuple[Word, ...] = field(repr=False)
    starts: tuple[int, ...]
    """Where each word begins in `text`."""

    def words_in(self, start: int, end: int) -> Iterator[Word]:
        """Words that share a character with a span."""
        index = max(0, bisect.bisect_right(self.starts, start) - 1)
        while index < len(self.words) and self.starts[index] < end:
            if self.starts[index] + len(self.words[index].text) > start:
                yield self.words[index]
            index += 1


def joined(words: Sequence[Word]) -> Reading:
    """The text of words in their order."""
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for index, word in enumerate(words):
        if index:
            previous = words[index - 1]
            parts.append(" " if (previous.line, previous.page) == (word.line, word.page) else "\n")
            length += 1
        starts.append(length)
        parts.append(word.text)
        length += len(word.text)
    return Reading("".join(parts), tuple(words), tuple(starts))


def lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words by line, in their order."""
    by_line: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        by_line.setdefault((word.page, word.line), []).append(word)
    return list(by_line.values())
