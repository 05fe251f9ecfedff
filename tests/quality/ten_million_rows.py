"""Aggregates ten million rows of one kind of garbage and prints what came of it; run by test_garbage.py.

    python -m tests.quality.ten_million_rows KIND

Prints {"outcome", "labels", "items", "finite", "peak_bytes"} as JSON.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import pyarrow as pa

from benchmarks.process_memory import peak_bytes
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.errors import TooManyCells
from labelmill_quality.labels import make_table
from labelmill_quality.limits import require_room

ROWS = 10_000_000
ROUNDS = 2
CELL_LIMIT = 50_000_000


def column(values: np.ndarray) -> pa.ChunkedArray:
    """Numbers as text, without an object for each."""
    names = pa.array(np.arange(int(values.max()) + 1)).cast(pa.string())
    return pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(half), names) for half in np.split(values, 2)])


def draw(kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items, labelers and classes."""
    generator = np.random.default_rng(0)
    zeros = np.zeros(ROWS, np.int32)

    def numbers(count: int) -> np.ndarray:
        return generator.integers(0, count, ROWS, dtype=np.int32)

    return {
        "noise": lambda: (numbers(3_000_000), numbers(100_000), numbers(3)),
        "one pair": lambda: (zeros, zeros, numbers(1000)),
        "everybody once": lambda: (numbers(1000), np.arange(ROWS, dtype=np.int32), numbers(5)),
    }[kind]()


def main() -> None:
    """Does it."""
    columns = [column(values) for values in draw(sys.argv[1])]
    found: dict[str, object] = {"outcome": "TOO_MANY_CELLS"}
    try:
        table = make_table(*columns)
        require_room(table, CELL_LIMIT)
    except TooManyCells:
        pass
    else:
        consensus = dawid_skene.fit(table, options=dawid_skene.Options(max_iterations=ROUNDS)).apply(table)
        finite = bool(np.isfinite(consensus.posterior).all())
        found = {"outcome": "consensus", "labels": len(table), "items": len(table.items), "finite": finite}
    print(json.dumps({**found, "peak_bytes": peak_bytes()}))  # noqa: T201


if __name__ == "__main__":
    main()
