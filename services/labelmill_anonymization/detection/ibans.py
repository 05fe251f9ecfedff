"""International bank account numbers: ISO 13616, check digits by ISO 7064 MOD 97-10, lengths by SWIFT's registry."""

from __future__ import annotations

from collections.abc import Iterator

import regex  # type: ignore[import-untyped]

from labelmill_anonymization.detection.checksums import mod_97
from labelmill_anonymization.detection.rules import search
from labelmill_anonymization.findings import Finding

_CERTAIN = 1.0
_PATTERN = regex.compile(
    r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Z0-9])|"
    r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}",
    regex.IGNORECASE,
)
_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
_LENGTH_OF = {country: length for length, countries in _LENGTHS.items() for country in countries.split()}
_SEPARATORS = " -"


class Ibans:
    """Finds IBANs, also where other words or digits follow directly."""

    entity_type = "IBAN_CODE"
    hint = r"(?i:[A-Z]{2}\d{2}[ -]?[A-Z0-9])"

    def findings(self, text: str) -> Iterator[Finding]:
        """Those whose length is their country's and whose check digits are right.

        Raises:
            RecognizerTimeout: The search ran out of time.
        """
        for match in search(_PATTERN, text):
            start = match.start()
            length = _LENGTH_OF.get(text[start : start + 2].upper())
            end = _end(text, start, match.end(), length) if length else None
            if end is not None and mod_97(_rearranged(text[start:end])) == 1:
                yield Finding(self.entity_type, start, end, _CERTAIN, "IbanRecognizer")


def _end(text: str, start: int, limit: int, length: int) -> int | None:
    """Where so many letters and digits end."""
    seen = 0
    for position in range(start, limit):
        seen += text[position] not in _SEPARATORS
        if seen == length:
            return position + 1
    return None


def _rearranged(value: str) -> str:
    compact = "".join(character for character in value if character not in _SEPARATORS)
    return compact[4:] + compact[:4]
