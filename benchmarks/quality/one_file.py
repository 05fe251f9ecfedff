"""Dawid-Skene over a Parquet file of text labels, in a process of its own so that its memory can be told.

    python -m benchmarks.quality.one_file make LABELS.parquet COUNT
    python -m benchmarks.quality.one_file run LABELS.parquet ROUNDS

`run` prints {"read_s", "fit_s", "cpu_s", "peak_bytes", "right"} as JSON: wall seconds from the file to a table of
codes, and from there to every item's posterior and class; CPU seconds of both; the most memory the process ever held.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchmarks.process_memory import peak_bytes
from benchmarks.quality.labels import drawn
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.intake.tables import ColumnNames, read_table
from labelmill_quality.labels import make_table

PARQUET = "application/vnd.apache.parquet"


def make(path: Path, count: int) -> None:
    """Writes the simulated labels, and beside them what is true."""
    draw = drawn(count)
    codes = {"item": draw.task, "labeler": draw.worker, "class_name": draw.said}
    columns = {
        name: pa.DictionaryArray.from_arrays(
            pa.array(values.astype(np.int32)), pa.array([f"{name[0]}{n}" for n in range(int(values.max()) + 1)])
        ).cast(pa.string())
        for name, values in codes.items()
    }
    parquet.write_table(pa.table(columns), path)
    np.save(path.with_suffix(".npy"), draw.truth.astype(np.int32))


def run(path: Path, rounds: int) -> dict[str, float]:
    """Reads and aggregates."""
    start = time.perf_counter()
    columns = read_table(path, PARQUET, ColumnNames(), 10**9)
    table = make_table(*columns.columns())
    del columns
    read = time.perf_counter()
    options = dawid_skene.Options(max_iterations=rounds, tolerance=0)
    consensus = dawid_skene.fit(table, options=options).apply(table)
    winners, posterior = consensus.winners, consensus.posterior
    done = time.perf_counter()
    truth = np.load(path.with_suffix(".npy"))
    numbers = np.fromiter((int(item[1:]) for item in table.items), np.int64, len(table.items))
    return {
        "read_s": read - start,
        "fit_s": done - read,
        "cpu_s": time.process_time(),
        "peak_bytes": peak_bytes(),
        "right": float((winners == truth[numbers]).mean()) if len(posterior) else 0.0,
    }


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(run(Path(sys.argv[2]), int(sys.argv[3]))))
