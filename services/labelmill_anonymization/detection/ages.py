"""Ages: a number with its words ("34 years old"), or bare where the words around it make it one ("age: 34")."""

from __future__ import annotations

from labelmill_anonymization.detection.rules import CASED, CASELESS, Rule

_SCORE = 0.85
_LIKELY = 0.6
_AGE = r"(?:1[01]\d|120|\d{1,2})"
_TENS = "(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_ONES = "(?:one|two|three|four|five|six|seven|eight|nine)"
_WORDS = rf"(?:{_TENS}(?:[-\s]{_ONES})?|{_ONES}|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen)"
_UNIT = r"(?:years?|yrs?|months?|mos?|weeks?|wks?|days?)"
_SENTENCE_GOES_ON = (
    r"(?=\s*(?:[.,;!?)\]]|$|\n|and\b|but\b|now\b|today\b|with\b|yet\b|who\b|when\b|while\b|this\b|next\b|on\b|or\b|"
    r"male\b|female\b|man\b|woman\b))"
)
_NO_MEASURE = r"(?![.,:/-]\d|\s*(?:%|percent|°|cm|kg|lbs?|miles?|km|minutes?|hours?|points?|dollars?|euros?|am\b|pm\b))"

RULES = (
    Rule(
        "AGE",
        "AgeRecognizer",
        rf"(?<![\d.,$€£-])(?:{_AGE}|{_WORDS})(?:\s+and\s+a\s+half)?[\s-]{{0,2}}{_UNIT}(?:\s+\d{{1,2}}\s+{_UNIT})"
        rf"?[\s-](?:old|of\s+age|young)s?\b",
        _SCORE,
        flags=CASELESS,
        hint=r"(?:old|age|young)",
    ),
    Rule(
        "AGE",
        "AgeShortRecognizer",
        rf"(?<![\d.,$€£-]){_AGE}\s?-?(?:y\.?/?o\.?|yo|y\.o\.)(?!\w)",
        _SCORE,
        flags=CASELESS,
    ),
    Rule(
        "AGE",
        "AgeWordsRecognizer",
        rf"(?<![\d.,$€£-]){_AGE}[\s-]?(?:jährig\w*|Jahre\s+alt|Lebensjahr\w*|ans\b(?=[\s.,;])|años(?:\s+de\s+edad)?|"
        rf"anni\b)",
        _LIKELY,
        flags=CASELESS,
    ),
    Rule(
        "AGE",
        "AgedRecognizer",
        rf"\b(?:aged|ages?|at\s+the\s+age\s+of|âgée?\s+de|edad|età|Alter|im\s+Alter\s+von)(?:\s+(?:of|is|was|at)|"
        rf"\s*[:=(#-])?\s*"
        rf"(?P<value>{_AGE})\b{_NO_MEASURE}",
        _SCORE,
        flags=CASELESS,
    ),
    Rule(
        "AGE",
        "AgePhraseRecognizer",
        rf"\b(?:i\s+am|i['’]m|(?:she|he|who|it)(?:\s+is|\s+was|['’]s)|(?:they|you|we)(?:\s+are|['’]re)|turn(?:s|ed|"
        rf"ing)?|just\s+turned|"
        rf"(?:mother|father|son|daughter|wife|husband|brother|sister|baby|grandmother|grandfather|patient)\s+(?:is|"
        rf"was))"
        rf"\s+(?:only\s+|just\s+|now\s+|about\s+|almost\s+|nearly\s+|already\s+|over\s+)?(?P<value>{_AGE})"
        rf"{_NO_MEASURE}{_SENTENCE_GOES_ON}",
        _LIKELY,
        flags=CASELESS,
    ),
    Rule("AGE", "AgeSexRecognizer", rf"(?<![\d.,$€£°-])\b{_AGE}\s?(?:[MF]|yo[MF])\b(?![-.]?\w)", _LIKELY, flags=CASED),
    Rule(
        "AGE",
        "AgeAppositionRecognizer",
        r"(?:\p{{Lu}}[\p{{L}}'’-]+|\))\s?[,(]\s?(?P<value>[1-9]\d)(?=\s?[,)]\s+(?:\p{{Ll}}|\p{{Lu}}\p{{Ll}}+[,.]))"
        r"(?!,\d)",
        0.5,
        flags=CASED,
        hint=r"[,(]\s?\d\d\s?[,)]",
    ),
    Rule(
        "AGE",
        "DecadeRecognizer",
        r"\bin\s+(?:his|her|their|my|your|our)\s+(?:early\s+|mid[\s-]*|late\s+)?"
        r"(?P<value>\d0['’]?s|(?:twen|thir|for|fif|six|seven|eigh|nine)ties)\b",
        0.5,
        flags=CASELESS,
    ),
)
