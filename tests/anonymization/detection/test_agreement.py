"""Which findings are left where recognizers disagree."""

import pytest

from labelmill_anonymization.adapters import spacy_entities, tagger
from labelmill_anonymization.detection.agreement import SPACY, TAGGER, settle
from labelmill_anonymization.findings import Finding

TEXT = "Dr. Jane Doe of Lake Clinic, 12 Elm Street, jane@example.com, MRN 4711 "
ALL = frozenset(
    {"PERSON", "ORGANIZATION", "LOCATION", "STREET_ADDRESS", "EMAIL_ADDRESS", "URL", "MEDICAL_RECORD_NUMBER"}
)


def of(value: str, entity_type: str, score: float, recognizer: str) -> Finding:
    start = TEXT.index(value)
    return Finding(entity_type, start, start + len(value), score, recognizer)


NAME = of("Jane Doe", "PERSON", 0.9, TAGGER)
STREET = of("12 Elm Street", "STREET_ADDRESS", 0.9, "StreetAddressRecognizer")
EMAIL = of("jane@example.com", "EMAIL_ADDRESS", 1.0, "EmailRecognizer")


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (of("Jane Doe", "ORGANIZATION", 0.85, SPACY), NAME),
        (of("Jane", "PERSON", 0.9, "Other"), NAME),
        (of("Elm Street", "LOCATION", 0.5, TAGGER), STREET),
        (of("example.com", "URL", 0.5, "UrlRecognizer"), EMAIL),
        (of("jane", "PERSON", 0.99, TAGGER), EMAIL),
    ],
)
def test_what_says_less_is_left_out(less: Finding, more: Finding) -> None:
    assert settle(TEXT, [less, more], ALL) == [more]
    assert settle(TEXT, [more, less], ALL) == [more]


def test_models_are_known_by_their_names() -> None:
    assert (spacy_entities.RECOGNIZER, tagger.RECOGNIZER) == (SPACY, TAGGER)


def test_of_two_alike_one_is_left() -> None:
    twin = of("Jane Doe", "PERSON", 0.9, "Another")
    assert len(settle(TEXT, [NAME, twin], ALL)) == 1


def test_what_reaches_further_stays() -> None:
    wider = of("Doe of Lake Clinic", "ORGANIZATION", 0.85, SPACY)
    kept = settle(TEXT, [NAME, wider], ALL)
    assert [(f.start, f.end) for f in kept] == [(NAME.start, NAME.end), (wider.start, wider.end)]
    assert kept[1].score < NAME.score


def test_names_of_fields_are_no_organizations() -> None:
    assert settle(TEXT, [of("MRN", "ORGANIZATION", 0.85, SPACY)], ALL) == []


def test_an_unsure_tagger_is_not_heard() -> None:
    assert settle(TEXT, [of("Lake", "LOCATION", 0.1, TAGGER)], ALL) == []


def test_unwanted_types_are_not_left() -> None:
    assert settle(TEXT, [NAME, EMAIL], frozenset({"PERSON"})) == [NAME]
