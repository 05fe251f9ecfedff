"""Pictures and documents: look, cover, look again; until nothing is found any more, or nothing passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from labelmill_anonymization.contents.content import CleanContent, RawContent, counted
from labelmill_anonymization.errors import DetectionFailed
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.media.boxes import Size, covered_share
from labelmill_anonymization.media.errors import CoverFailed
from labelmill_anonymization.media.ports import Covered, Limits, Look, MediaJob, PictureWorkers
from labelmill_anonymization.media.sightings import GONE, METADATA, Sighting, regions, strongest, widened
from labelmill_anonymization.media.types import PAGED, STILL, essence
from labelmill_anonymization.media.written import WrittenSearch, known_parts
from labelmill_anonymization.operators import Protection
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer

_PAGES_AT_ONCE = 4
"""Of a document, in one call of a worker."""
_PURPOSE = "media-identifiers"


@dataclass(frozen=True)
class PictureHandler:
    """Handles pictures, PDF documents and DICOM objects; see `ContentHandler`."""

    workers: PictureWorkers
    anonymizer: Anonymizer
    limits: Limits
    max_bytes: int

    @property
    def media_types(self) -> Sequence[str]:
        """See `ContentHandler`."""
        return PAGED

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """See `ContentHandler`."""
        rules = policy.media_rules
        secret = keys.purpose_key(_PURPOSE)
        job = MediaJob(content.data, essence(content.media_type), rules, self.limits, secret)
        if job.media_type in STILL and not rules.reads_text:
            look, covered = await self.workers.look_and_cover(job)
        else:
            look, covered = await self._look(job), None
        search = WrittenSearch(self.anonymizer, policy, keys, known_parts(look.known_values))
        written = await search.search(look.words)
        sightings = widened(strongest([*look.sightings, *written.covered]), rules.padding)
        covered = await self._covered(job, look.sizes, sightings, search, covered)
        return await self._outcome(covered, look, sightings, written.kept)

    async def _look(self, job: MediaJob) -> Look:
        first = await self.workers.look(job, 0, _PAGES_AT_ONCE)
        starts = range(_PAGES_AT_ONCE, len(first.sizes), _PAGES_AT_ONCE)
        # One after the other: a long document leaves room for other contents.
        others = [await self.workers.look(job, start, _PAGES_AT_ONCE) for start in starts]
        return replace(
            first,
            sightings=tuple(chain(first.sightings, *(look.sightings for look in others))),
            words=tuple(chain(first.words, *(look.words for look in others))),
        )

    async def _covered(
        self,
        job: MediaJob,
        sizes: Sequence[Size],
        sightings: list[Sighting],
        search: WrittenSearch,
        covered: Covered | None,
    ) -> Covered:
        """The content after enough passes, of which one may be done; what later ones find is added to `sightings`."""
        for _ in range(job.rules.max_passes):
            covered = covered or await self.workers.cover(job, sightings)
            if covered.again.sizes != sizes:
                raise DetectionFailed("SizesDiffer")
            written = await search.search(covered.again.words, again=True)
            left = [s for s in (*covered.again.sightings, *written.covered) if not _is_gone(s, sightings)]
            if not left:
                return covered
            sightings += [replace(s, found_again=True) for s in widened(strongest(left), job.rules.padding)]
            covered = None
        raise CoverFailed(job.rules.max_passes)

    async def _outcome(
        self, covered: Covered, look: Look, sightings: Sequence[Sighting], kept: Sequence[str]
    ) -> CleanContent:
        found = [sighting.entity_type for sighting in sightings]
        removed = [METADATA] * covered.metadata_items
        operators = ["cover"] * len(found) + ["keep"] * len(kept) + ["remove"] * len(removed)
        texts = await self.anonymizer.versions() if look.words else ()
        return CleanContent(
            data=covered.data,
            media_type=covered.media_type,
            entity_counts=counted([*found, *kept, *removed]),
            operator_counts=counted(operators),
            protection=Protection.DETECTED_ONLY if kept else Protection.ANONYMIZED,
            detector_versions=(*look.versions, *texts),
            regions=regions(sightings, look.sizes),
        )


def _is_gone(sighting: Sighting, covers: Sequence[Sighting]) -> bool:
    filled = [cover.box for cover in covers if cover.page == sighting.page and cover.must_be_filled]
    return covered_share(sighting.box, filled) >= GONE
