"""What the name of a column says about its role: words that schemas use for personal data."""

from __future__ import annotations

import re

from labelmill_anonymization.tables.rules import Role

Meaning = tuple[Role, str]
"""(role, entity type of an identifier, "" where it has none)."""

_D, _Q, _S = Role.DIRECT_IDENTIFIER, Role.QUASI_IDENTIFIER, Role.SENSITIVE
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")

_PHRASES: dict[Meaning, str] = {
    (_D, "PERSON"): (
        "name, first name, last name, given name, family name, full name, surname, forename, middle name, "
        "maiden name, nickname, patient, patient name, customer, customer name, employee, employee name, "
        "contact name, contact, author, recipient, sender, cardholder, doctor, physician, vorname, nachname, "
        "nombre, apellido, prenom, nom, cognome, nome"
    ),
    (_D, "EMAIL_ADDRESS"): "email, e mail, mail, email address, mail address",
    (_D, "PHONE_NUMBER"): (
        "phone, telephone, tel, mobile, cell, cellphone, fax, phone number, mobile number, fax number, telefon"
    ),
    (_D, "STREET_ADDRESS"): (
        "address, street, street address, address line, addr, strasse, adresse, direccion, indirizzo"
    ),
    (_D, "US_SSN"): "ssn, social security number, social security",
    (_D, "US_PASSPORT"): "passport, passport number",
    (_D, "US_DRIVER_LICENSE"): "driver license, drivers license, driving licence, driver licence, dl number",
    (_D, "IBAN_CODE"): "iban",
    (_D, "CREDIT_CARD"): "card number, credit card, credit card number, cc number, pan",
    (_D, "ACCOUNT_NUMBER"): (
        "account, account number, account id, user id, userid, username, user name, login, customer id, "
        "client id, member id, employee id, person id, subject id, participant id, national id, tax id, "
        "student id, personnel number"
    ),
    (_D, "MEDICAL_RECORD_NUMBER"): "mrn, medical record number, patient id, patient number, record number",
    (_D, "HEALTH_PLAN_NUMBER"): "health plan number, insurance number, policy number, mbi",
    (_D, "IP_ADDRESS"): "ip, ip address, ipv4, ipv6",
    (_D, "MAC_ADDRESS"): "mac, mac address",
    (_D, "DEVICE_ID"): "device id, imei, serial number, device serial",
    (_D, "LICENSE_PLATE"): "license plate, licence plate, plate number, number plate",
    (_D, "VEHICLE_ID"): "vin, vehicle id",
    (_D, "URL"): "url, homepage, website, profile url",
    (_Q, "AGE"): "age",
    (_Q, "DATE_TIME"): (
        "birth, birthday, birthdate, birth date, date of birth, dob, birth year, year of birth, admission date, "
        "discharge date, date of death"
    ),
    (_Q, "POSTAL_CODE"): "zip, zip code, zipcode, postal code, postcode, plz",
    (_Q, "LOCATION"): (
        "city, town, municipality, county, state, province, region, country, native country, birthplace, "
        "place of birth, location"
    ),
    (_Q, "NRP"): "nationality, citizenship, ethnicity, ethnic group, race, religion",
    (_Q, ""): (
        "sex, gender, marital status, marital, civil status, relationship, education, education num, degree, "
        "occupation, job, job title, profession, employer, workclass, department, language, native language, "
        "household size, children, height, weight, latitude, longitude, lat, lon, lng"
    ),
    (_S, ""): (
        "diagnosis, disease, illness, condition, icd, icd code, medication, drug, treatment, therapy, "
        "symptom, hiv, blood type, test result, lab result, disability, income, salary, wage, earnings, "
        "credit score, debt, balance, criminal record, conviction, sexual orientation, political party, "
        "party, union, grade, gpa"
    ),
}
_MEANINGS: dict[tuple[str, ...], Meaning] = {
    tuple(phrase.split()): meaning for meaning, phrases in _PHRASES.items() for phrase in phrases.split(", ")
}
_LONGEST = max(map(len, _MEANINGS))
_NUMBERING = frozenset({"id", "ids", "key", "no", "nr", "num", "number", "uuid", "guid", "code", "hash", "token"})

_SCHEMA_DIGITS = 4
_WORDS = """
acceleration action agree air alcohol alive alone amount annotation annotations answer area at average avg
bill bmi body bottom box brand browser built cabin capital car cars category central channel charges choices
cholesterol claim class clean code color colour column comment confidence content cost count created currency
data date day days deck delivered department depth description diastolic dinner disagree discount displacement
division doc document duration end event exercise fare feature features feedback field file first flag fold
foundation frame gain garage glucose group has heart heating height helpful hour hours house id ids image
index input is island item items key kind kitchen label lang language last lat latency left length level list
lon loss mask max mean message meta metadata method min minutes mode model month name no note nr number object
of order origin os outcome output overall page paragraph party path pending percent petal polygon predicted
prediction premium pressure price probability product profit quality quantity question rate rating ratio raw
recommended record records region request response result results review right role row sale sales score
seconds segment sentence sentiment sepal session set share ship shipped shipping size sku smoker source span
spans species split start state status stay std style sub subject sum summary survey systolic tag tags target
tax test text time timestamp tip title token tokens top topic total train type unit units updated url
utilities valid value version visit visits votes ward week weight width word words x y year z
"""
_SCHEMA_WORDS = frozenset(_WORDS.split()).union(*_MEANINGS)
"""Words that schemas use for anything; a model takes some of them for names when they stand alone."""


def words(name: str) -> tuple[str, ...]:
    """The words of a column name, lower-case: "patient.homeZIPCode" -> patient, home, zip, code."""
    return tuple(word.lower() for word in _WORD.findall(name))


def meaning(name: str) -> Meaning | None:
    """What the name says: by its last element if that says anything (the type of a thing stands last), then any."""
    last = tuple(word for word in words(name.rpartition(".")[2]) if not word.isdigit())  # address2 is an address
    for size in range(min(_LONGEST, len(last)), 0, -1):
        if last[-size:] in _MEANINGS:
            return _MEANINGS[last[-size:]]
    for size in range(min(_LONGEST, len(last)), 1, -1):
        for start in range(len(last) - size + 1):
            if last[start : start + size] in _MEANINGS:
                return _MEANINGS[last[start : start + size]]
    return None


def is_schema(name: str) -> bool:
    """Whether the name is made of words that schemas use and a digit or two, so that it cannot name anybody."""
    few_digits = sum(character.isdigit() for character in name) <= _SCHEMA_DIGITS
    return few_digits and "@" not in name and all(word in _SCHEMA_WORDS or word.isdigit() for word in words(name))


def says_identity(name: str) -> bool:
    """Whether the name is that of a key: id, uuid, number."""
    return bool(_NUMBERING.intersection(words(name.rpartition(".")[2])[-1:]))
