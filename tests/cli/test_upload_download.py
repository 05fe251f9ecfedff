"""`labelmill upload`, `download` and `url` against a real server."""

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import urllib3

from labelmill import errors
from labelmill._content import same_upload_id
from labelmill.storage.v1 import resources_pb2, service_pb2
from tests.support.up import UpProcess

from .conftest import Commands

PROJECT, PARENT = "uploads", "projects/uploads"
MIB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands) -> None:
    owner.ok("project", "create", PROJECT, "--single-choice", "sentiment=bad,good")


def test_files_become_assets_and_come_back(owner: Commands, tmp_path: Path) -> None:
    large, small, empty = os.urandom(9 * MIB + 1), b"A short text.", b""
    for name, content in (("large.bin", large), ("small.txt", small), ("empty.txt", empty)):
        (tmp_path / name).write_bytes(content)
    names = [str(tmp_path / name) for name in ("large.bin", "small.txt", "empty.txt")]
    result = owner.run("upload", *names, "-p", PROJECT, "--label", "set=a", "--subject", "s1", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(failure["item"], failure["reason"]) for failure in document["failures"]] == [
        ("empty.txt", "EMPTY_CONTENT")
    ]
    assert [made["sha256"] for made in document["assets"]] == [hashlib.sha256(c).hexdigest() for c in (large, small)]
    again = owner.ok("upload", *names[:2], "-p", PROJECT)
    assert [made["asset"] for made in again["assets"]] == [made["asset"] for made in document["assets"]]

    asset = document["assets"][0]["asset"]
    got = owner.ok("download", asset, "-o", str(tmp_path / "back.bin"), "--zone", "raw")
    assert (got["file"], got["size_bytes"]) == (str(tmp_path / "back.bin"), len(large))
    assert (tmp_path / "back.bin").read_bytes() == large
    into = owner.ok("download", document["assets"][1]["asset"], "-o", str(tmp_path), "--zone", "raw")
    assert into["file"] == str(tmp_path / f"{document['assets'][1]['asset'].rpartition('/')[2]}.txt")
    assert Path(into["file"]).read_bytes() == small
    assert owner.run("download", asset, "-o", str(tmp_path / "clean.bin")).exit_code == 6  # not admitted yet
    assert not (tmp_path / "clean.bin").exists()

    made = owner.ok("url", asset, "--zone", "raw", "--seconds", "60")
    with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
        assert pool.request("GET", made["url"]).data == large
    assert owner.run("url", asset).exit_code == 6


def test_interrupted_upload_goes_on_in_the_next_run(owner: Commands, server: UpProcess, tmp_path: Path) -> None:
    path, content = tmp_path / "interrupted.bin", os.urandom(10 * MIB)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    upload_id = same_upload_id(PARENT, digest, external_id=path.name)
    header = service_pb2.UploadAssetRequest.Header(
        parent=PARENT, external_id=path.name, size_bytes=len(content), sha256=digest, upload_id=upload_id
    )

    async def first_half() -> AsyncIterator[service_pb2.UploadAssetRequest]:
        yield service_pb2.UploadAssetRequest(header=header)
        for start in range(0, 5 * MIB, 256 * 1024):
            yield service_pb2.UploadAssetRequest(chunk=content[start : start + 256 * 1024])

    async def interrupted() -> None:
        async with server.client() as client:
            with contextlib.suppress(errors.InvalidArgument):  # it ends without a checksum
                await client.storage.upload_asset(first_half())

    async def upload() -> resources_pb2.Upload:
        async with server.client() as client:
            return await client.storage.get_upload(service_pb2.GetUploadRequest(name=f"{PARENT}/uploads/{upload_id}"))

    asyncio.run(interrupted())
    assert asyncio.run(upload()).received_bytes == 5 * MIB
    document = owner.ok("upload", str(path), "-p", PROJECT)
    assert asyncio.run(upload()).asset == document["assets"][0]["asset"]


def test_wrong_usage_is_told(owner: Commands, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    two = ("upload", str(tmp_path / "a"), str(tmp_path / "b"), "-p", PROJECT)
    assert owner.run(*two, "--external-id", "x").exit_code == 2
    assert owner.run("upload", str(tmp_path / "absent"), "-p", PROJECT).exit_code == 2
    assert owner.run("url", f"{PARENT}/assets/{'0' * 32}", "--seconds", "901").exit_code == 2
    assert owner.run("download", f"{PARENT}/assets/{'0' * 32}").exit_code == 3
