"""What `labelmill ingest` reads, and what becomes of bad items."""

import json
from pathlib import Path

import pytest

from labelmill.cli.ingest import MAX_BATCH_BYTES, MAX_ITEMS, _batches
from labelmill.cli.sources import Columns, Item, extent, items
from labelmill.storage.v1 import service_pb2

from .conftest import Commands

TEXT = Columns("text", None, ())


def read(path: Path, columns: Columns = TEXT) -> list[Item]:
    steps: list[int] = []
    found = list(items(path, columns, "", steps.append))
    assert sum(steps) == extent(path)
    return found


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands) -> None:
    owner.ok("project", "create", "ingest", "--single-choice", "sentiment=bad,good")


def test_a_folder_with_bad_files(owner: Commands, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("One fine text.")
    (tmp_path / "sub" / "b.txt").write_text("Another fine text.")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "big.txt").write_bytes(b"x" * 2_000_000)
    (tmp_path / ".hidden").write_text("not mine")
    result = owner.run("ingest", str(tmp_path), "-p", "ingest", "--label", "set=files", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["created_count"] == 3
    assert [(f["item"], f["reason"]) for f in document["failures"]] == [("empty.txt", "EMPTY_CONTENT")]

    (tmp_path / "empty.txt").unlink()
    (tmp_path / "big.txt").unlink()
    again = owner.ok("ingest", str(tmp_path), "-p", "ingest")
    assert (again["created_count"], again["already_existed_count"]) == (0, 2)
    assert set(again["assets"]) < set(document["assets"])


def test_lines_that_are_no_items_fail_alone(owner: Commands, tmp_path: Path) -> None:
    lines = [
        b'{"id": "good", "text": "A fine line."}',
        b"no json",
        b'["no", "object"]',
        b'{"id": "no text"}',
        b'{"id": "surrogate", "text": "half \\ud800"}',
        b'{"id": "bytes", "text": "caf\xe9"}',
        b'{"id": "long", "text": "fine"}',
        b"",
    ]
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\n".join(lines))
    result = owner.run("ingest", str(path), "-p", "ingest", "--id-column", "id", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["created_count"] == 2
    assert {f["item"]: f["reason"] for f in document["failures"]} == {
        "lines.jsonl:2": "INVALID_JSON",
        "lines.jsonl:3": "INVALID_JSON",
        "lines.jsonl:4": "NO_TEXT",
        "lines.jsonl:5": "INVALID_UTF8",
        "bytes": "INVALID_UTF8",
    }
    text = owner.run("ingest", str(path), "-p", "ingest", "--id-column", "id")
    assert text.stdout == ""
    assert "0 ingested, 2 were there before, 5 failed." in text.stderr


def test_an_item_that_breaks_the_contract_does_not_take_its_batch_along(owner: Commands, tmp_path: Path) -> None:
    rows = [{"id": "i" * 2000, "text": "Its id is too long."}, {"id": "short", "text": "Its id is not."}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = owner.run("ingest", str(path), "-p", "ingest", "--id-column", "id", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["created_count"], document["failed_count"]) == (1, 1, 1)


def test_an_unknown_project_ends_the_command(owner: Commands, texts: Path) -> None:
    assert owner.run("ingest", str(texts), "-p", "absent").exit_code == 3


def test_csv_with_quotes_lines_and_a_mark_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'\xef\xbb\xbfid,text,set\n1,"One,\ntwo ""three""",x\n\n2,caf\xe9,y\n3\n')
    found = read(path, Columns("text", "id", ("set",)))
    assert [(item.external_id, item.content, item.labels) for item in found[:2]] == [
        ("1", b'One,\ntwo "three"', {"set": "x"}),
        ("2", b"caf\xe9", {"set": "y"}),
    ]
    assert found[2].fault is not None
    assert found[2].fault[0] == "NO_TEXT"


def test_tab_separated_values(tmp_path: Path) -> None:
    (tmp_path / "table.tsv").write_text("text\tother\na, b\tc\n")
    assert [item.content for item in read(tmp_path / "table.tsv")] == [b"a, b"]


def test_items_without_an_id_are_named_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "lines.ndjson"
    path.write_text('{"text": "a"}\n\n{"text": "b"}\n')
    assert [item.external_id for item in read(path)] == ["lines.ndjson:1", "lines.ndjson:3"]


def test_any_other_file_is_one_item(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    found = read(tmp_path / "letter.txt")
    assert [(item.external_id, item.path) for item in found] == [("letter.txt", tmp_path / "letter.txt")]


def test_batches_stay_within_both_limits() -> None:
    make = service_pb2.BatchCreateAssetsRequest.Item
    many = [make(content=b"x") for _ in range(2500)]
    assert [len(batch) for batch in _batches(many)] == [MAX_ITEMS, MAX_ITEMS, 500]
    big = [make(content=b"x" * 900_000) for _ in range(7)]
    batches = list(_batches(big))
    assert sum(map(len, batches)) == 7
    for batch in batches:
        request = service_pb2.BatchCreateAssetsRequest(parent="projects/" + "p" * 63, items=batch)
        assert request.ByteSize() < MAX_BATCH_BYTES + 1000
    assert list(_batches([])) == []
