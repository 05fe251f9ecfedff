"""Identifiers that only the words before them tell from any other number: "MRN 00123456", "license plate: 7ABC123"."""

from __future__ import annotations

from labelmill_anonymization.detection import checksums
from labelmill_anonymization.detection.context import contexts
from labelmill_anonymization.detection.rules import CASELESS, Rule

_SCORE = 0.8
_WEAK = 0.6
_NUMBER_WORD = (
    r"(?:\s*(?:numbers?|num|no\.?|nr\.?|#|№|id|identifier|code|is|was|:|=|-|/|\(s\)|n[º°]\.?|nummer|número|numéro|"
    r"numero))*\s*#?"
)
_CODE = r"(?P<value>(?=[\w-]*\d)[A-Z0-9](?:[A-Z0-9]|[-/.](?=[A-Z0-9])){3,24})\b"
_DIGITS = r"(?P<value>\d(?:[\d]|[ -](?=\d)){3,24})\b"


def _labelled(entity_type: str, recognizer: str, label: str, value: str = _CODE, score: float = _SCORE) -> Rule:
    pattern = rf"\b(?:{label}){_NUMBER_WORD}{value}"
    return Rule(entity_type, recognizer, pattern, score, flags=CASELESS, hint=rf"(?:{label})")


RULES = (
    _labelled(
        "MEDICAL_RECORD_NUMBER",
        "MedicalRecordRecognizer",
        r"MRN|medical\s+record|med\.?\s+rec|patient\s+(?:id|identifier|number|no|#)|chart\s+(?:number|no|#)|"
        r"hospital\s+(?:number|no)|"
        r"Patientennummer|Fallnummer|historia\s+cl[ií]nica|num[ée]ro\s+de\s+dossier|cartella\s+clinica",
    ),
    _labelled(
        "HEALTH_PLAN_NUMBER",
        "HealthPlanRecognizer",
        r"member\s+(?:id|number|no|#)|health\s+(?:plan|insurance)|insurance\s+(?:id|number|policy|no)|"
        r"subscriber\s+(?:id|number|no)|"
        r"beneficiary|medicaid|medicare|MBI|policy\s+(?:number|no|#|id)|group\s+(?:number|no|#)|"
        r"Versichertennummer|Krankenversicherungsnummer|tarjeta\s+sanitaria|tessera\s+sanitaria",
    ),
    Rule(
        "HEALTH_PLAN_NUMBER",
        "MedicareBeneficiaryRecognizer",
        # CMS, "Understanding the new Medicare Beneficiary Identifier format": position by position, no S L O I B Z
        r"\b[1-9][AC-HJKMNP-RT-Y][\dAC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][\dAC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b",
        0.8,
        context=contexts("medicare, mbi, beneficiary, member, plan"),
    ),
    _labelled(
        "ACCOUNT_NUMBER",
        "AccountRecognizer",
        r"acc(?:oun)?t\.?|a/c|customer\s+(?:id|number|no|#)|client\s+(?:id|number|no|#)|membership|loyalty|"
        r"Kontonummer|Konto|Kundennummer|cuenta|n[uú]mero\s+de\s+cuenta|compte|num[ée]ro\s+de\s+client|"
        r"conto(?:\s+corrente)?",
    ),
    _labelled(
        "US_BANK_NUMBER",
        "BankNumberRecognizer",
        r"bank\s+acc(?:oun)?t|checking(?:\s+acc(?:oun)?t)?|savings\s+acc(?:oun)?t|routing|ABA|sort\s+code|BLZ|"
        r"Bankleitzahl",
        _DIGITS,
    ),
    _labelled(
        "US_DRIVER_LICENSE",
        "DriverLicenseRecognizer",
        r"driv(?:er|ing)[’']?s?[’']?\s*(?:licen[sc]e|permit|lic\.?)|\bD\.?L\.?|DLN|operator\s+licen[sc]e|"
        r"F[üu]hrerschein(?:nummer)?|"
        r"permis\s+de\s+conduire|permiso\s+de\s+conducir|patente",
    ),
    _labelled(
        "US_PASSPORT",
        "PassportNumberRecognizer",
        r"passports?|Reisepass(?:nummer)?|pasaporte|passeport|passaporto",
        r"(?P<value>(?=(?:[A-Z]*\d){3})[A-Z0-9]{6,10})\b",
    ),
    _labelled(
        "LICENSE_PLATE",
        "LicensePlateRecognizer",
        r"licen[sc]e\s+plates?|number\s+plates?|plates?\s+(?:number|no|#)|(?:vehicle|car)\s+registration|"
        r"registration\s+(?:plate|mark|number)|"
        r"tag\s+(?:number|no|#)|Kennzeichen|plaque(?:\s+d[’']immatriculation)?|immatriculation|matr[íi]cula|targa",
        r"(?-i:(?P<value>(?=[A-Z0-9 -]*\d)[A-Z0-9ÄÖÜ]{1,4}(?:[ -]?[A-Z0-9]{1,4}){1,3}))\b",
    ),
    Rule(
        "VEHICLE_ID",
        "VinRecognizer",
        r"\b(?=[A-Z]*\d)(?=\d*[A-Z])[A-HJ-NPR-Z\d]{8}[\dX][A-HJ-NPR-Z\d]{4}\d{4}\b",
        0.9,
        check=lambda value: 0.9 if checksums.vehicle_id(value) else None,
    ),
    _labelled(
        "VEHICLE_ID",
        "VinLabelRecognizer",
        r"VIN|vehicle\s+(?:identification|id)|chassis|Fahrgestellnummer|FIN|bastidor|telaio",
        r"(?P<value>(?=[A-Z0-9]*\d)[A-HJ-NPR-Z0-9]{17})\b",
    ),
    Rule(
        "DEVICE_ID",
        "ImeiRecognizer",
        r"(?<![\d-])(?:\d{15}|\d{2}[- ]\d{6}[- ]\d{6}[- ]\d)(?![\d-])",
        _WEAK,
        context=contexts("imei, phone, device, handset, meid"),
        needs_context=True,
        check=lambda value: _WEAK if checksums.luhn(value) else None,
    ),
    _labelled(
        "DEVICE_ID",
        "SerialNumberRecognizer",
        r"serial(?:\s+(?:number|no|num|#))?|s/n|device\s+(?:id|identifier|serial)|UDI|IMEI|Seriennummer|"
        r"n[uú]mero\s+de\s+serie|num[ée]ro\s+de\s+s[ée]rie",
    ),
)
