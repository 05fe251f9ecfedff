"""Lists of names by locale and gender, and of places, from Faker's data; nothing of Faker draws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from faker.config import AVAILABLE_LOCALES

from labelmill_anonymization.keys import normalized

DEFAULT_LOCALE = "en_US"
_BY_LANGUAGE = {"en": DEFAULT_LOCALE, "de": "de_DE", "es": "es_ES", "fr": "fr_FR", "it": "it_IT"}
_KNOWN_LOCALES = (
    *("en_US", "de_DE", "es_ES", "fr_FR", "it_IT", "en_GB", "de_AT", "es_MX"),
    *("nl_NL", "pl_PL", "pt_BR", "pt_PT", "sv_SE", "da_DK", "tr_TR"),
)
"""Where the locale and the gender of a name are looked up."""
_LEAST_NAMES = 20


@dataclass(frozen=True, slots=True)
class NameLists:
    """The names of a locale, each in one list; keys are normalized, values as written."""

    male: dict[str, str]
    female: dict[str, str]
    neutral: dict[str, str]
    family: dict[str, str]

    @property
    def lists(self) -> tuple[dict[str, str], ...]:
        """All four."""
        return (self.male, self.female, self.neutral, self.family)


def is_locale(name: str) -> bool:
    """Whether values can be invented in a locale."""
    return name in AVAILABLE_LOCALES


def locale_of(language: str) -> str:
    """The usual locale of a language, ISO 639-1."""
    return _BY_LANGUAGE.get(language, DEFAULT_LOCALE)


@lru_cache(maxsize=64)
def name_lists(locale: str) -> NameLists:
    """The lists of a locale; where Faker has too few names for one, those of en_US."""
    provider = _provider(locale)
    male, female = _names(provider, "first_names_male"), _names(provider, "first_names_female")
    family = _names(provider, "last_names")
    if min(len(male), len(female), len(family)) < _LEAST_NAMES:
        return name_lists(DEFAULT_LOCALE)
    both = {key: name for key, name in male.items() if key in female}
    given = male.keys() | female.keys()
    return NameLists(
        male={key: name for key, name in male.items() if key not in both},
        female={key: name for key, name in female.items() if key not in both},
        neutral=both,
        family={key: name for key, name in family.items() if key not in given},
    )


@dataclass(frozen=True, slots=True)
class NameClasses:
    """The names of all known locales, each in exactly one class: a locale, and a gender or the family names."""

    classes: tuple[dict[str, str], ...]
    of_name: dict[str, int]
    """Normalized name -> its class."""


@lru_cache(maxsize=16)
def name_classes(first: str) -> NameClasses:
    """A name that is on the lists of several locales is in the class of `first`, or else of the first that has it."""
    classes: list[dict[str, str]] = []
    of_name: dict[str, int] = {}
    for locale in dict.fromkeys((first, *_KNOWN_LOCALES)):
        for names in name_lists(locale).lists:
            classes.append({name: written for name, written in names.items() if name not in of_name})
            of_name.update(dict.fromkeys(classes[-1], len(classes) - 1))
    return NameClasses(tuple(classes), of_name)


@lru_cache(maxsize=64)
def place_lists(locale: str) -> tuple[dict[str, str], ...]:
    """Countries, and states or provinces of the locale's country: each place in one list."""
    try:
        provider = import_module(f"faker.providers.address.{locale}").Provider
    except ModuleNotFoundError:
        provider = import_module(f"faker.providers.address.{DEFAULT_LOCALE}").Provider
    countries = {normalized(str(place)): str(place) for place in sorted(provider.countries)}
    states = {normalized(str(place)): str(place) for place in sorted(getattr(provider, "states", ()))}
    return countries, {key: place for key, place in states.items() if key not in countries}


@lru_cache(maxsize=4096)
def gender_of(name: str) -> str:
    """Either "male" or "female", or "" for names of neither or both; `name` is normalized."""
    known = [name_lists(locale) for locale in _KNOWN_LOCALES]
    male = any(name in lists.male for lists in known)
    female = any(name in lists.female for lists in known)
    return "male" if male and not female else "female" if female and not male else ""


def _provider(locale: str) -> Any:
    try:
        return import_module(f"faker.providers.person.{locale}").Provider
    except ModuleNotFoundError:
        return import_module(f"faker.providers.person.{DEFAULT_LOCALE}").Provider


def _names(provider: Any, attribute: str) -> dict[str, str]:
    """The single words of a list, by their normalized form, in the order of the alphabet."""
    listed: Iterable[Any] = getattr(provider, attribute, ()) or getattr(provider, "first_names", ())
    words = {str(entry[0] if isinstance(entry, tuple) else entry) for entry in listed}
    return {normalized(word): word for word in sorted(words) if word.isalpha()}
