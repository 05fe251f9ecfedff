r"""The content hash of a snapshot, so that anyone can recompute it from the Parquet file.

    content_sha256 = SHA-256( b"labelmill snapshot v1\n" | line of row 1 | line of row 2 | ... )

Rows are in the order of their asset names, each name once. A row's line is a JSON array of the values of COLUMNS, ASCII
alone (other characters as \uXXXX), without spaces, and a line feed. Absent numbers are null, absent texts "". The time
is an integer: microseconds since 1970-01-01 UTC. For example:

    ["projects/p/assets/0a...","CLEAN","e3...",12,"text/plain",12,null,null,"projects/p/receipts/r1",
    "projects/p/policies/strict@1",1767225600000000,"train"]

(on one line). The hash does not depend on how Parquet was written, by which version, or when.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

COLUMNS = (
    "asset",
    "zone",
    "sha256",
    "size_bytes",
    "media_type",
    "text_length",
    "width_px",
    "height_px",
    "admitted_by",
    "policy",
    "create_time",
    "split",
)
"""The columns of a snapshot's Parquet file, in the order of the canonical row."""

_DOMAIN = b"labelmill snapshot v1\n"
_TIME = COLUMNS.index("create_time")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH_ROWS = 8192


class ContentHash:
    """Takes rows in, one after the other."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256(_DOMAIN)
        self._last = ""
        self._encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode

    def update(self, rows: Iterable[Sequence[Any]]) -> None:
        """Takes rows in: the values of COLUMNS, the time in microseconds.

        Raises:
            ValueError: They are not in the order of their asset names.
        """
        lines = []
        for row in rows:
            if row[0] <= self._last:
                raise ValueError("the rows are not in the order of their asset names, each once")
            self._last = row[0]
            lines.append(self._encode(tuple(row)))
        if lines:
            self._hash.update(("\n".join(lines) + "\n").encode("ascii"))

    def hexdigest(self) -> str:
        """The hash of all rows so far."""
        return self._hash.hexdigest()


def content_sha256(path: str | Path) -> str:
    """The content hash of a downloaded snapshot, from its rows; needs the package pyarrow.

    Raises:
        ValueError: The file has other columns, or rows in another order.
        ImportError: pyarrow is not installed.
    """
    import pyarrow.parquet as pq  # only whoever verifies needs it

    found = ContentHash()
    with pq.ParquetFile(path) as file:
        if tuple(file.schema_arrow.names) != COLUMNS:
            raise ValueError("the file does not have the columns of a snapshot")
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            columns: list[list[Any]] = [column.to_pylist() for column in batch.columns]
            columns[_TIME] = [(time - _EPOCH) // timedelta(microseconds=1) for time in columns[_TIME]]
            found.update(zip(*columns, strict=True))
    return found.hexdigest()
