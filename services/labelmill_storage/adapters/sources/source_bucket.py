"""A prefix of a bucket as a source: listed page by page, in the server's order, from any key on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import suppress
from functools import partial

from labelmill_storage.adapters.objects.threads import Threads
from labelmill_storage.adapters.sources.import_buckets import ImportBuckets, ListedKey, ObjectGone
from labelmill_storage.adapters.sources.source_folder import take
from labelmill_storage.imports.ports import Found, Listed, Loaded
from labelmill_storage.imports.sources import Bucket

_LISTED_AT_ONCE = 1000
_THREADS = 8


class BucketReader:
    """A SourceReader of a bucket."""

    def __init__(self, place: Bucket, buckets: ImportBuckets) -> None:
        buckets.check(place.bucket)
        self._place = place
        self._buckets = buckets
        self._threads = Threads(_THREADS, "import-bucket")

    async def count(self) -> int:
        """Not known: counting costs as much as listing."""
        return 0

    async def listing(self, after: str) -> AsyncGenerator[Listed, None]:
        """All objects after a key."""
        found = self._buckets.list(self._place.bucket, self._place.prefix, after)
        while batch := await self._threads.run(partial(take, found, _LISTED_AT_ONCE)):
            yield Listed([_found(listed) for listed in batch], cursor=batch[-1].key)

    async def find(self, keys: Sequence[str]) -> Sequence[Found]:
        """Objects by their keys."""
        slices = await self._threads.spread(keys, self._find_all)
        return [_found(listed) for part in slices for listed in part]

    async def load(self, items: Sequence[Found]) -> list[Loaded]:
        """Reads small objects."""
        slices = await self._threads.spread(items, self._load_all)
        return [loaded for part in slices for loaded in part]

    def pieces(self, item: Found) -> AsyncIterator[bytes]:
        """Reads a large object."""
        return object_pieces(self._threads, self._buckets.pieces(self._place.bucket, item.place))

    async def close(self) -> None:
        """Lets go of the threads."""
        await self._threads.close()

    def _find_all(self, keys: Sequence[str]) -> list[ListedKey]:
        found = []
        for key in keys:
            try:
                found.append(self._buckets.stat(self._place.bucket, key))
            except ObjectGone:
                continue
        return found

    def _load_all(self, items: Sequence[Found]) -> list[Loaded]:
        return [self._buckets.load(self._place.bucket, item.place) for item in items]


async def object_pieces(threads: Threads, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of an object, each fetched in a thread."""
    try:
        while piece := await threads.run(partial(next, pieces, b"")):
            yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            with suppress(ValueError):  # a thread still waits for the next piece; the connection ends with it
                await asyncio.shield(threads.run(close))


def _found(listed: ListedKey) -> Found:
    legible = listed.key.replace("\0", "\\x00")
    return Found(legible, listed.key.encode(), listed.fingerprint, listed.key, listed.size_bytes)
