"""Uploads that go on: what arrived stays when connections break and servers die; nothing unverified is recorded."""

import asyncio
import contextlib
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import urllib3

from labelmill.storage.v1 import resources_pb2, service_pb2
from tests.storage.client import PARENT, Part, Storage, header, parts, refused
from tests.storage.conftest import Start, make_keys, s3_settings
from tests.storage.test_process import server

MIB = 1024 * 1024
CHUNK = 256 * 1024
ABORTED, PRECONDITION = grpc.StatusCode.ABORTED, grpc.StatusCode.FAILED_PRECONDITION
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def new_id() -> str:
    return str(uuid.uuid4())


def name(upload_id: str) -> str:
    return f"{PARENT}/uploads/{upload_id}"


async def get(storage: Storage, upload_id: str, *, who: str = "manager") -> resources_pb2.Upload:
    found: resources_pb2.Upload = await storage.call(
        "GetUpload", service_pb2.GetUploadRequest(name=name(upload_id)), who=who
    )
    return found


async def delete(storage: Storage, upload_id: str, **values: Any) -> None:
    await storage.call("DeleteUpload", service_pb2.DeleteUploadRequest(name=name(upload_id), **values))


def rest(content: bytes, offset: int, upload_id: str, *, checksum: str | None = None, **values: Any) -> list[Part]:
    """The messages that bring an upload from an offset to its end."""
    digest = hashlib.sha256(content).hexdigest() if checksum is None else checksum
    messages = list(parts(content[offset:], sha256=digest))
    return [header(upload_id=upload_id, offset_bytes=offset, **values), *messages[1:]]


async def broken(storage: Storage, content: bytes, upload_id: str, *, offset: int = 0, **values: Any) -> None:
    """Sends content without an end and breaks the connection once the server has taken all of it."""
    taken = asyncio.Event()

    async def messages() -> AsyncIterator[Part]:
        yield header(upload_id=upload_id, offset_bytes=offset, **values)
        for start in range(0, len(content), CHUNK):
            yield Part(chunk=content[start : start + CHUNK])
        taken.set()
        await asyncio.sleep(60)

    call = storage.stub.UploadAsset(messages(), metadata=storage.as_("manager"), timeout=60)
    waiting = asyncio.create_task(taken.wait())
    await asyncio.wait([waiting, asyncio.ensure_future(call)], return_when=asyncio.FIRST_COMPLETED)
    assert not call.done(), await call
    call.cancel()


async def settled(storage: Storage, upload_id: str, at_least: int) -> int:
    """How much there is once the server has noticed that the connection is gone."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                received = (await get(storage, upload_id)).received_bytes
                if received >= at_least:
                    return received
            await asyncio.sleep(0.02)


async def sent(storage: Storage, messages: list[Part]) -> resources_pb2.Asset:
    """Sends; again while a connection that broke is still being noticed."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await storage.send(messages)
            except grpc.aio.AioRpcError as error:
                if error.code() is not ABORTED or "writing" not in (error.details() or ""):
                    raise
            await asyncio.sleep(0.02)


async def test_broken_upload_goes_on_where_it_ended(on_stores: Storage) -> None:
    content, upload_id = os.urandom(13 * MIB + 7), new_id()
    await broken(on_stores, content[: 12 * MIB], upload_id, external_id="big")
    received = await settled(on_stores, upload_id, 5 * MIB)  # S3: whole parts
    upload = await get(on_stores, upload_id)
    assert upload.name == name(upload_id)
    assert upload.asset == ""
    assert upload.expire_time.seconds - upload.create_time.seconds >= 24 * 3600
    assert await on_stores.listed() == []
    asset = await sent(on_stores, rest(content, received, upload_id, external_id="big"))
    assert (asset.raw.sha256, asset.external_id) == (hashlib.sha256(content).hexdigest(), "big")
    assert (await on_stores.download(asset.name))[1] == content
    finished = await get(on_stores, upload_id)
    assert (finished.asset, finished.received_bytes) == (asset.name, len(content))


async def test_upload_in_one_stream_needs_no_second(on_both: Storage) -> None:
    content, upload_id = os.urandom(300_000), new_id()
    messages = rest(content, 0, upload_id, size_bytes=len(content))
    asset = await on_both.send(messages)
    assert asset.raw.size_bytes == len(content)
    assert await on_both.send(messages) == asset  # whoever lost the answer asks again
    other = await refused(on_both.send(rest(content, 0, upload_id, external_id="another")))
    assert other.said == (PRECONDITION, "UPLOAD_CHANGED")
    assert (await refused(delete(on_both, upload_id))).said == (PRECONDITION, "UPLOAD_FINISHED")


async def test_stream_that_ends_without_a_checksum_may_be_continued(storage: Storage) -> None:
    content, upload_id = os.urandom(700_000), new_id()
    truncated = rest(content, 0, upload_id)[:2]
    assert (await refused(storage.send(truncated))).said == (INVALID, "UPLOAD_SEQUENCE")
    assert (await get(storage, upload_id)).received_bytes == CHUNK
    asset = await storage.send(rest(content, CHUNK, upload_id))
    assert (await storage.download(asset.name))[1] == content


async def test_everything_arrived_but_the_checksum(storage: Storage) -> None:
    content, upload_id = os.urandom(3 * CHUNK), new_id()
    await refused(storage.send(rest(content, 0, upload_id)[:-1]))
    asset = await storage.send(rest(content, len(content), upload_id))
    assert (await storage.download(asset.name))[1] == content


async def test_wrong_offset_is_refused_and_told_the_right_one(storage: Storage) -> None:
    content, upload_id = os.urandom(700_000), new_id()
    await refused(storage.send(rest(content, 0, upload_id)[:2]))
    for offset in (0, 1, CHUNK - 1, CHUNK + 1, 10**15):
        messages = [header(upload_id=upload_id, offset_bytes=offset), Part(chunk=b"x"), Part(sha256="0" * 64)]
        refusal = await refused(storage.send(messages))
        assert refusal.said == (ABORTED, "OFFSET_MISMATCH")
        assert refusal.metadata == {"received_bytes": str(CHUNK)}
    asset = await storage.send(rest(content, CHUNK, upload_id))
    assert (await storage.download(asset.name))[1] == content


async def test_unknown_upload_begins_at_zero(storage: Storage) -> None:
    refusal = await refused(storage.send(rest(b"x" * 100, 50, new_id())))
    assert refusal.said == (ABORTED, "OFFSET_MISMATCH")
    assert refusal.metadata == {"received_bytes": "0"}


async def test_offset_without_an_upload_id_has_no_meaning(storage: Storage) -> None:
    refusal = await refused(storage.send([header(offset_bytes=5), Part(chunk=b"x"), Part(sha256="0" * 64)]))
    assert refusal.said == (INVALID, "UPLOAD_SEQUENCE")


@pytest.mark.parametrize("pieces", [1, 2])
async def test_wrong_checksum_throws_the_upload_away(storage: Storage, pieces: int) -> None:
    content, upload_id = os.urandom(700_000), new_id()
    offset = 0
    if pieces == 2:
        await refused(storage.send(rest(content, 0, upload_id)[:2]))
        offset = CHUNK
    refusal = await refused(storage.send(rest(content, offset, upload_id, checksum="0" * 64)))
    assert refusal.said == (INVALID, "CHECKSUM_MISMATCH")
    assert (await refused(get(storage, upload_id))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
    assert storage.files() == []
    assert under_way(storage) == []
    assert await storage.listed() == []


async def test_pieces_of_two_contents_never_become_one(storage: Storage) -> None:
    one, other, upload_id = os.urandom(700_000), os.urandom(700_000), new_id()
    await refused(storage.send(rest(one, 0, upload_id)[:2]))
    refusal = await refused(storage.send(rest(other, CHUNK, upload_id)))
    assert refusal.said == (INVALID, "CHECKSUM_MISMATCH")
    assert await storage.listed() == []


async def test_checksum_must_be_the_one_of_the_header(storage: Storage) -> None:
    content = b"some text"
    announced = hashlib.sha256(b"other text").hexdigest()
    for upload_id in ("", new_id()):
        messages = [header(upload_id=upload_id, sha256=announced), *list(parts(content))[1:]]
        assert (await refused(storage.send(messages))).said == (INVALID, "CHECKSUM_MISMATCH")


async def test_bad_text_in_a_later_piece_is_found(storage: Storage) -> None:
    content, upload_id = b"a" * CHUNK + b"caf\xe9", new_id()
    await refused(storage.send(rest(content, 0, upload_id, media_type="text/plain")[:2]))
    refusal = await refused(storage.send(rest(content, CHUNK, upload_id, media_type="text/plain")))
    assert refusal.said == (INVALID, "INVALID_UTF8")
    assert refusal.metadata == {"offset_bytes": str(CHUNK + 3)}
    assert under_way(storage) == []


async def test_limit_counts_all_pieces(start: Start) -> None:
    async with start(max_asset_bytes=300_000) as storage:
        content, upload_id = b"x" * 300_001, new_id()
        await refused(storage.send(rest(content, 0, upload_id)[:2]))
        refusal = await refused(storage.send(rest(content, CHUNK, upload_id)))
        assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONTENT_TOO_LARGE")
        assert under_way(storage) == []


CHANGES: dict[str, dict[str, Any]] = {
    "media type": {"media_type": "text/html"},
    "external id": {"external_id": "b"},
    "labels": {"labels": {"k": "b"}},
    "size": {"size_bytes": 1_000_001},
    "subject": {"subject": "ann"},
    "sha256": {"sha256": "0" * 64},
}


async def test_another_header_is_another_upload(storage: Storage) -> None:
    said = {"media_type": "text/plain", "external_id": "a", "labels": {"k": "a"}, "size_bytes": 1_000_000}
    content, upload_id = b"x" * 1_000_000, new_id()
    await refused(storage.send(rest(content, 0, upload_id, **said)[:2]))
    for what, change in CHANGES.items():
        refusal = await refused(storage.send(rest(content, CHUNK, upload_id, **{**said, **change})))
        assert refusal.said == (PRECONDITION, "UPLOAD_CHANGED"), what
        assert (await get(storage, upload_id)).received_bytes == CHUNK, what
    await storage.send(rest(content, CHUNK, upload_id, **said))


async def test_two_streams_on_one_upload_take_turns(storage: Storage) -> None:
    content, upload_id = os.urandom(3 * MIB), new_id()
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[Part]:
        messages = rest(content, 0, upload_id)
        for message in messages[:9]:
            yield message
        writing.set()
        await go_on.wait()
        for message in messages[9:]:
            yield message

    first = asyncio.create_task(storage.send(slow()))
    await writing.wait()
    assert await settled(storage, upload_id, 0) == 0  # what was durable when the stream began
    second = await refused(storage.send(rest(content, 0, upload_id)))
    assert second.said == (ABORTED, "UPLOAD_ACTIVE")
    assert (await refused(delete(storage, upload_id))).said == (ABORTED, "UPLOAD_ACTIVE")
    assert (await get(storage, upload_id)).received_bytes == 0
    go_on.set()
    asset = await first
    assert (await storage.download(asset.name))[1] == content


async def test_same_content_in_two_uploads_at_once_is_one_asset(on_stores: Storage) -> None:
    content = os.urandom(6 * MIB)
    ids = [new_id(), new_id()]
    for upload_id in ids:
        await refused(on_stores.send(rest(content, 0, upload_id)[:22]))
    offsets = [(await get(on_stores, upload_id)).received_bytes for upload_id in ids]
    assets = await asyncio.gather(
        *(on_stores.send(rest(content, offset, upload_id)) for offset, upload_id in zip(offsets, ids, strict=True)),
        on_stores.upload(content),
    )
    assert len({asset.name for asset in assets}) == 1
    assert [(await get(on_stores, upload_id)).asset for upload_id in ids] == [assets[0].name] * 2
    assert await on_stores.listed() == [assets[0].name]
    assert (await on_stores.download(assets[0].name))[1] == content


async def never_ending(first: Part) -> AsyncIterator[Part]:
    yield first
    await asyncio.sleep(60)


@pytest.mark.parametrize("resumable", [False, True])
async def test_known_content_is_answered_without_being_sent(on_both: Storage, resumable: bool) -> None:
    content = os.urandom(100_000)
    digest = hashlib.sha256(content).hexdigest()
    asset = await on_both.upload(content)
    first = header(sha256=digest, upload_id=new_id() if resumable else "")
    async with asyncio.timeout(10):
        assert await on_both.send(never_ending(first)) == asset
    # In another project nothing is known of it.
    elsewhere = header(sha256=digest, parent="projects/elsewhere", upload_id=first.header.upload_id)
    assert (await refused(on_both.send([elsewhere], who="service"))).said == (INVALID, "UPLOAD_SEQUENCE")


async def test_upload_ends_when_its_content_came_another_way(storage: Storage) -> None:
    content, upload_id = os.urandom(700_000), new_id()
    digest = hashlib.sha256(content).hexdigest()
    await refused(storage.send(rest(content, 0, upload_id)[:2]))
    begun = [header(upload_id=(other := new_id()), external_id="x", sha256=digest), Part(chunk=b"x")]
    await refused(storage.send(begun))
    asset = await storage.upload(content)
    async with asyncio.timeout(10):
        assert await storage.send(never_ending(begun[0])) == asset
    assert (await get(storage, other)).asset == asset.name
    assert await storage.send(rest(content, CHUNK, upload_id)) == asset
    assert under_way(storage) == []


async def test_deleted_upload_is_gone(on_both: Storage) -> None:
    content, upload_id, request_id = os.urandom(700_000), new_id(), new_id()
    await refused(on_both.send(rest(content, 0, upload_id)[:2]))
    await delete(on_both, upload_id, request_id=request_id)
    await delete(on_both, upload_id, request_id=request_id)
    assert (await refused(delete(on_both, upload_id))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
    assert (await refused(get(on_both, upload_id))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
    assert under_way(on_both) == []
    asset = await on_both.send(rest(content, 0, upload_id))  # the id may be used anew
    assert (await on_both.download(asset.name))[1] == content


async def test_expired_upload_is_dropped_from_table_and_store(start: Start) -> None:
    content, upload_id = os.urandom(700_000), new_id()
    async with start() as storage:
        await refused(storage.send(rest(content, 0, upload_id)[:2]))
        assert len(under_way(storage)) == 1
    async with start(upload_expiry_hours=1e-6) as storage:
        kept = (await get(storage, upload_id)).received_bytes  # its time was set when it began
        assert kept == CHUNK
        await refused(storage.send(rest(content, CHUNK, upload_id)[:2]))
        assert (await refused(get(storage, upload_id))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
        refusal = await refused(storage.send(rest(content, 2 * CHUNK, upload_id)))
        assert refusal.said == (ABORTED, "OFFSET_MISMATCH")
        await refused(storage.send(rest(content, 0, upload_id)[:2]))
        assert len(under_way(storage)) == 1
    async with start() as storage:  # the first round of the chore finds it
        async with asyncio.timeout(10):
            while under_way(storage):
                await asyncio.sleep(0.01)
        assert (await refused(get(storage, upload_id))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")


async def test_upload_whose_bytes_are_gone_begins_anew(storage: Storage) -> None:
    content, upload_id = os.urandom(700_000), new_id()
    await refused(storage.send(rest(content, 0, upload_id)[:2]))
    for path in under_way(storage):
        path.unlink()
    assert (await refused(get(storage, upload_id))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
    refusal = await refused(storage.send(rest(content, CHUNK, upload_id)))
    assert (refusal.said, refusal.metadata) == ((ABORTED, "OFFSET_MISMATCH"), {"received_bytes": "0"})
    asset = await storage.send(rest(content, 0, upload_id))
    assert (await storage.download(asset.name))[1] == content


async def test_crash_between_commit_and_record_costs_no_second_upload(storage: Storage) -> None:
    content, upload_id = os.urandom(5 * MIB), new_id()
    digest = hashlib.sha256(content).hexdigest()
    said = {"size_bytes": len(content), "sha256": digest, "external_id": "big", "subject": "s1"}
    await refused(storage.send(rest(content, 0, upload_id, **said)[:-1]))
    (path,) = under_way(storage)
    place = storage.data_dir / "objects" / "raw" / "news" / digest[:2] / digest
    place.parent.mkdir(parents=True)
    path.rename(place)
    assert (await refused(get(storage, upload_id))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
    async with asyncio.timeout(10):
        asset = await storage.send(never_ending(header(upload_id=upload_id, **said)))
    assert (asset.raw.sha256, asset.external_id) == (digest, "big")
    assert (await storage.download(asset.name))[1] == content
    assert (await get(storage, upload_id)).asset == asset.name


async def test_other_projects_see_nothing_of_an_upload(storage: Storage) -> None:
    upload_id = new_id()
    await refused(storage.send(rest(b"x" * 700_000, 0, upload_id)[:2]))
    assert (await refused(get(storage, upload_id, who="stranger"))).code is grpc.StatusCode.PERMISSION_DENIED
    foreign = service_pb2.GetUploadRequest(name=f"projects/elsewhere/uploads/{upload_id}")
    assert (await refused(storage.call("GetUpload", foreign, who="stranger"))).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
    assert (await refused(get(storage, upload_id, who="annotator"))).code is grpc.StatusCode.PERMISSION_DENIED


async def test_subject_is_kept_as_a_keyed_hash_alone(storage: Storage) -> None:
    subject = "patient 4711 Ann Lee"
    upload_id = new_id()
    await storage.upload(b"one text", subject=subject)
    await refused(storage.send(rest(b"y" * 700_000, 0, upload_id, subject=subject)[:2]))
    item = service_pb2.BatchCreateAssetsRequest.Item(content=b"another text", subject=subject)
    await storage.call("BatchCreateAssets", service_pb2.BatchCreateAssetsRequest(parent=PARENT, items=[item]))
    for path in storage.data_dir.glob("storage.db*"):
        assert subject.encode() not in path.read_bytes()
    for values in ({"subject": "a\0b"}, {"subject": "a\0b", "upload_id": new_id()}):
        assert (await refused(storage.send([header(**values)]))).said == (INVALID, "INVALID_TEXT")
    assert (await refused(storage.send([header(subject="x" * 1025)]))).said == (INVALID, "INVALID_REQUEST")


ODD = {
    "path tricks": "../../etc/passwd",
    "absolute": "/etc/shadow",
    "windows": "..\\..\\C:\\x",
    "right to left": "\u202egpj.exe\u2066",
    "zero width": "a\u200b\u200d\ufeffb",
    "combining": "e\u0301" * 100,
    "not normal": "\u212b vs \u00c5",
    "outside the plane": "\U0001f9ff" * 100,
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "controls": "\x01\x07\x1b[31m\r\n\t\x7f\u0085\u2028",
    "format strings": "%s%n{0}${x}'; DROP TABLE uploads;--",
    "the longest": "\U0001f9ff" * 1024,
}


async def test_odd_texts_are_kept_verbatim_and_never_part_of_a_path(on_both: Storage) -> None:
    for what, text in ODD.items():
        upload_id, content = new_id(), b"z" * CHUNK + text.encode()
        said = {"external_id": text, "labels": {text[:60]: text}, "subject": text}
        await refused(on_both.send(rest(content, 0, upload_id, **said)[:2]))
        asset = await on_both.send(rest(content, CHUNK, upload_id, **said))
        assert (await on_both.get(asset.name)).external_id == text, what
        assert dict(asset.labels) == {text[:60]: text}, what
        place = Path("raw", "news", asset.raw.sha256[:2], asset.raw.sha256)
        assert (on_both.data_dir / "objects" / place).read_bytes() == content, what
    assert len(on_both.files()) == len(ODD)


UNKEPT: list[tuple[dict[str, Any], str]] = [
    ({"external_id": "x" * 1025}, "INVALID_REQUEST"),
    ({"external_id": "x" * 4096}, "INVALID_REQUEST"),
    ({"external_id": "a\0b"}, "INVALID_TEXT"),
    ({"labels": {"k\0": "v"}}, "INVALID_TEXT"),
    ({"upload_id": "../../../../../../../../../../../x"}, "INVALID_REQUEST"),
    ({"upload_id": "00000000-0000-0000-0000-00000000000G"}, "INVALID_REQUEST"),
    ({"upload_id": "00000000-0000-0000-0000-000000000000\n"}, "INVALID_REQUEST"),
    ({"sha256": "../" * 21 + "x"}, "INVALID_REQUEST"),
    ({"media_type": "text/../../x"}, "INVALID_MEDIA_TYPE"),
    ({"media_type": "text/plain\r\nSet-Cookie: a=b"}, "INVALID_MEDIA_TYPE"),
]


async def test_what_cannot_be_kept_is_refused_by_name(storage: Storage) -> None:
    for values, reason in UNKEPT:
        refusal = await refused(storage.send([header(**{"upload_id": new_id(), **values})]))
        assert refusal.said == (INVALID, reason), values
    assert under_way(storage) == []


def under_way(storage: Storage) -> list[Path]:
    """The files of uploads that are not finished."""
    return [path for path in (storage.data_dir / "objects" / "uploads").rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["local", "s3"])
async def test_upload_survives_a_killed_server(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "s3":
        for key, value in s3_settings(request.getfixturevalue("s3")).items():
            monkeypatch.setenv(f"LABELMILL_STORAGE_{key.upper()}", str(value))
    keys = make_keys(tmp_path / "keys.json")
    content, upload_id = os.urandom(17 * MIB + 3), new_id()
    said = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "labels": {"set": "big"}}
    async with server(tmp_path, keys) as (storage, process):

        async def until_killed() -> AsyncIterator[Part]:
            yield header(upload_id=upload_id, **said)
            for start in range(0, 16 * MIB, CHUNK):
                yield Part(chunk=content[start : start + CHUNK])
            process.kill()
            await asyncio.sleep(60)

        with contextlib.suppress(grpc.aio.AioRpcError):
            await storage.send(until_killed())
    async with server(tmp_path, keys) as (storage, _):
        received = (await get(storage, upload_id)).received_bytes
        assert 5 * MIB <= received <= 16 * MIB
        assert await storage.listed() == []
        asset = await storage.send(rest(content, received, upload_id, **said))
        assert (await storage.download(asset.name))[1] == content
        assert (await get(storage, upload_id)).asset == asset.name


async def test_check_of_what_was_put_by_url_survives_a_killed_server(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys.json")
    content = os.urandom(48 * MIB)
    async with server(tmp_path, keys) as (storage, process):
        head = header(upload_id=new_id(), size_bytes=len(content)).header
        made = await storage.call("CreateUploadUrl", service_pb2.CreateUploadUrlRequest(header=head))
        with urllib3.PoolManager(retries=False, timeout=30.0) as pool:
            assert (await asyncio.to_thread(pool.request, "PUT", made.url, body=content)).status == 200
        request = service_pb2.FinishUploadRequest(name=made.upload, sha256=hashlib.sha256(content).hexdigest())
        operation = await storage.call("FinishUpload", request)
        assert not operation.done
        process.kill()
    async with server(tmp_path, keys) as (storage, _):
        asset = ""
        async with asyncio.timeout(60):
            while not asset:
                upload = await storage.call("GetUpload", service_pb2.GetUploadRequest(name=made.upload))
                asset = upload.asset
                await asyncio.sleep(0.05)
        assert (await storage.download(asset))[1] == content
