"""Files that hold what only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path


def write_for_owner(path: Path, content: bytes) -> None:
    """Writes a file that nobody but its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # also where the file was there before
        file.write(content)
