"""Draws a random sample from a list that is read once and not kept."""

from __future__ import annotations

import hashlib
import heapq


class Drawing:
    """A simple random sample without replacement: the names with the smallest hashes under a seed.

    The same seed draws the same names in whatever order they come; a larger sample holds every smaller one.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._prefix = f"{seed}:".encode()
        self._kept: list[tuple[int, str]] = []  # a heap of (-hash, name): the largest hash is on top
        self.seen = 0

    def offer(self, name: str) -> None:
        """One more name to draw from."""
        self.seen += 1
        rank = int.from_bytes(hashlib.sha256(self._prefix + name.encode()).digest()[:16], "big")
        if len(self._kept) < self._size:
            heapq.heappush(self._kept, (-rank, name))
        elif -rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (-rank, name))

    @property
    def drawn(self) -> list[str]:
        """The sample in random order, so that any beginning of it is one, too."""
        return [name for _, name in sorted(self._kept, reverse=True)]
