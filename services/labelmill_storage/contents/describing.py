"""The description of a content that is complete: what it says about itself, and whether it is fit to be kept.

Everything that guards is decided here from a few bytes, in bounded time, by code that cannot crash the process. What
only informs (a language, a duration, a rare format's name) comes from a `Prober`; what that cannot tell stays unknown,
and the content is taken all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.assets import Content, Metadata
from labelmill_storage.contents import archives, geotiff, photo
from labelmill_storage.contents.content import Inspection
from labelmill_storage.contents.limits import Limits, check_image
from labelmill_storage.ports import Findings, Prober

_SHORT_BYTES = 64 * 1024


class Describer:
    """Describes contents that have streamed past; refuses what is not what it claims, and what is too much to open."""

    def __init__(self, prober: Prober, limits: Limits) -> None:
        self._prober = prober
        self._limits = limits

    async def describe(self, inspection: Inspection, *, may_be_empty: bool = False) -> Content:
        """The description of one content, all of whose bytes the inspection has seen.

        Raises:
            EmptyContent: There were none.
            InvalidUtf8: The media type is one of text and the last character is cut off.
            MediaTypeMismatch: The content is of another kind than its media type.
            ImageTooLarge: An image beyond the limits.
            ContentBomb: An archive that would unpack to too much.
            InvalidArchive: A damaged archive.
        """
        (described,) = await self.describe_many([inspection], may_be_empty=may_be_empty)
        if isinstance(described, LabelmillError):
            raise described
        return described

    async def describe_many(
        self, inspections: Sequence[Inspection | LabelmillError], *, may_be_empty: bool = False
    ) -> list[Content | LabelmillError]:
        """The descriptions, or why there are none, in order; errors that are among them already stay."""
        checked = await self._checked(inspections, may_be_empty)
        good = [pair for pair in checked if not isinstance(pair, LabelmillError)]
        findings = await self._prober.probe([(content.media_type, seen.sample) for content, seen in good])
        found = iter(findings)
        return [pair if isinstance(pair, LabelmillError) else self._merged(pair[0], next(found)) for pair in checked]

    async def _checked(
        self, inspections: Sequence[Inspection | LabelmillError], may_be_empty: bool
    ) -> list[tuple[Content, Inspection] | LabelmillError]:
        def check_all() -> list[tuple[Content, Inspection] | LabelmillError]:
            return [self._check(inspection, may_be_empty) for inspection in inspections]

        size = sum(seen.seen_bytes for seen in inspections if isinstance(seen, Inspection))
        # A hop to a thread costs more than a look at a few sentences.
        return check_all() if size <= _SHORT_BYTES else await asyncio.to_thread(check_all)

    def _check(
        self, inspection: Inspection | LabelmillError, may_be_empty: bool
    ) -> tuple[Content, Inspection] | LabelmillError:
        if isinstance(inspection, LabelmillError):
            return inspection
        try:
            content = inspection.finish(may_be_empty=may_be_empty)
            for size in inspection.image_sizes:
                check_image(size, self._limits)
            archives.check(inspection.told, inspection.sample, self._limits)
        except LabelmillError as error:
            return error
        return replace(content, metadata=_metadata(inspection)), inspection

    def _merged(self, content: Content, found: Findings) -> Content | LabelmillError:
        known, size = content.metadata, content.image_size or found.image_size
        try:
            if size is not None:
                check_image(size, self._limits)
        except LabelmillError as error:
            return error
        return replace(
            content,
            media_type=found.media_type or content.media_type,
            image_size=size,
            metadata=replace(known, language=found.language, duration_ms=found.duration_ms),
        )


def _metadata(inspection: Inspection) -> Metadata:
    has_exif, has_gps = photo.exif(inspection.told, inspection.sample)
    geo = geotiff.reference(inspection.sample) if inspection.told == "image/tiff" else None
    return Metadata(has_exif=has_exif, has_gps=has_gps, geo_reference=geo)
