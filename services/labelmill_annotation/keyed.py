"""Keyed hashes: numbers that look random, stay the same for one input, and take the key to foretell. Pure."""

from __future__ import annotations

import hashlib

_SPAN = 2**64


def fraction(key: bytes, purpose: str, *parts: object) -> float:
    """A number in [0, 1) for the parts, uniform over parts."""
    return integer(key, purpose, *parts) / _SPAN


def integer(key: bytes, purpose: str, *parts: object) -> int:
    """A number in [0, 2**64) for the parts, uniform over parts."""
    text = "\0".join((purpose, *map(str, parts)))
    return int.from_bytes(hashlib.blake2b(text.encode(), key=key, digest_size=8).digest(), "big")
