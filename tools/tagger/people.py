"""Names of people of many cultures in many forms, titles, and organizations."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.tagger.values import Piece, Values

_LOCAL = {
    "en": ("en_US", "en_GB", "en", "en_US", "en_IE", "en_NZ"),
    "de": ("de_DE", "de_AT", "de_CH"),
    "fr": ("fr_FR", "fr_BE", "fr_CA", "fr_CH"),
    "es": ("es_ES", "es_MX", "es_AR", "es_CO", "es_CL"),
    "it": ("it_IT",),
}
_PARTICLES = (
    *("van", "van der", "van den", "von", "von der", "de", "de la", "del", "di", "da", "dos", "du", "le", "la"),
    *("el", "al", "bin", "ibn", "ben", "ter", "zu"),
)


class People:
    """Draws names, titles and organizations."""

    def __init__(self, pools: dict[str, Any], values: Values) -> None:
        self._names, self._words = pools["names"], pools["words"]
        self._regions = pools["regions"]
        self._cultures = list(self._names)
        self._ = values
        self._random = values.random

    def culture(self, language: str) -> dict[str, list[str]]:
        """Given names and surnames: of the language's own countries for the half, else of anywhere."""
        name = self._random.choice(_LOCAL[language]) if self._.chance(0.5) else self._random.choice(self._cultures)
        culture: dict[str, list[str]] = self._names[name]
        return culture

    def given(self, culture: dict[str, list[str]]) -> str:
        """A given name; sometimes one that nobody bears yet."""
        name = self._.one(culture["given"])
        return self._invented(name, culture["given"]) if self._.chance(0.06) else name

    def surname(self, culture: dict[str, list[str]]) -> str:
        """A surname, sometimes of several words, sometimes one that nobody bears yet."""
        name = self._.one(culture["surname"])
        if self._.chance(0.1):
            name = self._invented(name, culture["surname"])
        roll = self._random.random()
        if roll < 0.03:
            return f"{name}-{self._.one(culture['surname'])}"
        if roll < 0.05:
            return f"{self._random.choice(_PARTICLES)} {name}"
        if roll < 0.07:
            return self._random.choice(["O'", "Mc", "Mac", "D'", "Al-", "El-", "St. "]) + name
        if roll < 0.09:
            return f"{name} {self._.one(culture['surname'])}"
        return name

    def _invented(self, name: str, others: list[str]) -> str:
        """The first half of one name and the second of another."""
        other = self._.one(others)
        if " " in name + other or "-" in name + other:
            return name
        return name[: (len(name) + 1) // 2] + other[len(other) // 2 :].lower()

    def slot_PERSON(self, language: str) -> list[Piece]:
        culture = self.culture(language)
        given, surname = self.given(culture), self.surname(culture)
        roll = self._random.random()
        if roll < 0.12:
            title = self._title(language)
            name = surname if roll < 0.07 else f"{given} {surname}"
            return [(title, "TITLE"), (" ", ""), (name, "PERSON")]
        if roll < 0.22:
            return [(given, "PERSON")]
        if roll < 0.25:
            return [(surname, "PERSON")]
        return [(self._full(given, surname, culture, self._random.random()), "PERSON")]

    def _full(self, given: str, surname: str, culture: dict[str, list[str]], roll: float) -> str:
        initial = self._random.choice(string.ascii_uppercase)
        if roll < 0.1:
            return f"{given} {initial}{self._random.choice(['.', '.', ''])} {surname}"
        if roll < 0.15:
            return f"{given} {self.given(culture)} {surname}"
        if roll < 0.18:
            return f"{given} {surname}{self._random.choice([' ', ', '])}{self._random.choice(self._words['suffixes'])}"
        if roll < 0.22:
            return f"{surname}, {given}" + (f" {initial}." if self._.chance(0.3) else "")
        if roll < 0.26:
            return f"{given[0]}.{self._random.choice([' ', ''])}{surname}"
        if roll < 0.275:
            return f"{given[0]}. {initial}. {surname}"
        if roll < 0.29:
            return f"{given} {surname.upper()}"
        if roll < 0.3:
            return f"{surname} {given}"
        if roll < 0.305:
            return f'{given} "{self.given(culture)}" {surname}'
        if roll < 0.315:
            return f"{given} {surname[0]}."
        return f"{given} {surname}"

    def _title(self, language: str) -> str:
        title: str = self._random.choice(self._words["titles"][language])
        common = {"en": ["Mr", "Mrs", "Ms", "Dr", "Miss"]}.get(language)
        if common and self._.chance(0.6):
            title = self._random.choice(common)
        if language == "en" and len(title) < 5 and title not in ("Miss", "Sir", "Lord", "Lady", "Dame"):
            title += "." if self._.chance(0.65) else ""
        return title

    def slot_TITLE(self, language: str) -> list[Piece]:
        return [(self._title(language), "TITLE")]

    def slot_GIVEN(self, language: str) -> list[Piece]:
        return [(self.given(self.culture(language)), "PERSON")]

    def slot_SURNAME(self, language: str) -> list[Piece]:
        return [(self.surname(self.culture(language)), "PERSON")]

    def slot_LASTFIRST(self, language: str) -> list[Piece]:
        culture = self.culture(language)
        initial = f" {self._random.choice(string.ascii_uppercase)}{self._random.choice(['.', ''])}"
        surname = self.surname(culture)
        surname = surname.upper() if self._.chance(0.3) else surname
        return [(f"{surname}, {self.given(culture)}{initial if self._.chance(0.3) else ''}", "PERSON")]

    def slot_INITIAL(self, _: str) -> list[Piece]:
        return [(self._random.choice(string.ascii_uppercase) + self._random.choice([".", ""]), "PERSON")]

    def slot_SUFFIX(self, _: str) -> list[Piece]:
        return [(self._random.choice(self._words["suffixes"][-7:]), "?")]

    def slot_SPELLED(self, language: str) -> list[Piece]:
        name = re.sub(r"\W", "", self.surname(self.culture(language)))[:9]
        separator = self._random.choice(["-", " ", ". "])
        return [(separator.join(name.upper() if self._.chance(0.7) else name.lower()), "PERSON")]

    def slot_HANDLE(self, language: str) -> list[Piece]:
        culture = self.culture(language)
        name = re.sub(r"\W", "", self.given(culture) + self._random.choice(["", "_", "x"]) + self.surname(culture))
        return [((name[:14] + self._.digits(self._random.randint(0, 3))).lower(), "?")]

    def slot_NRP(self, language: str) -> list[Piece]:
        if language != "en":
            return [(self._random.choice(self._words[f"nationalities_{language}"]), "NRP")]
        lists = ["nationalities"] * 6 + ["demonyms"] * 2 + ["religions", "parties"]
        return [(self._.one(self._words[self._random.choice(lists)]), "NRP")]

    def slot_ORG(self, language: str) -> list[Piece]:
        name = self._organization(language)
        return [("the ", ""), (name[4:], "ORGANIZATION")] if name.startswith("the ") else [(name, "ORGANIZATION")]

    def _organization(self, language: str) -> str:
        roll = self._random.random()
        culture = self.culture(language)
        if roll < 0.2:
            return self._.one(self._words["known_companies"])
        if roll < 0.45:
            return self._institution(language, culture)
        surname = self._.one(culture["surname"])
        if roll < 0.62:
            form = self._random.choice(self._words["company_forms"])
            field = f" {self._random.choice(self._words['company_fields'])}" if self._.chance(0.35) else ""
            return f"{surname}{field}{self._random.choice([' ', ' ', ', '])}{form}"
        if roll < 0.72:
            others = [self._.one(culture["surname"]) for _ in range(2)]
            return self._random.choice(
                [f"{surname}-{others[0]}", f"{surname}, {others[0]} and {others[1]}", f"{surname} & {others[0]}",
                 f"{surname} and {others[0]}", f"{surname}, {others[0]} & {others[1]}"]
            )  # fmt: skip
        if roll < 0.75:
            return "".join(self._random.choices(string.ascii_uppercase, k=self._random.randint(2, 5)))
        return self._of_words(surname) if roll < 0.86 else self._company(0.78 + (roll - 0.86) * 1.57)

    def _of_words(self, surname: str) -> str:
        """Shops and firms are called after anything."""
        first, second = (self._.word("en").capitalize() for _ in range(2))
        field, shop = (self._random.choice(self._words[name]) for name in ("company_fields", "shops"))
        return self._random.choice(
            [f"{first} {field}", f"{first} {second}", f"{first} {second} {field}", f"{first} & {second}",
             f"{first}'s {field}", f"{surname} {second}", f"{first}{second.lower()}", f"{first} {shop}",
             f"{surname}'s {shop}", f"The {first} {second}"]
        )  # fmt: skip

    def _company(self, roll: float) -> str:
        first, second = (self._.one(self._words["company_words"]) for _ in range(2))
        field = self._random.choice(self._words["company_fields"])
        if roll < 0.86:
            return f"{first} {field}"
        if roll < 0.9:
            return f"{first} {second} {field}"
        if roll < 0.93:
            return first + str(self._random.choice([second, second.lower(), field]))
        form = self._random.choice(self._words["company_forms"])
        if roll < 0.97:
            return f"{first}{self._random.choice(['', ' ' + field, ' ' + second])} {form}"
        return f"The {first} {self._random.choice(['Company', 'Group', 'Foundation', 'Store', 'Shop', 'Club', field])}"

    def _institution(self, language: str, culture: dict[str, list[str]]) -> str:
        patterns = self._words["institution_patterns" + (f"_{language}" if language != "en" else "")]
        places = self._.addresses
        return str(
            self._random.choice(patterns).format(
                city=places.city(language),
                surname=self._.one(culture["surname"]),
                given=self._.one(culture["given"]),
                region=self._.one(self._regions),
                country=self._.one(self._words["countries_short"]),
                field=self._random.choice(self._words["fields"]),
            )
        )
