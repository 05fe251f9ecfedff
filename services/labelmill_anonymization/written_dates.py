"""Whole dates in their usual forms: read, and written again in the same form with another day.

ISO, numbers with dots, slashes or hyphens, eight digits, and month names in English, German, Spanish, French and
Italian, with the day of the week before and the time of day after. What is not surely such a date is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "en-short": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "en-sept": "Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "de-short": "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "es-short": "ene feb mar abr may jun jul ago sep oct nov dic",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "fr-short": "janv févr mars avr mai juin juil août sept oct nov déc",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "it-short": "gen feb mar apr mag giu lug ago set ott nov dic",
}
_WEEKDAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "en-short": "Mon Tue Wed Thu Fri Sat Sun",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "de-short": "Mo Di Mi Do Fr Sa So",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
}
_POSIX_PIVOT = 69
"""Two-digit years from here on are in the 1900s (POSIX strptime)."""
_TIME = (
    r"(?P<time>(?:\s*,\s*|\s+|T)(?:at\s+|um\s+|à\s+|a\s+las\s+|alle\s+)?\d{1,2}"
    r"(?:[:.h]\d{2}(?:[:.]\d{2}(?:[.,]\d{1,9})?)?\s?(?:[ap]\.?m\.?|Uhr)?|\s?[ap]\.?m\.?)"
    r"(?:\s?(?:UTC|GMT|Z|[ECMP][SD]T|CES?T)|\s?[+-]\d{2}:?\d{2})?)?"
)


def _any(table: dict[str, str]) -> str:
    words = {word for line in table.values() for word in line.split()}
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_WEEKDAY = rf"(?:(?P<weekday>{_any(_WEEKDAYS)})(?P<after_weekday>\.?,?\s+(?:(?:the|den|der|le|el|il)\s+)?))?"
_MONTH = rf"(?P<month>{_any(_MONTHS)})"
_DAY = r"(?P<day>\d{1,2})(?P<ordinal>st|nd|rd|th|er)?"
_FLAGS = re.IGNORECASE
_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}})(?P<s>[-/.])(?P<month>\d{{1,2}})(?P=s)(?P<day>\d{{1,2}}){_TIME}", _FLAGS)
_COMPACT = re.compile(rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}}){_TIME}", _FLAGS)
_YEAR_LAST = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<s>\.\s?|[-/])(?P<second>\d{{1,2}})(?P=s)(?P<year>\d{{4}}|\d{{2}}){_TIME}", _FLAGS
)
_MONTH_NAMED = tuple(
    re.compile(rf"{_WEEKDAY}{form}{_TIME}", _FLAGS)
    for form in (
        rf"{_MONTH}(?P<a>\.?\s+(?:the\s+)?){_DAY}(?P<b>,?\s+|,)(?P<year>\d{{4}})",
        rf"{_DAY}(?P<a>\.?\s+(?:of\s+|de\s+)?|-){_MONTH}(?P<b>\.?,?\s+(?:of\s+|de\s+|del\s+)?|-)(?P<year>\d{{4}})",
    )
)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date, and how it was written."""

    day: date
    write: Callable[[date], str]
    """The same form with another day; the time of day stays."""


def read_date(value: str, *, day_first: bool = False) -> WrittenDate | None:
    """The date that a text is, from end to end; None where it is none or not a whole one.

    Args:
        value: The text.
        day_first: Whether 03/04/2024 is the third of April. With dots it always is; a number above 12 decides.
    """
    text = value.strip()
    try:
        for pattern in (_YEAR_FIRST, _COMPACT):
            if match := pattern.fullmatch(text):
                return _year_first(match)
        if match := _YEAR_LAST.fullmatch(text):
            return _year_last(match, day_first)
        for pattern in _MONTH_NAMED:
            if match := pattern.fullmatch(text):
                return _month_named(match)
    except ValueError:  # the 30th of February
        return None
    return None


def _year_first(match: re.Match[str]) -> WrittenDate:
    padded = len(match["month"]) == len(match["day"]) == 2
    separator = match.groupdict().get("s") or ""
    time = match["time"] or ""

    def write(day: date) -> str:
        return separator.join((f"{day.year:04}", _number(day.month, padded), _number(day.day, padded))) + time

    return WrittenDate(date(int(match["year"]), int(match["month"]), int(match["day"])), write)


def _year_last(match: re.Match[str], day_first: bool) -> WrittenDate:
    first, second, separator = int(match["first"]), int(match["second"]), match["s"]
    day_first = (day_first or "." in separator or first > 12) and second <= 12
    day, month = (first, second) if day_first else (second, first)
    padded = len(match["first"]) == len(match["second"]) == 2
    short_year = len(match["year"]) == 2
    year = int(match["year"])
    if short_year:
        year += 1900 if year >= _POSIX_PIVOT else 2000
    time = match["time"] or ""

    def write(day: date) -> str:
        numbers = [_number(day.day, padded), _number(day.month, padded)]
        shown = f"{day.year % 100:02}" if short_year else f"{day.year:04}"
        return separator.join([*(numbers if day_first else numbers[::-1]), shown]) + time

    return WrittenDate(date(year, month, day), write)


def _month_named(match: re.Match[str]) -> WrittenDate:
    months = _table(_MONTHS, match["month"], match["b"])
    weekdays = _table(_WEEKDAYS, match["weekday"], "") if match["weekday"] else ()
    named = date(int(match["year"]), _place(months, match["month"]) + 1, int(match["day"]))
    padded, day_first = match["day"].startswith("0"), match.start("day") < match.start("month")

    def write(day: date) -> str:
        month = _in_case(months[day.month - 1], match["month"])
        number = _number(day.day, padded) + _ordinal(day.day, match["ordinal"])
        parts = (number, match["a"], month) if day_first else (month, match["a"], number)
        weekday = _in_case(weekdays[day.weekday()], match["weekday"]) + match["after_weekday"] if weekdays else ""
        return weekday + "".join(parts) + match["b"] + f"{day.year:04}" + (match["time"] or "")

    return WrittenDate(named, write)


def _number(number: int, padded: bool) -> str:
    return f"{number:02}" if padded else str(number)


def _ordinal(day: int, given: str | None) -> str:
    if not given:
        return ""
    if given.lower() == "er":
        return given if day == 1 else ""
    suffix = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return suffix.upper() if given.isupper() else suffix


def _table(tables: dict[str, str], word: str, after: str) -> tuple[str, ...]:
    """The names of the language and length in which a word is one; what follows it decides between languages."""
    found = [
        (language, tuple(line.split()))
        for language, line in tables.items()
        if word.casefold() in line.casefold().split()
    ]
    for language, names in found:
        if re.search(r"\bdel?\b", after) and language.startswith("es"):
            return names
    return found[0][1]


def _place(table: tuple[str, ...], word: str) -> int:
    return [entry.casefold() for entry in table].index(word.casefold())


def _in_case(word: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    if like.islower():
        return word.lower()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
