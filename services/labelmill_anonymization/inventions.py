"""Invents values: names, places, numbers of the kind of the original, from a seed and nothing else.

Only addresses and hosts that are reserved for examples are invented, so that no pseudonym reaches a real person.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from faker import Faker
from faker.config import AVAILABLE_LOCALES

Inventor = Callable[[Faker, str], str]

_FIRST_DAY, _LAST_DAY = date(1950, 1, 1), date(2020, 12, 31)  # fixed: "today" would change pseudonyms over night


def _person(fake: Faker, value: str) -> str:
    return str(fake.name() if len(value.split()) > 1 else fake.first_name())


def _date(fake: Faker, _value: str) -> str:
    day = fake.date_between_dates(_FIRST_DAY, _LAST_DAY)
    return f"{day:%B} {day.day}, {day.year}"


def _url(fake: Faker, _value: str) -> str:
    return f"https://{fake.domain_word()}.example/"


_INVENTORS: dict[str, Inventor] = {
    "AGE": lambda fake, _value: f"{fake.random_int(18, 89)} years old",
    "CREDIT_CARD": lambda fake, _value: fake.credit_card_number(),
    "DATE_TIME": _date,
    "EMAIL_ADDRESS": lambda fake, _value: fake.ascii_safe_email(),
    "IBAN_CODE": lambda fake, _value: fake.iban(),
    "IP_ADDRESS": lambda fake, _value: fake.ipv4_private(),
    "LOCATION": lambda fake, _value: fake.city(),
    "MAC_ADDRESS": lambda fake, _value: fake.mac_address(),
    "ORGANIZATION": lambda fake, _value: fake.company(),
    "PERSON": _person,
    "PHONE_NUMBER": lambda fake, _value: fake.phone_number(),
    "URL": _url,
    "US_SSN": lambda fake, _value: fake.ssn(),
    "UUID": lambda fake, _value: fake.uuid4(),
}


def is_locale(name: str) -> bool:
    """Whether values can be invented in a locale."""
    return name in AVAILABLE_LOCALES


def invent(entity_type: str, value: str, seed: int, locale: str) -> str | None:
    """A value of the type; None where the type has no inventor, or the locale lacks it.

    `value` only decides the form (one word or several); everything else comes from the seed.
    """
    inventor = _INVENTORS.get(entity_type)
    if inventor is None:
        return None
    fake = _faker(locale)
    fake.seed_instance(seed)
    try:
        return inventor(fake, value)
    except AttributeError:  # this locale has no such provider
        return None


@lru_cache(maxsize=32)
def _faker(locale: str) -> Faker:
    return Faker(locale)
