"""The recognizers for English: Presidio's defaults, corrected where they miss things or fail open, and a few more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import regex  # type: ignore[import-untyped]
import tldextract
from presidio_analyzer import Pattern, PatternRecognizer
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    DateRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    MedicalLicenseRecognizer,
    NhsRecognizer,
    PhoneRecognizer,
    UrlRecognizer,
    UsBankRecognizer,
    UsItinRecognizer,
    UsLicenseRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
    UuidRecognizer,
)

_PATTERN_TIMEOUT_S = 10.0
_PHONE_REGIONS = ("US", "GB", "CA", "AU", "DE", "FR", "IN", "IL", "BR")
_SHORTEST_PHONE = 5
_DIGIT = regex.compile(r"\d")
_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # the list in the package: no network, no files


class RecognizerTimeout(Exception):
    """A pattern ran out of time. Not a TimeoutError: Presidio swallows that, and the text would pass unlooked at."""


@dataclass(frozen=True, slots=True)
class Characters:
    """What a text is made of, as far as patterns care; counted once."""

    digits: int
    at: bool
    dot: bool
    colon: bool
    hyphen: bool

    @classmethod
    def of(cls, text: str) -> Characters:
        """Counts."""
        return cls(len(_DIGIT.findall(text)), "@" in text, "." in text, ":" in text, "-" in text)


Gate = Callable[[Characters], bool]


@dataclass(frozen=True, slots=True)
class Gated:
    """A recognizer of one type, and whether a text can hold a match at all."""

    recognizer: Any
    gate: Gate

    @property
    def entity_type(self) -> str:
        """What it finds."""
        return str(self.recognizer.supported_entities[0])


def recognizers() -> list[Gated]:
    """Every recognizer but the language model, ready to use."""
    made = [
        Gated(PhoneRecognizer(supported_regions=_PHONE_REGIONS), _digits(_SHORTEST_PHONE)),
        Gated(_Email(name="EmailRecognizer"), lambda has: has.at),
        Gated(UrlRecognizer(), lambda has: has.dot),
        Gated(IpRecognizer(), lambda has: has.colon or has.dot),
        Gated(MacAddressRecognizer(), lambda has: has.colon or has.hyphen or has.dot),
        Gated(UuidRecognizer(), lambda has: has.hyphen),
        Gated(DateRecognizer(), _digits(1)),
        Gated(_street_address(), _digits(1)),
        Gated(_age(), _digits(1)),
        Gated(CryptoRecognizer(), _digits(1)),
        Gated(_Iban(name="IbanRecognizer"), _digits(2)),
        Gated(UsLicenseRecognizer(), _digits(1)),
        Gated(MedicalLicenseRecognizer(), _digits(7)),
        Gated(UsPassportRecognizer(), _digits(8)),
        Gated(UsBankRecognizer(), _digits(8)),
        Gated(UsItinRecognizer(), _digits(9)),
        Gated(UsSsnRecognizer(), _digits(9)),
        Gated(NhsRecognizer(), _digits(10)),
        Gated(CreditCardRecognizer(), _digits(12)),
        Gated(_LongCard(), _digits(12)),
    ]
    for gated in made:
        if isinstance(gated.recognizer, PatternRecognizer):
            _make_strict(gated.recognizer)
    return made


def _digits(at_least: int) -> Gate:
    return lambda has: has.digits >= at_least


class _Email(EmailRecognizer):
    """Does not fetch the list of suffixes over the network, and keeps addresses in domains that are not in it."""

    def validate_result(self, pattern_text: str) -> bool | None:
        return True if _SUFFIXES(pattern_text).fqdn else None


class _Iban(IbanRecognizer):
    """Looks with the strict pattern first: the recognizer has a search of its own that swallows its timeout."""

    patterns: list[Any]

    def analyze(self, text: str, *arguments: Any, **options: Any) -> Any:
        found = [
            match for pattern in self.patterns for match in pattern.compiled_regex.finditer(text, _PATTERN_TIMEOUT_S)
        ]
        return super().analyze(text, *arguments, **options) if found else []


class _LongCard(PatternRecognizer):
    """Card numbers of 12 to 19 digits, plain or in groups, that pass the Luhn check; Presidio knows fewer lengths."""

    def __init__(self) -> None:
        pattern = Pattern("Card number, 12 to 19 digits", r"\b\d(?:[ -]?\d){11,18}\b", 0.3)
        context = ["card", "credit", "debit", "visa", "mastercard", "maestro", "amex", "cc"]
        super().__init__("CREDIT_CARD", name="LongCardRecognizer", patterns=[pattern], context=context)

    def validate_result(self, pattern_text: str) -> bool:
        digits = [int(character) for character in pattern_text if character.isdigit()]
        doubled = [d if i % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(reversed(digits))]
        return sum(doubled) % 10 == 0 and len(set(digits)) > 1


def _street_address() -> PatternRecognizer:
    street = (
        r"\b\d{1,5}[A-Za-z]?\s+(?:[NSEW]\.?\s+)?(?:\p{Lu}[\p{L}'\u2019.-]*\s+){1,4}"
        r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Place|Pl|Terrace|Ter|"
        r"Parkway|Pkwy|Highway|Hwy|Way|Circle|Cir|Crescent|Close|Row|Mews)\b\.?"
        r"(?:,?\s+(?:Apt|Apartment|Suite|Ste|Unit|Flat|#)\.?\s*[\w-]{1,6})?"
    )
    state_and_zip = r"\b\p{Lu}[\p{L}'\u2019.-]*(?:\s+\p{Lu}[\p{L}'\u2019.-]*){0,2},?\s+[A-Z]{2}\s+\d{5}(?:-\d{4})?\b"
    british = r"\b(?:[A-Z]{1,2}\d[A-Z\d]?)\s+\d[ABD-HJLNP-UW-Z]{2}\b"
    return PatternRecognizer(
        "LOCATION",
        name="AddressRecognizer",
        patterns=[
            Pattern("Street and number", street, 0.6),
            Pattern("Town, state and ZIP code", state_and_zip, 0.6),
            Pattern("British postcode", british, 0.5),
        ],
        global_regex_flags=regex.MULTILINE,  # capitals matter here
    )


def _age() -> PatternRecognizer:
    patterns = [
        Pattern("Years old", r"\b\d{1,3}[\s-](?:years?|yrs?|months?)[\s-]old\b", 0.6),
        Pattern("Aged", r"\baged?\s+\d{1,3}\b", 0.6),
        Pattern("y/o", r"\b\d{1,3}\s?y\.?/?o\b", 0.5),
    ]
    return PatternRecognizer("AGE", name="AgeRecognizer", patterns=patterns)


def _make_strict(recognizer: Any) -> None:
    for pattern in recognizer.patterns:
        pattern.compiled_with_flags = recognizer.global_regex_flags
        pattern.compiled_regex = _StrictRegex(regex.compile(pattern.regex, recognizer.global_regex_flags))


class _StrictRegex:
    """A compiled pattern whose timeout cannot be mistaken for "nothing found"."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def finditer(self, text: str, timeout: float) -> Iterator[Any]:
        try:
            yield from self._compiled.finditer(text, timeout=min(timeout, _PATTERN_TIMEOUT_S))
        except TimeoutError:
            raise RecognizerTimeout from None
