"""Values for slots: names, organizations, dates, ages, words. Each value is pieces of text with their entity types."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from tools.tagger.addresses import Addresses
from tools.tagger.identifiers import Identifiers
from tools.tagger.people import People
from tools.tagger.times import Times

Piece = tuple[str, str]
"""A text and its entity type: "" is none, `IGNORED` is one that the network shall not learn from."""

IGNORED = "?"
_HELD_OUT_OF = 10


def held_out(value: str) -> bool:
    """Whether a value serves for choosing and calibrating models, never for training."""
    return hashlib.sha256(value.encode()).digest()[1] % _HELD_OUT_OF == 0


class Values:
    """Draws values. With `developing`, only those that training never sees."""

    def __init__(self, pools: dict[str, Any], seed: int, developing: bool) -> None:
        self.random = random.Random(seed)
        self._pools, self._words = pools, pools["words"]
        self._developing = developing
        self._kept: dict[int, list[str]] = {}
        self.people = People(pools, self)
        self.addresses = Addresses(pools, self)
        self.times = Times(pools, self)
        self.identifiers = Identifiers(pools, self)

    def one(self, values: Sequence[str]) -> str:
        """One of a pool, from this side of the split. The pool must live as long as this object."""
        kept = self._kept.get(id(values))
        if kept is None:
            kept = [value for value in values if held_out(value) == self._developing] or list(values)
            self._kept[id(values)] = kept
        return self.random.choice(kept)

    def chance(self, probability: float) -> bool:
        """True as often as that."""
        return self.random.random() < probability

    def digits(self, number: int) -> str:
        """So many digits."""
        return "".join(self.random.choices(string.digits, k=number))

    def form(self, form: str) -> str:
        """A form with its "#" replaced by digits and its "A", "B", "C" by letters."""
        letters = string.ascii_uppercase
        return "".join(self.digits(1) if c == "#" else self.random.choice(letters) if c in "ABC" else c for c in form)

    def form_of_digits(self, form: str) -> str:
        """A form with its "#" replaced by digits."""
        return "".join(self.digits(1) if c == "#" else c for c in form)

    def fill(self, slot: str, language: str) -> list[Piece]:
        """A value for a slot."""
        for source in (self.people, self.addresses, self.times, self.identifiers, self):
            method = getattr(source, f"slot_{slot}", None)
            if method is not None:
                pieces: list[Piece] = method(language)
                return pieces
        raise KeyError(slot)

    @cached_property
    def _plain_words(self) -> dict[str, list[str]]:
        """Words of each language that are nobody's and no place's name."""
        names = {name.lower() for part in self._pools["names"].values() for kind in part.values() for name in kind}
        names |= {place.split(",")[0].lower() for part in self._pools["cities"].values() for place in part}
        names |= {name.lower() for name in self._pools["countries"]}
        names |= {w.lower() for n, part in self._words.items() if n.startswith("nationalities") for w in part}
        frequencies = self._pools["frequencies"]
        return {language: [w for w in frequencies[language][40:9000] if w not in names] for language in frequencies}

    def word(self, language: str) -> str:
        """A word that is nobody's name; frequent ones more often."""
        words = self._plain_words[language]
        return words[int(len(words) * self.random.random() ** 2)]

    def slot_word(self, language: str) -> list[Piece]:
        return [(self.word(language), "")]

    def slot_Word(self, language: str) -> list[Piece]:
        return [(self.word(language).capitalize(), "")]

    def slot_product(self, _: str) -> list[Piece]:
        return [(self.random.choice(self._words["products"]), "")]

    def slot_disease(self, _: str) -> list[Piece]:
        return [(self.random.choice(self._words["diseases"]), "")]

    def slot_JOB(self, language: str) -> list[Piece]:
        if language != "en":
            return [(self.word(language), "")]
        job = self.random.choice(self._pools["jobs"])
        return [(job.title() if self.chance(0.2) else job, "")]

    slot_job = slot_JOB

    def slot_number(self, _: str) -> list[Piece]:
        return [(str(int(10 ** self.random.uniform(0, 4.5))), "")]

    def slot_money(self, _: str) -> list[Piece]:
        amount = f"{int(10 ** self.random.uniform(0.5, 5)):,}" + self.random.choice(["", ".00", ".50", ",-"])
        return [
            (self.random.choice([f"${amount}", f"{amount} euros", f"€{amount}", f"USD {amount}", f"£{amount}"]), "")
        ]

    def slot_CODE(self, _: str) -> list[Piece]:
        letters = "".join(self.random.choices(string.ascii_uppercase, k=self.random.randint(1, 4)))
        return [(letters + self.random.choice(["", "-", " "]) + self.digits(self.random.randint(2, 6)), "")]
