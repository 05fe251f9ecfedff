"""Root keys from a file, the environment, or a secret in Vault: all hold the same keyring document."""

from __future__ import annotations

import secrets
from pathlib import Path

from labelmill_anonymization.adapters.secret_files import locked, read_or_make, read_private, replace_private
from labelmill_anonymization.keyring.errors import KeyringReadOnly
from labelmill_anonymization.keyring.root_keys import BadKeyring, Keyring, WrappedKey
from labelmill_anonymization.keys import FIRST_LINKING_KEY, SEED_BYTES


class GivenRootKeys:
    """Root keys that somebody else keeps; see `RootKeys`."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def wrap(self, secret: bytes, context: str) -> WrappedKey:
        """See the port."""
        return self._keyring.wrap(secret, context)

    async def unwrap(self, wrapped: WrappedKey, context: str) -> bytes:
        """See the port."""
        return self._keyring.unwrap(wrapped, context)

    async def seed(self) -> bytes | None:
        """Key 1, whatever the primary key is now."""
        return self._keyring.secrets.get(FIRST_LINKING_KEY)

    async def primary(self) -> str:
        """See the port."""
        return self._keyring.primary

    async def rotate(self) -> str:
        """See the port."""
        raise KeyringReadOnly

    async def close(self) -> None:
        """Nothing is open."""


class KeyringFile:
    """Root keys in a file of mode 0600.

    Args:
        path: The keyring document. While there is none, the seed is the only root key.
        seed_path: The seed of before there were keyrings, and still key 1; made at first start. 32 bytes in hex.
    """

    def __init__(self, path: Path, seed_path: Path) -> None:
        self._path = path
        if path.exists():
            self._keyring = Keyring.parse(read_private(path))
            _require_same_seed(self._keyring, seed_path)
        else:
            self._keyring = Keyring(FIRST_LINKING_KEY, {FIRST_LINKING_KEY: read_or_make(seed_path, SEED_BYTES)})

    async def wrap(self, secret: bytes, context: str) -> WrappedKey:
        """See the port."""
        return self._keyring.wrap(secret, context)

    async def unwrap(self, wrapped: WrappedKey, context: str) -> bytes:
        """See the port. Reads the file again for a key that another process has added."""
        if wrapped.root_key_id not in self._keyring.secrets and self._path.exists():
            self._keyring = Keyring.parse(read_private(self._path))
        return self._keyring.unwrap(wrapped, context)

    async def seed(self) -> bytes | None:
        """See the port."""
        return self._keyring.secrets.get(FIRST_LINKING_KEY)

    async def primary(self) -> str:
        """See the port."""
        return self._keyring.primary

    async def rotate(self) -> str:
        """See the port. The file is replaced as a whole; of processes that rotate at once, one waits for the other."""
        with locked(self._path):
            if self._path.exists():  # another process may have added keys, which must not be lost
                self._keyring = Keyring.parse(read_private(self._path))
            rotated = self._keyring.with_primary(self._keyring.next_id, secrets.token_bytes(SEED_BYTES))
            replace_private(self._path, rotated.document() + "\n")
        self._keyring = rotated
        return rotated.primary

    async def close(self) -> None:
        """Nothing is open."""


def _require_same_seed(keyring: Keyring, seed_path: Path) -> None:
    """Two different keys 1 would mean that pseudonyms depend on which file is read."""
    first = keyring.secrets.get(FIRST_LINKING_KEY)
    if first is not None and seed_path.exists() and read_or_make(seed_path, SEED_BYTES) != first:
        raise BadKeyring("Key 1 of the keyring is not the seed in the seed file; one of the two is from elsewhere.")
