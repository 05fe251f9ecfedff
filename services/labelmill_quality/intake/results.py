"""Consensus labels as Arrow batches: for a stream, or a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet

from labelmill_quality.aggregation.consensus import ConsensusLabels

_BATCH_CELLS = 200_000


def part(labels: ConsensusLabels, start: int, stop: int) -> ConsensusLabels:
    """Some of the labels."""
    rows = slice(start, stop)
    return ConsensusLabels(
        labels.items[rows],
        labels.winners[rows],
        labels.posterior[rows],
        labels.label_counts[rows],
        labels.agreement[rows],
        labels.tied[rows],
    )


def schema(class_names: Sequence[str]) -> pa.Schema:
    """The columns; a posterior is in the order of the classes."""
    return pa.schema(
        [
            ("item", pa.string()),
            ("class_name", pa.dictionary(pa.int32(), pa.string())),
            ("posterior", pa.list_(pa.float64(), len(class_names))),
            ("label_count", pa.int64()),
            ("agreement", pa.float64()),
            ("tied", pa.bool_()),
        ]
    )


def batches(labels: ConsensusLabels, class_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The labels, some thousands a batch."""
    names, kind = pa.array(class_names, pa.string()), schema(class_names)
    step = max(1, _BATCH_CELLS // max(1, len(class_names)))
    for start in range(0, len(labels.items), step):
        some = part(labels, start, start + step)
        columns = [
            pa.array(list(some.items), pa.string()),
            pa.DictionaryArray.from_arrays(pa.array(some.winners, pa.int32()), names),
            pa.FixedSizeListArray.from_arrays(pa.array(np.ravel(some.posterior)), len(class_names)),
            pa.array(some.label_counts, pa.int64()),
            pa.array(some.agreement),
            pa.array(some.tied),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=kind)


def write_stream(path: Path, labels: ConsensusLabels, class_names: Sequence[str]) -> None:
    """Writes an Arrow IPC stream."""
    with ipc.new_stream(str(path), schema(class_names)) as writer:
        for batch in batches(labels, class_names):
            writer.write_batch(batch)


def write_parquet(path: Path, labels: ConsensusLabels, class_names: Sequence[str]) -> None:
    """Writes a Parquet file."""
    with parquet.ParquetWriter(path, schema(class_names), compression="zstd") as writer:
        for batch in batches(labels, class_names):
            writer.write_batch(batch)
