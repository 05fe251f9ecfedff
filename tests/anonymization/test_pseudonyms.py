"""Pseudonyms: the same everywhere in a project, never shared by two values, true to gender, locale and form."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.keys import ProjectKeys, normalized
from labelmill_anonymization.operators import Pseudonym
from labelmill_anonymization.policy import Policy, Rule
from labelmill_anonymization.pseudonyms.name_lists import gender_of, name_lists

KEYS = ProjectKeys.derive(b"s" * 32, "demo")
MANY = 100_000


def person(name: str, locale: str = "en_US") -> str:
    return Pseudonym(locale).apply(name, "PERSON", KEYS)


def test_the_parts_of_a_name_agree_wherever_they_stand() -> None:
    given_name, family = person("John Smith").split()
    assert person("John") == given_name
    assert person("Mr. Smith") == f"Mr. {family}"
    assert person("Smith, John") == f"{family}, {given_name}"
    assert person("SMITH") == family
    assert person("John Smith's") == f"{given_name} {family}'s"
    assert person("Dr. Mary Smith").endswith(f" {family}")


def list_of(name: str) -> tuple[str, str]:
    """The locale and the list that a name is on; of the first that has it."""
    kinds = ("male", "female", "neutral", "family")
    for locale in ("en_US", "de_DE", "es_ES", "fr_FR", "it_IT"):
        for kind, names in zip(kinds, name_lists(locale).lists, strict=True):
            if normalized(name) in names:
                return locale, kind
    return "", ""


@pytest.mark.parametrize(
    ("name", "locale", "kind"),
    [
        ("John", "en_US", "male"),
        ("Elizabeth", "en_US", "female"),
        ("Smith", "en_US", "family"),
        ("Hans-Jürgen", "de_DE", "male"),
        ("Ingeborg", "de_DE", "female"),
        ("Müller", "de_DE", "family"),
        ("Chelo", "es_ES", "female"),
        ("Dupont", "fr_FR", "family"),
        ("Brambilla", "it_IT", "family"),
    ],
)
def test_names_keep_their_gender_and_their_locale(name: str, locale: str, kind: str) -> None:
    for part in person(name).split("-"):
        assert list_of(part) == (locale, kind)


@pytest.mark.parametrize("locale", ["en_US", "de_DE", "es_ES", "fr_FR", "it_IT"])
def test_names_on_no_list_take_the_locale_and_their_gender_if_it_is_known(locale: str) -> None:
    lists = name_lists(locale)
    assert normalized(person("Xqzwv", locale).partition("-")[0]) in lists.family
    assert person("Xqzwv", locale) != person("Xqzwv", "nl_NL")


def test_the_locale_is_that_of_the_language_unless_the_policy_says_otherwise() -> None:
    def operator(language: str, locale: str = "") -> Pseudonym:
        found = Policy((Rule("PERSON", Pseudonym(locale)),), language=language).operator_for("PERSON", 1.0)
        assert isinstance(found, Pseudonym)
        return found

    assert operator("de").locale == "de_DE"
    assert operator("auto").locale == "en_US"
    assert operator("de", "fr_FR").locale == "fr_FR"


@pytest.mark.parametrize("locale", ["en_US", "de_DE"])
def test_listed_names_are_exchanged_one_to_one(locale: str) -> None:
    for names in name_lists(locale).lists:
        taken = {person(name, locale) for name in names.values()}
        assert len(taken) == len(names)


def test_gender_is_looked_up_in_all_locales() -> None:
    assert (gender_of("hans"), gender_of("giulia"), gender_of("xqzwv")) == ("male", "female", "")


def words(chance: random.Random, count: int) -> set[str]:
    letters = string.ascii_lowercase
    return {"".join(chance.choices(letters, k=chance.randint(3, 9))) for _ in range(count)}


@pytest.mark.parametrize(
    ("entity_type", "value"),
    [
        ("PERSON", "{word}"),
        ("ORGANIZATION", "{word} Ltd"),
        ("EMAIL_ADDRESS", "{word}@corp.com"),
        ("PHONE_NUMBER", "+1 202 {number:07}"),
    ],
)
def test_a_hundred_thousand_values_never_share_a_pseudonym(entity_type: str, value: str) -> None:
    chance = random.Random(7)
    listed = {normalized(name) for names in name_lists("en_US").lists for name in names.values()}
    texts = sorted(words(chance, MANY) | listed)
    values = {value.format(word=word, number=number) for number, word in enumerate(texts)}
    operator = Pseudonym()
    assert len(values) > 0.9 * MANY
    assert len({operator.apply(one, entity_type, KEYS) for one in values}) == len(values)


@given(st.sets(st.integers(0, 200 * 365), min_size=2, max_size=30))
def test_dates_get_other_dates_one_to_one(days: set[int]) -> None:
    from datetime import date, timedelta

    written = [(date(1900, 1, 1) + timedelta(days=day)).isoformat() for day in days]
    taken = [Pseudonym().apply(one, "DATE_TIME", KEYS) for one in written]
    assert len(set(taken)) == len(taken)
    assert not set(taken) & set(written) or all(a != b for a, b in zip(taken, written, strict=True))


def test_names_that_are_no_names_get_the_type_and_a_digest() -> None:
    for odd in ("Dr.", "van", "★ 12 ★", "x\u0000y"):
        assert Pseudonym().apply(odd, "PERSON", KEYS).startswith("<PERSON_")


def test_digits_in_a_name_do_not_pass() -> None:
    assert "1234" not in person("John Smith 1234")
