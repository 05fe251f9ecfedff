"""Large contents go by URL, past the service: straight into the object store and out of it.

The service still says who may, counts, records, and has every upload checked; here every download is. Where a URL
cannot be used (no such store, a server that is not reached from here), the caller streams through the service instead.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import io
import ipaddress
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from labelmill import errors
from labelmill._http import Broken, Connections, drain, read_into
from labelmill._transport import Transport
from labelmill.storage.v1 import service_pb2

URL_BYTES = 4 * 1024 * 1024
"""Contents above this size go by URL: the calls around it, and the hashing before an upload, cost smaller ones more."""
_PIECE_BYTES = 1024 * 1024
_THREADS = 32
_SHUNNED_S = 60.0
"""How long a server that was not reached is not tried again."""

T = TypeVar("T")
Tell = Callable[[int], None]
"""Told how many bytes are through; from another thread."""


class Unusable(Exception):
    """The URL cannot be used from here, or not any more."""


class ByUrl:
    """Puts and gets contents by URLs that the service made."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._connections = Connections(transport.tls_ca)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="labelmill-url")
        self._shunned: dict[str, float] = {}
        self._under_way: set[threading.Event] = set()

    def is_usable(self, url: str) -> bool:
        """Whether the URL leads where it must: past no TLS, not to this machine unless the service is here too."""
        parts = urlsplit(url)
        if self._shunned.get(parts.netloc, 0.0) > time.monotonic():
            return False
        if self._transport.tls_ca is not None and parts.scheme != "https":
            return False
        host = self._transport.address.rpartition(":")[0].strip("[]")
        return _is_here(host) or not _is_here(parts.hostname or "")

    async def put(self, made: service_pb2.ObjectUrl, content: bytes | Path, size: int, tell: Tell) -> None:
        """Puts a whole content; fine if it was put before.

        Raises:
            Unusable: The URL cannot be used.
            InvalidArgument: CHECKSUM_MISMATCH, other bytes arrived than were announced.
            Unavailable: It broke off; another try may help.
        """
        headers = {**made.headers, "Content-Length": str(size)}

        def work(stopped: threading.Event) -> int:
            return self._connections.put(made.url, headers, lambda: _pieces(content, size, stopped, tell))

        status = await self._run(made.url, work)
        if status == http.client.PRECONDITION_FAILED:
            return  # it is there: an answer got lost
        if status == http.client.BAD_REQUEST:
            raise _changed()
        _require_success(status)

    async def get(self, made: service_pb2.ObjectUrl) -> bytes:
        """A whole content, compared with its SHA-256. Raises as `get_into`."""
        # Zeros that nobody has written take no time; a buffer that grows, or is filled first, does.
        target = io.BytesIO(bytes(made.content.size_bytes))
        with target.getbuffer() as view:

            def take(response: http.client.HTTPResponse, stopped: threading.Event) -> None:
                _read_whole(response, view, made.sha256, stopped)

            await self._get(made, 0, take)
        return target.getvalue()

    async def get_into(
        self, made: service_pb2.ObjectUrl, received: int, take: Callable[[memoryview], None], tell: Callable[[], None]
    ) -> None:
        """Hands a content, from the byte `received` on, to `take` in a thread; `tell` is called in the loop after each.

        Raises:
            Unusable: The URL cannot be used.
            Unavailable: It broke off; another try may help.
        """
        loop = asyncio.get_running_loop()

        def take_all(response: http.client.HTTPResponse, stopped: threading.Event) -> None:
            for piece in _body(response, stopped):
                take(piece)
                loop.call_soon_threadsafe(tell)

        await self._get(made, received, take_all)

    def close(self) -> None:
        """Ends what is under way, soon, and closes connections."""
        for stopped in self._under_way:
            stopped.set()
        self._threads.shutdown(wait=False)
        self._connections.close()

    async def _get(
        self,
        made: service_pb2.ObjectUrl,
        start: int,
        take: Callable[[http.client.HTTPResponse, threading.Event], None],
    ) -> None:
        headers = {**made.headers, **({"Range": f"bytes={start}-"} if start else {})}
        expected = http.client.PARTIAL_CONTENT if start else http.client.OK

        def work(stopped: threading.Event) -> int:
            with self._connections.get(made.url, headers) as response:
                if response.status == expected:
                    take(response, stopped)
                    return http.client.OK
                drain(response)
                return response.status

        _require_success(await self._run(made.url, work))

    async def _run(self, url: str, work: Callable[[threading.Event], T]) -> T:
        """Runs blocking work in a thread; it ends soon after its caller is cancelled."""
        if not self.is_usable(url):
            raise Unusable
        stopped = threading.Event()
        self._under_way.add(stopped)
        running = asyncio.get_running_loop().run_in_executor(self._threads, work, stopped)
        try:
            return await running
        except Broken as broken:
            if broken.reached:
                raise errors.Unavailable("The connection to the object store broke.") from None
            self._shunned[urlsplit(url).netloc] = time.monotonic() + _SHUNNED_S
            raise Unusable from None
        finally:
            stopped.set()
            self._under_way.discard(stopped)


def _require_success(status: int) -> None:
    if status == http.client.OK:
        return
    if status >= http.client.INTERNAL_SERVER_ERROR or status in (http.client.CONFLICT, http.client.TOO_MANY_REQUESTS):
        raise errors.Unavailable(f"The object store answered with HTTP status {status}.")
    raise Unusable


def _pieces(content: bytes | Path, size: int, stopped: threading.Event, tell: Tell) -> Iterator[memoryview]:
    sent = 0
    for piece in _pieces_of_bytes(content) if isinstance(content, bytes) else _pieces_of_file(content):
        if stopped.is_set():
            raise Broken(reached=True)
        if sent + len(piece) > size:
            raise _changed()
        yield piece
        sent += len(piece)
        tell(sent)
    if sent != size:
        raise _changed()


def _changed() -> errors.InvalidArgument:
    message = "The store was sent other bytes than were announced; did the file change?"
    return errors.InvalidArgument(message, reason="CHECKSUM_MISMATCH")


def _pieces_of_bytes(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    for start in range(0, len(view), _PIECE_BYTES):
        yield view[start : start + _PIECE_BYTES]


def _pieces_of_file(path: Path) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(_PIECE_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield buffer[:count]


def _body(response: http.client.HTTPResponse, stopped: threading.Event) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(_PIECE_BYTES))
    while count := read_into(response, buffer):
        if stopped.is_set():
            raise Broken(reached=True)
        yield buffer[:count]


def _read_whole(response: http.client.HTTPResponse, view: memoryview, sha256: str, stopped: threading.Event) -> None:
    """Reads a body into memory while a second thread hashes what is there."""
    arrived: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
    digest = hashlib.sha256()

    def hash_what_arrives() -> None:
        while (piece := arrived.get()) is not None:
            digest.update(view[piece[0] : piece[1]])

    hashing = threading.Thread(target=hash_what_arrives)
    hashing.start()
    try:
        done = 0
        while done < len(view):
            if not (count := read_into(response, view[done : done + _PIECE_BYTES])):
                break
            if stopped.is_set():
                raise Broken(reached=True)
            arrived.put((done, done + count))
            done += count
    finally:
        arrived.put(None)
        hashing.join()
    drain(response)
    if digest.hexdigest() != sha256:
        raise checksum_mismatch()


def checksum_mismatch() -> errors.DataLoss:
    """What arrived is not what was recorded."""
    return errors.DataLoss("What arrived does not have the checksum of the content.", reason="CHECKSUM_MISMATCH")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
