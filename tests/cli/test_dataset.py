"""Datasets and snapshots by commands."""

import json
from pathlib import Path
from typing import Any

import pytest

from labelmill.cli import whole_files

from .conftest import Commands

PROJECT = ("-p", "sets")


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands) -> None:
    owner.ok("project", "create", "sets", "--single-choice", "sentiment=bad,good")


@pytest.fixture(scope="module")
def assets(owner: Commands, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    rows = [{"id": f"t{n}", "text": f"Text t{n} is fine.", "set": "ab"[n % 2]} for n in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    names: list[str] = owner.ok("ingest", str(path), *PROJECT, "--id-column", "id", "--label-column", "set")["assets"]
    owner.ok("anonymize", "policy", "create", "strict", *PROJECT, "--default", "replace")
    owner.ok("anonymize", "run", "strict", *PROJECT, "--filter", 'labels.set = "a"')
    return names


def test_from_assets_to_a_snapshot_that_is_checked(owner: Commands, assets: list[str], tmp_path: Path) -> None:
    owner.ok("dataset", "create", "texts", *PROJECT, "--display-name", "Texts")
    added = owner.ok("dataset", "add", "texts", *PROJECT, "--filter", 'labels.set = "a"')
    assert (added["added_count"], added["asset_count"]) == (10, 10)
    (listed,) = owner.ok("dataset", "list", *PROJECT)["datasets"]
    assert (listed["display_name"], listed["asset_count"]) == ("Texts", 10)
    split = ("--split", "train=0.8,test=0.2", "--seed", "2026", "--stratify-label", "set")
    first = owner.ok("dataset", "snapshot", "texts", *PROJECT, *split, "--clean-only")
    assert first["split_counts"] == {"test": 2, "train": 8}
    assert first["lineage"]["policies"] == ["projects/sets/policies/strict@1"]

    more = owner.ok("dataset", "add", "texts", *PROJECT, "--assets", "-", stdin="\n".join(assets[1::2]))
    assert more["asset_count"] == 20
    refused = owner.run("dataset", "snapshot", "texts", *PROJECT, "--clean-only", "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["error"]["reason"]) == (6, "ASSETS_NOT_CLEAN")
    base = "texts/" + first["name"].rpartition("/")[2]
    second = owner.ok("dataset", "snapshot", "texts", *PROJECT, *split, "--base", base)
    later = "texts/" + second["name"].rpartition("/")[2]
    found = owner.ok("dataset", "diff", later, base, *PROJECT)
    assert found == {"added_count": 10, "removed_count": 0, "content_changed_count": 0, "split_changed_count": 0}
    lines = owner.run("dataset", "diff", later, base, *PROJECT).stdout.splitlines()
    assert sorted(lines) == sorted(f"added\t{name}" for name in assets[1::2])
    listed = owner.ok("dataset", "snapshots", "texts", *PROJECT)["snapshots"]
    assert [found["name"] for found in listed] == [second["name"], first["name"]]

    path = tmp_path / "texts.parquet"
    told = owner.ok("dataset", "download", base, *PROJECT, "-o", str(path))
    assert told["sha256"] == first["manifest_sha256"]
    checked = owner.ok("dataset", "verify-snapshot", str(path), "--content-sha256", first["content_sha256"])
    assert checked["ok"]
    wrong = owner.run("dataset", "verify-snapshot", str(path), "--content-sha256", second["content_sha256"])
    assert wrong.exit_code == 7
    path.write_bytes(path.read_bytes()[:-50])
    assert owner.run("dataset", "verify-snapshot", str(path), "--content-sha256", "0" * 64).exit_code == 7
    assert owner.ok("dataset", "remove", "texts", *PROJECT, "--filter", "*")["removed_count"] == 20

    export_rows_and_contents(owner, base, later, tmp_path)


def export_rows_and_contents(owner: Commands, clean: str, mixed: str, tmp_path: Path) -> None:
    result = owner.run("dataset", "export", clean, *PROJECT, "--split", "test")
    assert result.exit_code == 0
    rows: list[dict[str, Any]] = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["split"] for row in rows] == ["test", "test"]
    folder = tmp_path / "contents"
    told = owner.ok("dataset", "export", clean, *PROJECT, "--content", "-o", str(folder))
    assert (told["row_count"], told["failed_count"]) == (10, 0)
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert {(folder / row["file"]).read_text() for row in rows} == {f"Text t{n} is fine." for n in range(0, 20, 2)}
    again = owner.run("dataset", "export", clean, *PROJECT, "--content", "-o", str(folder))
    assert again.exit_code == 2
    result = owner.run("dataset", "export", mixed, *PROJECT, "--content", "-o", str(tmp_path / "more"), "--json")
    assert (result.exit_code, json.loads(result.stdout)["failed_count"]) == (1, 10)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "texts", *PROJECT),
        ("snapshot", "texts", *PROJECT, "--seed", "1"),
        ("snapshot", "texts", *PROJECT, "--split", "train"),
        ("download", "texts", *PROJECT),
        ("export", "texts/0", *PROJECT, "--content"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(owner: Commands, arguments: tuple[str, ...]) -> None:
    assert owner.run("dataset", *arguments).exit_code == 2


def test_a_file_with_another_hash_does_not_appear(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert not whole_files.write(path, [b"one", b"two"], "0" * 64)
    assert list(tmp_path.iterdir()) == []
