"""Dates, times and ages."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.tagger.values import Piece, Values

_SEASONS = ("spring", "summer", "autumn", "fall", "winter")


class Times:
    """Draws dates, times and ages."""

    def __init__(self, pools: dict[str, Any], values: Values) -> None:
        words = pools["words"]
        self._months = {"en": list(calendar.month_name)[1:]} | {
            language: words[f"months_{language}"] for language in ("de", "fr", "es", "it")
        }
        self._days = {"en": words["days"][:14], "de": words["days"][14:21], "fr": words["days"][21:28]}
        self._days |= {"es": words["days"][28:35], "it": words["days"][35:42]}
        self._ = values
        self._random = values.random

    def slot_DATE(self, language: str) -> list[Piece]:
        year, month, day = self._random.randint(1925, 2035), self._random.randint(1, 12), self._random.randint(1, 28)
        if self._.chance(0.4):
            return [(self._numeric(year, month, day, language), "DATE_TIME")]
        name = self._months[language][month - 1]
        if language != "en":
            return [(self._written(year, day, name, language), "DATE_TIME")]
        return [(self._english(year, day, name), "DATE_TIME")]

    def _numeric(self, year: int, month: int, day: int, language: str) -> str:
        first, second = (month, day) if language == "en" and self._.chance(0.6) else (day, month)
        separator = self._random.choice("//.--" if language == "en" else "/..-")
        width = "02" if self._.chance(0.6) else ""
        short = f"{first:{width}}{separator}{second:{width}}"
        date = self._random.choice(
            [f"{short}{separator}{year}"] * 5
            + [
                f"{short}{separator}{year % 100:02}",
                f"{year}-{month:02}-{day:02}",
                f"{year}/{month:02}/{day:02}",
                short,
            ]
            + [f"{year}-{month:02}-{day:02}", f"{year}{month:02}{day:02}", f"{month:02}/{year}"]
        )
        if self._.chance(0.08) and str(year) in date:
            clock = f"{self._random.randint(0, 23):02}:{self._random.randint(0, 59):02}"
            date += self._random.choice([f" {clock}", f"T{clock}:{self._random.randint(0, 59):02}Z", f", {clock}"])
        return date

    def _english(self, year: int, day: int, month: str) -> str:
        month = month[:3] + self._random.choice(["", "."]) if self._.chance(0.3) and month != "May" else month
        ordinal = f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
        shown = ordinal if self._.chance(0.25) else str(day)
        weekday = f"{self._random.choice(self._days['en'][:7])}, " if self._.chance(0.08) else ""
        short = f"'{year % 100:02}" if self._.chance(0.15) else str(year)
        return self._random.choice(
            [f"{weekday}{month} {shown}, {year}"] * 4
            + [f"{weekday}{shown} {month} {short}"] * 3
            + [f"{weekday}{month} {shown}"] * 2
            + [
                f"{shown} {month}",
                f"the {ordinal} of {month}",
                f"{month} {year}",
                f"{month} {short}",
                f"{month} of {year}",
            ]
            + [f"{day}-{month[:3]}-{year}", f"{day}-{month[:3].upper()}-{year % 100:02}", str(year), str(year)]
            + [
                f"{ordinal} of {month}, {year}",
                f"{month} {shown} {year}",
                f"{day} {month[:3]} {year}",
                f"{month}, {year}",
            ]
            + [f"{self._random.choice(_SEASONS)} {year}", f"the {self._random.choice(_SEASONS)} of {year}"]
            + [f"the {year // 10 * 10}s", f"early {year}", f"mid-{month}", f"late {month}"]
        )

    def _written(self, year: int, day: int, month: str, language: str) -> str:
        joined = {"de": f"{day}. {month}", "es": f"{day} de {month}"}.get(language, f"{day} {month}")
        if language in ("fr", "it") and day == 1:
            joined = f"{'1er' if language == 'fr' else '1º'} {month}"
        of = " de " if language == "es" else " "
        full = f"{joined}{of}{year}"
        return self._random.choice([full, full, full, joined, f"{month} {year}", str(year)])

    def slot_EXPIRY(self, _: str) -> list[Piece]:
        month, year = self._random.randint(1, 12), self._random.randint(22, 35)
        return [(self._random.choice([f"{month:02}/{year}", f"{month:02}/20{year}", f"{month}-{year}"]), "?")]

    def slot_TIME(self, _: str) -> list[Piece]:
        hour, minute = self._random.randint(1, 12), self._random.choice([0, 15, 30, 45, self._random.randint(0, 59)])
        half = self._random.choice(["am", "pm", "AM", "PM", "a.m.", "p.m."])
        clocks = [f"{hour}:{minute:02}", f"{hour}:{minute:02} {half}", f"{hour} {half}", f"{hour + 11}:{minute:02}"]
        return [(self._random.choice([*clocks, "noon", "midnight"]), "?")]

    def slot_DAY(self, language: str) -> list[Piece]:
        return [(self._random.choice(self._days[language]), "?")]

    def _age(self) -> int:
        return min(int(self._random.triangular(1, 104, 38)), 104)

    def slot_AGENUM(self, _: str) -> list[Piece]:
        return [(str(self._age()), "AGE")]

    def slot_AGE(self, _: str) -> list[Piece]:
        age = self._age()
        words = [f"{age} years old", f"{age} years of age", f"{age} yrs old", f"{age} y/o", f"{age}yo", f"{age} years"]
        young = [f"{self._random.randint(2, 23)} months old", f"{self._random.randint(2, 11)} weeks old"]
        return [(self._random.choice([str(age)] * 8 + words + young[: self._random.randint(0, 2)]), "AGE")]

    def slot_AGEADJ(self, _: str) -> list[Piece]:
        age = self._age()
        forms = (
            [f"{age}-year-old"] * 4
            + [f"{age} year old"] * 2
            + [f"{age}-year old", f"{age} yo", f"{age} y/o", f"{age}yo"]
        )
        forms += [f"{age} y.o.", f"{self._random.randint(2, 20)}-month-old", f"{age} yr old"]
        return [(self._random.choice(forms), "AGE")]

    def slot_AGESEX(self, _: str) -> list[Piece]:
        age, sex = (
            str(self._age()),
            self._random.choice(["M", "F", "m", "f", " M", " F", " male", " female", "-F", "/M"]),
        )
        return [(age, "AGE"), (sex, "")]
