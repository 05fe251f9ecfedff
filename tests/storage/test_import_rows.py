"""Streams of rows: an answer for each, in order, as soon as it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from labelmill.storage.v1 import imports_service_pb2 as pb
from labelmill.storage.v1 import service_pb2
from tests.storage.client import PARENT, Refusal, Storage, refused
from tests.storage.imports import Imports

SEQUENCE = (grpc.StatusCode.INVALID_ARGUMENT, "UPLOAD_SEQUENCE")


def header(**labels: str) -> pb.ImportRowsRequest:
    return pb.ImportRowsRequest(header=pb.ImportRowsRequest.Header(parent=PARENT, labels=labels))


def row(content: bytes, **values: Any) -> pb.ImportRowsRequest:
    return pb.ImportRowsRequest(row=service_pb2.BatchCreateAssetsRequest.Item(content=content, **values))


async def send(imports: Imports, messages: Any, who: str = "manager") -> list[pb.ImportRowsResponse]:
    call = imports.stub.ImportRows(messages, metadata=imports.storage.as_(who), timeout=60)
    return [response async for response in call]


async def test_every_row_gets_its_result_in_order(on_both: Storage) -> None:
    contents = [f"row {number}".encode() for number in range(700)]
    contents[5], contents[6], contents[300] = b"", contents[0], b"\xff\xfe"
    rows = [row(content, media_type="text/plain", labels={"n": str(n)}) for n, content in enumerate(contents)]
    results = await send(Imports(on_both), [header(set="a", n="none"), *rows])
    assert [result.row_index for result in results] == list(range(700))
    failed = {result.row_index: Refusal(result.result.status).reason for result in results if result.result.status.code}
    assert failed == {5: "EMPTY_CONTENT", 300: "INVALID_UTF8"}
    assert [result.row_index for result in results if result.result.already_existed] == [6]
    assert dict(results[1].result.asset.labels) == {"set": "a", "n": "1"}
    assert results[6].result.asset.name == results[0].result.asset.name
    assert (await on_both.list_assets(page_size=1)).total_size == 697
    order = [asset.name for asset in (await on_both.list_assets(page_size=1000)).assets]
    new = [r.result.asset.name for r in results if r.result.asset.name and not r.result.already_existed]
    assert order == new


async def test_an_answer_comes_before_the_next_row_is_sent(storage: Storage) -> None:
    imports = Imports(storage)
    call = imports.stub.ImportRows(metadata=storage.as_("manager"), timeout=60)
    await call.write(header())
    for number in range(3):
        await call.write(row(f"row {number}".encode()))
        response = await call.read()
        assert response.row_index == number
        assert (await storage.get(response.result.asset.name)).name == response.result.asset.name
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


@pytest.mark.parametrize("messages", [[row(b"no header")], [header(), row(b"x"), header()], []])
async def test_an_order_without_a_meaning(storage: Storage, messages: list[pb.ImportRowsRequest]) -> None:
    refusal = await refused(send(Imports(storage), messages))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    if messages and messages[0].HasField("header"):
        assert refusal.said == SEQUENCE


async def test_rows_before_a_fault_are_answered(storage: Storage) -> None:
    call = Imports(storage).stub.ImportRows(metadata=storage.as_("manager"), timeout=60)
    for message in (header(), row(b"one"), row(b"two"), header()):
        await call.write(message)
    assert [(await call.read()).row_index for _ in range(2)] == [0, 1]
    assert (await refused(call.read())).said == SEQUENCE
    assert len(await storage.listed()) == 2


async def test_a_caller_who_leaves_keeps_what_was_answered(storage: Storage) -> None:
    async def endless() -> AsyncIterator[pb.ImportRowsRequest]:
        yield header()
        number = 0
        while True:
            number += 1
            yield row(f"row {number}".encode())
            await asyncio.sleep(0.001)

    call = Imports(storage).stub.ImportRows(endless(), metadata=storage.as_("manager"), timeout=60)
    names = [(await call.read()).result.asset.name for _ in range(100)]
    call.cancel()
    listed = set(await storage.listed())
    assert set(names) <= listed


async def test_who_may_send_rows(storage: Storage) -> None:
    for who in ("annotator", "reviewer", "stranger"):
        refusal = await refused(send(Imports(storage), [header(), row(b"x")], who))
        assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
