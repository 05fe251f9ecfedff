"""Postal codes, each with the form and the surroundings that its country gives it; five digits alone are none."""

from __future__ import annotations

from labelmill_anonymization.detection.context import contexts
from labelmill_anonymization.detection.rules import CASED, CASELESS, Rule
from labelmill_anonymization.detection.street_words import (
    AUSTRALIAN_STATES,
    BRITISH_CODE,
    CANADIAN_CODE,
    US_STATE_NAMES,
    US_STATES,
)

_SURE = 0.9
_LIKELY = 0.6
_LABEL = (
    r"(?:zip(?:\s*-?code)?s?|post(?:al)?[\s-]*codes?|plz|postleitzahl|code\s+postal|c[óo]digo\s+postal|c\.?p\.|cap|"
    r"eircode|pin\s*code)"
)
_TOWN_FOLLOWS = r"(?=[ \t]+\p{Lu}[\p{L}-]+)"

RULES = (
    Rule(
        "POSTAL_CODE",
        "ZipCodeRecognizer",
        rf"(?:\b(?:{US_STATES})|(?i:\b(?:{US_STATE_NAMES}))),?\.?\s+(?P<value>\d{{5}}(?:-\d{{4}})?)(?![\d-])",
        _SURE,
        flags=CASED,
        hint=rf"(?:{US_STATES}|(?i:{US_STATE_NAMES})),?\.?\s+\d{{5}}",
    ),
    Rule("POSTAL_CODE", "ZipPlusFourRecognizer", r"(?<![\d-])\d{5}-\d{4}(?![\d-])", 0.7, flags=CASED),
    Rule(
        "POSTAL_CODE",
        "LabelledPostalCodeRecognizer",
        rf"\b{_LABEL}(?:\s*(?:is|was|:|=|#|of|number|-|to))*\s*(?P<value>\d{{4,6}}(?:-\d{{3,4}})?|"
        rf"\d{{2,3}}[ -]\d{{2,3}}|"
        rf"(?:{BRITISH_CODE}|{CANADIAN_CODE}))\b",
        _SURE,
        flags=CASELESS,
    ),
    Rule(
        "POSTAL_CODE",
        "ContextPostalCodeRecognizer",
        r"(?<![\d.,$€£#/-])\d{5}(?![\d,/%-]|\.\d)",
        _LIKELY,
        context=contexts(
            "zip, zipcode, zip code, postal, postcode, post code, plz",
            after="zip, zip code, zipcode, area code, postcode",
        ),
        needs_context=True,
    ),
    Rule("POSTAL_CODE", "BritishPostcodeRecognizer", rf"\b{BRITISH_CODE}\b", _SURE, flags=CASED),
    Rule("POSTAL_CODE", "CanadianPostalCodeRecognizer", rf"\b{CANADIAN_CODE}\b", _SURE, flags=CASED),
    Rule(
        "POSTAL_CODE",
        "AustralianPostcodeRecognizer",
        rf"\b(?:{AUSTRALIAN_STATES}),?\s+(?P<value>\d{{4}})\b(?![-/]\d)",
        _SURE,
        flags=CASED,
    ),
    Rule(
        "POSTAL_CODE",
        "EuropeanPostalCodeRecognizer",
        rf"(?:^[ \t]*|[,;]\s*|\b(?:in|nach|aus|en|à|a|de|di)\s+|\d[a-zA-Z]?\s*[,\n]\s*)"
        rf"(?P<value>(?:(?:[DFEI]|DE|FR|ES|IT)-)?\d{{5}}|(?:(?:[ABL]|CH|AT|DK)-)\d{{4}}|(?<!\p{{L}}\s)(?!19|20)"
        rf"\d{{4}}){_TOWN_FOLLOWS}",
        _LIKELY,
        flags=CASED,
        hint=r"\d{4}[ \t]+[A-Z]",
    ),
    Rule(
        "POSTAL_CODE",
        "OtherPostalCodeRecognizer",
        # the Netherlands, Poland, Portugal, Brazil, Sweden, Czechia: forms that little else has, before a town
        r"(?<![\d./-])(?:[1-9]\d{3} ?[A-Z]{2}|\d{2}-\d{3}|\d{4}-\d{3}|\d{5}-\d{3}|(?:SE-|CZ-)?\d{3} \d{2})"
        r"(?=[ \t,]+\p{Lu}\p{Ll}+)(?![\d-])",
        _LIKELY,
        flags=CASED,
        hint=r"\d(?:\d{2} ?[A-Z]{2}|-\d{3}|\d \d{2})[ \t,]+[A-Z]",
    ),
)
