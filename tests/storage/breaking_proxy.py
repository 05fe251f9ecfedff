"""A TCP proxy that breaks connections: the network as it sometimes is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class BreakingProxy:
    """Forwards to an address; each connection in turn breaks after one of `limits`, later ones do not."""

    target: str
    limits: list[int] = field(default_factory=list)
    """Bytes in both directions."""
    broken: int = 0
    port: int = 0

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forwards one connection."""
        left = [self.limits.pop(0)] if self.limits else [1 << 62]
        host, _, port = self.target.rpartition(":")
        try:
            to_reader, to_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        directions = [
            asyncio.create_task(_forward(reader, to_writer, left)),
            asyncio.create_task(_forward(to_reader, writer, left)),
        ]
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        self.broken += left[0] <= 0
        for task in directions:
            task.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        for side in (writer, to_writer):
            side.transport.abort()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[int]) -> None:
    while left[0] > 0 and (data := await reader.read(64 * 1024)):
        left[0] -= len(data)
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def breaking_proxy(target: str, *limits: int) -> AsyncIterator[BreakingProxy]:
    """A proxy in front of an address for the block."""
    proxy = BreakingProxy(target, list(limits))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
