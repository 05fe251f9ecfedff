"""Gathers the values that are put into templates: names, places, words; from Faker, phonenumbers and lists of our own.

`python -m tools.tagger.pools` writes `.data/tagger/pools.json`, so that texts are generated without these packages.
"""

from __future__ import annotations

import gzip
import importlib
import json
import pkgutil
import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tools.tagger.forms import FORMS

FOLDER = Path(__file__).resolve().parents[2] / ".data" / "tagger"
FILE = FOLDER / "pools.json"
LANGUAGES = ("en", "de", "fr", "es", "it")

_WORDS = Path(__file__).with_name("words.yaml")
_PREFIXES = {"us": "1", "gb": "44", "au": "61", "in": "91", "de": "49", "at": "43", "fr": "33", "es": "34", "it": "39"}
_PLACE = re.compile(r"[^\W\d_][^\W\d_.'\u2019 -]*(?:[ '\u2019-][^\W\d_][^\W\d_.']*){0,3}")
_LETTERS = dict(zip(FORMS["letters"]["written"], FORMS["letters"]["in_latin"].split(","), strict=True))
"""Cyrillic and Greek letters in Latin ones."""


def gather() -> dict[str, Any]:
    """All pools, by their names."""
    written = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    words = {name: _split(value) for name, value in written.items()}
    return {
        "words": words,
        "names": _names(words),
        "cities": _cities(),
        "streets": _streets(),
        "countries": _address_lists("countries", ("en", "de", "fr_FR", "es", "it_IT")),
        "regions": _address_lists(
            "states", ("en_US", "de_DE", "es_ES", "it_IT", "en_AU", "de_AT", "en_IN", "es_MX"), "provinces", "regions",
            "counties", "cantons",
        ),
        "region_codes": _address_lists("states_abbr", ("en_US", "en_AU"), "provinces_abbr"),
        "jobs": _jobs(),
        "frequencies": {language: _frequent(language) for language in LANGUAGES},
    }  # fmt: skip


def _split(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _split(part) for name, part in value.items()}
    return value.split() if isinstance(value, str) else value


def _names(words: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Given names and surnames by locale, in Latin letters."""
    names = {name: value for name, value in words.items() if name.startswith("names_")}
    package = importlib.import_module("faker.providers.person")
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"{package.__name__}.{module.name}").Provider
        given = _latin(_values(provider, r"first_names(_\w+)?|first_romanized_names"))
        surname = _latin(_values(provider, r"last_names(_\w+)?|last_romanized_names"))
        if len(given) > 15 and len(surname) > 15:
            names[module.name] = {"given": given, "surname": surname}
    return names


def _values(provider: Any, pattern: str) -> set[str]:
    found: set[str] = set()
    for name in dir(provider):
        value = getattr(provider, name)
        if re.fullmatch(pattern, name) and isinstance(value, (tuple, list, dict)):
            found.update(part for part in value if isinstance(part, str))
    return found


def _latin(values: Iterable[str]) -> list[str]:
    """Those in Latin letters, and Cyrillic and Greek ones rewritten in them."""
    found = set()
    for value in values:
        plain = "".join(_LETTERS.get(c, c) for c in unicodedata.normalize("NFD", value.lower()))
        rewritten = unicodedata.normalize("NFC", plain).title() if plain != value.lower() else value
        name = value if all(ord(c) < 0x250 for c in value) else rewritten
        if all(ord(c) < 0x250 for c in name) and 1 < len(name) < 25 and not re.search(r"[\d.()/]", name):
            found.add(name)
    return sorted(found)


def _cities() -> dict[str, list[str]]:
    from phonenumbers.geodata import GEOCODE_DATA  # 287,000 rows; only here

    found: dict[str, set[str]] = {name: set() for name in (*_PREFIXES, "world")}
    for prefix, names in GEOCODE_DATA.items():
        country = next((name for name, code in _PREFIXES.items() if prefix.startswith(code)), "world")
        name = names.get(country, names.get("en", ""))
        for part in name.split("/"):
            place, _, region = part.strip().partition(", ")
            if _PLACE.fullmatch(place) and all(ord(c) < 0x250 for c in place):
                found[country].add(f"{place}, {region}" if country == "us" and len(region) == 2 else place)
    found["local"] = set()
    package = importlib.import_module("faker.providers.address")
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"{package.__name__}.{module.name}").Provider
        places = _latin(_values(provider, r"cities|city_names|municipalities|communes|concelhos|localities"))
        country = {"de_DE": "de", "it_IT": "it", "de_AT": "at", "fr_FR": "fr", "es_ES": "es"}.get(module.name, "local")
        found[country].update(place for place in places if _PLACE.fullmatch(place))
    return {country: sorted(places) for country, places in found.items()}


def _streets() -> list[str]:
    """Streets of many countries as they are called there, in Latin letters."""
    found: set[str] = set()
    package = importlib.import_module("faker.providers.address")
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"{package.__name__}.{module.name}").Provider
        found.update(_latin(_values(provider, r"streets|street_names|(\w+_)?street_names|street_proceres")))
    return sorted(found)


def _address_lists(attribute: str, locales: Iterable[str], *others: str) -> list[str]:
    found: set[str] = set()
    for locale in locales:
        provider = importlib.import_module(f"faker.providers.address.{locale}").Provider
        for name in (attribute, *others):
            values = getattr(provider, name, ())
            for value in values if isinstance(values, (tuple, list, dict)) else ():
                found.add(value if isinstance(value, str) else value[-1])
    return sorted(value for value in found if value and not re.search(r"[\d()]", value))


def _jobs() -> list[str]:
    jobs = importlib.import_module("faker.providers.job").Provider.jobs
    return sorted({job.split(",")[0].split("/")[0].lower() for job in jobs})


def _frequent(language: str) -> list[str]:
    """Words of a language, the most frequent first (pyspellchecker, MIT; counted in subtitles of films)."""
    import spellchecker

    file = Path(spellchecker.__file__).parent / "resources" / f"{language}.json.gz"
    counts: dict[str, int] = json.loads(gzip.decompress(file.read_bytes()))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return [word for word in ordered if word.isalpha()][:60_000]


def main() -> None:
    """Writes the pools."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pools = gather()
    FILE.write_text(json.dumps(pools, ensure_ascii=False), encoding="utf-8")
    sizes = {name: len(value) for name, value in pools["cities"].items()}
    sys.stdout.write(f"{len(pools['names'])} sets of names, cities {sizes}, in {FILE}\n")


if __name__ == "__main__":
    main()
