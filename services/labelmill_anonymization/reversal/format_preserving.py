"""Format-preserving encryption: FF1 of NIST SP 800-38G over the ASCII digits and letters of a value.

Separators stay where they are. The alphabet is made of the classes that occur (digits, lower case, upper case); the
result is enciphered again until it has the same classes (cycle walking, which keeps FF1 a permutation), so that it says
by itself which alphabet it is in and can be deciphered. At least a million values of the form must exist (SP 800-38G
revision 1: radix ** length >= 1,000,000), or all of them could be tried.
"""

from __future__ import annotations

import string
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastfpe import ff1  # type: ignore[import-untyped]

SMALLEST_DOMAIN = 1_000_000
_LONGEST = 512
_CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_HEXADECIMAL = ("0123456789abcdef",)
_SEPARATORS = frozenset(string.punctuation + " \t\r\n\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u2014")


def encipher(value: str, key: bytes, tweak: bytes, *, hexadecimal: bool = False) -> str | None:
    """The value in another's form.

    Args:
        value: Any text.
        key: 32 bytes.
        tweak: What the result is bound to; another tweak gives another result.
        hexadecimal: Digits and a to f are one class, in lower case.

    Returns:
        None where there is nothing to encipher, the value is too short, has other letters, or would become itself.
    """
    result = _walk(value.lower() if hexadecimal else value, key, tweak, _HEXADECIMAL if hexadecimal else _CLASSES, True)
    return None if result == value else result


def decipher(value: str, key: bytes, tweak: bytes) -> str | None:
    """The reverse of `encipher`; None for what it does not make. With a wrong key the result is just wrong."""
    return _walk(value, key, tweak, _CLASSES, False)


def format_key(secret: bytes) -> bytes:
    """The FF1 key that belongs to a data key's secret."""
    return _format_key(secret)


def _walk(value: str, key: bytes, tweak: bytes, classes: tuple[str, ...], forward: bool) -> str | None:
    places = [place for place, character in enumerate(value) if character not in _SEPARATORS]
    letters = "".join(value[place] for place in places)
    alphabet = _alphabet(letters, classes)
    if len(letters) > _LONGEST or len(alphabet) ** len(letters) < SMALLEST_DOMAIN or not set(letters) <= set(alphabet):
        return None
    step = ff1.encrypt if forward else ff1.decrypt
    moved = str(step(key.hex(), tweak.hex(), alphabet, letters))
    while _alphabet(moved, classes) != alphabet:
        moved = str(step(key.hex(), tweak.hex(), alphabet, moved))
    characters = list(value)
    for place, character in zip(places, moved, strict=True):
        characters[place] = character
    return "".join(characters)


def _alphabet(letters: str, classes: tuple[str, ...]) -> str:
    """The classes that occur."""
    return "".join(one for one in classes if not set(one).isdisjoint(letters))


@lru_cache(maxsize=1024)
def _format_key(secret: bytes) -> bytes:
    info = b"labelmill/anonymization/v1/ff1"
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
