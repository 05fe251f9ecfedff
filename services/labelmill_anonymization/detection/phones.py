"""Telephone numbers: candidates by one cheap pattern, then by their form, by the numbering plans, or by context.

The plans are those of the `phonenumbers` package. A number that nobody could have (as in examples and generated data)
is found by its form where the form is that of telephone numbers only, or where words before it say what it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
import regex  # type: ignore[import-untyped]
from phonenumbers import NumberParseException

from labelmill_anonymization.detection.context import Words, contexts
from labelmill_anonymization.detection.rules import search
from labelmill_anonymization.findings import Finding

REGIONS = ("US", "GB", "CA", "AU", "DE", "FR", "ES", "IT", "IN", "IL", "BR", "CH", "AT", "NL", "BE", "IE", "MX")
_NAME = "PhoneRecognizer"
_VALID = 0.4  # Presidio's
_FORM = 0.75
_WITH_CONTEXT = 0.8
_LONGEST_NATIONAL = 13
_DIGITS = range(7, 16)  # E.164: 15 at most

_EXTENSION = r"(?:[\s,;]*(?:x|ext\.?|extension|Durchwahl|poste|int\.?)[\s.:#]*\d{1,6})?"
_CANDIDATE = regex.compile(
    rf"(?<![\w.,/$€£#\-+(])(?:\+\s?|\(\+?)?\d[\d \t\u00a0()./\-–‑]{{5,24}}\d{_EXTENSION}(?![\w]|[-/.,]\d)",
    regex.IGNORECASE,
)
_FORMS = regex.compile(
    r"(?:(?:\+?1|001)[\s.-]?)?(?:\(\d{3}\)\s?\d{3}[\s.-]?\d{4}|\d{3}([-.])\d{3}\1\d{4}|\d{3} \d{3}[ -]\d{4}|"
    r"\d{3}-\d{4})|"
    r"(?:\+|00)[1-9]\d{0,2}[\s.(/-]?[\d\s().\-–/]{5,}|"
    r"\(0\d{1,5}\)\s?[\d\s/-]{4,}|\(\+\d{1,3}\)[\d\s().-]{5,}|"
    r"0\d{2,4}[\s/-]\d{3,4}[\s-]?\d{3,4}|0\d([\s.-])\d{2}(?:\2\d{2}){3}|0\d{1,2} \d{3,4} \d{3,4}|"
    r"0\d{2} \d{3} \d{2} \d{2}"
    r"|\d{2} \d{4} \d{4}|[6789]\d{2} \d{2} \d{2} \d{2}",
    regex.IGNORECASE,
)
_EXTENSION_PART = regex.compile(r"[\s,;]*(?:x|ext|durchwahl|poste|int).*", regex.IGNORECASE | regex.DOTALL)
_DATE = r"(?:19|20)\d{2}[-./]\d{1,2}[-./]\d{1,2}(?:\s.*)?|\d{1,2}[-./]\d{1,2}[-./](?:(?:19|20)\d{2}|\d{2})(?:\s.*)?"
_A_DATE = regex.compile(_DATE)
_OTHER = regex.compile(
    rf"{_DATE}|"
    r"\d{3}-\d{2}-\d{4}|\d{5}-\d{4}|"
    r"\d{1,3}(?:\.\d{1,3}){3}|\d{1,4}(?:\s?[-–]\s?\d{1,4})|\d+\.\d+|\d{1,2}(?:[ ]\d{3}){2,}|(?:\d{4}[ -]){2,3}\d{3,4}"
)
"""Dates, social security numbers, ZIP+4, addresses of computers, ranges, amounts, cards."""
_CONTEXT = contexts(
    "phone, telephone, cell, cellphone, mobile, call, called, calling, dial, fax, tel, texted, ring, whatsapp, sms, "
    "contact, reach, hotline, voicemail, landline, pager, helpline, ph, "
    "telefon, telefonnummer, tel nr, handy, mobil, rufnummer, fon, anrufen, erreichbar, téléphone, portable, appeler, "
    "teléfono, móvil, llamar, llame, celular, telefono, cellulare, chiamare, chiama, recapito"
)


class Phones:
    """Finds telephone numbers."""

    entity_type = "PHONE_NUMBER"
    hint = r"\d[^A-Za-z]{5,24}\d"

    def __init__(self, regions: tuple[str, ...] = REGIONS) -> None:
        self._regions = regions

    def findings(self, text: str) -> Iterator[Finding]:
        """What looks like a telephone number, and is one by its form, by a numbering plan, or by the words before it.

        Raises:
            RecognizerTimeout: The search for candidates ran out of time.
        """
        words = Words(text)
        for match in search(_CANDIDATE, text):
            start, end = match.span()
            score = self._score(text, start, end, words)
            if score is not None:
                yield Finding(self.entity_type, start, end, score, _NAME)

    def _score(self, text: str, start: int, end: int, words: Words) -> float | None:
        value = text[start:end]
        number = _EXTENSION_PART.sub("", value).strip()
        count = sum(map(str.isdecimal, number))
        if count not in _DIGITS:
            return None
        if _CONTEXT.near(words, start, end):
            return None if _A_DATE.fullmatch(number) else _WITH_CONTEXT
        if _OTHER.fullmatch(number):
            return None
        if _FORMS.fullmatch(number):
            return _FORM
        return _VALID if count <= _LONGEST_NATIONAL and _is_valid(number, self._regions) else None


def _is_valid(number: str, regions: tuple[str, ...]) -> bool:
    """Whether it can be dialled in one of the regions; with a country code, in the world."""
    for region in (None,) if number.startswith("+") else regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except NumberParseException:
            continue
    return False
