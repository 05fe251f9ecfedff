"""What each operator makes of a value. The keyed ones are pinned: a change would break links in existing projects."""

import hashlib
import hmac
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.keys import ProjectKeys, normalized
from labelmill_anonymization.operators import (
    OPERATORS,
    Hash,
    Keep,
    Mask,
    Operator,
    Protection,
    Pseudonym,
    Redact,
    Replace,
)

KEYS = ProjectKeys.derive(b"s" * 32, "demo")
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
    import re

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
