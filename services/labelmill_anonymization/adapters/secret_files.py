"""Secrets in files of mode 0600, and the key that signs receipts."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labelmill.receipts import key_id, public_key_text, sign_bytes
from labelmill_anonymization.convert.receipts import receipt_to_proto
from labelmill_anonymization.receipt import Receipt


class InsecureSecret(RuntimeError):
    """A secret file can be read by others, or does not hold what it should."""


class SigningKeyFile:
    """Signs receipts with an Ed25519 key from a file, and publishes its public half.

    Args:
        path: The private key, 32 bytes in hex.
        keys_dir: Where `<key id>.pub` is written, for storage to trust.
    """

    def __init__(self, path: Path, keys_dir: Path) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(read_or_make(path, 32))
        public = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(public)
        _publish(keys_dir / f"{self.key_id}.pub", public_key_text(public))

    def sign(self, receipt: Receipt) -> Receipt:
        """The receipt with key id and signature."""
        named = replace(receipt, signing_key_id=self.key_id, signature=b"")
        return replace(named, signature=self._key.sign(sign_bytes(receipt_to_proto(named))))


def read_private(path: Path) -> str:
    """The text of a file that nobody else can read; raises InsecureSecret."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InsecureSecret(f"The secret file {path.name} can be read by others; make it 0600.")
    return path.read_text(encoding="ascii")


def replace_private(path: Path, text: str) -> None:
    """Writes a file of mode 0600 as a whole or not at all, in another's place."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = _write_temporary(path, text, 0o600)
    temporary.replace(path)
    _sync_folder(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other processes out that change the same file, while the block runs."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_name(f".{path.name}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_or_make(path: Path, size: int) -> bytes:
    """A secret of so many bytes from a file in hex; made where there is none. Raises InsecureSecret."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(path, secrets.token_bytes(size).hex() + "\n", 0o600)
    try:
        secret = bytes.fromhex(read_private(path).strip())
    except ValueError:
        raise InsecureSecret(f"The secret file {path.name} does not hold hex digits.") from None
    if len(secret) != size:
        raise InsecureSecret(f"The secret file {path.name} does not hold {size} bytes.")
    return secret


def _publish(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="ascii") != text:
        path.unlink(missing_ok=True)
        _write_once(path, text, 0o644)


def _write_once(path: Path, text: str, mode: int) -> None:
    """Writes a file as a whole or not at all; of processes that race, the first wins."""
    temporary = _write_temporary(path, text, mode)
    try:
        os.link(temporary, path)
        _sync_folder(path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def _sync_folder(path: Path) -> None:
    """So that the file is there after a power failure: what was wrapped with a lost key is lost."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_temporary(path: Path, text: str, mode: int) -> Path:
    """A new file beside another, on the disk."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink()
        raise
    return temporary
