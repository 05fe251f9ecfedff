"""Messages in a file, one after another: how a stream gets to a worker process and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

_LENGTH = 4


def write_frame(file: BinaryIO, body: bytes) -> int:
    """Appends one message; returns how many bytes that took."""
    return file.write(len(body).to_bytes(_LENGTH, "big")) + file.write(body)


def write_frames(path: Path, bodies: Iterable[bytes]) -> None:
    """A new file of messages."""
    with path.open("wb") as file:
        for body in bodies:
            write_frame(file, body)


def read_frames(path: Path) -> Iterator[bytes]:
    """The messages of a file."""
    with path.open("rb") as file:
        while head := file.read(_LENGTH):
            yield file.read(int.from_bytes(head, "big"))
