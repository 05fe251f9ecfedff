"""The tagger that is shipped: the files of its card, and what it finds."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_anonymization.adapters.tagger import Tagger
from labelmill_anonymization.findings import merge
from labelmill_anonymization.tagger.features import describe
from labelmill_anonymization.tagger.lexicon import Lexicon
from labelmill_anonymization.tagger.tokens import cut
from tools.tagger.export import export
from tools.tagger.network import Network

FOLDER = files("labelmill_anonymization.tagger")
TAGGER = Tagger()


def found(text: str) -> set[tuple[str, str]]:
    return {(f.entity_type, text[f.start : f.end]) for f in merge(TAGGER.tag([text])[0]) if f.score >= 0.5}


@pytest.mark.parametrize("name", ["model.onnx", "lexicon.npz"])
def test_the_files_are_those_of_the_card(name: str) -> None:
    card = json.loads(FOLDER.joinpath("card.json").read_text(encoding="utf-8"))
    assert hashlib.sha256(FOLDER.joinpath(name).read_bytes()).hexdigest() == card["files"][name]
    assert card["version"] == TAGGER.version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please ask Margaret Oyelaran to call me.", {("PERSON", "Margaret Oyelaran")}),
        ("PLEASE ASK MARGARET OYELARAN TO CALL ME.", {("PERSON", "MARGARET OYELARAN")}),
        ("please ask margaret oyelaran to call me", {("PERSON", "margaret oyelaran")}),
        ("Mrs. Nakamura moved to Rotterdam.", {("TITLE", "Mrs."), ("PERSON", "Nakamura"), ("LOCATION", "Rotterdam")}),
        ("At 8 Harwood Lane, Dayton, OH 45402", {("STREET_ADDRESS", "8 Harwood Lane, Dayton, OH 45402")}),
        ("Send it to PO Box 1182, Bangor, ME 04401", {("STREET_ADDRESS", "PO Box 1182, Bangor, ME 04401")}),
        ("She was born on 4 July 1961.", {("DATE_TIME", "4 July 1961")}),
        ("The patient is a 58-year-old man.", {("AGE", "58-year-old")}),
        ("He worked for Halvorsen Logistics Ltd.", {("ORGANIZATION", "Halvorsen Logistics Ltd")}),
        ("Herr Dietrich wohnt in Kassel.", {("TITLE", "Herr"), ("PERSON", "Dietrich"), ("LOCATION", "Kassel")}),
        ("Sie wohnt in der Lindenstraße 14.", {("STREET_ADDRESS", "Lindenstraße 14")}),
        ("Elle habite à Grenoble avec Thierry Vasseur.", {("LOCATION", "Grenoble"), ("PERSON", "Thierry Vasseur")}),
        ("Vivo en Zaragoza y me llamo Lucía Ferrer.", {("LOCATION", "Zaragoza"), ("PERSON", "Lucía Ferrer")}),
        ("Abito a Bologna e mi chiamo Matteo Righetti.", {("LOCATION", "Bologna"), ("PERSON", "Matteo Righetti")}),
    ],
)  # fmt: skip
def test_what_is_personal_is_found(text: str, expected: set[tuple[str, str]]) -> None:
    got = found(text)
    plain = {(kind, value.rstrip(".")) for kind, value in got}
    assert {(kind, value.rstrip(".")) for kind, value in expected} <= plain


@pytest.mark.parametrize(
    "text",
    [
        "The old road was closed for repairs.",
        "May I mark the bill as paid?",
        "Chapter 12 describes 34 ways to fold paper.",
        "Wait 20 minutes and press 2 to hear the menu again.",
        "The doctor said that the battery is not included.",
    ],
)
def test_what_only_looks_personal_is_left_alone(text: str) -> None:
    assert found(text) == set()


@given(st.lists(st.text(max_size=60), max_size=5))
@settings(deadline=None)
def test_findings_lie_in_their_text_and_do_not_depend_on_the_others(texts: list[str]) -> None:
    together = TAGGER.tag(texts)
    for text, findings in zip(texts, together, strict=True):
        alone = TAGGER.tag([text])[0]
        assert [(f.entity_type, f.start, f.end) for f in findings] == [(f.entity_type, f.start, f.end) for f in alone]
        assert all(0 <= f.start < f.end <= len(text) and 0 <= f.score <= 1 for f in findings)


def test_a_long_text_has_the_findings_of_its_parts() -> None:
    line = "Our neighbour, Dr. Ingrid Solheim of 7 Quarry Road, Leeds, turned 51 on 3 March 2019. 👋🏽\n"
    long = line * 700
    found_once = [
        (f.entity_type, f.start, f.end) for f in TAGGER.tag([line * 3])[0] if len(line) <= f.start < 2 * len(line)
    ]
    findings = [(f.entity_type, f.start, f.end) for f in TAGGER.tag([long])[0]]
    inner = [f for f in findings if len(line) <= f[1] < len(long) - len(line)]
    expected = [
        (kind, start + k * len(line), end + k * len(line)) for k in range(698) for kind, start, end in found_once
    ]
    assert len(found_once) >= 5
    assert inner == expected


def test_a_finding_longer_than_what_a_piece_sees_is_covered_to_its_end() -> None:
    text = "The beneficiaries are " + "Margaret Anne Oyelaran " * 1500
    covered = {place for f in TAGGER.tag([text])[0] for place in range(f.start, f.end)}
    named = [place for place in range(22, len(text)) if text[place] != " "]
    assert sum(place in covered for place in named) > 0.99 * len(named)


@pytest.mark.parametrize("text", ["\ud800 x", "\x00\x01", "\n" * 50, "a" * 20_000, "\u0301" * 9, "1" * 9_000])
def test_odd_texts_are_tagged_too(text: str) -> None:
    assert all(0 <= f.start < f.end <= len(text) for f in TAGGER.tag([text])[0])


def test_the_exported_network_computes_what_was_trained() -> None:
    torch.manual_seed(3)
    network = Network().eval()
    tagger = Tagger(export(network, {"version": "t", "temperature": "1", "caution": "0"}))
    tokens = cut(["Ann Lee, 12 Elm Row", "", "und Hans"])
    features = describe(tokens, Lexicon.load(FOLDER.joinpath("lexicon.npz").read_bytes()))
    logits = tagger.logits(tokens)
    for index in (0, 2):  # each text by itself, as if nothing were beside it
        rows = np.flatnonzero(tokens.text == index)
        inputs = (features.ids[rows], features.dense[rows], np.ones((len(rows), 1), np.float32))
        with torch.no_grad():
            trained = network(*(torch.from_numpy(array)[None] for array in inputs))[0].numpy()
        assert np.abs(trained - logits[rows]).max() < 0.01  # weights are kept in half precision
