"""HTTP to an object store, for contents that go by URL. Blocks; many threads may use it, and connections are kept."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_CONNECT_S = 3.0
_ANSWER_S = 300.0
"""For any one read or write: an S3 server that has a large object answers late."""
_KEPT = 8
_SHORT_BYTES = 64 * 1024
_FAILURES = (OSError, http.client.HTTPException)


class Broken(Exception):
    """The connection failed, or there never was one."""

    def __init__(self, *, reached: bool) -> None:
        super().__init__("the connection broke" if reached else "there is no connection")
        self.reached = reached
        """Whether the server was there at all."""


def read_into(response: http.client.HTTPResponse, buffer: memoryview) -> int:
    """Reads the next bytes of a body; how many, 0 at its end. Raises Broken if it ends early."""
    try:
        count = response.readinto(buffer)
    except _FAILURES:
        raise Broken(reached=True) from None
    if not count and response.length:
        raise Broken(reached=True)
    return count


def drain(response: http.client.HTTPResponse) -> None:
    """Reads the short body of an answer whose status is all that counts; of a long one, only the beginning."""
    read_into(response, memoryview(bytearray(_SHORT_BYTES)))
    read_into(response, memoryview(bytearray(1)))


class Connections:
    """Connections to the servers behind URLs."""

    def __init__(self, tls_ca: Path | None = None) -> None:
        """Opens none yet; `tls_ca` is trusted besides the authorities that the system trusts."""
        self._tls_ca = tls_ca
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def put(self, url: str, headers: Mapping[str, str], pieces: Callable[[], Iterable[Any]]) -> int:
        """Sends a body whose length the headers say; returns the answer's status.

        Args:
            url: Where to.
            headers: With Content-Length.
            pieces: Makes the body, piece by piece; called again if a kept connection turns out to be closed.

        Raises:
            Broken: No answer came.
        """

        def send(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
            connection.putrequest("PUT", path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            try:
                for piece in pieces():
                    connection.send(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass  # a server that refuses answers before it has read everything
            return connection.getresponse()

        with self._answered(url, send) as response:
            drain(response)
            return response.status

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        """The answer to a GET, whose body is still to be read with `read_into`. Raises Broken."""

        def send(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
            connection.request("GET", path, headers=dict(headers))
            return connection.getresponse()

        with self._answered(url, send) as response:
            yield response

    def close(self) -> None:
        """Closes what is kept."""
        with self._lock:
            idle, self._idle, self._closed = self._idle, {}, True
        for connection in (connection for kept in idle.values() for connection in kept):
            connection.close()

    @contextmanager
    def _answered(
        self, url: str, send: Callable[[http.client.HTTPConnection, str], http.client.HTTPResponse]
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(url)
        place, path = (parts.scheme, parts.netloc), f"{parts.path}?{parts.query}"
        connection, response = self._exchanged(place, path, send)
        try:
            yield response
        except BaseException:
            connection.close()
            raise
        if response.isclosed() and not response.will_close:
            self._keep(place, connection)
        else:
            connection.close()

    def _exchanged(
        self,
        place: tuple[str, str],
        path: str,
        send: Callable[[http.client.HTTPConnection, str], http.client.HTTPResponse],
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        kept = self._taken(place)
        if kept is not None:
            try:
                return kept, send(kept, path)
            except _FAILURES:  # its server may have closed it long ago
                kept.close()
            except BaseException:
                kept.close()
                raise
        connection = self._opened(*place)
        try:
            return connection, send(connection, path)
        except _FAILURES:
            connection.close()
            raise Broken(reached=True) from None
        except BaseException:
            connection.close()
            raise

    def _opened(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(netloc, timeout=_CONNECT_S, context=self._context())
        else:
            connection = http.client.HTTPConnection(netloc, timeout=_CONNECT_S)
        try:
            connection.connect()
        except _FAILURES:
            connection.close()
            raise Broken(reached=False) from None
        connection.sock.settimeout(_ANSWER_S)
        return connection

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._tls_ca is not None:
            context.load_verify_locations(self._tls_ca)
        return context

    def _taken(self, place: tuple[str, str]) -> http.client.HTTPConnection | None:
        with self._lock:
            kept = self._idle.get(place)
            return kept.pop() if kept else None

    def _keep(self, place: tuple[str, str], connection: http.client.HTTPConnection) -> None:
        with self._lock:
            kept = self._idle.setdefault(place, [])
            if len(kept) < _KEPT and not self._closed:
                kept.append(connection)
                return
        connection.close()
