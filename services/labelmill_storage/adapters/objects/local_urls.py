"""URLs of the local store: a small HTTP server in the storage process, for GET and PUT by signed URL.

Whoever holds a URL may use it until it expires, so the URL is the secret: no cookie and no header adds to it. That is
why any web page may read the answers (Access-Control-Allow-Origin: * unless set otherwise): annotation tools fetch
contents from pages of their own. What is served came from outside: always an attachment of the media type that was
recorded, never sniffed, never kept by caches, and as a page it could run nothing.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from aiohttp import web

from labelmill_runtime.errors import ResourceExhausted
from labelmill_storage.adapters.objects.staged_file import StagedFile
from labelmill_storage.adapters.objects.upload_files import announced_size
from labelmill_storage.adapters.objects.url_signatures import Permit, permit_of
from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectKey, ObjectMissing, SignedUrl, UploadActive

_WRITE_BYTES = 1024 * 1024
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ServedFiles(Protocol):
    """What the server needs of the store."""

    def path(self, key: ObjectKey) -> Path:
        """Where the file of an object is."""

    def continue_upload(self, zone: Zone, handle: str) -> AbstractAsyncContextManager[StagedFile]:
        """Writes to an upload."""


class LocalUrls:
    """Makes URLs and answers them."""

    def __init__(
        self,
        key: bytes,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        base: str = "",
        allow_origin: str = "*",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Binds the port at once, so that URLs are known before the first call.

        Args:
            key: The secret behind the signatures; replicas that share a directory share it.
            host: Where to listen.
            port: 0: any that is free.
            base: How others reach it, such as "https://labels.example/objects"; empty: http://host:port.
            allow_origin: Whose web pages may read the answers; empty: nobody's but the server's own.
            now_s: The clock, in seconds since 1970.
        """
        self._key = key
        self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._base = base.rstrip("/") or _base_of(host, self._socket.getsockname()[1])
        self._cors = {"Access-Control-Allow-Origin": allow_origin} if allow_origin else {}
        self._now_s = now_s
        self._runner: web.AppRunner | None = None
        self._files: ServedFiles | None = None

    async def start(self, files: ServedFiles) -> None:
        """Begins to answer."""
        self._files = files
        app = web.Application()
        app.router.add_get("/{zone}/{path:.+}", self._get)
        app.router.add_put("/{zone}/{path:.+}", self._put)
        app.router.add_options("/{zone}/{path:.+}", self._options)
        # The path holds the project, the query the signature: no access log. Bodies are bytes, whatever they claim.
        logger = logging.getLogger("labelmill_storage.urls")
        runner = web.AppRunner(app, access_log=None, logger=logger, auto_decompress=False, shutdown_timeout=5)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._runner = runner

    async def close(self) -> None:
        """Ends, after the answers under way."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    def for_download(self, key: ObjectKey, media_type: str, expires_in_s: int) -> SignedUrl:
        """A URL to GET an object by."""
        return self._signed(Permit("GET", key.zone, key.path, self._until(expires_in_s), media_type=media_type))

    def for_upload(self, zone: Zone, handle: str, expires_in_s: int) -> SignedUrl:
        """A URL to PUT the whole of an upload by."""
        return self._signed(Permit("PUT", zone, handle, self._until(expires_in_s), size_bytes=announced_size(handle)))

    def _until(self, expires_in_s: int) -> int:
        return int(self._now_s()) + expires_in_s

    def _signed(self, permit: Permit) -> SignedUrl:
        url = f"{self._base}/{permit.zone.name.lower()}/{quote(permit.path)}?{permit.query(self._key)}"
        return SignedUrl(url, permit.method, {}, datetime.fromtimestamp(permit.expires_s, UTC))

    def _permit(self, request: web.Request, method: str) -> Permit:
        said = request.match_info
        permit = permit_of(self._key, method, said["zone"], said["path"], request.query, self._now_s())
        if permit is None:
            raise web.HTTPForbidden(text="The URL has expired or was changed.\n", headers=self._cors)
        return permit

    async def _get(self, request: web.Request) -> web.StreamResponse:
        permit = self._permit(request, "GET")  # HEAD as well
        headers = {
            **_HEADERS,
            **self._cors,
            "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range",
            "Content-Disposition": "attachment",
            "Content-Type": permit.media_type,
        }
        assert self._files is not None
        # An object's last part is its SHA-256 or a token: nothing that would have a sibling such as *.gz.
        return web.FileResponse(self._files.path(ObjectKey(permit.zone, "", "", permit.path)), headers=headers)

    async def _put(self, request: web.Request) -> web.Response:
        permit = self._permit(request, "PUT")
        if (request.content_length or 0) > permit.size_bytes:
            raise self._too_large(permit)
        assert self._files is not None
        try:
            async with self._files.continue_upload(permit.zone, permit.path) as staged:
                await self._receive(request, permit, staged)
        except UploadActive as error:
            raise web.HTTPConflict(text=f"{error.message}\n", headers=self._cors) from None
        except ObjectMissing:
            raise web.HTTPNotFound(text="The upload is finished or was thrown away.\n", headers=self._cors) from None
        except ResourceExhausted as error:
            raise web.HTTPInsufficientStorage(text=f"{error.message}\n", headers=self._cors) from None
        return web.Response(headers=self._cors)

    async def _receive(self, request: web.Request, permit: Permit, staged: StagedFile) -> None:
        """Writes the body; all of it or, whatever happens, nothing: half a PUT must not look like a beginning."""
        try:
            await staged.clear()
            gathered = bytearray()
            async for chunk in request.content.iter_any():
                gathered += chunk
                if staged.received_bytes + len(gathered) > permit.size_bytes:
                    raise self._too_large(permit)
                if len(gathered) >= _WRITE_BYTES:
                    await staged.write(bytes(gathered))
                    gathered.clear()
            await staged.write(bytes(gathered))
            if staged.received_bytes != permit.size_bytes:
                raise web.HTTPBadRequest(text="The body is shorter than was announced.\n", headers=self._cors)
            await staged.seal()
        except BaseException:
            await staged.clear()
            raise

    def _too_large(self, permit: Permit) -> web.HTTPRequestEntityTooLarge:
        return web.HTTPRequestEntityTooLarge(max_size=permit.size_bytes, actual_size=0, headers=self._cors)

    async def _options(self, request: web.Request) -> web.Response:
        """Tells browsers beforehand that they may PUT, and GET ranges."""
        allowed = {"Access-Control-Allow-Methods": "GET, HEAD, PUT", "Access-Control-Allow-Headers": "*"}
        return web.Response(status=204, headers={**self._cors, **allowed, "Access-Control-Max-Age": "600"})


def _base_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
