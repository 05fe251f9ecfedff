"""Postal addresses: lines with street and number, units, post boxes, as they are written in eight countries.

A block of an address is covered by several findings: the street lines here, the town in `places.py`, the code in
`postal_codes.py`.
"""

from __future__ import annotations

from labelmill_anonymization.detection.rules import CASED, CASELESS, Rule
from labelmill_anonymization.detection.street_words import COMMON_SUFFIXES, OTHER_SUFFIXES, UNITS

_SURE = 0.9
_LIKELY = 0.6
_NUMBER = (
    r"(?:(?<![\p{L}\d.,:/$€£#-])(?:No\.?\s?)?\d{1,6}(?:\s?[A-Za-z]\b|\s?-\s?\d{1,5}[A-Za-z]?\b|/\d{1,4}[A-Za-z]?\b|"
    r"\s1/2)?)"
)
_DIRECTION = r"(?:(?:[NSEW]|N\.?[EW]|S\.?[EW])\b\.?|(?i:North|South|East|West)(?:(?i:east|west))?\b)"
_WORD = (
    r"(?:\p{Lu}[\p{L}\p{M}'’-]*\.?|\d{1,3}(?i:st|nd|rd|th)|(?:of|the|de|la|del|and|du|des|van|von|y)\b|(?:d|l|D|L)"
    r"['’]\p{Lu}\p{L}+)"
)
_NAME = rf"{_WORD}(?:\s+{_WORD}){{0,3}}"
_UNIT = (
    rf"(?:(?i:{UNITS})\b\.?\s*(?:#|(?i:no)\.?)?\s?(?:\d{{1,5}}[A-Za-z]?|[A-Za-z]\d{{0,4}})\b(?:-\d+)?|#\s?\w{{1,6}}\b|"
    r"\d{1,3}(?i:st|nd|rd|th)\s+(?i:floor|fl\.?)\b)"
)
_CAPITALS = f"{COMMON_SUFFIXES}|{OTHER_SUFFIXES}".upper()
_UNIT_AFTER = rf"(?:(?:\s*,\s*|\s+){_UNIT}){{0,3}}"
_UNIT_BEFORE = rf"(?:{_UNIT}(?:\s*,\s*|\s+)){{0,2}}"
_END = rf"(?:\s+{_DIRECTION})?{_UNIT_AFTER}"
_STRASSE = (
    r"(?:straße|strasse|str\.|str\b|gasse|weg|platz|allee|ring|damm|ufer|chaussee|promenade|steig|stieg|pfad|hof|"
    r"graben|markt|"
    r"zeile|kamp|berg|feld|park|winkel|wall)"
)
_HOUSE = r"\d{1,4}(?:\s?[a-zA-Z]\b)?(?:\s?[-/–]\s?\d{1,4}\s?[a-z]?)?\b"

RULES = (
    Rule(
        "STREET_ADDRESS",
        "StreetAddressRecognizer",
        rf"{_UNIT_BEFORE}{_NUMBER},?\s+(?:{_DIRECTION}\s+)?"
        rf"(?:{_NAME}\s+(?:(?i:{COMMON_SUFFIXES})|{OTHER_SUFFIXES})|Broadway|Esplanade)\b\.?{_END}",
        _SURE,
        flags=CASED,
        hint=rf"(?:(?i:{COMMON_SUFFIXES})|(?:{OTHER_SUFFIXES}))",
    ),
    Rule(
        "STREET_ADDRESS",
        "CapitalsStreetRecognizer",
        rf"{_NUMBER},?\s+(?:[NSEW]{{1,2}}\s+)?(?:[A-Z\d]+\s+){{1,3}}(?:{_CAPITALS})\b\.?"
        rf"(?:\s+[NSEW]{{1,2}}\b)?{_UNIT_AFTER}",
        _SURE,
        flags=CASED,
        hint=r"\d[^\n]{1,9}[A-Z]{2}",
    ),
    Rule(
        "STREET_ADDRESS",
        "SmallLettersStreetRecognizer",
        rf"(?<![\p{{L}}\d.,:/$€£-])\d{{1,5}}[a-z]?\s+(?:[nsew]\.?\s+|north\s+|south\s+|east\s+|west\s+)?(?:[a-z'’]+|"
        rf"\d{{1,3}}(?:st|nd|rd|th))"
        rf"(?:\s+[a-z'’]+)?\s+(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|court|terrace|parkway|"
        rf"pkwy|highway|hwy|crescent)\b\.?"
        rf"{_UNIT_AFTER}",
        0.7,
        flags=CASED,
        hint=(
            r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|court|terrace|parkway|pkwy|highway|hwy|"
            r"crescent)"
        ),
    ),
    Rule(
        "STREET_ADDRESS",
        "UnnumberedStreetRecognizer",
        r"\b(?<!\d\s)\p{Lu}[\p{L}'’-]+(?:\s+\p{Lu}[\p{L}'’-]+){0,2}\s+(?:Street|Avenue|Ave|Road|Rd|Boulevard|Blvd|"
        r"Lane|Drive|Crescent|Mews|"
        rf"Terrace|Parkway|Highway)\b(?!\s+(?:Journal|Bank|Capital|Group))\.?{_END}",
        _LIKELY,
        flags=CASED,
        hint=r"(?:Street|Ave|Road|Rd|Boulevard|Blvd|Lane|Drive|Crescent|Mews|Terrace|Parkway|Highway)",
    ),
    Rule(
        "STREET_ADDRESS",
        "UnitAndStreetRecognizer",
        rf"(?i:\b(?:Flat|Studio|Unit|Apartment|Suite)\s+\d{{1,5}}\w?)\s*(?:,\s*|\n)\s*(?:{_NUMBER}\s+)"
        rf"?{_WORD}(?:\s+{_WORD}){{0,2}}\s+"
        rf"(?i:{COMMON_SUFFIXES}|{OTHER_SUFFIXES})\b\.?",
        _SURE,
        flags=CASED,
        hint=r"(?i:flat|studio|unit|apartment|suite)\s+\d",
    ),
    Rule(
        "STREET_ADDRESS",
        "PostBoxRecognizer",
        r"\b(?:P\.?\s?O\.?\s?(?:Box|B\.)|Post\s+Office\s+Box|GPO\s+Box|Locked\s+Bag|Private\s+Bag|Postfach|B\.?P\.|"
        r"Apartado(?:\s+de\s+correos)?|"
        r"Apdo\.?|Casella\s+Postale|C\.?P\.)\s*(?:#|n[º°o]\.?)?\s?\d{1,7}(?:\s\d{2,3}){0,2}\b",
        _SURE,
        flags=CASELESS,
    ),
    Rule(
        "STREET_ADDRESS",
        "MilitaryAddressRecognizer",
        # USPS Publication 28, section 238
        r"\b(?:(?:PSC|CMR|Unit)\s+\d{1,5}[A-Z]?,?\s+Box\s+\d{1,5}|US[NC]*[SG]C?\s+\p{Lu}[\p{L}'’-]+)"
        r"(?:,?\s+(?:[AFD]PO)\b(?:,?\s+A[AEP])?)?|\b[AFD]PO,?\s+A[AEP]\b",
        _SURE,
        flags=CASED,
    ),
    Rule(
        "STREET_ADDRESS",
        "RuralRouteRecognizer",
        r"\b(?:(?:RR|HC|Rural\s+Route|Highway\s+Contract|Route)\s+\d{1,4},?\s+Box\s+\d{1,6}[A-Z]?|"
        r"\d{1,6}\s+(?:State|County|US|Farm)\s+(?:Route|Road|Hwy|Highway|Rd)\s+\d{1,5})\b",
        _SURE,
        flags=CASELESS,
        hint=r"(?:RR|HC|Route|Road|Rd|Hwy|Highway|Contract)",
    ),
    Rule(
        "STREET_ADDRESS",
        "GermanStreetRecognizer",
        rf"\b(?:(?:\p{{Lu}}[\p{{L}}.]+[\s-]){{0,3}}\p{{Lu}}?[\p{{L}}-]*{_STRASSE}|(?:\p{{Lu}}[\p{{L}}-]+[\s-])"
        rf"{{1,3}}(?:Straße|Strasse|Str\.|Weg|Platz|Allee|"
        rf"Gasse|Ring|Damm|Ufer)|(?:Am|An\s+der|An\s+den|Im|In\s+der|Zum|Zur|Auf\s+dem|Auf\s+der|Unter\s+den)"
        rf"\s+\p{{Lu}}[\p{{L}}-]+(?:\s\p{{Lu}}[\p{{L}}-]+)?)"
        rf"\s+{_HOUSE}(?![.,:]\d)",
        _SURE,
        flags=CASED,
        hint=rf"(?i:{_STRASSE})|(?:Am|An|Im|In|Zum|Zur|Auf|Unter)\s",
    ),
    Rule(
        "STREET_ADDRESS",
        "FrenchStreetRecognizer",
        r"(?<![\p{L}\d])(?:\d{1,4}(?:\s?(?:bis|ter|quater|[A-D]\b))?(?:\s?[-/]\s?\d{1,4})?,?\s+)?"
        r"(?:rue|avenue|av\.|boulevard|bd\.?|place|pl\.|chemin|impasse|allée|allées|route|quai|cours|square|passage|"
        r"faubourg|sentier|voie)"
        r"\s+(?:(?:de\s+la|de\s+l['’]|du|des|de|d['’]|la|le|les|l['’])\s*)?(?:\p{Lu}[\p{L}'’.-]*|\d{1,2}\s+\p{L}+)"
        r"(?:[\s-]+(?:(?:de|du|des|la|le|et|d['’])\s*)?\p{Lu}[\p{L}'’.-]*){0,4}",
        _SURE,
        flags=CASED,
        hint=(
            r"(?:rue|avenue|av\.|boulevard|bd|place|pl\.|chemin|impasse|all[ée]|route|quai|cours|square|passage|"
            r"faubourg|sentier|voie)"
        ),
    ),
    Rule(
        "STREET_ADDRESS",
        "SpanishStreetRecognizer",
        r"(?<![\p{L}\d])(?:(?i:Calle|C/|Cl\.|Avenida|Avda\.?|Av\.|Plaza|Pza\.?|Paseo|Pº|Camino|Ronda|Carrera|Cra\.|"
        r"Travesía|Glorieta|Rambla|"
        r"Callejón|Cuesta|Urbanización|Urb\.|Vial|Via))\s+(?:(?:de\s+las?|de\s+los|del|de|la|el|los|las)\s+)"
        r"*\p{Lu}[\p{L}'’.-]*"
        r"(?:\s+(?:(?:de|del|la|y|los|las)\s+)*\p{Lu}[\p{L}'’.-]*){0,4}(?:\s*,)?\s*(?:n[.º°o]*\s*|nº\s*|núm\.\s*|"
        r"#\s*)?\d{1,4}\b(?:\s?[A-Z]\b)?"
        r"(?:,?\s*(?:piso|puerta|bajo|esc\.?|Apt\.)?\s*\d{0,2}\s?[ºª°](?:\s?[A-Z]\b|\s?(?:izda|dcha|izq|der)\.?)?)?",
        _SURE,
        flags=CASED,
        hint=(
            r"(?i:Calle|C/|Cl\.|Avenida|Avda|Av\.|Plaza|Pza|Paseo|Pº|Camino|Ronda|Carrera|Cra\.|Travesía|Glorieta|"
            r"Rambla|Cuesta|Urb|Via)"
        ),
    ),
    Rule(
        "STREET_ADDRESS",
        "ItalianStreetRecognizer",
        r"(?<![\p{L}\d])(?:Via|Viale|V\.le|Piazza|P\.zza|Piazzale|Corso|C\.so|Largo|Vicolo|Strada|Contrada|Borgo|"
        r"Lungo\p{Ll}+|Rotonda|Stretto|Incrocio|"
        r"Canale|Galleria|Salita|Traversa)\s+(?:(?:dei|degli|delle|della|dello|dell['’]|del|di|da|d['’]|al|alla|la|"
        r"le|il)\s*)*\p{Lu}[\p{L}'’.-]*"
        r"(?:\s+(?:(?:dei|degli|delle|della|del|di|e)\s+)*\p{Lu}[\p{L}'’.-]*){0,4}(?:\s*,)?\s*(?:n[.º°]*\s*|nr\.?\s*)"
        r"?\d{1,4}\b(?:\s?/?\s?[A-Za-z]\b)?"
        r"(?:,?\s*(?:Appartamento|Piano|Interno|int\.)\s*\d{1,4})?",
        _SURE,
        flags=CASED,
        hint=(
            r"(?:Via|V\.le|Pi?a?\.?z|Corso|C\.so|Largo|Vicolo|Strad|Contrad|Borgo|Lungo|Rotond|Strett|Incroc|Canal|"
            r"Galler|Salit|Travers)"
        ),
    ),
)
