"""The key that signs heads of the audit log and certificates of erasure: Ed25519, in a file made at the first start."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labelmill import audit
from labelmill.receipts import key_id, public_key_text
from labelmill_storage.adapters.objects import durable_files
from labelmill_storage.adapters.secrets import key_seed
from labelmill_storage.convert import audit as convert
from labelmill_storage.gate.audit import Head, SignedHead

_KEY_BYTES = 32


class AuditKey:
    """Signs; make it with `open`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_bytes = key.public_key().public_bytes_raw()
        """The public key, 32 bytes."""
        self.key_id = key_id(self.public_bytes)
        """The first 16 hex digits of the public key's SHA-256."""

    @classmethod
    def open(cls, path: Path) -> AuditKey:
        """The key in a file of 64 hex digits, which is made if absent; its public half is written beside, as *.pub.

        Raises:
            ValueError: The file holds something else. The message does not show it.
        """
        try:
            private = key_seed.read_or_make(path)
        except ValueError:
            private = b""
        if len(private) != _KEY_BYTES:
            raise ValueError("The file of the audit signing key does not hold 64 hex digits.")
        key = cls(Ed25519PrivateKey.from_private_bytes(private))
        with suppress(OSError):  # a read-only folder of secrets: GetAuditHead tells the public key, too
            _publish(path.with_name(f"{path.name}.pub"), public_key_text(key.public_bytes))
        return key

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes. What is signed begins with a domain of its own, as labelmill.audit.HEAD_DOMAIN."""
        return self._key.sign(data)

    def sign_head(self, head: Head) -> SignedHead:
        """A head, dated and signed as AuditHead in the contract says."""
        unsigned = SignedHead(head, time.time_ns() // 1000, self.key_id, b"", self.public_bytes)
        return replace(unsigned, signature=self.sign(audit.sign_bytes(convert.head(unsigned))))


def _publish(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="ascii") == text:
        return
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    durable_files.write_new(made, text.encode())
    made.chmod(0o644)
    made.replace(path)
    durable_files.sync_directory(path.parent)
