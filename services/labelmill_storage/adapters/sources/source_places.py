"""The places that imports may read, by kind."""

from __future__ import annotations

import asyncio

from labelmill_runtime.errors import Unavailable
from labelmill_storage.adapters.sources.import_buckets import ImportBuckets
from labelmill_storage.adapters.sources.import_roots import ImportRoots
from labelmill_storage.adapters.sources.source_bucket import BucketReader
from labelmill_storage.adapters.sources.source_folder import FolderReader
from labelmill_storage.adapters.sources.source_manifest import ManifestReader
from labelmill_storage.imports.ports import SourceReader
from labelmill_storage.imports.sources import Bucket, Folder, Source, SourceMissing, is_s3, split_uri


class SettledPlaces:
    """SourcePlaces by the service's settings."""

    def __init__(self, roots: ImportRoots, buckets: ImportBuckets) -> None:
        self._roots = roots
        self._buckets = buckets

    async def check(self, source: Source) -> None:
        """Refuses a source that may not be read; a bucket is asked, if it can be right now."""
        place = source.place
        if isinstance(place, Folder):
            await asyncio.to_thread(self._roots.check, place.path)
        elif isinstance(place, Bucket):
            await self._ask(place.bucket, place.prefix)
        elif is_s3(place.uri):
            await self._ask(*split_uri(place.uri))
        else:
            await asyncio.to_thread(self._roots.check, place.uri)

    def reader(self, source: Source) -> SourceReader:
        """Looks into a source."""
        match source.place:
            case Folder() as folder:
                return FolderReader(folder, self._roots)
            case Bucket() as bucket:
                return BucketReader(bucket, self._buckets)
            case manifest:
                return ManifestReader(manifest, self._roots, self._buckets)

    async def _ask(self, bucket: str, prefix: str) -> None:
        self._buckets.check(bucket)
        try:
            await asyncio.to_thread(lambda: next(self._buckets.list(bucket, prefix, ""), None))
        except (Unavailable, SourceMissing):  # whether it may be read will be seen at its import
            return
