"""Imports of manifests: CSV, JSON lines and Parquet, with rows that are none and places that are closed."""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmill.storage.v1 import resources_pb2
from tests.storage.client import RAW
from tests.storage.conftest import Start
from tests.storage.imports import Imports
from tests.storage.test_imports_bucket import BUCKET, settings
from tests.support.s3 import S3Server

INVALID = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_MANIFEST")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
async def imports(start: Start, root: Path) -> AsyncIterator[Imports]:
    async with start(import_roots=[root]) as storage:
        yield Imports(storage)


async def by_external_id(imports: Imports) -> dict[str, resources_pb2.Asset]:
    assets = (await imports.storage.list_assets(page_size=1000)).assets
    return {asset.external_id: asset for asset in assets}


async def text_of(imports: Imports, asset: resources_pb2.Asset) -> bytes:
    return (await imports.storage.download(asset.name, RAW))[1]


ROWS: list[dict[str, Any]] = [
    {"external_id": "1", "text": 'Ann, said "hi"\nand left', "set": "train", "subject": "s-1"},
    {"external_id": "2", "text": "Grüße", "set": "test", "subject": "", "media_type": "text/markdown"},
    {"external_id": "", "text": "nameless", "set": None, "subject": ""},
]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    names = ["external_id", "text", "set", "subject", "media_type"]
    match path.suffix:
        case ".csv" | ".tsv":
            import csv

            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, names, delimiter="\t" if path.suffix == ".tsv" else ",")
                writer.writeheader()
                writer.writerows(rows)
        case ".parquet":
            pq.write_table(pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows]), path)
        case _:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
async def test_rows_become_assets_and_are_read_again_only_when_they_change(
    imports: Imports, root: Path, ending: str
) -> None:
    path = root / f"rows.{ending}"
    write(path, ROWS)
    await imports.manifest(path, label_columns=["set"])
    assert await imports.run() == {"created": 3}
    assets = await by_external_id(imports)
    assert set(assets) == {"1", "2", f"rows.{ending}:3"}
    assert dict(assets["1"].labels) == {"set": "train"}
    assert dict(assets[f"rows.{ending}:3"].labels) == {}
    assert [assets[key].raw.media_type for key in ("1", "2")] == ["text/plain", "text/markdown"]
    assert await text_of(imports, assets["1"]) == ROWS[0]["text"].encode()
    assert await text_of(imports, assets["2"]) == "Grüße".encode()

    assert await imports.run() == {"unchanged": 3}
    write(path, [{**ROWS[0], "text": "changed"}, *ROWS[1:], {"external_id": "4", "text": "new"}])
    assert await imports.run() == {"created": 2, "unchanged": 2}
    assert {item.key for item in await imports.items()} == {"1", "2", f"rows.{ending}:3", "4"}


async def test_rows_that_share_an_id_are_items_of_their_own(imports: Imports, root: Path) -> None:
    write(root / "rows.jsonl", [{"external_id": "a", "text": text} for text in ("one", "two", "one")])
    await imports.manifest(root / "rows.jsonl")
    assert await imports.run() == {"created": 2, "already_existed": 1}
    assert [item.key for item in await imports.items()] == ["a", "a (row 2)", "a (row 3)"]
    assert await imports.run() == {"unchanged": 3}


async def test_the_subject_of_a_row_is_kept_as_a_hash_alone(imports: Imports, root: Path) -> None:
    write(root / "rows.csv", [{"external_id": "1", "text": "about somebody", "subject": "canary-subject"}])
    await imports.manifest(root / "rows.csv")
    assert await imports.run() == {"created": 1}
    data = b"".join(path.read_bytes() for path in imports.storage.data_dir.glob("storage.db*"))
    assert b"about somebody" not in data
    assert b"canary-subject" not in data


async def test_contents_beside_the_manifest(imports: Imports, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (root / "secret.txt").write_text("within the root, not beside the manifest")
    beside = root / "set" / "files"
    beside.mkdir(parents=True)
    (beside / "a.txt").write_text("a")
    large = os.urandom(2_000_000)
    (beside / "large.bin").write_bytes(large)
    (beside / "out.txt").symlink_to(tmp_path / "secret.txt")
    (beside / "up.txt").symlink_to(root / "secret.txt")
    uris = {
        "fine": "files/a.txt",
        "large": "files/large.bin",
        "gone": "files/nothing.txt",
        "up": "../secret.txt",
        "down and up": "files/../../secret.txt",
        "absolute": str(tmp_path / "secret.txt"),
        "link out": "files/out.txt",
        "link up": "files/up.txt",
        "scheme": "file:///etc/passwd",
        "folder": "files",
        "nul": "files/\0",
        "bucket": "s3://labelmill-raw/key",
        "none": "",
    }
    rows = [{"external_id": key, "uri": uri} for key, uri in uris.items()]
    (root / "set" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    await imports.manifest(root / "set" / "rows.jsonl")
    assert await imports.run() == {"created": 2, "failed": 11}
    forbidden = ("up", "down and up", "absolute", "link out", "link up", "scheme", "bucket")
    assert await imports.dead_letters() == {
        **dict.fromkeys(forbidden, "SOURCE_FORBIDDEN"),
        "gone": "CONTENT_MISSING",
        "folder": "UNREADABLE",
        "nul": "INVALID_TEXT",
        "none": "NO_CONTENT",
    }
    assert await text_of(imports, (await by_external_id(imports))["large"]) == large
    assert await imports.run() == {"unchanged": 13}
    (beside / "a.txt").write_text("a changed")
    assert await imports.run() == {"created": 1, "unchanged": 12}


async def test_hostile_csv(imports: Imports, root: Path) -> None:
    lines = [
        b"\xef\xbb\xbfexternal_id,text,set\r\n",
        b"good,fine,a\r\n",
        b"\r\n",
        b"short,row\r\n",
        b"long,row,a,b\r\n",
        b"bytes,caf\xe9,a\r\n",
        b"nul,a\0b,a\r\n",
        b"nul label,fine too,a\0b\r\n",
        b'quotes,"broken"quotes,a\r\n',
        b"single,'a, b',a\r\n",
        b"single,'ab',a\r\n",
        b"empty,,a\r\n",
        b'big,"' + b"x" * 2_000_000 + b'",a\r\n',
        b"last,no line end,a",
    ]
    (root / "rows.csv").write_bytes(b"".join(lines))
    await imports.manifest(root / "rows.csv", label_columns=["set"])
    await imports.run()
    letters = await imports.dead_letters()
    assert letters == {
        "rows.csv:2": "INVALID_ROW",
        "rows.csv:3": "INVALID_ROW",
        "bytes": "INVALID_UTF8",
        "nul label": "INVALID_TEXT",
        "rows.csv:7": "INVALID_ROW",
        "rows.csv:8": "INVALID_ROW",
        "empty": "NO_CONTENT",
    }
    assert set(await by_external_id(imports)) == {"good", "nul", "single", "big", "last"}
    (root / "rows.csv").write_bytes(b"".join([*lines[:3], b"short,mended,a\r\n"]))
    assert await imports.run() == {"created": 1, "unchanged": 1}
    assert await imports.dead_letters() == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("twice.csv", b"text,text\na,b\n"),
        ("other.csv", b"a,b\n1,2\n"),
        ("utf16.csv", "text\na\n".encode("utf-16")),
        ("line.csv", b"text\n" + b"x" * 17_000_000),
        ("open.csv", b'text\n"' + b"x\n" * 9_000_000),
        ("none.parquet", b""),
        ("damaged.parquet", b"PAR1" + os.urandom(1000) + b"PAR1"),
    ],
)
async def test_what_is_no_manifest_at_all(imports: Imports, root: Path, name: str, content: bytes) -> None:
    (root / name).write_bytes(content)
    await imports.manifest(root / name)
    assert (await imports.fails()).said == INVALID


async def test_hostile_json_lines(imports: Imports, root: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"external_id": "good", "text": "fine"}',
        b"no json",
        b'["no", "object"]',
        b"[" * 100_000,
        b'{"external_id": "number", "text": 7}',
        b'{"external_id": "object", "text": {"a": "b"}}',
        b'{"external_id": "label", "text": "x", "set": ["a"]}',
        b'{"external_id": "true", "text": "with a flag", "set": true}',
        b'{"external_id": {"a": 1}, "text": "x"}',
        b'{"external_id": "half", "text": "\\ud800"}',
        b'{"external_id": "half \\ud800", "text": "x"}',
        b'{"external_id": "type", "text": "x", "media_type": "no type"}',
        b'{"external_id": "int", "text": "x", "set": ' + b"9" * 5000 + b"}",
        b"",
        b'{"external_id": "long", "text": "' + b"x" * 17_000_000 + b'"}',
        b'{"external_id": "last", "text": "fine as well"}',
    ]
    (root / "rows.jsonl").write_bytes(b"\n".join(lines))
    await imports.manifest(root / "rows.jsonl", label_columns=["set"])
    await imports.run()
    assert await imports.dead_letters() == {
        **dict.fromkeys((f"rows.jsonl:{n}" for n in (2, 3, 4, 9, 13)), "INVALID_ROW"),
        **dict.fromkeys(("number", "object", "label"), "INVALID_ROW"),
        "half": "INVALID_UTF8",
        "rows.jsonl:11": "INVALID_TEXT",
        "type": "INVALID_MEDIA_TYPE",
        "rows.jsonl:14": "CONTENT_TOO_LARGE",
    }
    assets = await by_external_id(imports)
    assert set(assets) == {"good", "true", "last"}
    assert dict(assets["true"].labels) == {"set": "true"}


async def test_parquet_with_other_types(imports: Imports, root: Path) -> None:
    rows = [
        {"content": b"\x89PNG no picture", "id": 1, "n": 1.5, "nested": {"a": 1}},
        {"content": b"plain words", "id": 2, "n": None, "nested": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), root / "rows.parquet")
    columns = {"content_column": "content", "external_id_column": "id"}
    await imports.manifest(root / "rows.parquet", label_columns=["n"], **columns)
    assert await imports.run() == {"created": 2}
    assets = await by_external_id(imports)
    assert [(key, dict(asset.labels)) for key, asset in sorted(assets.items())] == [("1", {"n": "1.5"}), ("2", {})]
    await imports.manifest(root / "rows.parquet", "nested", label_columns=["nested"], **columns)
    assert await imports.run("nested") == {"already_existed": 1, "failed": 1}
    assert await imports.dead_letters("nested") == {"1": "INVALID_ROW"}
    await imports.manifest(root / "rows.parquet", "numbers", content_column="n", external_id_column="id")
    assert await imports.run("numbers") == {"failed": 2}
    assert await imports.dead_letters("numbers") == {"1": "INVALID_ROW", "2": "NO_CONTENT"}


async def test_a_file_cut_short_fails_after_the_rows_before(imports: Imports, root: Path) -> None:
    path = root / "rows.parquet"
    table = pa.Table.from_pylist([{"text": f"{n} {secrets.token_hex(500)}"} for n in range(4000)])
    pq.write_table(table, path, row_group_size=1000)
    whole = bytearray(path.read_bytes())
    middle = len(whole) * 3 // 4
    whole[middle : middle + 200_000] = os.urandom(200_000)
    path.write_bytes(bytes(whole))
    await imports.manifest(path)
    assert (await imports.fails()).said == INVALID
    assert (await imports.storage.list_assets(page_size=1)).total_size >= 1000


async def test_manifests_in_a_bucket(start: Start, s3: S3Server) -> None:
    client, prefix = s3.client(s3.admin), secrets.token_hex(8)
    if not client.bucket_exists(BUCKET):
        client.make_bucket(BUCKET)

    def put(name: str, data: bytes) -> None:
        client.put_object(BUCKET, f"{prefix}/{name}", io.BytesIO(data), len(data))

    put("set/a.txt", b"beside")
    put("b.txt", b"anywhere in the bucket")
    rows = [
        {"external_id": "here", "text": "here", "uri": None},
        {"external_id": "beside", "text": None, "uri": "a.txt"},
        {"external_id": "anywhere", "text": None, "uri": f"s3://{BUCKET}/{prefix}/b.txt"},
        {"external_id": "up", "text": None, "uri": "../b.txt"},
        {"external_id": "closed", "text": None, "uri": "s3://labelmill-raw/x"},
        {"external_id": "gone", "text": None, "uri": "nothing.txt"},
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    put("set/rows.parquet", buffer.getvalue())
    put("set/rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    async with start(**settings(s3)) as storage:
        imports = Imports(storage)
        await imports.manifest(f"s3://{BUCKET}/{prefix}/set/rows.parquet", "parquet")
        await imports.manifest(f"s3://{BUCKET}/{prefix}/set/rows.jsonl", "lines")
        assert await imports.run("parquet") == {"created": 3, "failed": 3}
        assert await imports.run("parquet") == {"unchanged": 6}
        assert await imports.run("lines") == {"already_existed": 3, "failed": 3}
        reasons = {"up": "SOURCE_FORBIDDEN", "closed": "SOURCE_FORBIDDEN", "gone": "CONTENT_MISSING"}
        assert await imports.dead_letters("lines") == reasons
        await imports.manifest(f"s3://{BUCKET}/{prefix}/nothing.csv", "gone")
        assert (await imports.fails("gone")).said == (grpc.StatusCode.FAILED_PRECONDITION, "SOURCE_MISSING")
