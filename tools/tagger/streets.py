"""Streets, house numbers, flats and boxes as they are written in many countries."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from tools.tagger.forms import FORMS

if TYPE_CHECKING:
    from tools.tagger.values import Values

_ENGLISH = ("us", "ca", "au", "gb", "za", "nz", "in")


class Streets:
    """Draws the part of an address before the town."""

    def __init__(self, pools: dict[str, Any], values: Values) -> None:
        self._words, self._cities = pools["words"], pools["cities"]["us"]
        self._names, self._anywhere = pools["names"], pools["streets"]
        self._ = values
        self._random: random.Random = values.random

    def _number(self) -> str:
        number = str(int(10 ** self._random.uniform(0, 4.4)))
        roll = self._random.random()
        if roll < 0.06:
            return number + self._random.choice(["a", "b", "A", "B", "C", " A"])
        if roll < 0.09:
            return f"{number}-{int(number) + 2}"
        return number

    def lines(self, country: str) -> list[str]:
        """The lines of an address before the town."""
        if self._.chance(0.05) and country in ("us", "ca", "au", "gb"):
            box = self._random.choice(["PO Box", "P.O. Box", "P O Box", "Post Office Box", "POB", "PO BOX"])
            return [f"{box} {self._random.randint(1, 99999)}"]
        number, name = self._number(), self.name(country)
        if country in ("us", "ca", "au"):
            return self._american(number, name)
        if country in ("za", "nz"):
            return [f"{number} {name}"]
        if country == "gb":
            return self._british(number, name)
        if country == "fr":
            return [
                f"{number}{self._random.choice(['', '', ' bis', ' ter'])}{self._random.choice([', ', ' ', ' '])}{name}"
            ]
        if country == "es":
            flat = self._random.choice(
                [
                    "",
                    "",
                    ", 3º B",
                    f", {self._.digits(1)}ºA",
                    f" piso {self._.digits(1)}",
                    ", bajo",
                    f", Puerta {self._.digits(1)}",
                ]
            )
            return [f"{name}{self._random.choice([', ', ' ', ' nº ', ', nº '])}{number}{flat}"]
        if country in ("in", "jp", "vn"):
            return [
                self._random.choice(
                    [
                        f"{number}, {name}",
                        f"{number} {name}",
                        f"H.No. {number}, {name}",
                        f"{self._.digits(1)}-{self._.digits(2)}-{self._.digits(1)} {name}",
                    ]
                )
            ]
        comma = self._random.choice([" ", " ", " ", ", "])
        return [name + comma + number + (f"/{self._.digits(1)}" if self._.chance(0.08) else "")]

    def _american(self, number: str, name: str) -> list[str]:
        line = f"{number} {name}"
        if self._.chance(0.03):
            line = self._random.choice(
                [f"RR {self._.digits(1)} Box {self._.digits(3)}", f"HC {self._.digits(2)} Box {self._.digits(3)}"]
            )
        if self._.chance(0.33):
            unit = self._random.choice(self._words["units"])
            room = self._random.choice(
                [
                    self._.digits(1),
                    self._.digits(2),
                    self._.digits(3),
                    self._random.choice("ABCDEFGH"),
                    f"{self._.digits(1)}{self._random.choice('ABCD')}",
                ]
            )
            second = f"{unit}{'' if unit == '#' and self._.chance(0.6) else ' '}{room}"
            return [line, second] if self._.chance(0.1) else [line + self._random.choice([" ", " ", ", "]) + second]
        return [line]

    def _british(self, number: str, name: str) -> list[str]:
        roll = self._random.random()
        if roll < 0.2:
            flat = self._random.choice(["Flat", "Studio", "Unit", "Apartment"])
            flat += f" {self._random.randint(1, 99)}{self._random.choice(['', '', 'a', 'B'])}"
            return [flat, self._random.choice([f"{number} {name}", name])]
        if roll < 0.28:
            house = self._.one(self._words["street_names"]) + self._random.choice(
                [" House", " Cottage", " Farm", " Lodge", " Court"]
            )
            return [house, name]
        return [f"{number} {name}"]

    def name(self, country: str) -> str:
        """The name of a street."""
        random_ = self._random
        if country in ("de", "at"):
            return self._german_name()
        if country in ("fr", "es", "it"):
            return self._romance_name(country)
        if country not in _ENGLISH and self._.chance(0.25):
            return self._.one(self._anywhere)
        if country in FORMS["street_ends"]:
            return self._base(country) + str(random_.choice(FORMS["street_ends"][country]))
        if country in FORMS["street_starts"]:
            return str(random_.choice(FORMS["street_starts"][country])) + self._base(country)
        return self._english_name()

    def _german_name(self) -> str:
        words, names = self._words, self._names["de_DE"]
        if self._.chance(0.15):
            return self._.one(words["streets_de_two"])
        end: str = self._random.choice(words["street_ends_de"])
        if self._.chance(0.2):
            return f"{self._.one(names['given'])}-{self._.one(names['surname'])}-{end.capitalize()}"
        return self._random.choice([self._.one(words["streets_de"]), self._.one(names["surname"])]) + end

    def _romance_name(self, country: str) -> str:
        words, random_ = self._words, self._random
        head = random_.choice(words[f"streets_{country}_heads"])
        if country == "fr" and self._.chance(0.4):
            return self._.one(words["streets_fr"])
        culture = self._names[{"fr": "fr_FR", "es": "es_ES", "it": "it_IT"}[country]]
        person = f"{self._.one(culture['given'])} {self._.one(culture['surname'])}"
        french = country == "fr"
        plain = f"de {self._.one(culture['surname'])}" if french else self._.one(words[f"streets_{country}"])
        return f"{head} {random_.choice([plain, plain, person, self._.one(culture['surname'])])}"

    def _base(self, country: str) -> str:
        culture = self._names[FORMS["street_names"].get(country, "en_US")]
        return self._.one(culture[self._random.choice(["given", "surname"])])

    def _english_name(self) -> str:
        random_ = self._random
        suffix = random_.choice(self._words["street_suffixes"])
        direction = random_.choice(
            ["", "", "", "N ", "S ", "E ", "W ", "North ", "West ", "East ", "N. ", "SW ", "NE "]
        )
        roll = random_.random()
        if roll < 0.4:
            base = self._.one(self._words["street_names"]).replace("-", " ")
        elif roll < 0.7:
            base = self._.one(self._names["en_US"]["surname"])
        elif roll < 0.8:
            base = self._.one(self._names["en"]["given"])
        elif roll < 0.88:
            number = random_.randint(1, 180)
            base = f"{number}{'th' if 10 < number % 100 < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
        elif roll < 0.91:
            return (
                random_.choice(["Highway", "Route", "State Route", "County Road", "Hwy", "FM"])
                + f" {random_.randint(1, 999)}"
            )
        elif roll < 0.95:
            base = self._.one(self._cities).split(", ")[0]
        else:
            base = f"{self._.one(self._words['street_names'])} {self._.one(self._names['en_US']['surname'])}".replace(
                "-", " "
            )
        return f"{direction}{base} {suffix}" + (
            random_.choice([" NW", " S", " East", " SE"]) if self._.chance(0.05) else ""
        )
