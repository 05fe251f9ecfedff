"""Streams that wait in a folder: messages in a file to messages in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import Message

from labelmill_quality.intake.spool import framed, frames

T = TypeVar("T")
MESSAGES, ANSWERS = "messages", "answers"


def messages_in(folder: str) -> Iterator[bytes]:
    """The messages that were sent."""
    return frames(Path(folder) / MESSAGES)


def write_answers(folder: str, answers: Iterable[Message]) -> None:
    """Writes the messages of the answer."""
    with (Path(folder) / ANSWERS).open("wb") as file:
        for answer in answers:
            file.write(framed(answer.SerializeToString()))


def parts_of(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Rows, so many at a time."""
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part
