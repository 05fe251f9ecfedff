"""A table of labels as shards: all labels of an item into one. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from labelmill_quality.intake.tables import ColumnNames, read_batches

_SCHEMA = pa.schema([(name, pa.string()) for name in ColumnNames()])


def partition(
    paths: Sequence[Path], media_type: str, folder: Path, count: int, names: ColumnNames | None = None
) -> list[Path]:
    """Writes the labels of some files to so many shards, in the order in which they come; the shards' paths.

    An item's shard is a checksum of its name: files may be added to shards that are there, wherever they were made.

    Args:
        paths: The files.
        media_type: What they are.
        folder: Where the shards go.
        count: How many shards.
        names: What the columns are called.

    Raises:
        What `read_table` raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = [folder / f"shard-{number:05d}.parquet" for number in range(count)]
    with ExitStack() as stack:
        writers = [stack.enter_context(parquet.ParquetWriter(target, _SCHEMA)) for target in targets]
        for path in paths:
            for columns in read_batches(path, media_type, names or ColumnNames()):
                items = columns[0]
                of_names = np.array([zlib.crc32(str(name).encode()) % count for name in items.dictionary.to_pylist()])
                shard = of_names[items.indices.to_numpy()]
                table = pa.table([column.cast(pa.string()) for column in columns], schema=_SCHEMA)
                for number in np.unique(shard).tolist():
                    writers[number].write_table(table.filter(pa.array(shard == number)))
    return targets
