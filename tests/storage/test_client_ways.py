"""The SDK in front of a real server: large contents go by URL, small ones share calls, and nothing is trusted less."""

import asyncio
import hashlib
import io
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from labelmill import Retry, errors
from labelmill._content import same_upload_id
from labelmill._transport import Transport
from labelmill.aio import Client
from labelmill.storage.v1 import resources_pb2, service_pb2
from tests.storage.client import PARENT, Storage
from tests.storage.conftest import Start, s3_settings
from tests.storage.test_checked_puts import path_of
from tests.storage.test_urls import http, upload_header, upload_url
from tests.support.s3 import RAW_BUCKET, S3Server

MIB = 1024 * 1024
RAW = resources_pb2.ZONE_RAW
CONTENT = os.urandom(9 * MIB)


class Calls(list[str]):
    """The calls that clients made."""

    def count_of(self, *names: str) -> list[int]:
        return [self.count(name) for name in names]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls()

    def noting(real: Any) -> Any:
        def noted(self: Transport, method: Any, *rest: Any, **more: Any) -> Any:
            made.append(method._method.decode().rpartition("/")[2])
            return real(self, method, *rest, **more)

        return noted

    for name in ("unary", "send_stream", "serve_stream"):
        monkeypatch.setattr(Transport, name, noting(getattr(Transport, name)))
    return made


def client(storage: Storage, who: str = "service") -> Client:
    return Client(storage.address, storage.keys[who], retry=Retry(max_attempts=5, initial_s=0.02, max_s=0.1))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_large_content_goes_by_url_both_ways(on_stores: Storage, calls: Calls, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(CONTENT + b"file")
    steps: list[tuple[int, int]] = []
    async with client(on_stores) as mill:
        asset = await mill.storage.upload(
            PARENT, CONTENT, external_id="x", subject="s1", on_progress=lambda *step: steps.append(step)
        )
        other = await mill.storage.upload(PARENT, tmp_path / "in")
        assert calls.count_of("CreateUploadUrl", "FinishUpload", "UploadAsset", "BatchCreateAssets") == [2, 2, 0, 0]
        assert await mill.storage.download(asset.name, zone=RAW) == CONTENT
        described = await mill.storage.download_to(other.name, tmp_path / "out", zone=RAW)
        assert calls.count_of("BatchReadAssets", "CreateDownloadUrl", "DownloadAsset") == [2, 0, 0]
    assert (tmp_path / "out").read_bytes() == CONTENT + b"file"
    assert described == (await on_stores.get(other.name)).raw
    assert (asset.raw.sha256, asset.external_id) == (digest(CONTENT), "x")
    assert steps[-1] == (len(CONTENT), len(CONTENT))


async def test_urls_of_large_contents_come_only_if_asked_for(on_stores: Storage) -> None:
    async with client(on_stores) as mill:
        large, small = await mill.storage.upload(PARENT, CONTENT), await mill.storage.upload(PARENT, b"\xffsmall")
        request = service_pb2.BatchReadAssetsRequest(parent=PARENT, names=[large.name, small.name], zone=RAW)
        refused, read = (await mill.storage.batch_read_assets(request)).results
        assert (refused.status.code, refused.HasField("url"), read.content) == (8, False, b"\xffsmall")
        request.urls_for_large = True
        told, read = (await mill.storage.batch_read_assets(request)).results
    assert (told.status.code, told.content, read.content, read.HasField("url")) == (0, b"", b"\xffsmall", False)
    assert (told.url.method, told.url.sha256, told.url.content.size_bytes) == ("GET", digest(CONTENT), len(CONTENT))


async def test_way_can_be_chosen(on_stores: Storage, calls: Calls, tmp_path: Path) -> None:
    async with client(on_stores) as mill:
        asset = await mill.storage.upload(PARENT, CONTENT, via="stream")
        assert await mill.storage.download(asset.name, zone=RAW, via="stream") == CONTENT
        assert calls.count_of("UploadAsset", "DownloadAsset", "CreateUploadUrl", "CreateDownloadUrl") == [1, 1, 0, 0]
        small = await mill.storage.upload(PARENT, b"\xffsmall", via="url")
        assert await mill.storage.download(small.name, zone=RAW, via="url") == b"\xffsmall"
        await mill.storage.download_to(small.name, tmp_path / "out", zone=RAW, via="stream")
    assert (tmp_path / "out").read_bytes() == b"\xffsmall"
    assert calls.count_of("CreateUploadUrl", "CreateDownloadUrl", "DownloadAsset") == [1, 1, 2]


async def test_content_that_is_here_is_not_sent(on_stores: Storage, calls: Calls) -> None:
    async with client(on_stores) as mill:
        first = await mill.storage.upload(PARENT, CONTENT)
        assert await mill.storage.upload(PARENT, CONTENT) == first
    assert calls.count_of("CreateUploadUrl", "FinishUpload") == [2, 1]


async def test_wrong_checksum_is_refused(on_stores: Storage) -> None:
    async with client(on_stores) as mill:
        with pytest.raises(errors.InvalidArgument, match="CHECKSUM_MISMATCH"):
            await mill.storage.upload(PARENT, CONTENT, sha256="0" * 64)
        with pytest.raises(errors.InvalidArgument, match="INVALID_UTF8"):
            await mill.storage.upload(PARENT, CONTENT, media_type="text/plain")
    assert await on_stores.listed() == []


async def test_store_that_is_not_reached_is_passed_through_the_service(
    start: Start, s3: S3Server, calls: Calls, tmp_path: Path
) -> None:
    async with start(**s3_settings(s3), minio_public_endpoint="http://127.0.0.1:1") as storage, client(storage) as mill:
        upload_id = str(uuid.uuid4())
        asset = await mill.storage.upload(PARENT, CONTENT, upload_id=upload_id)
        assert await mill.storage.download(asset.name, zone=RAW) == CONTENT
        await mill.storage.download_to(asset.name, tmp_path / "out", zone=RAW)
        assert (tmp_path / "out").read_bytes() == CONTENT
        assert calls.count_of("UploadAsset", "DownloadAsset", "DeleteUpload") == [1, 2, 1]
        with pytest.raises(errors.FailedPrecondition, match="URLS_UNAVAILABLE"):
            await mill.storage.download(asset.name, zone=RAW, via="url")
        standing = await storage.call("GetUpload", service_pb2.GetUploadRequest(name=f"{PARENT}/uploads/{upload_id}"))
        assert standing.asset == asset.name


async def test_upload_goes_on_as_it_was_begun(on_stores: Storage, calls: Calls) -> None:
    content, upload_id = os.urandom(12 * MIB), same_upload_id(PARENT, "x")
    head = upload_header(content, upload_id, sha256=digest(content))
    async with client(on_stores) as mill:
        await mill.storage.upload(PARENT, content, upload_id=upload_id)
        assert calls.count_of("CreateUploadUrl", "UploadAsset") == [1, 0]
        assert (await mill.storage.upload(PARENT, content, upload_id=upload_id)).raw.sha256 == digest(content)
        streamed = str(uuid.uuid4())
        other = content + b"!"

        async def broken() -> Any:
            yield service_pb2.UploadAssetRequest(
                header=upload_header(other, streamed, sha256=digest(other), offset_bytes=0)
            )
            for start in range(0, 6 * MIB, MIB // 4):
                yield service_pb2.UploadAssetRequest(chunk=other[start : start + MIB // 4])

        with pytest.raises(errors.InvalidArgument, match="UPLOAD_SEQUENCE"):
            await mill.storage.upload_asset(broken())
        begun: list[int] = []
        asset = await mill.storage.upload(
            PARENT, other, upload_id=streamed, on_progress=lambda done, _: begun.append(done)
        )
        assert asset.raw.sha256 == digest(other)
        assert begun[0] > 4 * MIB
    assert head.upload_id == upload_id


async def test_put_whose_answer_was_lost_is_finished(on_stores: Storage) -> None:
    upload_id = str(uuid.uuid4())
    made = await upload_url(on_stores, upload_header(CONTENT, upload_id, sha256=digest(CONTENT)))
    assert (await http("PUT", made.url, CONTENT, made.headers))[0] == 200
    async with client(on_stores, "manager") as mill:
        asset = await mill.storage.upload(PARENT, CONTENT, upload_id=upload_id)
    assert asset.raw.sha256 == digest(CONTENT)


async def test_content_that_was_damaged_in_the_store_is_not_given(start: Start, s3: S3Server, tmp_path: Path) -> None:
    content = os.urandom(9 * MIB)
    async with start(**s3_settings(s3)) as storage, client(storage) as mill:
        asset = await mill.storage.upload(PARENT, content)
        admin = s3.client(s3.admin)
        path = await asyncio.to_thread(path_of, admin, content)
        damaged = bytes([content[0] ^ 1]) + content[1:]
        await asyncio.to_thread(admin.put_object, RAW_BUCKET, path, io.BytesIO(damaged), len(damaged))
        with pytest.raises(errors.DataLoss, match="CHECKSUM_MISMATCH"):
            await mill.storage.download(asset.name, zone=RAW)
        with pytest.raises(errors.DataLoss, match="CHECKSUM_MISMATCH"):
            await mill.storage.download_to(asset.name, tmp_path / "out", zone=RAW)
        assert list(tmp_path.glob("*out*")) == []


async def test_small_contents_share_calls_and_fail_alone(on_stores: Storage, calls: Calls, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"A file.")
    sources: list[tuple[Any, dict[str, str]]] = [(f"Text {number}.".encode(), {}) for number in range(40)]
    sources += [
        (tmp_path / "file", {}),
        (b"caf\xe9", {"media_type": "text/plain"}),
        (b"long", {"external_id": "x" * 2000}),
    ]
    async with client(on_stores) as mill:
        found = await asyncio.gather(
            *(mill.storage.upload(PARENT, source, **said) for source, said in sources), return_exceptions=True
        )
        *good, bad, wrong = found
        assert [asset.raw.sha256 for asset in good if isinstance(asset, resources_pb2.Asset)] == [
            digest(source) for source, _ in sources[:40]
        ] + [digest(b"A file.")]
        assert isinstance(bad, errors.InvalidArgument)
        assert bad.reason == "INVALID_UTF8"
        assert isinstance(wrong, errors.InvalidArgument)
        assert "external_id" in str(wrong.fields)
        names = [asset.name for asset in good if isinstance(asset, resources_pb2.Asset)]
        calls.clear()
        read = await asyncio.gather(
            *(mill.storage.download(name, zone=RAW) for name in [*names, f"{PARENT}/assets/{'0' * 32}"]),
            return_exceptions=True,
        )
        assert read[:40] == [source for source, _ in sources[:40]]
        assert isinstance(read[-1], errors.NotFound)
        assert calls.count_of("BatchReadAssets", "DownloadAsset") == [1, 0]
        await mill.storage.download_to(names[0], tmp_path / "out", zone=RAW)
    assert (tmp_path / "out").read_bytes() == b"Text 0."


async def test_contents_that_do_not_fit_into_one_answer_come_in_the_next(storage: Storage, calls: Calls) -> None:
    contents = [os.urandom(MIB) for _ in range(8)]
    assets = [await storage.upload(content) for content in contents]
    async with client(storage) as mill:
        found = await asyncio.gather(*(mill.storage.download(asset.name, zone=RAW) for asset in assets))
    assert found == contents
    assert calls.count_of("DownloadAsset", "CreateDownloadUrl") == [0, 0]
    assert calls.count("BatchReadAssets") < 6


async def test_zones_are_kept_whatever_the_way(storage: Storage) -> None:
    small = await storage.admit_one(await storage.upload(b"Jane Doe wrote this."), b"<PERSON> wrote this.")
    large = await storage.upload(CONTENT)
    async with client(storage, "annotator") as mill:
        assert await mill.storage.download(small.name) == b"<PERSON> wrote this."
        for name in (small.name, large.name):
            with pytest.raises(errors.PermissionDenied, match="RAW_FORBIDDEN"):
                await mill.storage.download(name, zone=RAW)
        with pytest.raises(errors.PermissionDenied):
            await mill.storage.upload(PARENT, CONTENT)
        with pytest.raises(errors.PermissionDenied):
            await mill.storage.upload(PARENT, b"small")
