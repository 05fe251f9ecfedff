"""Trusted anonymization keys: a directory of `.pub` files, each with the 32 bytes of an Ed25519 public key in hex."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from labelmill import receipts

_REREAD_AFTER_S = 1.0


class TrustedKeyDirectory:
    """Looks keys up by their id; reads the directory again when an unknown id comes, at most once a second."""

    def __init__(self, directory: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._reading = threading.Lock()
        self._keys: dict[str, bytes] = {}
        self._read_at = float("-inf")

    def verify(self, key_id: str, signed: bytes, signature: bytes) -> bool | None:
        """Whether the signature holds; None for a key that is not trusted."""
        key = self._keys.get(key_id) or self._reread().get(key_id)
        return None if key is None else receipts.verify_bytes(signed, signature, key)

    def _reread(self) -> dict[str, bytes]:
        with self._reading:
            if self._monotonic() - self._read_at >= _REREAD_AFTER_S:
                self._keys = self._load()
                self._read_at = self._monotonic()
            return self._keys

    def _load(self) -> dict[str, bytes]:
        keys: dict[str, bytes] = {}
        for path in sorted(self._directory.glob("*.pub")):
            try:
                key = receipts.parse_public_key(path.read_text(encoding="ascii"))
            except (OSError, ValueError):
                structlog.get_logger().warning("receipt_keys.unreadable_file")
                continue
            keys[receipts.key_id(key)] = key
        return keys
