"""Keyed orders of lists. A name that comes into a list or leaves it moves few of the others."""

from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ring:
    """Names around a circle, at places that the key decides."""

    places: tuple[bytes, ...]
    names: tuple[str, ...]
    successors: dict[str, str]
    """Normalized name -> the next one as written: one to one, and none is its own. Empty for a list of one."""

    @classmethod
    def of(cls, names: Mapping[str, str], key: bytes) -> Ring:
        """The ring of a list; its keys are normalized, its values as written."""
        placed = sorted((hmac.new(key, b"ring\0" + name.encode(), hashlib.sha256).digest(), name) for name in names)
        order = [name for _, name in placed]
        followers = order[1:] + order[:1] if len(order) > 1 else []
        return cls(
            places=tuple(place for place, _ in placed),
            names=tuple(names[name] for name in order),
            successors={name: names[follower] for name, follower in zip(order, followers, strict=False)},
        )

    def nearest(self, digest: bytes) -> str:
        """The name at or after a place."""
        return self.names[bisect_left(self.places, digest) % len(self.names)]
