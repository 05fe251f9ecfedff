"""Root keys: what wraps data keys, so that the database holds nothing that opens anything.

A keyring document is a small JSON object, whatever place it comes from:

    {"primary": "2", "keys": {"1": "<64 hex digits>", "2": "<64 hex digits>"}}

Wrapping is AES-256-SIV (RFC 5297, made for wrapping keys: it needs no nonce) under a key derived from the root key,
with the context as associated data, so that a wrapped key that is moved to another row does not open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from labelmill_anonymization.keyring.errors import KeyDestroyed
from labelmill_anonymization.keys import SEED_BYTES


class BadKeyring(RuntimeError):
    """A keyring document is not what it should be; the message never quotes it."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it may be stored."""

    root_key_id: str
    content: bytes


class RootKeys(Protocol):
    """Wraps data keys with the primary root key and unwraps them with whichever wrapped them."""

    async def wrap(self, secret: bytes, context: str) -> WrappedKey:
        """The secret, wrapped; `context` says what it is for and is needed to unwrap it."""

    async def unwrap(self, wrapped: WrappedKey, context: str) -> bytes:
        """The secret; raises KeyDestroyed where the root key is gone or the context is another one."""

    async def seed(self) -> bytes | None:
        """The secret behind first linking keys; None where root keys cannot be read (they are in an HSM or Vault)."""

    async def primary(self) -> str:
        """The id of the root key that wraps now."""

    async def rotate(self) -> str:
        """Makes a new primary root key, and its id; raises KeyringReadOnly where somebody else keeps the keys."""

    async def close(self) -> None:
        """Ends what is open."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Root keys in memory. Pure."""

    primary: str
    secrets: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """From a keyring document; raises BadKeyring."""
        try:
            document = json.loads(text)
            secrets = {str(key): bytes.fromhex(value) for key, value in document["keys"].items()}
            primary = str(document["primary"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadKeyring("The keyring is not a JSON object with `primary` and `keys`.") from None
        if primary not in secrets:
            raise BadKeyring("The keyring's primary key is not among its keys.")
        if any(len(secret) != SEED_BYTES for secret in secrets.values()):
            raise BadKeyring(f"A key of the keyring does not have {SEED_BYTES} bytes.")
        return cls(primary, secrets)

    def document(self) -> str:
        """The reverse of `parse`."""
        return json.dumps({"primary": self.primary, "keys": {k: s.hex() for k, s in self.secrets.items()}}, indent=1)

    def with_primary(self, key_id: str, secret: bytes) -> Keyring:
        """With one more key, for whatever is wrapped from now on."""
        return Keyring(key_id, {**self.secrets, key_id: secret})

    @property
    def next_id(self) -> str:
        """An id that is not taken."""
        return str(max((int(key) for key in self.secrets if key.isdecimal()), default=0) + 1)

    def wrap(self, secret: bytes, context: str) -> WrappedKey:
        """See `RootKeys`."""
        return WrappedKey(self.primary, _cipher(self.secrets[self.primary]).encrypt(secret, [context.encode()]))

    def unwrap(self, wrapped: WrappedKey, context: str) -> bytes:
        """See `RootKeys`."""
        root = self.secrets.get(wrapped.root_key_id)
        if root is None:
            raise KeyDestroyed
        try:
            return _cipher(root).decrypt(wrapped.content, [context.encode()])
        except InvalidTag:
            raise KeyDestroyed from None


def _cipher(root: bytes) -> AESSIV:
    info = b"labelmill/anonymization/v1/wrap"
    return AESSIV(HKDF(algorithm=SHA256(), length=64, salt=None, info=info).derive(root))
