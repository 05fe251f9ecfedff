"""Towns by their surroundings: before state and code, after a code, after "lives in"."""

from __future__ import annotations

from labelmill_anonymization.detection.rules import CASED, CASELESS, Rule
from labelmill_anonymization.detection.street_words import (
    AUSTRALIAN_STATES,
    BRITISH_CODE,
    CANADIAN_CODE,
    CANADIAN_PROVINCES,
    US_STATE_NAMES,
    US_STATES,
)

_SURE = 0.9
_LIKELY = 0.6
_PART = r"(?:(?:St|Ste|Mt|Ft|Pt|Bad|San|Sta)\.|\p{Lu}[\p{L}\p{M}'’-]*)"
_TOWN = rf"{_PART}(?:[ \t]+(?:(?:de|del|la|le|les|of|upon|am|an|der|the|sur|en|di)[ \t]+)*{_PART}){{0,3}}"

RULES = (
    Rule(
        "LOCATION",
        "TownAndStateRecognizer",
        rf"(?<![\p{{L}}\d])(?:{_TOWN},?\s+)?(?:{US_STATES}|{CANADIAN_PROVINCES}|{AUSTRALIAN_STATES}|"
        rf"(?i:{US_STATE_NAMES})),?\.?(?=\s+(?:\d{{4,5}}\b|{CANADIAN_CODE}\b))",
        _SURE,
        flags=CASED,
        hint=rf"(?:{US_STATES}|{CANADIAN_PROVINCES}|{AUSTRALIAN_STATES}|(?i:{US_STATE_NAMES})),?\.?\s+(?:\d{{4}}|[A-Z]\d)",
    ),
    Rule(
        "LOCATION",
        "TownAndStateCodeRecognizer",
        rf"(?<![\p{{L}}\d]){_TOWN},\s+(?:{US_STATES}|{CANADIAN_PROVINCES})\b(?!['’])",
        0.8,
        flags=CASED,
        hint=r",\s+[A-Z]{2}\b",
    ),
    Rule(
        "LOCATION",
        "TownBeforePostcodeRecognizer",
        rf"(?<![\p{{L}}\d])(?P<value>{_TOWN})(?=,?\s+{BRITISH_CODE}\b)",
        0.7,
        flags=CASED,
        hint=rf"\s{BRITISH_CODE}\b",
    ),
    Rule(
        "LOCATION",
        "TownAfterCodeRecognizer",
        rf"(?:^[ \t]*|[,;]\s*|\b(?:in|nach|aus|à)\s+|\n)(?:(?:[A-Z]{{1,2}}-)?\d{{5}}|(?:[A-Z]{{1,2}}-)\d{{4}}|"
        rf"\d{{2}}-\d{{3}}|\d{{4}}-\d{{3}}|\d{{3}} \d{{2}}|[1-9]\d{{3}} ?[A-Z]{{2}})"
        rf"[ \t]+(?P<value>{_TOWN}(?:[ \t]?\([A-Z]{{2}}\))?)",
        0.7,
        flags=CASED,
        hint=r"\d[\d-][ \d]?\d{1,2} ?(?:[A-Z]{2})?[ \t]+[A-Z]",
    ),
    Rule(
        "LOCATION",
        "ResidenceRecognizer",
        rf"\b(?i:liv(?:es?|ed|ing)\s+in|resid(?:es?|ed|ing)\s+(?:in|at)|resident\s+of|born\s+in|grew\s+up\s+in|"
        rf"moved?\s+(?:back\s+)?to|based\s+in|located\s+in|"
        rf"hometown(?:\s+is|\s*:)|city\s*(?:is|[:=])|country\s*(?:is|[:=])|town\s*[:=]|state\s*[:=]|province\s*[:=]|"
        rf"county\s*[:=]|birthplace\s*[:=]?|"
        rf"wohnt\s+in|wohnhaft\s+in|geboren\s+in|aus|habite\s+à|né(?:e)?\s+à|vive\s+en|nacid[oa]\s+en|residente\s+en|"
        rf"vive\s+a|nat[oa]\s+a|residente\s+a|"
        rf"Wohnort\s*:|Ort\s*:|ville\s*:|ciudad\s*:|città\s*:)\s+(?P<value>{_TOWN}(?:,\s+{_TOWN})?)",
        _LIKELY,
        flags=CASED,
        hint=(
            r"\b(?i:liv(?:es?|ed|ing)\s|resid|born\s|grew\s|moved?\s|based\s|located\s|hometown|city\s*[i:=]|"
            r"country\s*[i:=]|town\s*[:=]|state\s*[:=]|province\s*[:=]|county\s*[:=]|birthplace|wohn|geboren\s|aus\s|"
            r"habite\s|née?\s|vive\s|nacid|nat[oa]\s|ort\s*:|ville\s*:|ciudad\s*:|città\s*:)"
        ),
    ),
    Rule(
        "LOCATION",
        "CoordinatesRecognizer",
        r"(?<![\d.,-])-?\d{1,2}\.\d{4,}°?\s?[NS]?\s*,\s*-?\d{1,3}\.\d{4,}°?\s?[EWO]?(?![\d.])",
        _SURE,
        flags=CASELESS,
    ),
)
