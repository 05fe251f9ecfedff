"""The projects and CLEAN assets that prelabel sees in these tests; stands in for the other services."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from labelmill_prelabel.ports import AssetContent, AssetPage
from labelmill_runtime.erased_names import now_ms
from labelmill_runtime.errors import FailedPrecondition, LabelmillError, NotFound

PROJECT = "reviews"


async def _nothing(_assets: Sequence[str] = ()) -> None:
    return


class KnownProjects:
    """The projects of the tests."""

    async def require(self, project: str) -> None:
        if project not in (PROJECT, "others"):
            raise NotFound("PROJECT_NOT_FOUND", "There is no such project.", resource=("Project", project))


class AssetShelf:
    """Assets with their contents, in the order of being put."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[bytes, str]] = {}
        self.read_count = 0
        self.filters: list[str] = []
        self.before_page: Callable[[], Awaitable[None]] = _nothing
        self.before_read: Callable[[Sequence[str]], Awaitable[None]] = _nothing

    def put(self, *texts: str | bytes, media_type: str = "text/plain") -> list[str]:
        names = []
        for text in texts:
            content = text.encode() if isinstance(text, str) else text
            number = len(self.contents)
            name = f"projects/{PROJECT}/assets/{hashlib.sha256(f'{number}'.encode()).hexdigest()[:32]}"
            self.contents[name] = (content, media_type)
            names.append(name)
        return names

    async def page(self, project: str, filter_text: str, page_token: str, size: int) -> AssetPage:
        await self.before_page()
        self.filters.append(filter_text)
        names = list(self.contents)
        start = int(page_token or 0)
        token = str(start + size) if start + size < len(names) else ""
        return AssetPage([self._content(name) for name in names[start : start + size]], token, len(names))

    async def describe(self, project: str, assets: Sequence[str]) -> list[AssetContent]:
        for asset in assets:
            if asset not in self.contents:
                raise NotFound("ASSET_NOT_FOUND", "There is no such asset.", resource=("Asset", asset))
        return [self._content(asset) for asset in assets]

    async def read(self, project: str, assets: Sequence[str]) -> AsyncIterator[tuple[str, str, bytes | LabelmillError]]:
        await self.before_read(assets)
        for asset in assets:
            self.read_count += 1
            if asset not in self.contents:
                yield asset, "", FailedPrecondition("NOT_CLEAN", "The asset is not CLEAN.")
            else:
                yield asset, self._content(asset).sha256, self.contents[asset][0]

    def _content(self, name: str) -> AssetContent:
        content, media_type = self.contents[name]
        return AssetContent(name, hashlib.sha256(content).hexdigest(), media_type, now_ms())
