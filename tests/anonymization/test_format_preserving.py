"""Format-preserving encryption: NIST's samples, the form, the way back, and what is refused."""

import string
from dataclasses import replace

import pytest
from fastfpe import ff1
from hypothesis import assume, given
from hypothesis import strategies as st

from labelmill_anonymization.keys import DataKey, ProjectKeys
from labelmill_anonymization.operators import EncryptFormat, Fallback
from labelmill_anonymization.reversal.format_preserving import decipher, encipher
from labelmill_anonymization.reversal.tokens import tokens_in, unseal

KEY, TWEAK = b"k" * 32, b"demo|CREDIT_CARD"
DATA_KEY = DataKey("00112233445566ff", KEY)
KEYS = replace(ProjectKeys.derive(b"s" * 32, "demo"), encryption=DATA_KEY)
AES128 = "2B7E151628AED2A6ABF7158809CF4F3C"
AES192 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F"
AES256 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"
DIGITS, BASE36 = string.digits, string.digits + string.ascii_lowercase


@pytest.mark.parametrize(
    ("key", "tweak", "alphabet", "plain", "cipher"),
    [
        (AES128, "", DIGITS, "0123456789", "2433477484"),
        (AES128, "39383736353433323130", DIGITS, "0123456789", "6124200773"),
        (AES128, "3737373770717273373737", BASE36, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
        (AES192, "", DIGITS, "0123456789", "2830668132"),
        (AES192, "39383736353433323130", DIGITS, "0123456789", "2496655549"),
        (AES192, "3737373770717273373737", BASE36, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
        (AES256, "", DIGITS, "0123456789", "6657667009"),
        (AES256, "39383736353433323130", DIGITS, "0123456789", "1001623463"),
        (AES256, "3737373770717273373737", BASE36, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    ],
)
def test_the_cipher_is_that_of_nist(key: str, tweak: str, alphabet: str, plain: str, cipher: str) -> None:
    """The nine samples of FF1 that NIST publishes beside SP 800-38G."""
    assert ff1.encrypt(key, tweak, alphabet, plain) == cipher
    assert ff1.decrypt(key, tweak, alphabet, cipher) == plain


def form(value: str) -> tuple[set[str], list[str]]:
    """The classes that occur, and the separators in their places."""
    classes = {name for name, letters in _CLASSES.items() if set(letters) & set(value)}
    return classes, [c if not (c.isascii() and c.isalnum()) else "x" for c in value]


_CLASSES = {"digits": string.digits, "lower": string.ascii_lowercase, "upper": string.ascii_uppercase}


@given(st.text(alphabet=string.digits + "abzABZ -./()", min_size=4, max_size=40))
def test_the_form_stays_and_the_value_comes_back(value: str) -> None:
    enciphered = encipher(value, KEY, TWEAK)
    assume(enciphered is not None)
    assert enciphered is not None
    assert enciphered != value
    assert form(enciphered) == form(value)
    assert decipher(enciphered, KEY, TWEAK) == value


@given(st.sets(st.from_regex(r"[0-9]{6}", fullmatch=True), min_size=2, max_size=50))
def test_different_values_stay_different(values: set[str]) -> None:
    enciphered = [encipher(value, KEY, TWEAK) for value in values]
    there = [one for one in enciphered if one is not None]
    assert len(set(there)) == len(there)


@pytest.mark.parametrize(
    "value", ["12345", "abcd", "AB-1", "", " - ", "Zoë Müller 1234", "٠١٢٣٤٥٦٧", "1234567890" * 60]
)
def test_what_ff1_cannot_take_is_refused(value: str) -> None:
    assert encipher(value, KEY, TWEAK) is None


def test_the_smallest_domain_has_a_million_values() -> None:
    assert encipher("123456", KEY, TWEAK) is not None  # 10 ** 6
    assert encipher("12345", KEY, TWEAK) is None
    assert encipher("abcde", KEY, TWEAK) is not None  # 26 ** 5 = 11.9 million
    assert encipher("abcd", KEY, TWEAK) is None  # 26 ** 4 = 457 thousand


def test_project_and_type_make_a_difference() -> None:
    card, phone = (EncryptFormat().apply("4111 1111 1111 1111", kind, KEYS) for kind in ("CREDIT_CARD", "PHONE_NUMBER"))
    elsewhere = EncryptFormat().apply("4111 1111 1111 1111", "CREDIT_CARD", replace(KEYS, project="other"))
    assert len({card, phone, elsewhere, "4111 1111 1111 1111"}) == 4


def test_a_value_that_is_too_short_falls_back_and_never_passes() -> None:
    assert EncryptFormat().apply("12345", "POSTAL_CODE", KEYS) == "<POSTAL_CODE>"
    [token] = tokens_in(EncryptFormat(fallback=Fallback.ENCRYPT).apply("12345", "POSTAL_CODE", KEYS))
    assert unseal(token, "demo", DATA_KEY) == "12345"
