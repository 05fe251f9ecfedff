"""Recordings of sound: covered where their transcript says that something personal is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from labelmill_anonymization.contents.content import CleanContent, RawContent, counted
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.media.errors import TranscriptRequired
from labelmill_anonymization.media.ports import Limits, MediaJob
from labelmill_anonymization.media.rules import Sound
from labelmill_anonymization.media.sightings import METADATA
from labelmill_anonymization.media.spans import Span, Spoken, search_transcript
from labelmill_anonymization.media.types import SOUND, essence
from labelmill_anonymization.operators import Protection
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer


@dataclass(frozen=True, slots=True)
class CoveredSound:
    """A written recording."""

    data: bytes = field(repr=False)
    media_type: str
    metadata_items: int


class SoundWorkers(Protocol):
    """Writes recordings anew, somewhere with enough processors. Raises LabelmillError."""

    async def cover_sound(self, job: MediaJob, spans: Sequence[Span]) -> CoveredSound:
        """The recording with spans covered as the rules say, without metadata."""


@dataclass(frozen=True)
class SoundHandler:
    """Handles sound; see `ContentHandler`."""

    workers: SoundWorkers
    anonymizer: Anonymizer
    limits: Limits
    max_bytes: int

    @property
    def media_types(self) -> Sequence[str]:
        """See `ContentHandler`."""
        return (SOUND,)

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """See `ContentHandler`."""
        spoken = await searched(content, policy, keys, self.anonymizer)
        job = MediaJob(content.data, essence(content.media_type), policy.media_rules, self.limits)
        covered = await self.workers.cover_sound(job, spoken.covered)
        found = [span.entity_type for span in spoken.covered]
        removed = [METADATA] * covered.metadata_items
        operators = ["cover"] * len(found) + ["keep"] * len(spoken.kept) + ["remove"] * len(removed)
        return CleanContent(
            data=covered.data,
            media_type=covered.media_type,
            entity_counts=counted([*found, *spoken.kept, *removed]),
            operator_counts=counted(operators),
            protection=sound_protection(policy.media_rules.sound, spoken),
            detector_versions=await self.anonymizer.versions(),
            regions=tuple(span.region for span in spoken.covered),
        )


async def searched(content: RawContent, policy: Policy, keys: ProjectKeys, anonymizer: Anonymizer) -> Spoken:
    """What is said, as far as it must be known.

    Raises:
        TranscriptRequired: It must be known, and is not.
    """
    if policy.media_rules.sound in (Sound.DROP, Sound.KEEP):
        return Spoken((), ())
    if content.transcript is None:
        raise TranscriptRequired
    return await search_transcript(content.transcript, policy, keys, anonymizer)


def sound_protection(sound: Sound, spoken: Spoken) -> Protection:
    """Sound that nobody listened to, and findings that are kept, are not protected."""
    return Protection.DETECTED_ONLY if sound is Sound.KEEP or spoken.kept else Protection.ANONYMIZED
