"""Identifiers that states give to persons, beyond those that Presidio knows."""

from __future__ import annotations

from labelmill_anonymization.detection import checksums
from labelmill_anonymization.detection.context import contexts
from labelmill_anonymization.detection.rules import CASELESS, Rule

_CERTAIN = 1.0
_LIKELY = 0.6
_TAX_WORDS = contexts(
    "steuer, steuernummer, steuer id, steueridentifikationsnummer, idnr, tin, tax, identifikationsnummer"
)

RULES = (
    Rule(
        "UK_NINO",
        "UkNinoRecognizer",
        # HMRC, NIM39110: letters that are not given out; suffix A to D
        r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
        0.85,
        flags=CASELESS,
        context=contexts("national insurance, ni, nino, insurance"),
    ),
    Rule(
        "DE_TAX_ID",
        "DeTaxIdRecognizer",
        r"(?<![\d.])(?:[1-9]\d{10}|[1-9]\d (?:\d{3} ){2}\d{3})(?![\d.]\d|\d)",
        _LIKELY,
        context=_TAX_WORDS,
        needs_context=True,
        check=lambda value: _LIKELY if checksums.german_tax_id(value) else None,
    ),
    Rule(
        "ES_NIF",
        "EsNifRecognizer",
        r"\b(?:\d{8}|\d{2}\.\d{3}\.\d{3}|[XYZ][- ]?\d{7})[- ]?[A-HJ-NP-TV-Z]\b",
        _CERTAIN,
        flags=CASELESS,
        check=lambda value: _CERTAIN if checksums.spanish_nif(value) else None,
    ),
    Rule(
        "FR_NIR",
        "FrNirRecognizer",
        r"\b[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b",
        _CERTAIN,
        flags=CASELESS,
        check=lambda value: _CERTAIN if checksums.french_nir(value) else None,
    ),
    Rule(
        "IT_FISCAL_CODE",
        "ItFiscalCodeRecognizer",
        r"\b[A-Z]{6}[\dLMNP-V]{2}[ABCDEHLMPRST][\dLMNP-V]{2}[A-Z][\dLMNP-V]{3}[A-Z]\b",
        _CERTAIN,
        flags=CASELESS,
        check=lambda value: _CERTAIN if checksums.italian_fiscal_code(value) else None,
    ),
)
"""With the check digit right, these are all but certain; the British number has none."""
