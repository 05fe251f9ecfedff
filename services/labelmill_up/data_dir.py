"""The data directory of `labelmill up`: made on first use, held by one process, with the keys that its users need."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labelmill_runtime.api_keys import create_key, ensure_key_file, list_keys, revoke_keys
from labelmill_runtime.principal import EVERY_PROJECT, Grant, Role
from labelmill_runtime.settings import RuntimeSettings

OWNER = "owner"
_OWNER_ROLES = (Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.PRIVACY_OFFICER)


class DataDirInUse(Exception):
    """Another process holds the data directory."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Makes the directory, readable by its owner alone, and holds it while the block runs.

    The lock goes with the process, however it ends; the file stays.

    Raises:
        DataDirInUse: Another process holds it.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path / "up.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise DataDirInUse(
                f"{path} is in use by another Labelmill (process {holder}). Stop that one, or choose another directory "
                "with --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def ensure_owner_key(settings: RuntimeSettings) -> str:
    """The key of the person who runs this Labelmill, from client.json; a new one where that has none that works.

    A key that was lost with client.json is revoked.
    """
    key = _read(client_file(settings)).get("api_key", "")
    digest = hashlib.sha256(key.encode()).hexdigest()
    if key and any(stored.sha256 == digest for stored in list_keys(settings.keys_path)):
        return key
    revoke_keys(settings.keys_path, principal_id=OWNER)
    return create_key(settings.keys_path, OWNER, [Grant(role, EVERY_PROJECT) for role in _OWNER_ROLES])


def ensure_service_key(settings: RuntimeSettings) -> None:
    """Makes the key by which the services call one another, unless the settings bring one."""
    if settings.service_key is None and settings.service_key_file is None:
        ensure_key_file(settings.data_dir, "service", "labelmill-services", Role.SERVICE, keys_file=settings.keys_path)


def client_file(settings: RuntimeSettings) -> Path:
    """Where clients on this machine look for the address and the owner's key."""
    return settings.data_dir / "client.json"


def write_client_file(settings: RuntimeSettings, address: str, api_key: str) -> None:
    """Tells clients on this machine; never readable by others, not even for a moment."""
    path = client_file(settings)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"address": address, "api_key": api_key}, file)
        file.write("\n")
    temporary.replace(path)


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
