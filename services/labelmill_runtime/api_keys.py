"""API keys: a JSON file with SHA-256 hashes of keys, the functions that write it, and the authenticator that reads it.

A key is `lm_` and 43 urlsafe characters (256 random bits), so its plain hash cannot be searched. The file is reloaded
when it changes; a key is never written anywhere but to the caller who made it.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from labelmill_runtime import faults
from labelmill_runtime.errors import Unauthenticated
from labelmill_runtime.ids import ulid
from labelmill_runtime.principal import EVERY_PROJECT, Grant, Principal, Role

KEY_FORMAT = re.compile(r"lm_[A-Za-z0-9_-]{22,128}")
_RELOAD_EVERY_S = 0.5


@dataclass(frozen=True)
class StoredKey:
    """One entry of the keys file."""

    id: str
    sha256: str
    principal: Principal
    expire_time: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "id": self.id,
            "sha256": self.sha256,
            "principal": self.principal.id,
            "grants": [{"role": g.role.name, "project": g.project} for g in self.principal.grants],
            "expire_time": self.expire_time.isoformat() if self.expire_time else None,
        }

    @staticmethod
    def from_json(entry: dict[str, Any]) -> StoredKey:
        """From the file; a malformed entry raises KeyError, TypeError or ValueError."""
        grants = tuple(Grant(Role[g["role"]], str(g["project"])) for g in entry["grants"])
        expire_time = datetime.fromisoformat(entry["expire_time"]) if entry.get("expire_time") else None
        principal = Principal(str(entry["principal"]), grants)
        return StoredKey(str(entry["id"]), str(entry["sha256"]), principal, expire_time)


def create_key(path: Path, principal_id: str, grants: Sequence[Grant], *, expire_time: datetime | None = None) -> str:
    """Makes a key for a principal, adds its hash to the file (which is made if absent), and returns the key."""
    key = f"lm_{secrets.token_urlsafe(32)}"
    entry = StoredKey(f"key-{ulid()}", _digest(key), Principal(principal_id, tuple(grants)), expire_time)
    with _editing(path) as keys:
        keys.append(entry)
    return key


def list_keys(path: Path) -> list[StoredKey]:
    """Every entry of the file; empty if there is no file."""
    return _read(path) if path.exists() else []


def revoke_keys(path: Path, *, key_id: str | None = None, principal_id: str | None = None) -> int:
    """Removes the key with an id, or all keys of a principal; returns how many went."""
    with _editing(path) as keys:
        kept = [k for k in keys if k.id != key_id and k.principal.id != principal_id]
        removed = len(keys) - len(kept)
        keys[:] = kept
    return removed


def ensure_key_file(data_dir: Path, name: str, principal_id: str, role: Role, *, keys_file: Path | None = None) -> Path:
    """Makes sure that `<data_dir>/<name>.key` (mode 0600) holds a working key with `role` on every project."""
    keys_path = keys_file or data_dir / "keys.json"
    path = data_dir / f"{name}.key"
    if path.exists() and any(k.sha256 == _digest(path.read_text("ascii").strip()) for k in list_keys(keys_path)):
        return path
    data_dir.mkdir(parents=True, exist_ok=True)
    _write_private(path, create_key(keys_path, principal_id, [Grant(role, EVERY_PROJECT)]) + "\n")
    return path


class ApiKeys:
    """Authenticates API keys against the keys file."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._by_hash: dict[str, StoredKey] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._next_look = 0.0

    async def authenticate(self, token: str) -> Principal:
        """The principal of a key.

        Raises:
            Unauthenticated: INVALID_API_KEY, the same for malformed, unknown, revoked and expired keys.
        """
        self._reload_if_changed()
        digest = _digest(token)
        if digest not in self._by_hash:
            self._reload_if_changed(at_once=True)  # a key works as soon as it is made
        entry = self._by_hash.get(digest)
        if entry is None or not KEY_FORMAT.fullmatch(token) or not hmac.compare_digest(entry.sha256, digest):
            raise _invalid()
        if entry.expire_time is not None and entry.expire_time <= self._now():
            raise _invalid()
        return entry.principal

    def _reload_if_changed(self, *, at_once: bool = False) -> None:
        if time.monotonic() < self._next_look and not at_once:
            return
        self._next_look = time.monotonic() + _RELOAD_EVERY_S
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._stamp:
                self._by_hash = {key.sha256: key for key in _read(self._path)}
                self._stamp = stamp
        except FileNotFoundError:
            self._by_hash, self._stamp = {}, None
        except (OSError, ValueError, KeyError, TypeError) as error:
            # A file that is being edited by hand must neither stop the server nor open it: the last good keys stay.
            structlog.get_logger().error("keys_file.unreadable", **faults.describe(error))


def _invalid() -> Unauthenticated:
    return Unauthenticated("INVALID_API_KEY", "The API key is not valid.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _read(path: Path) -> list[StoredKey]:
    return [StoredKey.from_json(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["keys"]]


@contextmanager
def _editing(path: Path) -> Iterator[list[StoredKey]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:  # two `labelmill keys` at once must not lose a key
        fcntl.flock(lock, fcntl.LOCK_EX)
        keys = list_keys(path)
        yield keys
        _write_private(path, json.dumps({"version": 1, "keys": [key.to_json() for key in keys]}, indent=2) + "\n")


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
