"""What labels in bulk need from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class AssetFiles(Protocol):
    """Assets as files: storage. Errors of the peer come as LabelmillError."""

    async def fetch(self, name: str, *, raw: bool, path: Path, limit_bytes: int) -> str:
        """Writes an asset's content to a file; its media type.

        Raises:
            NotFound: There is no such asset.
            AssetNotClean: CLEAN content is wanted, and there is none.
            SpoolFull: It is larger than the limit.
        """

    async def put(self, parent: str, path: Path, media_type: str) -> str:
        """Makes an asset of a file in the RAW zone; the same content twice is one asset. Its name."""
