"""Pseudonyms by entity type.

Only addresses and hosts that are reserved for examples are invented (RFC 2606, RFC 3849), so that no pseudonym of one
reaches a real person.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from labelmill_anonymization.keys import ProjectKeys, keyed_digest, normalized
from labelmill_anonymization.pseudonyms.made_up import letters, two_words
from labelmill_anonymization.pseudonyms.name_lists import place_lists
from labelmill_anonymization.pseudonyms.names import pseudonym_of_name
from labelmill_anonymization.pseudonyms.rings import Ring
from labelmill_anonymization.reversal.format_preserving import encipher
from labelmill_anonymization.written_dates import read_date

_DOCUMENTATION_NETWORK = int(ipaddress.ip_network("2001:db8::/32").network_address)
_COMPANIES = ("Group", "Partners", "Works", "Trading", "Holdings", "Labs", "Services", "Systems")
_FIRST_DAY, _DAYS = date(1900, 1, 1), 73_049  # to the end of 2099
_AGE = re.compile(r"(?<!\d)\d{1,3}(?!\d)")
_YOUNGEST, _AGES = 18, 72
_DIGIT = re.compile(r"[0-9]")

Inventor = Callable[[str, str, ProjectKeys], str | None]
"""(value, entity type, keys) -> the pseudonym, or None where the value has not the form of its type."""


def invent(value: str, entity_type: str, keys: ProjectKeys, locale: str) -> str | None:
    """A pseudonym; None where the type has none, or the value not its form."""
    if entity_type == "PERSON":
        return pseudonym_of_name(value, keys.pseudonym_key, locale)
    if entity_type == "LOCATION":
        return _listed_places(keys.pseudonym_key, locale).get(normalized(value)) or _place(value, entity_type, keys)
    return _INVENTORS.get(entity_type, _of_same_format)(value, entity_type, keys)


def _of_same_format(value: str, entity_type: str, keys: ProjectKeys) -> str | None:
    """Numbers of all kinds: enciphered one to one. There is no RPC that would decipher them."""
    if _DIGIT.search(value) is None:
        return None
    return encipher(value, keys.purpose_key("format"), entity_type.encode())


def _hexadecimal(value: str, entity_type: str, keys: ProjectKeys) -> str | None:
    return encipher(value, keys.purpose_key("format"), entity_type.encode(), hexadecimal=True)


def _digest(value: str, entity_type: str, keys: ProjectKeys) -> bytes:
    return keyed_digest(keys.pseudonym_key, entity_type, value)


@lru_cache(maxsize=64)
def _listed_places(key: bytes, locale: str) -> dict[str, str]:
    """Countries and states are exchanged among themselves, one to one."""
    return {name: other for names in place_lists(locale) for name, other in Ring.of(names, key).successors.items()}


def _place(value: str, entity_type: str, keys: ProjectKeys) -> str:
    return two_words(int.from_bytes(_digest(value, entity_type, keys)))[0]


def _company(value: str, entity_type: str, keys: ProjectKeys) -> str:
    words, left = two_words(int.from_bytes(_digest(value, entity_type, keys)))
    return f"{words} {_COMPANIES[left % len(_COMPANIES)]}"


def _street(value: str, entity_type: str, keys: ProjectKeys) -> str:
    words, left = two_words(int.from_bytes(_digest(value, entity_type, keys)))
    return f"{1 + left % 199} {words} Street"


def _email(value: str, entity_type: str, keys: ProjectKeys) -> str:
    return f"{letters(_digest(value, entity_type, keys))}@example.com"


def _url(value: str, entity_type: str, keys: ProjectKeys) -> str:
    return f"https://{letters(_digest(value, entity_type, keys))}.example/"


def _ip_address(value: str, entity_type: str, keys: ProjectKeys) -> str:
    host = int.from_bytes(_digest(value, entity_type, keys)[:12])
    return str(ipaddress.IPv6Address(_DOCUMENTATION_NETWORK | host))


def _age(value: str, entity_type: str, keys: ProjectKeys) -> str | None:
    numbers = _AGE.findall(value)
    if len(numbers) != 1 or not 0 <= int(numbers[0]) - _YOUNGEST < _AGES:
        return None
    moved = 1 + int.from_bytes(keys.purpose_key("age")) % (_AGES - 1)
    return _AGE.sub(str(_YOUNGEST + (int(numbers[0]) - _YOUNGEST + moved) % _AGES), value)


def _date(value: str, entity_type: str, keys: ProjectKeys) -> str | None:
    """Another day of 1900 to 2099, one to one: FF1 on the number of the day, again until it is one of them."""
    written = read_date(value)
    if written is None or not 0 <= (number := (written.day - _FIRST_DAY).days) < _DAYS:
        return None
    key = keys.purpose_key("format")
    moved = number
    while moved == number or moved >= _DAYS:
        enciphered = encipher(f"{moved:06}", key, entity_type.encode())
        if enciphered is None:
            return None
        moved = int(enciphered)
        if moved == number:
            return None
    return written.write(_FIRST_DAY + timedelta(days=moved))


_INVENTORS: dict[str, Inventor] = {
    "AGE": _age,
    "DATE_TIME": _date,
    "EMAIL_ADDRESS": _email,
    "IP_ADDRESS": _ip_address,
    "MAC_ADDRESS": _hexadecimal,
    "ORGANIZATION": _company,
    "STREET_ADDRESS": _street,
    "URL": _url,
    "UUID": _hexadecimal,
}
