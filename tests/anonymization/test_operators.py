"""What each operator makes of a value. The keyed ones are pinned: a change would break links in existing projects."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.keys import DataKey, ProjectKeys, normalized
from labelmill_anonymization.operators import (
    OPERATORS,
    DateShift,
    Encrypt,
    EncryptFormat,
    Generalize,
    Hash,
    Keep,
    Mask,
    Operator,
    Protection,
    Pseudonym,
    Redact,
    Replace,
)

KEYS = replace(ProjectKeys.derive(b"s" * 32, "demo"), encryption=DataKey("00112233445566ff", b"k" * 32))
OTHER_PROJECT = ProjectKeys.derive(b"s" * 32, "other")


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        (Redact(), "Jane Doe", ""),
        (Replace(), "Jane Doe", "<PERSON>"),
        (Replace("someone"), "Jane Doe", "someone"),
        (Mask(), "Jane Doe", "********"),
        (Mask("#", 4), "Jane Doe", "#### Doe"),
        (Mask("#", 3, from_end=True), "Jane Doe", "Jane ###"),
        (Mask("#", 99), "Jane", "####"),
        (Mask("•"), "Zoë 👩‍🚀", "•••••••"),
        (Keep(), "Jane Doe", "Jane Doe"),
    ],
)
def test_plain_operators(operator: Operator, value: str, expected: str) -> None:
    assert operator.apply(value, "PERSON", KEYS) == expected


@pytest.mark.parametrize(
    ("operator", "entity_type", "value", "expected"),
    [
        (Hash(), "PERSON", "Jane Doe", "6d7ff2f83ce7ba8f"),
        (Encrypt(), "PERSON", "Jane Doe", "<PERSON:00112233445566ff:xpyQ71V_QTRE9YgKD_Cr1Ptmzxr1rMKT>"),
        (EncryptFormat(), "CREDIT_CARD", "4111 1111 1111 1111", "5750 5813 6143 5549"),
        (EncryptFormat(), "LICENSE_PLATE", "B-AB 12345", "W-NU YNN2I"),
        (DateShift(), "DATE_TIME", "2024-03-03", "2023-10-29"),
        (Pseudonym("en_US"), "PERSON", "John Smith", "Nicholas Parrish"),
        (Pseudonym("de_DE"), "PERSON", "Anna Müller", "Ellinor Bolander"),
        (Pseudonym(), "PERSON", "Qwerta Kowalski", "Wright-Difatizugamaveli Parrish-Kerolazosepotusa"),
        (Pseudonym(), "LOCATION", "France", "Suriname"),
        (Pseudonym(), "LOCATION", "Texas", "Arizona"),
        (Pseudonym(), "LOCATION", "Boston", "Luvidezugi Kilogibezi"),
        (Pseudonym(), "PHONE_NUMBER", "020 7946 0958", "331 7957 2913"),
        (Pseudonym(), "DATE_TIME", "March 3, 2024", "March 8, 2089"),
        (Pseudonym(), "AGE", "aged 43", "aged 50"),
    ],
)
def test_what_keys_make_stays_what_it_is(operator: Operator, entity_type: str, value: str, expected: str) -> None:
    """Pinned: another result would break the links, or the way back, in every project there is."""
    assert operator.apply(value, entity_type, KEYS) == expected


@pytest.mark.parametrize(
    ("entity_type", "value", "coarser"),
    [
        ("AGE", "34", "30-39"),
        ("AGE", "34 years old", "30-39"),
        ("AGE", "9", "0-9"),
        ("AGE", "89", "80-89"),
        ("AGE", "90", "90+"),
        ("AGE", "aged 104", "90+"),
        ("AGE", "thirty", "<AGE>"),
        ("AGE", "between 30 and 40", "<AGE>"),
        ("POSTAL_CODE", "02139", "021**"),
        ("POSTAL_CODE", "02139-4307", "021**"),
        ("POSTAL_CODE", "03601", "000**"),
        ("POSTAL_CODE", "89301", "000**"),
        ("POSTAL_CODE", "SW1A 1AA", "<POSTAL_CODE>"),
        ("DATE_TIME", "March 3, 2024", "2024"),
        ("DATE_TIME", "03.03.24", "2024"),
        ("DATE_TIME", "March 2024", "2024"),
        ("DATE_TIME", "2019 to 2024", "<DATE_TIME>"),
        ("DATE_TIME", "yesterday", "<DATE_TIME>"),
        ("IP_ADDRESS", "203.0.113.77", "203.0.113.0/24"),
        ("IP_ADDRESS", "2001:db8:1:2::3", "2001:db8:1::/48"),
        ("IP_ADDRESS", "localhost", "<IP_ADDRESS>"),
        ("SALARY", "52300.50", "52300-52310"),
        ("SALARY", "-3", "-10-0"),
        ("PERSON", "Jane Doe", "<PERSON>"),
    ],
)
def test_values_are_made_coarser(entity_type: str, value: str, coarser: str) -> None:
    assert Generalize().apply(value, entity_type, KEYS) == coarser


def test_how_coarse_is_a_parameter() -> None:
    assert Generalize(age_band=1).apply("34", "AGE", KEYS) == "34"
    assert Generalize(age_band=1).apply("91", "AGE", KEYS) == "90+"
    assert Generalize(age_band=25, age_cap=80).apply("79", "AGE", KEYS) == "75-79"
    assert Generalize(postal_digits=1).apply("02139", "POSTAL_CODE", KEYS) == "0****"
    assert Generalize(number_band=0.5).apply("1.7", "DOSE", KEYS) == "1.5-2"


def test_years_that_tell_a_high_age_are_one_class_as_the_ages_are() -> None:
    this_year = datetime.now(UTC).year
    for born, coarser in (
        (this_year - 89, f"{this_year - 89}"),
        (this_year - 90, f"\u2264{this_year - 90}"),
        (this_year - 99, f"\u2264{this_year - 90}"),
    ):
        for written in (f"March 3, {born}", f"03/14/{born}", f"{born}"):
            assert Generalize().apply(written, "DATE_TIME", KEYS) == coarser
    assert Generalize(age_cap=150).apply("1931", "DATE_TIME", KEYS) == "1931"


@given(st.text(max_size=30), st.sampled_from(sorted(entity_types("en"))))
def test_generalizing_leaves_a_coarse_form_or_the_type(value: str, entity_type: str) -> None:
    number = r"-?[\d.]+(e[+-]\d+)?"
    forms = rf"<{entity_type}>|\d+\+|{number}-{number}|[\d*]{{5}}|\u2264?\d{{4}}|[0-9a-f.:]+/\d+"
    assert re.fullmatch(forms, Generalize().apply(value, entity_type, KEYS))


def test_hash_is_hmac_sha256_of_type_and_normalized_value() -> None:
    expected = hmac.new(KEYS.hash_key, b"PERSON\0jane doe", hashlib.sha256).hexdigest()
    assert Hash().apply("Jane Doe", "PERSON", KEYS) == expected[:16]
    assert Hash(64).apply("Jane Doe", "PERSON", KEYS) == expected


@pytest.mark.parametrize("operator", [Hash(), Pseudonym()])
def test_linking_operators_link_within_a_project_and_type_only(operator: Operator) -> None:
    here = operator.apply("Jane Doe", "PERSON", KEYS)
    assert operator.apply("JANE  DOE", "PERSON", KEYS) == here
    assert operator.apply("Jane Doe", "PERSON", OTHER_PROJECT) != here
    assert operator.apply("Jane Doe", "LOCATION", KEYS) != here
    assert operator.apply("Jane Roe", "PERSON", KEYS) != here


def test_unicode_forms_of_one_name_have_one_hash() -> None:
    composed, decomposed = unicodedata.normalize("NFC", "José"), unicodedata.normalize("NFD", "José")
    assert composed != decomposed
    assert Hash().apply(composed, "PERSON", KEYS) == Hash().apply(decomposed, "PERSON", KEYS)


@pytest.mark.parametrize(
    ("entity_type", "value", "form"),
    [
        ("PERSON", "Jane Doe", r"\S+ \S+.*"),
        ("PERSON", "Jane", r"\S+"),
        ("LOCATION", "Boston", r".+"),
        ("EMAIL_ADDRESS", "jane@corp.com", r"[a-z0-9.]+@example\.(com|org|net)"),
        ("PHONE_NUMBER", "020 7946 0958", r"\d{3} \d{4} \d{4}"),
        ("DATE_TIME", "May 3, 2024", r"[A-Z][a-z]+ \d{1,2}, (19|20)\d\d"),
        ("DATE_TIME", "yesterday", r"<DATE_TIME_[0-9a-f]{16}>"),
        ("URL", "http://a.com", r"https://[a-z0-9-]+\.example/"),
        ("IP_ADDRESS", "8.8.8.8", r"2001:db8:[0-9a-f:]+"),
        ("US_SSN", "078-05-1120", r"\d{3}-\d\d-\d{4}"),
        ("AGE", "aged 43", r"aged \d\d"),
        ("US_DRIVER_LICENSE", "H1234", r"[A-Z0-9]{5}"),
        ("POSTAL_CODE", "02139", r"<POSTAL_CODE_[0-9a-f]{16}>"),
        ("MAC_ADDRESS", "00:1B:44:11:3A:B7", r"([0-9a-f]{2}:){5}[0-9a-f]{2}"),
        ("STREET_ADDRESS", "12 Main Street", r"\d{1,3} [A-Z][a-z]+ [A-Z][a-z]+ Street"),
        ("ORGANIZATION", "Acme Inc.", r"[A-Z][a-z]+ [A-Z][a-z]+ [A-Z][a-z]+"),
    ],
)
def test_pseudonyms_are_of_the_same_kind(entity_type: str, value: str, form: str) -> None:
    pseudonym = Pseudonym().apply(value, entity_type, KEYS)
    assert re.fullmatch(form, pseudonym), pseudonym


def test_pseudonyms_are_in_the_locale() -> None:
    german = Pseudonym("de_DE").apply("Jane Doe", "PERSON", KEYS)
    assert german != Pseudonym().apply("Jane Doe", "PERSON", KEYS)
    assert Pseudonym("de_DE").apply("Jane Doe", "PERSON", KEYS) == german


@given(st.sampled_from(sorted(entity_types("en"))), st.text(min_size=1, max_size=30))
def test_a_pseudonym_never_holds_the_original(entity_type: str, value: str) -> None:
    pseudonym = Pseudonym().apply(value, entity_type, KEYS)
    assert pseudonym
    if len(normalized(value)) > 2:
        assert normalized(value) not in normalized(pseudonym)


def test_a_pseudonym_that_hits_the_original_is_drawn_again() -> None:
    names = {Pseudonym().apply(f"Person {i}", "PERSON", KEYS) for i in range(50)}
    for name in names:
        assert normalized(Pseudonym().apply(name, "PERSON", KEYS)) != normalized(name)


def test_the_protection_of_each_operator() -> None:
    levels = {operator.name: operator().protection("Jane Doe") for operator in OPERATORS}
    assert levels == {
        "redact": Protection.ANONYMIZED,
        "replace": Protection.ANONYMIZED,
        "mask": Protection.ANONYMIZED,
        "hash": Protection.PSEUDONYMIZED,
        "encrypt": Protection.PSEUDONYMIZED,
        "encrypt_format": Protection.PSEUDONYMIZED,
        "pseudonym": Protection.PSEUDONYMIZED,
        "date_shift": Protection.PSEUDONYMIZED,
        "generalize": Protection.ANONYMIZED,
        "keep": Protection.DETECTED_ONLY,
    }
    assert Mask(character_count=4).protection("Jane Doe") is Protection.DETECTED_ONLY
    assert Mask(character_count=8).protection("Jane Doe") is Protection.ANONYMIZED


def test_keys_do_not_show_up_when_printed() -> None:
    assert KEYS.hash_key.hex() not in repr(KEYS)
    assert repr(KEYS.hash_key) not in repr(KEYS)


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ProjectKeys.derive(b"short", "demo")
