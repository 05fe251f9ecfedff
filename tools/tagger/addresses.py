"""Places and postal addresses as they are written in many countries."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.tagger.values import Piece, Values

_HOME = {
    "en": ("us", "us", "us", "gb", "ca", "au"),
    "de": ("de", "de", "at"),
    "fr": ("fr",),
    "es": ("es",),
    "it": ("it",),
}
_EVERYWHERE = ("us", "gb", "ca", "au", "de", "fr", "es", "it", "nl", "se", "dk", "no", "fi", "pl", "cz", "hu", "pt", "in", "jp", "si", "is", "vn")  # fmt: skip
_ZIPS = {
    "us": "#####", "gb": "", "ca": "", "au": "####", "de": "#####", "at": "####", "fr": "#####", "es": "#####", "it": "#####",
    "nl": "#### AA", "se": "### ##", "dk": "####", "no": "####", "fi": "#####", "pl": "##-###", "cz": "### ##", "hu": "####",
    "pt": "####-###", "in": "######", "jp": "###-####", "si": "####", "is": "###", "vn": "######",
}  # fmt: skip
_UK_ZIPS = ("A# #BB", "A## #BB", "AB# #BB", "AB## #BB", "A#C #BB", "AB#C #BB")
_STREET_ENDS = {
    "nl": ("straat", "laan", "weg", "plein", "kade", "gracht"), "se": ("gatan", "vägen", "gränd", " torg"),
    "dk": ("vej", "gade", "allé", "stræde"), "no": ("veien", "gata", " vei", "svingen"), "fi": ("katu", "tie", "kuja", "polku"),
    "is": ("gata", "vegur", "braut", "stígur"), "hu": (" utca", " út", " tér", " u."), "cz": ("ova", "ská", "ní"), "si": ("ova ulica", "ska cesta", " cesta"),
}  # fmt: skip
_STREET_STARTS = {
    "pl": ("ul. ", "ulica ", "al. ", "os. "), "pt": ("Rua ", "Avenida ", "R. ", "Travessa ", "Rua do ", "Rua da "),
    "vn": ("đường ", "Đường "), "in": ("",),
}  # fmt: skip
_CITY_AFFIXES = {
    "before": ("New ", "North ", "East ", "West ", "South ", "Port ", "Lake ", "Fort ", "Saint ", "Mount ", "San "),
    "after": ("ville", "town", "ton", "burg", "bury", "mouth", "port", "field", "shire", "land", "view", "side", " City", " Beach", " Falls", " Springs", "berg", "stad", "haven", "chester"),
}  # fmt: skip


class Addresses:
    """Draws places and addresses."""

    def __init__(self, pools: dict[str, Any], values: Values) -> None:
        self._words, self._cities = pools["words"], pools["cities"]
        self._codes, self._regions, self._countries = pools["region_codes"], pools["regions"], pools["countries"]
        self._names = pools["names"]
        self._by_state = [place for place in self._cities["us"] if ", " in place]
        self._ = values
        self._random: random.Random = values.random

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
            return self._random.choice(_CITY_AFFIXES["before"]) + base
        before = self._random.choice(_CITY_AFFIXES["before"]) if self._.chance(0.3) else ""
        return before + base + self._random.choice(_CITY_AFFIXES["after"])

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
        return self._joined(self._street(self._country(language)), ", ")

    def slot_STREETNAME(self, language: str) -> list[Piece]:
        return [(self._street_name(self._country(language)), "STREET_ADDRESS")]

    def slot_ZIP(self, language: str) -> list[Piece]:
        return [(self._zip(self._country(language)), "POSTAL_CODE")]

    def _country(self, language: str) -> str:
        return self._random.choice(_HOME[language] if self._.chance(0.72) else _EVERYWHERE)

    def _address(self, country: str, separator: str) -> list[Piece]:
        street = self._joined(self._street(country), separator)
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
        if country in ("gb", "in", "jp", "vn"):
            between = separator if country == "gb" else self._random.choice([" ", "-", " - ", ", "])
            return [(city, "LOCATION"), (between, ""), (code, "POSTAL_CODE")]
        prefix = f"{country.upper()}-" if self._.chance(0.05) else ""
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
        first = self._random.choice(
            [f"PSC {self._.digits(4)}, Box {self._.digits(4)}", f"Unit {self._.digits(4)} Box {self._.digits(4)}",
             f"{self._random.choice(['USS', 'USNS', 'USNV', 'USCGC'])} {self._.one(self._names['en_US']['surname'])}",
             f"CMR {self._.digits(3)} Box {self._.digits(4)}"]
        )  # fmt: skip
        office, region = self._random.choice(["APO", "FPO", "DPO"]), self._random.choice(["AE", "AP", "AA"])
        separator = self._random.choice(["\n", ", ", "\n"])
        return [
            (first, "STREET_ADDRESS"),
            (separator, ""),
            (f"{office} {region}", "LOCATION"),
            (" ", ""),
            (self._.digits(5), "POSTAL_CODE"),
        ]

    def _zip(self, country: str) -> str:
        form = _ZIPS[country]
        if country == "gb":
            form = self._random.choice(_UK_ZIPS)
        elif country == "ca":
            form = self._random.choice(["A#A #A#", "A#A #A#", "A#A#A#", "A#A-#A#"])
        elif country == "us" and self._.chance(0.15):
            form = "#####-####"
        letters = string.ascii_uppercase
        return "".join(
            self._.digits(1) if c == "#" else self._random.choice(letters) if c in "ABC" else c for c in form
        )

    def _number(self) -> str:
        number = str(int(10 ** self._random.uniform(0, 4.4)))
        roll = self._random.random()
        if roll < 0.06:
            return number + self._random.choice(["a", "b", "A", "B", "C", " A"])
        if roll < 0.09:
            return f"{number}-{int(number) + 2}"
        return number

    def _street(self, country: str) -> list[str]:
        """The lines of an address before the town."""
        if self._.chance(0.05) and country in ("us", "ca", "au", "gb"):
            box = self._random.choice(["PO Box", "P.O. Box", "P O Box", "Post Office Box", "POB", "PO BOX"])
            return [f"{box} {self._random.randint(1, 99999)}"]
        number, name = self._number(), self._street_name(country)
        if country in ("us", "ca", "au"):
            return self._american(number, name)
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
            flat = f"{self._random.choice(['Flat', 'Studio', 'Unit', 'Apartment'])} {self._random.randint(1, 99)}{self._random.choice(['', '', 'a', 'B'])}"
            return [flat, self._random.choice([f"{number} {name}", name])]
        if roll < 0.28:
            house = self._.one(self._words["street_names"]) + self._random.choice(
                [" House", " Cottage", " Farm", " Lodge", " Court"]
            )
            return [house, name]
        return [f"{number} {name}"]

    def _street_name(self, country: str) -> str:
        words, random_ = self._words, self._random
        if country in ("de", "at"):
            if self._.chance(0.15):
                return str(self._.one(words["streets_de_two"]))
            end = random_.choice(words["street_ends_de"])
            if self._.chance(0.2):
                people = f"{self._.one(self._names['de_DE']['given'])}-{self._.one(self._names['de_DE']['surname'])}"
                return f"{people}-{end.capitalize()}"
            return random_.choice([self._.one(words["streets_de"]), self._.one(self._names["de_DE"]["surname"])]) + end
        if country in ("fr", "es", "it"):
            head = random_.choice(words[f"streets_{country}_heads"])
            if country == "fr" and self._.chance(0.4):
                return str(self._.one(words["streets_fr"]))
            culture = self._names[{"fr": "fr_FR", "es": "es_ES", "it": "it_IT"}[country]]
            person = f"{self._.one(culture['given'])} {self._.one(culture['surname'])}"
            plain = (
                self._.one(words[f"streets_{country}"]) if country != "fr" else f"de {self._.one(culture['surname'])}"
            )
            return f"{head} {random_.choice([plain, plain, person, self._.one(culture['surname'])])}"
        if country in _STREET_ENDS:
            return self._base(country) + random_.choice(_STREET_ENDS[country])
        if country in _STREET_STARTS:
            return random_.choice(_STREET_STARTS[country]) + self._base(country)
        return self._english_name()

    def _base(self, country: str) -> str:
        locale = {"nl": "nl_NL", "se": "sv_SE", "dk": "da_DK", "no": "no_NO", "fi": "fi_FI", "is": "is_IS", "hu": "hu_HU",
                  "cz": "cs_CZ", "si": "sl_SI", "pl": "sk_SK", "pt": "pt_PT", "vn": "names_vietnamese_thai_malay", "in": "en_IN"}  # fmt: skip
        return self._.one(self._names[locale.get(country, "en_US")][self._random.choice(["given", "surname"])])

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
            base = self._.one(self._cities["us"]).split(", ")[0]
        else:
            base = f"{self._.one(self._words['street_names'])} {self._.one(self._names['en_US']['surname'])}".replace(
                "-", " "
            )
        return f"{direction}{base} {suffix}" + (
            random_.choice([" NW", " S", " East", " SE"]) if self._.chance(0.05) else ""
        )
