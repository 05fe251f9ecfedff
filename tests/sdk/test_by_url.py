"""Contents by URL, from and to an HTTP server that a test scripts."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labelmill import aio, errors
from labelmill._by_url import URL_BYTES, ByUrl, Unusable
from labelmill.storage.v1 import resources_pb2, service_pb2

from .fake_server import Script, error_info, status

CONTENT = os.urandom(URL_BYTES + 1_000_001)
NAME = "projects/demo/assets/1"


@dataclass
class Store:
    """What the HTTP server does and has seen."""

    url: str = ""
    content: bytes = CONTENT
    statuses: list[int] = field(default_factory=list)
    """Each answers one request, in order; afterwards all is well."""
    breaks_after: list[int] = field(default_factory=list)
    """Each breaks one GET after so many bytes."""
    ranges: list[str | None] = field(default_factory=list)
    put: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def do_GET(self) -> None:
        store, asked = self.store, self.headers["Range"]
        store.ranges.append(asked)
        store.connections.add(self.client_address[1])
        if store.statuses:
            return self._answer(store.statuses.pop(0))
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = store.content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if store.breaks_after:
            self.wfile.write(body[: store.breaks_after.pop(0)])
            self.close_connection = True
            return None
        self.wfile.write(body)
        return None

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        self.store.put.append((body, dict(self.headers)))
        self.store.connections.add(self.client_address[1])
        self._answer(self.store.statuses.pop(0) if self.store.statuses else 200)

    def _answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"no")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"store": made}))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}/object?signature=s"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def by_url(address: str = "127.0.0.1:1", **values: Any) -> ByUrl:
    transport: Any = SimpleNamespace(address=address, tls_ca=None, **values)
    return ByUrl(transport)


@pytest.fixture
def ways() -> Iterator[ByUrl]:
    made = by_url()
    yield made
    made.close()


def to_get(store: Store, content: bytes = CONTENT) -> service_pb2.ObjectUrl:
    digest = hashlib.sha256(content).hexdigest()
    described = resources_pb2.Content(sha256=digest, size_bytes=len(content))
    return service_pb2.ObjectUrl(url=store.url, method="GET", sha256=digest, content=described)


def to_put(store: Store) -> service_pb2.ObjectUrl:
    return service_pb2.ObjectUrl(url=store.url, method="PUT", headers={"x-amz-checksum-sha256": "sum"})


async def test_bytes_and_files_are_put_with_the_headers_of_the_url(ways: ByUrl, store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    for content in (CONTENT, tmp_path / "file"):
        told: list[int] = []
        await ways.put(to_put(store), content, len(CONTENT), told.append)
        assert told == sorted(told)
        assert told[-1] == len(CONTENT)
    assert [body for body, _ in store.put] == [CONTENT, CONTENT]
    assert store.put[0][1]["x-amz-checksum-sha256"] == "sum"
    assert len(store.connections) == 1  # it is kept


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, errors.InvalidArgument),
        (403, Unusable),
        (404, Unusable),
        (503, errors.Unavailable),
        (409, errors.Unavailable),
    ],
)
async def test_refused_put_says_what_to_do(ways: ByUrl, store: Store, code: int, expected: type[Exception]) -> None:
    store.statuses = [code]
    with pytest.raises(expected):
        await ways.put(to_put(store), b"content", 7, lambda _: None)


async def test_put_whose_answer_was_lost_is_done(ways: ByUrl, store: Store) -> None:
    store.statuses = [412]
    await ways.put(to_put(store), b"content", 7, lambda _: None)


@pytest.mark.parametrize("size", [5, 9])
async def test_file_that_changed_meanwhile_is_not_sent_as_another(
    ways: ByUrl, store: Store, tmp_path: Path, size: int
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with pytest.raises(errors.InvalidArgument, match="CHECKSUM_MISMATCH"):
        await ways.put(to_put(store), tmp_path / "file", size, lambda _: None)
    assert store.put == []


async def test_kept_connection_that_the_server_closed_is_replaced(ways: ByUrl, store: Store) -> None:
    store.breaks_after = [len(CONTENT)]  # all of it, and then the connection ends
    assert await ways.get(to_get(store)) == CONTENT
    assert await ways.get(to_get(store)) == CONTENT
    assert len(store.connections) == 2


async def test_other_bytes_than_recorded_are_not_given(ways: ByUrl, store: Store) -> None:
    assert await ways.get(to_get(store)) == CONTENT
    store.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(errors.DataLoss, match="CHECKSUM_MISMATCH"):
        await ways.get(to_get(store))


async def test_body_that_ends_early_is_no_content(ways: ByUrl, store: Store) -> None:
    store.breaks_after = [1_000_000]
    with pytest.raises(errors.Unavailable):
        await ways.get(to_get(store))


async def test_server_that_is_not_reached_is_shunned_for_a_while(ways: ByUrl) -> None:
    nowhere = Store(url="http://127.0.0.1:1/object?signature=s")
    assert ways.is_usable(nowhere.url)
    with pytest.raises(Unusable):
        await ways.get(to_get(nowhere))
    assert not ways.is_usable(nowhere.url)


async def test_caller_who_leaves_ends_the_transfer(ways: ByUrl, store: Store) -> None:
    sent: list[int] = []
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(done: int) -> None:
        sent.append(done)
        loop.call_soon_threadsafe(begun.set)
        if len(sent) == 1:
            left.wait(5)

    left = threading.Event()
    putting = asyncio.create_task(ways.put(to_put(store), CONTENT, len(CONTENT), tell))
    await begun.wait()
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    left.set()
    await asyncio.to_thread(ways._threads.shutdown)
    assert len(sent) == 1
    assert store.put == [] or len(store.put[0][0]) < len(CONTENT)


@pytest.mark.parametrize(
    ("address", "url", "expected"),
    [
        ("127.0.0.1:50051", "http://127.0.0.1:9000/b/o?s", True),
        ("localhost:50051", "http://[::1]:9000/b/o?s", True),
        ("mill.example:443", "http://127.0.0.1:9000/b/o?s", False),  # whatever listens there on this machine
        ("mill.example:443", "http://localhost:9000/b/o?s", False),
        ("mill.example:443", "https://s3.example/b/o?s", True),
        ("10.0.0.7:443", "http://10.0.0.8:9000/b/o?s", True),
    ],
)
def test_url_to_this_machine_is_for_clients_of_this_machine(address: str, url: str, expected: bool) -> None:
    assert by_url(address).is_usable(url) is expected


def test_client_that_speaks_tls_follows_no_url_without() -> None:
    ways = by_url("mill.example:443")
    ways._transport.tls_ca = Path("ca.pem")
    assert ways.is_usable("https://s3.example/b/o?s")
    assert not ways.is_usable("http://s3.example/b/o?s")


async def test_file_goes_on_where_a_connection_broke(
    client: aio.Client, script: Script, store: Store, tmp_path: Path
) -> None:
    script.urls = [to_get(store)]
    store.breaks_after = [3_000_000, 500_000]
    steps: list[int] = []
    path = tmp_path / "out"
    content = await client.storage.download_to(NAME, path, via="url", on_progress=lambda done, _: steps.append(done))
    assert path.read_bytes() == CONTENT
    assert content.size_bytes == len(CONTENT)
    assert store.ranges[0] is None
    assert len(store.ranges) == 3
    assert steps == sorted(steps)
    assert steps[-1] == len(CONTENT)


async def test_url_that_expires_on_the_way_is_replaced(
    client: aio.Client, script: Script, store: Store, tmp_path: Path
) -> None:
    script.urls = [to_get(store), to_get(store)]
    store.breaks_after = [3_000_000]

    class Expires(list[int]):
        """403 for the second request alone."""

        def __bool__(self) -> bool:
            return len(store.ranges) == 2

        def pop(self, *_: Any) -> int:
            return 403

    store.statuses = Expires()
    await client.storage.download_to(NAME, tmp_path / "out", via="url")
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert script.urls == []


async def test_damaged_content_leaves_no_file(client: aio.Client, script: Script, store: Store, tmp_path: Path) -> None:
    script.urls = [to_get(store)]
    store.content = bytes(len(CONTENT))
    with pytest.raises(errors.DataLoss, match="CHECKSUM_MISMATCH"):
        await client.storage.download_to(NAME, tmp_path / "out", via="url")
    assert list(tmp_path.iterdir()) == []


async def test_full_disk_is_told_as_it_is(
    client: aio.Client, script: Script, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from labelmill import _download

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_download._Part, "take", full)
    script.urls = [to_get(store)]
    with pytest.raises(OSError, match="No space left"):
        await client.storage.download_to(NAME, tmp_path / "out", via="url")


async def test_refused_url_says_why(client: aio.Client, script: Script) -> None:
    script.failures = [status(9, error_info("NOT_CLEAN"))]
    with pytest.raises(errors.FailedPrecondition, match="NOT_CLEAN"):
        await client.storage.download(NAME, via="url")
