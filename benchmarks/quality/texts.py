"""Free text: word error rate of the consensus of transcripts beside crowd-kit's ROVER and RASA.

Twenty simulated labelers write sentences down; each drops, adds, replaces and misspells words at a rate of their own, 5
to 50 %. The sentences are those of the documents in ../shared/data/pii where the machine has them beside the
repository, else lines of this service's code. CPU seconds count pairs of texts, reliabilities, alignment and vote on
our side. RASA picks an answer, so the medoid stands beside it; crowd-kit's HRRASA for texts fails with current numpy.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from benchmarks import peers
from benchmarks.quality.figure import Figure, faster, timed
from benchmarks.quality.labels import ROOT
from labelmill_quality.text_answers import aggregate_texts
from labelmill_quality.text_answers.table import make_text_table

DOCUMENTS = ROOT.parent / "shared" / "data" / "pii" / "synth_dataset_v2.json"
LABELERS = 20
PEERS = ("rover", "rasa")


def figures(*, quick: bool) -> Iterator[Figure]:
    """Errors and seconds, by answers an item."""
    sentences = read()
    items = 100 if quick else 400
    with tempfile.TemporaryDirectory() as folder:
        for each in (3,) if quick else (3, 5, 7):
            rows, truth = transcripts(sentences, items, each)
            path = Path(folder) / f"{each}.csv"
            write(path, rows)
            yield from beside_peers(rows, truth, path, f"{each} transcripts")


def beside_peers(
    rows: Sequence[tuple[str, str, str]], truth: Mapping[str, Sequence[str]], path: Path, what: str
) -> Iterator[Figure]:
    """Ours and each peer's."""
    table = make_text_table(*zip(*rows, strict=True))
    aggregate_texts(table)  # compiled once
    found, seconds = timed(lambda: aggregate_texts(table), rounds=1)
    medoid = aggregate_texts(table, "medoid")
    ours = errors(dict(zip(table.items, found.texts, strict=True)), truth)
    closest = errors(dict(zip(table.items, medoid.texts, strict=True)), truth)
    for peer in PEERS:
        theirs = peers.call("crowd_kit_texts.py", peer, str(path))
        rate = errors(theirs["texts"], truth)
        own, mine = ("rover", ours) if peer == "rover" else ("medoid", closest)
        yield faster(f"{what}: {own} / crowd-kit {peer}", mine, rate, unit="WER %")
        if peer == "rover":
            yield faster(f"{what}: {own} / crowd-kit {peer}", seconds, theirs["cpu_s"])
    single = {item: text for item, _, text in rows}
    yield faster(f"{what}: rover / one answer", ours, errors(single, truth), unit="WER %")


def errors(texts: Mapping[str, str], truth: Mapping[str, Sequence[str]]) -> float:
    """Words to insert, delete or replace, percent of those there should be."""
    wrong = sum(Levenshtein.distance(texts[item].split(), words) for item, words in truth.items())
    return 100 * wrong / sum(map(len, truth.values()))


def read() -> list[list[str]]:
    """Sentences of 7 to 30 words."""
    if DOCUMENTS.is_file():
        texts = [document["full_text"] for document in json.loads(DOCUMENTS.read_text())]
    else:
        texts = [path.read_text() for path in sorted((ROOT / "services" / "labelmill_quality").rglob("*.py"))]
    words = (part.split() for text in texts for part in re.split(r"(?<=[.?!])\s+|\n+", text))
    return [sentence for sentence in words if 7 <= len(sentence) <= 30]


def transcripts(
    sentences: Sequence[Sequence[str]], items: int, each: int
) -> tuple[list[tuple[str, str, str]], dict[str, Sequence[str]]]:
    """Rows of (item, labeler, text), and the sentences."""
    generator = np.random.default_rng(each)
    rates = generator.uniform(0.05, 0.5, LABELERS)
    vocabulary = sorted({word for sentence in sentences for word in sentence})
    chosen = generator.permutation(len(sentences))[:items].tolist()
    truth = {f"i{place:04d}": sentences[place] for place in chosen}
    rows = [
        (item, f"l{labeler:02d}", " ".join(corrupted(words, rates[labeler], vocabulary, generator)))
        for item, words in truth.items()
        for labeler in sorted(generator.choice(LABELERS, each, replace=False).tolist())
    ]
    return rows, truth


def corrupted(
    words: Sequence[str], rate: float, vocabulary: Sequence[str], generator: np.random.Generator
) -> Iterator[str]:
    """The words with errors: of those, 45 % other words, 20 % misspelt, 20 % left out, 15 % added."""
    for word in words:
        kind = generator.random() / rate
        other = vocabulary[int(generator.integers(len(vocabulary)))]
        if kind < 0.45:
            yield other
        elif kind < 0.65:
            place = int(generator.integers(len(word)))
            yield word[:place] + chr(97 + int(generator.integers(26))) + word[place + 1 :]
        elif kind >= 0.85:
            yield word
            if kind < 1:
                yield other


def write(path: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """The rows as the peers read them."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "worker", "text"])
        writer.writerows(rows)
