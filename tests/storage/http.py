"""Uses a signed URL as its holder would."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from labelmill_storage.ports import SignedUrl


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def get(url: SignedUrl, headers: Mapping[str, str] | None = None) -> Answer:
    return await _request("GET", url, headers=headers)


async def put(url: SignedUrl, content: bytes) -> Answer:
    return await _request("PUT", url, content=content)


async def _request(
    method: str, url: SignedUrl, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
) -> Answer:
    sent = {**url.headers, **(headers or {})}
    async with (
        aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session,
        session.request(
            method, URL(url.url, encoded=True), headers=sent, data=None if content is None else io.BytesIO(content)
        ) as response,
    ):
        return Answer(response.status, dict(response.headers), await response.read())
