"""Uploads, downloads and exchanges."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.rpc import code_pb2

from labelmill import aio, errors
from labelmill.anonymization.v1 import service_pb2 as anonymization_pb
from labelmill.storage.v1 import resources_pb2, service_pb2

from .fake_server import UNAVAILABLE, Script, error_info, status

CONTENT = bytes(range(256)) * 2500  # 640,000 bytes: two whole chunks and a part


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_an_upload_is_header_chunks_checksum(client: aio.Client, script: Script) -> None:
    asset = await client.storage.upload(
        "projects/demo", CONTENT, media_type="image/png", external_id="x", labels={"set": "nyt"}
    )
    assert asset.raw.sha256 == hashlib.sha256(CONTENT).hexdigest()
    header, *chunks, checksum = script.uploads[0]
    assert header.header == service_pb2.UploadAssetRequest.Header(
        parent="projects/demo",
        media_type="image/png",
        external_id="x",
        labels={"set": "nyt"},
        size_bytes=len(CONTENT),
    )
    assert [len(message.chunk) for message in chunks] == [262_144, 262_144, 115_712]
    assert checksum.sha256 == asset.raw.sha256


async def test_a_file_is_uploaded(client: aio.Client, script: Script, tmp_path: Path) -> None:
    (tmp_path / "content.bin").write_bytes(CONTENT)
    asset = await client.storage.upload("projects/demo", tmp_path / "content.bin")
    assert asset.raw.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert script.uploads[0][0].header.size_bytes == len(CONTENT)


async def test_big_pieces_are_cut(client: aio.Client, script: Script) -> None:
    await client.storage.upload("projects/demo", pieces(CONTENT[:100], CONTENT[100:], b"end"))
    assert max(len(message.chunk) for message in script.uploads[0]) <= 262_144
    assert b"".join(message.chunk for message in script.uploads[0]) == CONTENT + b"end"


async def test_bytes_are_sent_again_after_unavailable(client: aio.Client, script: Script) -> None:
    script.failures = [UNAVAILABLE, UNAVAILABLE]
    asset = await client.storage.upload("projects/demo", CONTENT)
    assert asset.raw.size_bytes == len(CONTENT)
    assert len(script.uploads) == 3


async def test_an_iterator_is_never_sent_twice(client: aio.Client, script: Script) -> None:
    script.failures = [UNAVAILABLE]
    with pytest.raises(errors.Unavailable):
        await client.storage.upload("projects/demo", pieces(CONTENT))
    assert len(script.uploads) == 1


async def test_a_refused_upload_says_why(client: aio.Client, script: Script) -> None:
    script.failures = [status(code_pb2.RESOURCE_EXHAUSTED, error_info("CONTENT_TOO_LARGE"))]
    with pytest.raises(errors.ResourceExhausted, match="CONTENT_TOO_LARGE"):
        await client.storage.upload("projects/demo", pieces(*[CONTENT] * 50))


async def test_a_failing_source_fails_the_caller(client: aio.Client, script: Script) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        await client.storage.upload("projects/demo", broken())


async def test_a_missing_file_is_a_missing_file(client: aio.Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await client.storage.upload("projects/demo", tmp_path / "absent")


async def test_a_download_is_put_together(client: aio.Client, script: Script) -> None:
    assert await client.storage.download("projects/demo/assets/1") == b"abcdef"
    assert script.requests[0].zone == resources_pb2.ZONE_CLEAN


async def test_a_content_with_a_wrong_checksum_is_not_given(client: aio.Client, script: Script) -> None:
    script.damaged = True
    with pytest.raises(errors.DataLoss, match="CHECKSUM_MISMATCH"):
        await client.storage.download("projects/demo/assets/1")


async def test_a_file_with_a_wrong_checksum_is_not_kept(client: aio.Client, script: Script, tmp_path: Path) -> None:
    script.damaged = True
    (tmp_path / "out").write_bytes(b"before")
    with pytest.raises(errors.DataLoss, match="CHECKSUM_MISMATCH"):
        await client.storage.download_to("projects/demo/assets/1", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_bytes() == b"before"


async def test_chunks_come_one_by_one_and_may_be_left_early(client: aio.Client) -> None:
    chunks = [chunk async for chunk in client.storage.download_chunks("projects/demo/assets/1", offset_bytes=0)]
    assert chunks == [b"abc", b"def"]
    async for chunk in client.storage.download_chunks("projects/demo/assets/1"):
        assert chunk == b"abc"
        break


async def test_a_refused_download_says_why(client: aio.Client, script: Script) -> None:
    script.failures = [status(code_pb2.FAILED_PRECONDITION, error_info("NOT_CLEAN"))]
    with pytest.raises(errors.FailedPrecondition, match="NOT_CLEAN"):
        await client.storage.download("projects/demo/assets/1")


def batch(*texts: str) -> anonymization_pb.StreamAnonymizeTextsRequest:
    items = [anonymization_pb.StreamAnonymizeTextsRequest.Item(item_id=text, text=text) for text in texts]
    return anonymization_pb.StreamAnonymizeTextsRequest(
        batch=anonymization_pb.StreamAnonymizeTextsRequest.Batch(items=items)
    )


async def test_an_exchange_answers_while_requests_go_out(client: aio.Client) -> None:
    answered: list[str] = []

    async def requests() -> AsyncIterator[anonymization_pb.StreamAnonymizeTextsRequest]:
        yield batch("a", "b")
        while len(answered) < 2:  # the answers to the first batch come before the second is sent
            await asyncio.sleep(0.01)
        yield batch("c")

    async for response in client.anonymization.stream_anonymize_texts(requests()):
        answered += [result.anonymized.text for result in response.results]
    assert answered == ["A", "B", "C"]


async def test_a_failing_source_of_an_exchange_fails_the_caller(client: aio.Client) -> None:
    async def requests() -> AsyncIterator[anonymization_pb.StreamAnonymizeTextsRequest]:
        yield batch("a")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        async for _response in client.anonymization.stream_anonymize_texts(requests()):
            pass


async def test_a_server_that_has_ended_an_exchange_does_not_wait_for_a_slow_source(client: aio.Client) -> None:
    async def requests() -> AsyncIterator[anonymization_pb.StreamAnonymizeTextsRequest]:
        yield batch("a", "stop")
        await asyncio.sleep(60)

    async with asyncio.timeout(5):
        answers = [r async for r in client.anonymization.stream_anonymize_texts(requests())]
    assert [result.item_id for answer in answers for result in answer.results] == ["a"]


async def test_a_server_that_has_answered_does_not_wait_for_a_slow_source(client: aio.Client, script: Script) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    script.failures = [status(code_pb2.NOT_FOUND)]
    async with asyncio.timeout(5):
        with pytest.raises(errors.NotFound):
            await client.storage.upload("projects/demo", slow())
