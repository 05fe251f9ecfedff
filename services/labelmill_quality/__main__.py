"""Aggregates files of labels without a server, on this machine or on a Ray cluster.

    python -m labelmill_quality LABELS.parquet... --into FOLDER [--shards N] [--ray ADDRESS] [--class NAME...]

The labels (columns item, labeler, class_name) are cut into shards by item in FOLDER/labels, which every machine of the
cluster must see; Dawid and Skene's model is fitted to all of them; each shard's consensus labels come to
FOLDER/consensus. "--ray local" starts a cluster of this machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from labelmill_quality.distributed.aggregate import Here, Shards, aggregate
from labelmill_quality.distributed.partition import partition
from labelmill_quality.distributed.shard import PARQUET, Shard

MEDIA_TYPES = {
    ".parquet": PARQUET,
    ".arrow": "application/vnd.apache.arrow.file",
    ".arrows": "application/vnd.apache.arrow.stream",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/x-ndjson",
}


def main() -> None:
    """Cuts, aggregates, prints a summary as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="+", type=Path, help="Parquet, CSV, TSV, NDJSON or Arrow, all of one type")
    parser.add_argument("--into", type=Path, required=True, help="the folder for shards and consensus labels")
    parser.add_argument("--shards", type=int, default=os.cpu_count() or 1, help="default: as many as cores")
    parser.add_argument("--ray", metavar="ADDRESS", help='a Ray cluster, or "local"; default: this process')
    parser.add_argument("--class", dest="classes", nargs="+", default=(), help="the classes in order")
    arguments = parser.parse_args()
    if unknown := {path.suffix for path in arguments.labels}.difference(MEDIA_TYPES):
        parser.error(f"files must end in one of {' '.join(MEDIA_TYPES)}, not {' '.join(sorted(unknown))}")
    folder = arguments.into.resolve()
    paths = partition(arguments.labels, MEDIA_TYPES[arguments.labels[0].suffix], folder / "labels", arguments.shards)
    with _cluster(arguments.ray):
        shards = _shards([str(path) for path in paths], arguments.ray)
        found = aggregate(shards, class_names=arguments.classes, folder=str(folder / "consensus"))
    summary = {
        "labels": found.label_count,
        "items": found.item_count,
        "labelers": len(found.labelers),
        "classes": found.classes,
        "rounds": found.model.iterations,
        "converged": found.model.converged,
        "paths": found.paths,
    }
    json.dump(summary, sys.stdout)
    sys.stdout.write("\n")


def _shards(paths: list[str], address: str | None) -> Shards:
    if address is None:
        return Here([Shard(path) for path in paths])
    from labelmill_quality.adapters.ray_shards import RayShards

    return RayShards(paths)


def _cluster(address: str | None) -> AbstractContextManager[None]:
    if address is None:
        return nullcontext()
    from labelmill_quality.adapters.ray_shards import cluster

    return cluster(address)


if __name__ == "__main__":
    main()
