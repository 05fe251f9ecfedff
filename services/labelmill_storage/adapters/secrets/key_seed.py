"""The secret behind asset ids: a file of hex digits, made at the first start."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from labelmill_storage.adapters.objects import durable_files


def read_or_make(path: Path) -> bytes:
    """The seed in a file for its owner alone; two processes that start at once agree on one."""
    if not path.exists():
        durable_files.make_directory(path.parent)
        made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        durable_files.write_new(made, secrets.token_hex(32).encode() + b"\n")
        with suppress(FileExistsError):  # another process was faster: its seed counts
            os.link(made, path)  # unlike a write, never shows half a file
        made.unlink()
        durable_files.sync_directory(path.parent)
    return parse(path.read_text(encoding="ascii"))


def parse(text: str) -> bytes:
    """A seed from its hex digits.

    Raises:
        ValueError: They are none, or fewer than 64. The message does not show them.
    """
    try:
        seed = bytes.fromhex(text.strip())
    except ValueError:
        raise ValueError("The project key seed is not written in hex digits.") from None
    if len(seed) < 32:
        raise ValueError("The project key seed has fewer than 64 hex digits.")
    return seed
