"""Organizations by the words that name their legal form or kind: "Muster GmbH", "Bank of Example"."""

from __future__ import annotations

from labelmill_anonymization.detection.rules import CASED, Rule

_SURE = 0.85
_LIKELY = 0.6
_WORD = r"(?:\p{Lu}[\p{L}\p{M}\d'’.]*(?:-\p{Lu}?[\p{L}\d]+)*|\d+[A-Z]\p{L}*)"
_LINK = r"(?:&|and|und|et|y|e|of|for|the|de|du|des|della|di|für)"
_NAME = rf"{_WORD}(?:(?:\s+|\s*,\s*|\s*&\s*)(?:{_LINK}\s+)?{_WORD}){{0,4}}"
_FORMS = (
    r"(?:Inc|Incorporated|LLC|L\.L\.C|Ltd|Limited|Corp|Corporation|Co|Company|PLC|plc|LLP|L\.P|LP|P\.?C|PLLC|N\.A|"
    r"Pty(?:\s+Ltd)?|Group|Holdings?|"
    r"GmbH(?:\s*&\s*Co\.?\s*(?:KGaA|KG|OHG)(?:\s*mbH)?)?|mbH|AG(?:\s*&\s*Co\.?\s*\w+)?|SE|KGaA|KG|OHG|oHG|e\.\s?V|eG|"
    r"UG|Stiftung|"
    r"S\.?A(?:\.?S|\.?R\.?L|\.?U)?|SNC|S\.?L(?:\.?U|\.?L)?|S\.?p\.?A|S\.?r\.?l|S\.?n\.?c|S\.?c\.?|B\.?V|N\.?V|A/S|"
    r"ApS|AB|ASA|AS|Oy|Oyj|Sp\.?\s?z\s?o\.?o|"
    r"K\.?K|Bhd|Pvt)"
)
_KINDS = (
    r"(?:University|College|Institute|Hospital|Clinic|Bank|Foundation|Association|Airlines|Airways|Insurance|"
    r"Partners|Associates|Consulting|"
    r"Industries|Enterprises|Technologies|Systems|Solutions|Laboratories|Labs|Pharmaceuticals|Pharma|Motors|Studios|"
    r"Entertainment|Records|"
    r"Publishing|Press|Media|Ventures|Capital|Logistics|Energy|Electric|Electronics|Software|Council|Ministry|"
    r"Department|Agency|"
    r"Commission|Committee|Authority|Bureau|Federation|Union|League|Church|Museum|Library|School|Academy|Society|"
    r"Club|Hotel|Restaurant|"
    r"Universität|Hochschule|Krankenhaus|Klinikum|Klinik|Bank|Sparkasse|Versicherung|Verein|Werke)"
)

RULES = (
    Rule(
        "ORGANIZATION",
        "CompanyRecognizer",
        rf"(?<![\p{{L}}\d]){_NAME},?\s+{_FORMS}(?![\p{{L}}\d])\.?",
        _SURE,
        flags=CASED,
        hint=_FORMS,
    ),
    Rule(
        "ORGANIZATION",
        "CapitalsCompanyRecognizer",
        r"(?<![\p{L}\d])(?:[A-Z][A-Z\d&'-]+\s+){1,4}(?:INC|LLC|LTD|CORP|CORPORATION|COMPANY|PLC|LLP|GROUP|HOLDINGS|"
        r"BANK|UNIVERSITY|HOSPITAL)(?![A-Z])\.?",
        _SURE,
        flags=CASED,
    ),
    Rule(
        "ORGANIZATION",
        "AndSonsRecognizer",
        rf"(?<![\p{{L}}\d]){_WORD}(?:,\s+{_WORD})?\s*(?:&|and|und|et|y|e)\s+(?:Sons?|Daughters|Brothers|Bros\.?|"
        rf"Söhne|Fils|Hijos|Figli|Co\.?|Company|Partners?)(?![\p{{L}}\d])",
        _SURE,
        flags=CASED,
        hint=r"(?:Son|Daughters|Bro|Söhne|Fils|Hijos|Figli|Co|Partner)",
    ),
    Rule(
        "ORGANIZATION",
        "InstitutionRecognizer",
        rf"(?<![\p{{L}}\d])(?:{_WORD}\s+(?:{_LINK}\s+)?){{1,3}}{_KINDS}(?:\s+of(?:\s+the)?\s+{_WORD}(?:\s+{_WORD})"
        rf"{{0,2}})?(?![\p{{L}}\d])",
        _LIKELY,
        flags=CASED,
        hint=_KINDS,
    ),
    Rule(
        "ORGANIZATION",
        "InstitutionOfRecognizer",
        rf"(?<![\p{{L}}\d])(?:University|College|Bank|Institute|Department|Ministry|Bureau|Museum|Church|Hospital|"
        rf"Universität|Université|Universidad|"
        rf"Università|Banco|Banca|Banque)\s+(?:of(?:\s+the)?|de\s+la|de|du|di|für|der)\s+{_WORD}(?:\s+(?:{_LINK}\s+)"
        rf"?{_WORD}){{0,3}}",
        _SURE,
        flags=CASED,
        hint=(
            r"(?:University|College|Bank|Institute|Department|Ministry|Bureau|Museum|Church|Hospital|Universi|Banc|"
            r"Banque)"
        ),
    ),
    Rule(
        "ORGANIZATION",
        "PartnershipRecognizer",
        # "Alpha, Beta and Gamma" as the name of a firm: where somebody works, buys or is employed there
        rf"\b(?:at|for|with|by|from|of|to|join(?:ed)?|company|employer|firm|client|customer)"
        rf"\s*:?\s+(?P<value>{_WORD},\s+{_WORD},?\s+(?:and|&)\s+{_WORD})(?![\p{{L}}\d])",
        _LIKELY,
        flags=CASED,
        hint=r",[^,\n]{1,30}(?:and|&)",
    ),
    Rule(
        "ORGANIZATION",
        "EmployerRecognizer",
        rf"\b(?:(?:works?|worked|working|employed|employee|intern|CEO|CFO|CTO|founder|manager|director|engineer|"
        rf"consultant|job|position|career)\s+"
        rf"(?:at|for|with|by|of)|(?:company|employer|organi[sz]ation|business|firm)(?:\s+name)?(?:\s+is|\s*[:=]|"
        rf"\s+called|\s+named))\s+"
        rf"(?P<value>{_WORD}(?:(?:\s+|-|\s*&\s*)(?:{_LINK}\s+)?{_WORD}){{0,3}})",
        _LIKELY,
        flags=CASED,
        hint=(
            r"(?:work|employ|intern|C[EFT]O|founder|manager|director|engineer|consultant|job|position|career|company|"
            r"organi|business|firm)"
        ),
    ),
)
