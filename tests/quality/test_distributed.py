"""Dawid-Skene over shards gives what it gives over one table: here, and on two workers of Ray."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmill_quality import encoding
from labelmill_quality.adapters.ray_shards import RayShards, cluster
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.distributed.aggregate import Aggregated, Here, aggregate
from labelmill_quality.distributed.partition import partition
from labelmill_quality.distributed.shard import PARQUET, Shard
from labelmill_quality.errors import UnknownClass
from labelmill_quality.labels import LabelTable, gold_codes
from tests.quality.test_aggregation import simulated

ROUNDS = dawid_skene.Options(max_iterations=20, tolerance=0)


def names(table: LabelTable) -> pa.Table:
    columns = (
        (table.items, table.item_codes),
        (table.labelers, table.labeler_codes),
        (table.classes, table.class_codes),
    )
    values = [np.array(names)[codes] for names, codes in columns]
    return pa.table(dict(zip(("item", "labeler", "class_name"), values, strict=True)))


@pytest.fixture(scope="module")
def table() -> LabelTable:
    return simulated(items=500)[0]


@pytest.fixture(scope="module")
def shards(table: LabelTable, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("shards")
    pq.write_table(names(table), folder / "labels.parquet", row_group_size=300)
    return [str(path) for path in partition([folder / "labels.parquet"], PARQUET, folder / "shards", 2)]


def written(found: Aggregated) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in found.paths]).sort_by("item")


def same(found: Aggregated, table: LabelTable) -> None:
    """As in one process: the model to 1e-12, every item's class."""
    whole = dawid_skene.fit(table, options=ROUNDS)
    consensus = whole.apply(table)
    assert (found.label_count, found.item_count) == (len(table), len(table.items))
    assert found.model.confusion == pytest.approx(whole.confusion, abs=1e-12)
    assert found.model.prior == pytest.approx(whole.prior, abs=1e-12)
    labels = written(found)
    assert labels["item"].to_pylist() == list(table.items)
    assert labels["class_name"].to_pylist() == [table.classes[winner] for winner in consensus.winners]
    assert np.array(labels["posterior"].to_pylist()) == pytest.approx(consensus.posterior, abs=1e-12)


def test_an_items_labels_are_all_in_one_shard(shards: list[str], table: LabelTable) -> None:
    items = [set(pq.read_table(path)["item"].to_pylist()) for path in shards]
    assert not items[0] & items[1]
    assert min(map(len, items)) > 200
    assert items[0] | items[1] == set(table.items)


def test_shards_here_give_what_one_table_gives(shards: list[str], table: LabelTable, tmp_path: Path) -> None:
    same(aggregate(Here([Shard(path) for path in shards]), options=ROUNDS, folder=str(tmp_path)), table)


@pytest.mark.timeout(300)
def test_two_workers_of_ray_give_what_one_table_gives(shards: list[str], table: LabelTable, tmp_path: Path) -> None:
    with cluster(cpus=2):
        same(aggregate(RayShards(shards), options=ROUNDS, folder=str(tmp_path)), table)


def test_gold_takes_part_in_every_shard(shards: list[str], table: LabelTable) -> None:
    gold = dict.fromkeys(table.items[:40], "2")
    found = aggregate(Here([Shard(path) for path in shards]), gold=gold, options=ROUNDS)
    anchors = gold_codes(table.items, list(gold), list(gold.values()), table.classes)
    assert found.model.confusion == pytest.approx(dawid_skene.fit(table, anchors, ROUNDS).confusion, abs=1e-12)


def test_a_labeler_and_a_class_may_occur_in_one_shard_alone(tmp_path: Path) -> None:
    rows = {"a": [("x", "anna", "yes"), ("x", "ben", "yes")], "b": [("y", "ben", "no"), ("y", "cleo", "no")]}
    for name, some in rows.items():
        columns = zip(("item", "labeler", "class_name"), map(list, zip(*some, strict=True)), strict=True)
        pq.write_table(pa.table(dict(columns)), tmp_path / f"{name}.parquet")
    pq.write_table(pa.table({name: pa.array([], pa.string()) for name in ("item", "labeler", "class_name")}),
                   tmp_path / "empty.parquet")  # fmt: skip
    parts = [Shard(str(tmp_path / f"{name}.parquet")) for name in ("a", "empty", "b")]
    found = aggregate(Here(parts), folder=str(tmp_path / "out"))
    assert (found.labelers, found.classes) == (["anna", "ben", "cleo"], ["no", "yes"])
    assert written(found)["class_name"].to_pylist() == ["yes", "no"]


def test_a_class_that_was_not_named_is_refused(shards: list[str]) -> None:
    with pytest.raises(UnknownClass):
        aggregate(Here([Shard(path) for path in shards]), class_names=["0", "1"])


def test_the_command_aggregates_a_csv_file(tmp_path: Path, table: LabelTable) -> None:
    rows = names(table).to_pylist()
    lines = ["item,labeler,class_name", *(f"{row['item']},{row['labeler']},{row['class_name']}" for row in rows)]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    command = [sys.executable, "-m", "labelmill_quality", "labels.csv", "--into", "out", "--shards", "3"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    summary = json.loads(done.stdout)
    assert (summary["labels"], summary["items"], summary["labelers"]) == (len(table), 500, 12)
    assert summary["converged"]
    assert sum(pq.read_metadata(path).num_rows for path in summary["paths"]) == 500


def test_names_in_arrow_are_a_sequence() -> None:
    many = encoding.ArrowNames(pa.array(["a", "b", "c"]))
    assert (list(many), many[1], many[1:], len(many)) == (["a", "b", "c"], "b", ["b", "c"], 3)
