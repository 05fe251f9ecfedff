"""A manifest as a source: its rows hold contents, or the places of contents beside it or in a bucket."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from labelmill_runtime.errors import LabelmillError, NotFound, Unavailable
from labelmill_storage.adapters.objects.threads import Threads
from labelmill_storage.adapters.sources import import_roots
from labelmill_storage.adapters.sources.import_buckets import ImportBuckets, ObjectFile, ObjectGone
from labelmill_storage.adapters.sources.import_roots import ImportRoots
from labelmill_storage.adapters.sources.manifest_formats import rows
from labelmill_storage.adapters.sources.source_bucket import object_pieces
from labelmill_storage.adapters.sources.source_folder import file_pieces
from labelmill_storage.imports.manifest_rows import Place, Row, Rows
from labelmill_storage.imports.ports import Found, Listed, Loaded, Unreadable
from labelmill_storage.imports.sources import Manifest, SourceMissing, is_s3, split_uri

_LISTED_AT_ONCE = 500
_LISTED_BYTES = 16 * 1024 * 1024
_THREADS = 8


class ContentMissing(NotFound):
    """A row's uri leads nowhere."""

    def __init__(self) -> None:
        super().__init__("CONTENT_MISSING", "There is nothing where the row says that its content is.")


class ManifestReader:
    """A SourceReader of a manifest."""

    def __init__(self, place: Manifest, roots: ImportRoots, buckets: ImportBuckets) -> None:
        self._place = place
        self._roots = roots
        self._buckets = buckets
        self._bucket, self._key = split_uri(place.uri) if is_s3(place.uri) else ("", "")
        if self._bucket:
            buckets.check(self._bucket)
        else:
            roots.check(place.uri)
        self._folder = str(PurePosixPath(self._key or place.uri).parent)
        self._threads = Threads(_THREADS, "import-manifest")
        self._open = ExitStack()

    async def count(self) -> int:
        """Not known: counting costs as much as reading."""
        return 0

    async def listing(self, after: str) -> AsyncGenerator[Listed, None]:
        """All rows."""
        file = await self._threads.run(self._opened)
        items = Rows(self._place)
        parsed = rows(file, self._place)
        while batch := await self._threads.run(partial(_take, parsed, items)):
            slices = await self._threads.spread(batch, self._located)
            yield Listed([found for part in slices for found in part])

    async def find(self, keys: Sequence[str]) -> Sequence[Found]:
        """Nothing: a manifest has no cursor."""
        return ()

    async def load(self, items: Sequence[Found]) -> list[Loaded]:
        """Reads small contents; those of rows are there already."""
        slices = await self._threads.spread(items, lambda part: [self._load(item) for item in part])
        return [loaded for part in slices for loaded in part]

    def pieces(self, item: Found) -> AsyncIterator[bytes]:
        """Reads a large content."""
        assert isinstance(item.place, Place)
        bucket, path = self._where(item.place)
        if bucket:
            return object_pieces(self._threads, self._buckets.pieces(bucket, path))
        return file_pieces(self._roots, self._threads, path, self._folder)

    async def close(self) -> None:
        """Lets go of the manifest and the threads."""
        await self._threads.close()
        self._open.close()

    def _opened(self) -> BinaryIO:
        if self._bucket:
            try:
                listed = self._buckets.stat(self._bucket, self._key)
            except ObjectGone:
                raise SourceMissing("manifest") from None
            return cast("BinaryIO", self._open.enter_context(ObjectFile.open(self._buckets, self._bucket, listed)))
        try:
            descriptor = self._open.enter_context(self._roots.opened(self._place.uri))
        except FileNotFoundError:
            raise SourceMissing("manifest") from None
        except OSError as error:
            raise import_roots.unreadable(error) from None
        return self._open.enter_context(os.fdopen(os.dup(descriptor), "rb"))

    def _located(self, items: Sequence[Found]) -> list[Found]:
        """The items, those with a place with the state of what is there in their fingerprints."""
        return [self._locate(item) if isinstance(item.place, Place) else item for item in items]

    def _locate(self, item: Found) -> Found:
        try:
            bucket, path = self._where(item.place)
            if bucket:
                listed = self._buckets.stat(bucket, path)
                state, size = listed.fingerprint, listed.size_bytes
            else:
                with self._roots.opened(path, below=self._folder) as descriptor:
                    found = os.fstat(descriptor)
                state, size = import_roots.fingerprint(found), found.st_size
            return replace(item, fingerprint=f"{item.fingerprint} {state}", size_bytes=size)
        except (FileNotFoundError, ObjectGone):
            return replace(item, fault=ContentMissing())
        except Unavailable:  # to be read, which is tried again and again
            return replace(item, fingerprint=f"{item.fingerprint} ?")
        except LabelmillError as error:
            return replace(item, fault=error)
        except OSError as error:
            return replace(item, fault=import_roots.unreadable(error))

    def _load(self, item: Found) -> Loaded:
        if isinstance(item.place, bytes):
            return Loaded("", item.place)
        bucket, path = self._where(item.place)
        loaded = self._buckets.load(bucket, path) if bucket else self._roots.load(path, self._folder)
        if loaded.content is None and not loaded.is_large:
            return Loaded("", ContentMissing())
        row = item.fingerprint.partition(" ")[0]
        return replace(loaded, fingerprint=f"{row} {loaded.fingerprint}") if loaded.fingerprint else loaded

    def _where(self, place: Place) -> tuple[str, str]:
        """(bucket or nothing, key or path) of a content."""
        if place.bucket:
            self._buckets.check(place.bucket)
            return place.bucket, place.path
        if self._bucket:
            return self._bucket, str(PurePosixPath(self._folder, place.path))
        path = str(PurePosixPath(self._folder, place.path))
        if "\0" in path:
            raise Unreadable("its name holds NUL")
        return "", path


def _take(parsed: Iterator[Row], items: Rows) -> list[Found]:
    """The next rows, as many as may be in memory; for a thread."""
    taken: list[Found] = []
    size = 0
    for row in parsed:
        taken.append(items.item(row))
        size += taken[-1].size_bytes
        if len(taken) == _LISTED_AT_ONCE or size >= _LISTED_BYTES:
            break
    return taken
