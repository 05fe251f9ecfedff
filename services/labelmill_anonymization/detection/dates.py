"""Dates in their usual forms, with the time of day where it follows. No times alone, no "yesterday", no durations."""

from __future__ import annotations

import regex  # type: ignore[import-untyped]

from labelmill_anonymization.detection.context import contexts
from labelmill_anonymization.detection.rules import CASELESS, Rule

_SCORE = 0.85
_LIKELY = 0.6
_WITHOUT_CONTEXT = 0.5
_MONTHS_EN = (
    "Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|"
    "Dec(?:ember)?"
)
_MONTHS_OTHER = (
    "Januar|Jänner|Februar|März|Mai|Juni|Juli|Oktober|Okt|Dezember|Dez|"
    "janvier|janv|février|févr|mars|avril|juin|juillet|juil|août|septembre|octobre|novembre|décembre|déc|"
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|"
    "gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
)
_MONTH = rf"(?:{_MONTHS_EN}|{_MONTHS_OTHER})"
_DAYS = (
    "Mon(?:day)?|Tue(?:s|sday)?|Wed(?:nesday)?|Thu(?:rs?|rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?|"
    "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|"
    "lunes|martes|miércoles|jueves|viernes|sábado|domingo|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica"
)
_WEEKDAY = rf"(?:(?:{_DAYS})\.?,?\s+(?:(?:the|den|der|le|el|il)\s+)?)?"
_YEAR = r"(?:1[6-9]|20)\d{2}"
_YEAR_AFTER = rf"(?:(?:\s*,\s*|\s+(?:of\s+|de\s+|del\s+)?|[-./]){_YEAR}\b|\s*,?\s*['’]\d{{2}}\b)"
_TIME = (
    r"(?:(?:\s*,\s*|\s+|\s*T)(?:at\s+|um\s+|à\s+|a\s+las\s+|alle\s+)?"
    r"\d{1,2}(?:[:.h]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?\s?(?:[ap]\.?m\b\.?|Uhr\b)?|\s?[ap]\.?m\b\.?)"
    r"(?:\s?(?:UTC|GMT|Z|[ECMP][SD]T|CES?T)\b|\s?[+-]\d{2}:?\d{2})?)?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH_NUMBER = r"(?:0?[1-9]|1[0-2])"
_BIRTH = contexts(
    "born, birth, dob, birthday, birthdate, geboren, geburtsdatum, née, né, naissance, "
    "nacido, nacida, nacimiento, nato, nata, nascita"
)

RULES = (
    Rule(
        "DATE_TIME",
        "WrittenDateRecognizer",
        rf"\b{_WEEKDAY}{_DAY}(?:st|nd|rd|th|er|\.|º|°)?(?:\s+of|\s+de)?[\s-]{{1,3}}{_MONTH}\b\.?{_YEAR_AFTER}?{_TIME}",
        _SCORE,
        flags=CASELESS,
        hint=rf"\d(?:st|nd|rd|th|er|\.|º|°)?(?:\s+of|\s+de)?[\s-]{{1,3}}{_MONTH}",
    ),
    Rule(
        "DATE_TIME",
        "MonthFirstDateRecognizer",
        rf"\b{_WEEKDAY}(?:{_MONTHS_EN})\.?[\s-]+(?:the\s+)?{_DAY}(?:st|nd|rd|th)?\b(?![:%]){_YEAR_AFTER}?{_TIME}",
        _SCORE,
        flags=CASELESS,
        hint=rf"(?:{_MONTHS_EN})\.?[\s-]+(?:the\s+)?\d",
    ),
    Rule(
        "DATE_TIME",
        "MonthYearRecognizer",
        rf"\b{_MONTH}\b\.?(?:\s*,\s*|\s+(?:of\s+|de\s+|del\s+)?|-){_YEAR}\b",
        _SCORE,
        flags=CASELESS,
        hint=rf"{_MONTH}\b\.?(?:\s*,\s*|\s+(?:of\s+|de\s+|del\s+)?|-)\d",
    ),
    Rule(
        "DATE_TIME",
        "NumericDateRecognizer",
        rf"(?<![\d./-])(?:{_YEAR}(?P<a>[-./]){_MONTH_NUMBER}(?P=a){_DAY}|"
        rf"(?:{_DAY}(?P<b>[-./]){_MONTH_NUMBER}|{_MONTH_NUMBER}(?P<b>[-./]){_DAY})(?P=b)(?:{_YEAR}|\d{{2}}))"
        rf"(?![\d/-]|\.\d){_TIME}",
        _SCORE,
        flags=CASELESS,
        hint=r"\d[-./]\d{1,2}[-./]\d",
    ),
    Rule(
        "DATE_TIME",
        "SpacedNumericDateRecognizer",
        rf"(?<![\d./-]){_DAY}\.\s{_MONTH_NUMBER}\.\s{_YEAR}\b",
        _SCORE,
        flags=CASELESS,
    ),
    Rule(
        "DATE_TIME",
        "BirthDateRecognizer",
        rf"(?<![\d./-])(?:{_MONTH_NUMBER}/{_DAY}|{_DAY}\.{_MONTH_NUMBER}\.?|{_YEAR}|{_YEAR}(?:0[1-9]|1[0-2])"
        rf"(?:0[1-9]|[12]\d|3[01]))(?![\d/])",
        _WITHOUT_CONTEXT,
        flags=CASELESS,
        context=_BIRTH,
        needs_context=True,
    ),
    Rule(
        "DATE_TIME",
        "ExpiryDateRecognizer",
        rf"(?<![\d./-]){_MONTH_NUMBER}\s?[/-]\s?(?:{_YEAR}|\d{{2}})(?![\d/-])",
        _LIKELY,
        context=contexts("exp, expiry, expiration, expire, valid, thru, through, gültig, caduca, expiration date"),
        needs_context=True,
    ),
)

_SPECIFIC = regex.compile(
    rf"\b(?:{_MONTHS_EN})\b|\b(?:{_DAYS})\b|\b{_YEAR}\b(?!s)|\b(?:\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|"
    rf"\d{{1,2}}/\d{{1,2}})\b",
    regex.IGNORECASE,
)


def is_specific_date(phrase: str) -> bool:
    """Whether what a model took for a date names a day, a month or a year; "the last two years" and "today" do not."""
    return phrase not in ("may", "march") and _SPECIFIC.search(phrase) is not None
