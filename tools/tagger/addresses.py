"""Places and postal addresses as they are written in many countries."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any

from tools.tagger.forms import FORMS
from tools.tagger.streets import Streets

if TYPE_CHECKING:
    from tools.tagger.values import Piece, Values


class Addresses:
    """Draws places and addresses."""

    def __init__(self, pools: dict[str, Any], values: Values) -> None:
        self._words, self._cities = pools["words"], pools["cities"]
        self._codes, self._regions, self._countries = pools["region_codes"], pools["regions"], pools["countries"]
        self._names = pools["names"]
        self._by_state = [place for place in self._cities["us"] if ", " in place]
        self._ = values
        self._random: random.Random = values.random
        self._streets = Streets(pools, values)

    # Places

    def city(self, language: str) -> str:
        """The name of a city, real or made up."""
        roll = self._random.random()
        if roll < 0.27:
            return self._.one(self._words["capitals"])
        if roll < 0.37:
            return self._made_up()
        if language in ("de", "fr", "it") and roll < 0.85:
            return self._.one(self._cities[language])
        country = self._random.choice(
            ("us", "us", "us", "gb", "au", "in", "de", "fr", "it", "world", "local", "local", "local")
        )
        return self._.one(self._cities[country]).split(", ")[0]

    def _made_up(self) -> str:
        base = self._.one(self._names["en_US"][self._random.choice(["given", "surname", "surname"])])
        if self._.chance(0.4):
            return str(self._random.choice(FORMS["city_starts"]) + base)
        before = self._random.choice(FORMS["city_starts"]) if self._.chance(0.3) else ""
        return str(before + base + self._random.choice(FORMS["city_ends"]))

    def slot_CITY(self, language: str) -> list[Piece]:
        if language == "en" and self._.chance(0.08):
            city, code = self._.one(self._by_state).split(", ")
            return [(city, "LOCATION"), (", ", ""), (code, "LOCATION")]
        if language == "en" and self._.chance(0.05):
            region = self._.one(self._regions) if self._.chance(0.5) else self._.one(self._words["countries_short"])
            return [(self.city(language), "LOCATION"), (", ", ""), (region, "LOCATION")]
        return [(self.city(language), "LOCATION")]

    def slot_COUNTRY(self, language: str) -> list[Piece]:
        if language != "en":
            return [(self._random.choice(self._words[f"countries_{language}"]), "LOCATION")]
        if self._.chance(0.7):
            return [(self._.one(self._words["countries_short"]), "LOCATION")]
        return [(self._.one(self._countries), "LOCATION")]

    def slot_REGION(self, _: str) -> list[Piece]:
        return [(self._.one(self._codes if self._.chance(0.4) else self._regions), "LOCATION")]

    def slot_PLACE(self, language: str) -> list[Piece]:
        roll = self._random.random()
        if roll < 0.45:
            return [(self.city(language), "LOCATION")]
        if roll < 0.7:
            return self.slot_COUNTRY(language)
        if roll < 0.9:
            place = self._.one(self._words["places"])
            return [("the ", ""), (place[4:], "LOCATION")] if place.startswith("the ") else [(place, "LOCATION")]
        return [(self._.one(self._regions), "LOCATION")]

    # Addresses

    def slot_ADDRESS(self, language: str) -> list[Piece]:
        return self._address(self._country(language), self._random.choice(["\n", "\n", "\n", ", ", ", "]))

    def slot_ADDRESSLINE(self, language: str) -> list[Piece]:
        return self._address(self._country(language), self._random.choice([", ", ", ", ", ", " "]))

    def slot_STREET(self, language: str) -> list[Piece]:
        return self._joined(self._streets.lines(self._country(language)), ", ")

    def slot_STREETNAME(self, language: str) -> list[Piece]:
        return [(self._streets.name(self._country(language)), "STREET_ADDRESS")]

    def slot_ZIP(self, language: str) -> list[Piece]:
        return [(self._zip(self._country(language)), "POSTAL_CODE")]

    def _country(self, language: str) -> str:
        return str(self._random.choice(FORMS["home"][language] if self._.chance(0.72) else FORMS["everywhere"]))

    def _address(self, country: str, separator: str) -> list[Piece]:
        street = self._joined(self._streets.lines(country), separator)
        end: list[Piece] = []
        if self._.chance(0.12):
            name = self._.one(self._words["countries_short"] if self._.chance(0.6) else self._countries)
            end = [(separator, ""), (name, "LOCATION")]
        if self._.chance(0.05) and country == "us":
            return self._military()
        return [*street, (separator, ""), *self._town(country, separator), *end]

    def _joined(self, lines: list[str], separator: str) -> list[Piece]:
        pieces: list[Piece] = []
        for line in lines:
            pieces += [(separator, ""), (line, "STREET_ADDRESS")] if pieces else [(line, "STREET_ADDRESS")]
        return pieces

    def _town(self, country: str, separator: str) -> list[Piece]:
        code = self._zip(country)
        home = {"at": "at", "de": "de", "fr": "fr", "es": "es", "it": "it", "gb": "gb", "au": "au", "in": "in"}.get(
            country
        )
        city = self._.one(self._cities[home]).split(", ")[0] if home and self._.chance(0.7) else self.city("en")
        if country in ("us", "ca", "au"):
            region = self._.one(self._codes) if self._.chance(0.75) else self._.one(self._regions)
            comma = self._random.choice([", ", ", ", ", ", " "])
            town: list[Piece] = [(city, "LOCATION"), (comma, ""), (region, "LOCATION")]
            return (
                town
                if self._.chance(0.1)
                else [*town, (self._random.choice([" ", " ", ", ", "  "]), ""), (code, "POSTAL_CODE")]
            )
        if country in ("gb", "in", "jp", "vn", "za", "nz"):
            between = separator if country == "gb" else self._random.choice([" ", "-", " - ", ", "])
            return [(city, "LOCATION"), (between, ""), (code, "POSTAL_CODE")]
        prefix = f"{country.upper().rstrip('_')}-" if self._.chance(0.05) else ""
        town = [(prefix + code, "POSTAL_CODE"), (" ", ""), (city, "LOCATION")]
        if country == "it" and self._.chance(0.5):
            province = "".join(self._random.choices(string.ascii_uppercase, k=2))
            town += (
                [(" (", ""), (province, "LOCATION"), (")", "")]
                if self._.chance(0.6)
                else [(" ", ""), (province, "LOCATION")]
            )
        return town

    def _military(self) -> list[Piece]:
        ship = f"{self._random.choice(FORMS['ships'])} {self._.one(self._names['en_US']['surname'])}"
        first = self._random.choice([ship, *map(self._.form_of_digits, FORMS["military"])])
        office, region = self._random.choice(["APO", "FPO", "DPO"]), self._random.choice(["AE", "AP", "AA"])
        town: list[Piece] = [(f"{office} {region}", "LOCATION"), (" ", ""), (self._.digits(5), "POSTAL_CODE")]
        return [(first, "STREET_ADDRESS"), (self._random.choice(["\n", ", ", "\n"]), ""), *town]

    def _zip(self, country: str) -> str:
        return self._.form(self._random.choice(FORMS["zips"][country]))
