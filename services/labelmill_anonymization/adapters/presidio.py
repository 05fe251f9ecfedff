"""Presidio's recognizers as rules of ours: their patterns, scores, checks and words of context.

They run as our rules do: prefiltered together, with a timeout that fails, context by whole words, no copies of results.
What they find stays the same but for faults that were measured: context inside of words, e-mail addresses checked over
the network, and driver licences, passports and bank numbers that are any number at all without their words before them
(`detection/labelled_ids.py` finds those). Numbers of phones and cards and IBANs are found by rules of our own, which
find more.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Callable
from typing import Any

import tldextract
from presidio_analyzer.predefined_recognizers import (
    CryptoRecognizer,
    DateRecognizer,
    EmailRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    MedicalLicenseRecognizer,
    NhsRecognizer,
    UrlRecognizer,
    UsBankRecognizer,
    UsItinRecognizer,
    UsLicenseRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
    UuidRecognizer,
)

from labelmill_anonymization.detection.context import Contexts
from labelmill_anonymization.detection.rules import Check, Rule

_WEAK = 0.2
"""Below, a pattern is any number of the length: not a finding without its words."""
_ALWAYS_WITH_CONTEXT = frozenset({"US_DRIVER_LICENSE", "US_BANK_NUMBER", "US_PASSPORT"})
_COMMON_DIGITS = frozenset({"UK_NHS"})
_CHECKED_ONLY = 0.5
_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # the list in the package: no network, no files
_WITH_QUOTES = "Quoted"
"""URLs in quotation marks, which are found without the marks, too."""
_URL_HINTS = {"Standard Url": r"(?i:https?://)", "Non schema URL": r"(?i:[a-z0-9\-]\.[a-z]{2})"}
_MORE_CONTEXT = {
    "US_SSN": ("social", "social security number", "soc sec"),
    "UK_NHS": ("nhs", "health service"),
    "US_BANK_NUMBER": ("routing", "iban"),
}
_INSIDE = {"EMAIL_ADDRESS": "@", "URL": "."}
_FASTER = {"Non schema URL": r"(?<![A-Za-z0-9.\-])"}
"""A match begins where a run of its characters does; without being told so, the search begins anew at each of them."""


def presidio_version() -> str:
    """For receipts."""
    return f"presidio-analyzer {importlib.metadata.version('presidio-analyzer')}"


def presidio_rules() -> list[Rule]:
    """The rules."""
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # its warnings are about what we left out
    made: tuple[Any, ...] = (
        _Email(name="EmailRecognizer"),
        UrlRecognizer(),
        IpRecognizer(),
        MacAddressRecognizer(),
        UuidRecognizer(),
        DateRecognizer(),
        CryptoRecognizer(),
        UsLicenseRecognizer(),
        MedicalLicenseRecognizer(),
        UsPassportRecognizer(),
        UsBankRecognizer(),
        UsItinRecognizer(),
        UsSsnRecognizer(),
        NhsRecognizer(),
    )
    return [
        _rule(recognizer, pattern)
        for recognizer in made
        for pattern in recognizer.patterns
        if not pattern.name.startswith(_WITH_QUOTES)
    ]


class _Email(EmailRecognizer):
    """Does not fetch the list of suffixes over the network, and keeps addresses in domains that are not in it."""

    def validate_result(self, pattern_text: str) -> bool | None:
        return True if _SUFFIXES(pattern_text).fqdn else None


def _rule(recognizer: Any, pattern: Any) -> Rule:
    entity_type = str(recognizer.supported_entities[0])
    return Rule(
        entity_type=entity_type,
        recognizer=str(recognizer.name),
        pattern=_FASTER.get(pattern.name, "") + pattern.regex,
        score=pattern.score,
        flags=int(recognizer.global_regex_flags),
        context=Contexts((*(recognizer.context or ()), *_MORE_CONTEXT.get(entity_type, ()))),
        needs_context=bool(recognizer.context) and (entity_type in _ALWAYS_WITH_CONTEXT or pattern.score < _WEAK),
        check=_check(recognizer, float(pattern.score), entity_type),
        inside=_INSIDE.get(entity_type, ""),
        hint=_URL_HINTS.get(pattern.name),
    )


def _check(recognizer: Any, score: float, entity_type: str) -> Check:
    validate: Callable[[str], bool | None] = recognizer.validate_result
    invalidate: Callable[[str], bool | None] = recognizer.invalidate_result
    valid_score = _CHECKED_ONLY if entity_type in _COMMON_DIGITS else 1.0

    def check(value: str) -> float | None:
        if entity_type == "URL" and _is_end_of_sentence(value):
            return None
        valid = validate(value)
        if valid is False or invalidate(value):
            return None
        return valid_score if valid else score

    return check


def _is_end_of_sentence(value: str) -> bool:
    """Whether it is rather two sentences without a blank between them: "the end.In" is no domain."""
    if "://" in value or "/" in value:
        return False
    name, _, suffix = value.rpartition(".")
    return suffix[:1].isupper() and not name.isupper()
