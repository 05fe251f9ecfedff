"""Generates texts with marked personal data: templates with values, real sentences with values put in, and noise.

Texts for training and texts for development share no template, no value of a long list and no real sentence.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.tagger import lexicon, pools, silver
from tools.tagger.templates import Slot, Template, templates
from tools.tagger.values import IGNORED, Piece, Values

_PLAIN_SHARE = 0.08  # of the texts in English: those without anything personal
_ANOTHER_WORD = 0.07
_LANGUAGES = {"en": 72, "de": 7, "fr": 7, "es": 7, "it": 7}
_SWAPPED = {"PERSON": "PERSON", "LOCATION": "PLACE", "ORGANIZATION": "ORG", "NRP": "NRP", "DATE_TIME": "DATE"}
_AFTER = {
    "in": ("CITY", "PLACE", "DATE", "ORG"),
    "at": ("ORG", "ADDRESSLINE", "STREET"),
    "from": ("PLACE", "ORG", "PERSON", "CITY"),
    "near": ("CITY", "STREET"),
    "with": ("PERSON", "ORG", "GIVEN"),
    "by": ("PERSON", "ORG"),
    "to": ("PERSON", "CITY", "ORG", "ADDRESSLINE"),
    "for": ("PERSON", "ORG", "GIVEN"),
    "of": ("PERSON", "ORG", "PLACE"),
    "and": ("PERSON", "GIVEN", "ORG"),
    "that": ("PERSON", "ORG", "GIVEN"),
    "on": ("DATE", "STREET"),
    "since": ("DATE",),
    "the": ("ORG", "NRP"),
    "because": ("GIVEN", "PERSON"),
}
"""What may stand after a word, in place of what stands there."""

_WORD = re.compile(r"(?<![\w<])[A-Za-z]{4,}(?![\w>])")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and what is personal in it: begin, end, entity type; `IGNORED` where nobody knows."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


class Generator:
    """Writes texts, always the same ones for a seed."""

    def __init__(self, seed: int, developing: bool, language: str = "") -> None:
        """Texts in all languages, English ones more often, unless one is named."""
        values: dict[str, Any] = json.loads(pools.FILE.read_text(encoding="utf-8"))
        self._random = random.Random(seed)
        self._languages = {language: 1} if language else _LANGUAGES
        self._values = Values(values, seed + 1, developing)
        self._templates: dict[str, list[Template]] = {}
        for template in templates():
            if template.held_out == developing:
                self._templates.setdefault(template.language, []).append(template)
        self._plain = [template for template in self._templates["en"] if template.genre == "plain"]
        self._neighbours: dict[str, list[str]] = {} if developing else lexicon.neighbours()
        titles = sorted({title.rstrip(".") for part in values["words"]["titles"].values() for title in part}, key=len)
        self._title = re.compile(rf"\b((?:{'|'.join(map(re.escape, reversed(titles)))})\b\.?) $")
        real = silver.load() if language in ("", "en") else []
        self._real = [sentence for sentence in real if silver.held_out(sentence) == developing]

    def texts(self, number: int) -> Iterator[Marked]:
        """So many texts."""
        for _ in range(number):
            yield _marked(self._noisy(self._document()))

    def _document(self) -> list[Piece]:
        roll = self._random.random()
        language = self._random.choices(list(self._languages), list(self._languages.values()))[0]
        if self._real and roll < 0.12:
            return self._swapped(self._random.choice(self._real))
        if self._real and roll < 0.3:
            return self._planted(self._random.choice(self._real))
        pieces = self._filled(language)
        if roll < 0.65:
            return pieces
        for _ in range(self._random.randint(1, 3)):
            real = language == "en" and self._real and self._random.random() < 0.2
            more = self._swapped(self._random.choice(self._real)) if real else self._filled(language)
            pieces = [*pieces, (self._random.choice([" ", " ", " ", "\n", "\n\n"]), ""), *more]
        return pieces

    def _filled(self, language: str) -> list[Piece]:
        templates_ = self._templates[language]
        if language == "en" and self._random.random() < _PLAIN_SHARE:
            templates_ = self._plain
        pieces: list[Piece] = []
        for part in self._random.choice(templates_).expand(self._random):
            pieces += self._values.fill(part.name, language) if isinstance(part, Slot) else [(self._reworded(part), "")]
        return self._titled(pieces)

    def _reworded(self, text: str) -> str:
        """Some words changed for others of a like meaning."""
        return _WORD.sub(self._reworded_word, text)

    def _reworded_word(self, match: re.Match[str]) -> str:
        others = self._neighbours.get(match[0].lower())
        if others is None or self._random.random() > _ANOTHER_WORD:
            return match[0]
        other = self._random.choice(others)
        return other.capitalize() if match[0][0].isupper() else other

    def _titled(self, pieces: list[Piece]) -> list[Piece]:
        """Titles that a template itself writes before a name are marked too."""
        marked: list[Piece] = []
        pieces = _coalesced(pieces)
        for index, (text, entity_type) in enumerate(pieces):
            after = pieces[index + 1][1] if index + 1 < len(pieces) else ""
            title = self._title.search(text) if not entity_type and after == "PERSON" else None
            if title is None:
                marked.append((text, entity_type))
            else:
                marked += [(text[: title.start(1)], ""), (title[1], "TITLE"), (text[title.end(1) :], "")]
        return marked

    def _swapped(self, sentence: silver.Sentence) -> list[Piece]:
        """A real sentence with most of its names changed for others."""
        text, spans = sentence
        pieces: list[Piece] = []
        at = 0
        for start, end, entity_type in spans:
            pieces.append((text[at:start], ""))
            if entity_type in _SWAPPED and self._random.random() < 0.7:
                pieces += self._values.fill(_SWAPPED[entity_type], "en")
            else:
                pieces.append((text[start:end], entity_type))
            at = end
        return self._titled([*pieces, (text[at:], "")])

    def _planted(self, sentence: silver.Sentence) -> list[Piece]:
        """A real sentence in which a value stands for a word after a preposition, or what follows it."""
        pieces = self._swapped(sentence)
        places = [
            (index, match)
            for index, (text, entity_type) in enumerate(pieces)
            if not entity_type
            for match in re.finditer(r"\b(\w+) ((?:the |a |an |my |his |her |this )?[a-z]{3,}(?: [a-z]{4,})?)", text)
            if match[1].lower() in _AFTER
        ]
        if not places:
            return pieces
        index, match = self._random.choice(places)
        text = pieces[index][0]
        slot = self._random.choice(_AFTER[match[1].lower()])
        return [
            *pieces[:index],
            (text[: match.start(2)], ""),
            *self._values.fill(slot, "en"),
            (text[match.end(2) :], ""),
            *pieces[index + 1 :],
        ]

    def _noisy(self, pieces: list[Piece]) -> list[Piece]:
        """Another case, no punctuation, other breaks, slips of the hand."""
        roll = self._random.random()
        if roll < 0.08:
            pieces = [(text.lower(), entity_type) for text, entity_type in pieces]
        elif roll < 0.13:
            pieces = [(text.upper(), entity_type) for text, entity_type in pieces]
        elif roll < 0.15:
            pieces = [(text.title(), entity_type) for text, entity_type in pieces]
        elif roll < 0.17:
            pieces = [(text.lower() if entity_type else text, entity_type) for text, entity_type in pieces]
        elif roll < 0.19:
            pieces = [
                (text.upper() if entity_type in ("PERSON", "ORGANIZATION", "LOCATION") else text, entity_type)
                for text, entity_type in pieces
            ]
        roll = self._random.random()
        if roll < 0.04:
            pieces = [(re.sub(r"[.,?!;:](?=\s|$)", "", text), entity_type) for text, entity_type in pieces]
        elif roll < 0.1:
            new = self._random.choice([", ", " ", " | ", "  ", "\r\n", " / "])
            pieces = [(text.replace("\n", new), entity_type) for text, entity_type in pieces]
        elif roll < 0.13:
            pieces = [
                (text.replace(" ", "  ") if not entity_type else text, entity_type) for text, entity_type in pieces
            ]
        elif roll < 0.16:
            pieces = [(self._slipped(text) if not entity_type else text, entity_type) for text, entity_type in pieces]
        return pieces

    def _slipped(self, text: str) -> str:
        if len(text) < 6:
            return text
        at = self._random.randrange(len(text) - 1)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _coalesced(pieces: list[Piece]) -> list[Piece]:
    """With plain pieces that follow each other in one."""
    joined: list[Piece] = []
    for text, entity_type in pieces:
        if joined and not entity_type and not joined[-1][1]:
            joined[-1] = (joined[-1][0] + text, "")
        else:
            joined.append((text, entity_type))
    return joined


def _marked(pieces: list[Piece]) -> Marked:
    text, spans = "", []
    for piece, entity_type in pieces:
        if entity_type and piece.strip():
            spans.append((len(text), len(text) + len(piece), entity_type))
        text += piece
    return Marked(text, tuple(spans))


__all__ = ["IGNORED", "Generator", "Marked"]
