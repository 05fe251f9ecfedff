"""Words near a match that say what it is: whole words only, so that "lic" is not seen in "public"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import regex  # type: ignore[import-untyped]

_WORD = regex.compile(r"[\p{L}\p{M}]+|\d+|[#№º]")
_REACH = 90  # code points looked at on a side
_BEFORE = 6
_AFTER = 3
_FILLING = frozenset(
    word
    for words in (
        "s a an the is was are were be been of to at on in by for with my his her their our your it its and or as this",
        "der die das ist war den dem ein eine mit von zu la le les el los las il lo un una une est es de du des di del",
    )
    for word in words.split()
)
_SHORTEST_PLURAL = 4


class Words:
    """The words around places of a text, single, in lower case, with blanks around each; each place is read once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._before: dict[int, str] = {}
        self._after: dict[int, str] = {}

    def before(self, start: int) -> str:
        """The last words before a place."""
        found = self._before.get(start)
        if found is None:
            words = _WORD.findall(self._text[max(0, start - _REACH) : start].lower())
            if start > _REACH:  # the first word may be half of one
                del words[:1]
            words.reverse()
            found = self._before[start] = f" {' '.join(reversed(_single(words, _BEFORE)))} "
        return found

    def after(self, end: int) -> str:
        """The first words after a place."""
        found = self._after.get(end)
        if found is None:
            words = _WORD.findall(self._text[end : end + _REACH].lower())
            found = self._after[end] = f" {' '.join(_single(words, _AFTER))} "
        return found


@dataclass(frozen=True, slots=True)
class Contexts:
    """Words, or phrases of words, that may stand before (or also after) a match."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    _before: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _after: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_before", tuple(map(_phrase, self.before)))
        object.__setattr__(self, "_after", tuple(map(_phrase, self.after)))

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

    @property
    def hint(self) -> str:
        """A pattern that is in every text with one of them: the longest word of each."""
        phrases = (*self._before, *self._after)
        return "|".join(sorted({regex.escape(max(phrase.split(), key=len)) for phrase in phrases}))

    def near(self, words: Words, start: int, end: int) -> bool:
        """Whether one of them is beside the stretch from `start` to `end`."""
        if self._before and _has(words.before(start), self._before):
            return True
        return bool(self._after) and _has(words.after(end), self._after)


def contexts(words: str, *, after: str = "") -> Contexts:
    """Contexts from words separated by commas."""
    return Contexts(_split(words), _split(after))


def _has(words: str, phrases: tuple[str, ...]) -> bool:
    for phrase in phrases:  # noqa: SIM110 - `any` over a generator is slower
        if phrase in words:
            return True
    return False


def _split(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


def _phrase(words: str) -> str:
    found = _WORD.findall(words.lower())
    return f" {' '.join(_single(found, len(found)))} "


def _single(words: Sequence[str], count: int) -> list[str]:
    """The first words that say something, without the "s" of a plural."""
    found: list[str] = []
    for word in words:
        if word in _FILLING:
            continue
        found.append(word[:-1] if word[-1] == "s" and len(word) >= _SHORTEST_PLURAL else word)
        if len(found) == count:
            break
    return found


NO_CONTEXT = Contexts()
