"""Payment cards of 12 to 19 digits, plain or in groups; Presidio knows fewer lengths."""

from __future__ import annotations

from labelmill_anonymization.detection import checksums
from labelmill_anonymization.detection.context import contexts
from labelmill_anonymization.detection.rules import CASELESS, Rule

_SURE = 0.9
_LABELLED = 0.6
_WORDS = contexts(
    "card, credit, debit, visa, mastercard, maestro, amex, american express, discover, cc, ccn, pan, "
    "kreditkarte, karte, tarjeta, carte, carta"
)
# ISO/IEC 7812: the first digit of banks, travel and petrol companies
_FIRST = "[13-6]"


def _card(value: str) -> float | None:
    return _SURE if checksums.luhn(value) else None


RULES = (
    Rule(
        "CREDIT_CARD",
        "CardNumberRecognizer",
        rf"(?<![\d.-]){_FIRST}\d(?:[ -]?\d){{11,17}}(?![\d-]|\.\d)",
        _SURE,
        check=_card,
    ),
    Rule(
        "CREDIT_CARD",
        "ShortCardNumberRecognizer",
        r"(?<![\d.-])(?:5[06]|6[0-9])\d{2}(?:[ -]?\d{4}){2}(?![\d-]|\.\d)",
        _SURE,
        check=_card,
    ),
    Rule(
        "CREDIT_CARD",
        "LabelledCardNumberRecognizer",
        rf"(?<![\d.-]){_FIRST}\d{{3}}(?:[ -]?\d{{4}}){{2}}[ -]?\d{{3,4}}(?![\d-]|\.\d)",
        _LABELLED,
        context=_WORDS,
        needs_context=True,
    ),
    Rule(
        "CREDIT_CARD",
        "CardCodeRecognizer",
        r"\b(?:CVV2?|CVC2?|CID|security\s+code|card\s+code)(?:\s*(?:number|code|is|:|=|-|#))*\s*(?P<value>\d{3,4})\b",
        _LABELLED,
        flags=CASELESS,
    ),
)
