"""The two ends of a content: what can be looked at when it has streamed past. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

END_BYTES = 256 * 1024
"""How much is kept of each end."""
DIRECTORY_BYTES = 8 * 1024 * 1024
"""How much is kept of the end of a zip archive: its directory is there."""
_ZIP = b"PK"


@dataclass(frozen=True, slots=True)
class Sample:
    """The first and the last bytes of a content; of a short one, all of them. The two never overlap."""

    head: bytes
    tail: bytes
    size_bytes: int

    @property
    def tail_at(self) -> int:
        """Where the tail begins."""
        return self.size_bytes - len(self.tail)

    @property
    def is_whole(self) -> bool:
        """Whether there is no gap between the two."""
        return self.tail_at == len(self.head)

    def at(self, offset: int, length: int) -> bytes:
        """Bytes from an offset on: fewer, or none, where the content ends or was not kept."""
        if offset < 0 or length <= 0:
            return b""
        if offset >= self.tail_at:
            start = offset - self.tail_at
            return self.tail[start : start + length]
        found = self.head[offset : offset + length]
        if self.is_whole and len(found) < length:
            found += self.tail[: length - len(found)]
        return found


def tail_bytes(head: bytes, size_bytes: int) -> int:
    """How much of the end is kept of a content that begins with `head`."""
    keep = DIRECTORY_BYTES if head.startswith(_ZIP) else END_BYTES
    return min(keep, size_bytes - len(head))


def sample(content: bytes) -> Sample:
    """The sample of a content that is at hand as a whole."""
    ends = Ends()
    ends.update(content)
    return ends.finish()


class Ends:
    """Keeps both ends of what streams past, in memory that does not grow with it."""

    def __init__(self) -> None:
        self._head = b""
        self._size = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._keep = END_BYTES

    def update(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self._size += len(chunk)
        if len(self._head) < END_BYTES:
            missing = END_BYTES - len(self._head)
            self._head += chunk[:missing]
            if self._head.startswith(_ZIP):
                self._keep = DIRECTORY_BYTES
            chunk = chunk[missing:]
        if not chunk:
            return
        self._tail.append(chunk)
        self._tail_size += len(chunk)
        while self._tail_size - len(self._tail[0]) >= self._keep:
            self._tail_size -= len(self._tail.popleft())

    def finish(self) -> Sample:
        """What was kept."""
        tail = b"".join(self._tail)
        return Sample(self._head, tail[max(0, len(tail) - self._keep) :], self._size)
