"""Small calls made at the same moment share one, and each has an outcome of its own."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.rpc import code_pb2

import labelmill
from labelmill import aio, errors
from labelmill._gathering import Gathering

from .fake_server import UNAVAILABLE, Script, error_info, status


class Server:
    """Doubles numbers, in calls that it notes."""

    def __init__(self, refused: int | None = None) -> None:
        self.calls: list[list[int]] = []
        self.free = asyncio.Event()
        self._refused = refused

    async def answer(self, _key: str, numbers: Sequence[int]) -> list[int | errors.LabelmillError]:
        self.calls.append(list(numbers))
        await self.free.wait()
        if self._refused in numbers:
            raise errors.InvalidArgument("breaks a rule")
        return [errors.NotFound("odd") if number % 2 else 2 * number for number in numbers]


def gathering(server: Server, *, most: int = 100, heaviest: int = 10_000) -> Gathering[str, int, int]:
    return Gathering(server.answer, weight=lambda number: number, most=most, heaviest=heaviest)


async def outcomes(asked: Gathering[str, int, int], numbers: Sequence[int], server: Server) -> list[object]:
    tasks = [asyncio.create_task(asked.ask("key", number)) for number in numbers]
    await asyncio.sleep(0.01)
    server.free.set()
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_those_who_ask_at_the_same_moment_share_a_call() -> None:
    server = Server()
    assert await outcomes(gathering(server), range(0, 20, 2), server) == [2 * number for number in range(0, 20, 2)]
    assert len(server.calls) == 1


async def test_what_comes_while_calls_are_under_way_shares_the_next() -> None:
    server = Server()
    asked = gathering(server)
    tasks = []
    for number in range(0, 40, 2):
        tasks.append(asyncio.create_task(asked.ask("key", number)))
        await asyncio.sleep(0.001)
    server.free.set()
    assert await asyncio.gather(*tasks) == [2 * number for number in range(0, 40, 2)]
    assert len(server.calls) == 2  # the first went out at once, the others together


async def test_each_has_an_outcome_of_its_own() -> None:
    server = Server()
    one, two, three = await outcomes(gathering(server), [2, 3, 4], server)
    assert (one, three) == (4, 8)
    assert isinstance(two, errors.NotFound)


async def test_one_that_breaks_a_rule_of_the_call_fails_alone() -> None:
    server = Server(refused=6)
    found = await outcomes(gathering(server), [2, 6, 4], server)
    assert [found[0], found[2]] == [4, 8]
    assert isinstance(found[1], errors.InvalidArgument)
    assert server.calls == [[2, 6, 4], [2], [6], [4]]


@pytest.mark.parametrize(("limits", "calls"), [({"most": 2}, [2, 2, 1]), ({"heaviest": 10}, [2, 2, 1])])
async def test_calls_stay_within_their_limits(limits: dict[str, int], calls: list[int]) -> None:
    server = Server()
    await outcomes(gathering(server, **limits), [4, 4, 4, 4, 4], server)
    assert sorted(map(len, server.calls), reverse=True) == calls


async def test_one_too_heavy_for_any_company_goes_alone() -> None:
    server = Server()
    assert await outcomes(gathering(server, heaviest=10), [2, 50, 4], server) == [4, 100, 8]
    assert [50] in server.calls


async def test_one_who_leaves_takes_nobody_along() -> None:
    server = Server()
    asked = gathering(server)
    tasks = [asyncio.create_task(asked.ask("key", number)) for number in (2, 4, 6)]
    await asyncio.sleep(0.01)
    tasks[1].cancel()
    server.free.set()
    assert await asyncio.gather(tasks[0], tasks[2]) == [4, 12]
    assert await outcomes(asked, [8], server) == [16]


async def test_fault_of_a_call_is_everybodys() -> None:
    async def answer(_key: str, _numbers: Sequence[int]) -> list[int | errors.LabelmillError]:
        raise errors.PermissionDenied("not you", reason="ROLE_MISSING")

    asked: Gathering[str, int, int] = Gathering(answer, weight=lambda _: 1, most=10, heaviest=10)
    found = await asyncio.gather(*(asked.ask("key", number) for number in range(3)), return_exceptions=True)
    assert [getattr(error, "reason", "") for error in found] == ["ROLE_MISSING"] * 3


async def test_uploads_at_the_same_moment_share_a_call(client: aio.Client, script: Script) -> None:
    contents = [b"one", b"bad", b"three"]
    uploads = (client.storage.upload("projects/demo", c, external_id=str(n)) for n, c in enumerate(contents))
    one, bad, three = await asyncio.gather(*uploads, return_exceptions=True)
    assert len(script.requests) == 1
    assert [getattr(found, "name", "") for found in (one, three)] == [
        "projects/demo/assets/0",
        "projects/demo/assets/2",
    ]
    assert isinstance(bad, errors.InvalidArgument)
    assert bad.reason == "INVALID_UTF8"


async def test_shared_call_is_sent_again_under_one_id(client: aio.Client, script: Script) -> None:
    script.failures = [UNAVAILABLE]
    await client.storage.upload("projects/demo", b"one")
    first, second = script.requests
    assert first == second
    assert first.request_id


async def test_shared_call_that_breaks_a_rule_is_split(client: aio.Client, script: Script) -> None:
    script.failures = [status(code_pb2.INVALID_ARGUMENT, error_info("INVALID_REQUEST"))]
    uploads = (client.storage.upload("projects/demo", content) for content in (b"one", b"two"))
    assert [asset.raw.size_bytes for asset in await asyncio.gather(*uploads)] == [3, 3]
    assert [len(request.items) for request in script.requests] == [2, 1, 1]


async def test_way_through_the_service_can_be_asked_for(client: aio.Client, script: Script) -> None:
    await client.storage.upload("projects/demo", b"one", via="stream")
    await client.storage.upload("projects/demo", b"two", timeout_s=5)
    assert len(script.uploads) == 2
    with pytest.raises(errors.FailedPrecondition, match="URLS_UNAVAILABLE"):
        await client.storage.upload("projects/demo", b"three", via="url")


def test_threads_share_calls_too(sync_client: labelmill.Client, script: Script) -> None:
    script.busy_s = 0.2
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda n: sync_client.storage.upload("projects/demo", b"%d" % n), range(16)))
    assert [asset.raw.size_bytes for asset in found] == [1] * 10 + [2] * 6
    assert len(script.requests) < 8
