"""Where the server is and with which key: arguments, else the environment, else what `labelmill up` wrote."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_ADDRESS = "127.0.0.1:50051"


@dataclass(frozen=True)
class Connection:
    """How to reach a server."""

    address: str
    """host:port."""
    api_key: str | None = field(repr=False)
    """Sent as `authorization: Bearer ...`; None: none."""
    tls_ca: Path | None = None
    """PEM file of the authority that signed the server's certificate; None: no TLS."""


def data_dir() -> Path:
    """LABELMILL_DATA_DIR, or ~/.labelmill."""
    return Path(os.environ.get("LABELMILL_DATA_DIR") or "~/.labelmill").expanduser()


def client_file(folder: Path | None = None) -> Path:
    """The file by which `labelmill up` tells clients on this machine how to reach it."""
    return (folder or data_dir()) / "client.json"


def resolve(
    address: str | None = None,
    api_key: str | None = None,
    tls_ca: Path | str | None = None,
    *,
    folder: Path | None = None,
) -> Connection:
    """Fills what is not given from LABELMILL_ADDRESS, LABELMILL_API_KEY, LABELMILL_CA_FILE, then from client.json.

    `folder` is where client.json is, else `data_dir()`. The key in it is used only for the address in it: it is not
    for other servers.
    """
    address = address or os.environ.get("LABELMILL_ADDRESS") or None
    api_key = api_key or os.environ.get("LABELMILL_API_KEY") or None
    authority = tls_ca or os.environ.get("LABELMILL_CA_FILE") or None
    if address is None or api_key is None:
        local = _read(client_file(folder))
        local_address = local.get("address", DEFAULT_ADDRESS)
        if api_key is None and address in (None, local_address):
            api_key = local.get("api_key")
        address = address or local_address
    return Connection(address, api_key, Path(authority) if authority else None)


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {str(key): str(value) for key, value in json.loads(text).items()}
