"""Words near a match that say what it is: whole words only, so that "lic" is not seen in "public"."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Window:
    """A match and the text around it."""

    text: str
    start: int
    end: int

    def before(self, count: int) -> str:
        """The last words before the match, single, in lower case, with blanks around each."""
        words = _words(self.text[max(0, self.start - _REACH) : self.start], cut_left=self.start > _REACH)
        return f" {' '.join(words[-count:])} "

    def after(self, count: int) -> str:
        """The first words after the match."""
        words = _words(self.text[self.end : self.end + _REACH], cut_left=False)
        return f" {' '.join(words[:count])} "


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

    def near(self, window: Window) -> bool:
        """Whether one of them is there."""
        if self._before:
            words = window.before(_BEFORE)
            if any(phrase in words for phrase in self._before):
                return True
        if self._after:
            words = window.after(_AFTER)
            return any(phrase in words for phrase in self._after)
        return False


def contexts(words: str, *, after: str = "") -> Contexts:
    """Contexts from words separated by commas."""
    return Contexts(_split(words), _split(after))


def _split(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


def _phrase(words: str) -> str:
    return f" {' '.join(_words(words, cut_left=False))} "


def _words(text: str, *, cut_left: bool) -> list[str]:
    found = _WORD.findall(text.lower())
    if cut_left:  # the first word may be half of one
        found = found[1:]
    return [_single(word) for word in found if word not in _FILLING]


def _single(word: str) -> str:
    return word[:-1] if len(word) >= _SHORTEST_PLURAL and word.endswith("s") else word


NO_CONTEXT = Contexts()
