"""Film: what is seen in its frames is followed, covered in all frames between and around, and looked for again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from labelmill_anonymization.contents.content import CleanContent, RawContent, counted
from labelmill_anonymization.errors import DetectionFailed
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.media.boxes import Box, Size, covered_share
from labelmill_anonymization.media.errors import CoverFailed
from labelmill_anonymization.media.ports import Covered, Limits, Look, MediaJob
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.media.sightings import GONE, METADATA, Sighting, regions, widened
from labelmill_anonymization.media.sounds import searched, sound_protection
from labelmill_anonymization.media.spans import Span, Spoken
from labelmill_anonymization.media.tracking import Pace, followed, tracks
from labelmill_anonymization.media.types import FILM, essence
from labelmill_anonymization.media.written import Written, WrittenSearch
from labelmill_anonymization.operators import Protection
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer

DEFAULT_TEXT_STEP = 5


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What a film's head says."""

    size: Size
    seconds: float
    frames_per_second: float
    has_sound: bool


class FilmWorkers(Protocol):
    """Looks at films and covers them, somewhere with enough processors. Raises LabelmillError."""

    async def film_facts(self, job: MediaJob) -> FilmFacts:
        """What the head says; raises ContentTooLong before anything is decoded."""

    async def look_at_film(self, job: MediaJob, facts: FilmFacts) -> Look:
        """What is in its frames: its pages, counted from 0; `sizes` has one for each."""

    async def cover_film(
        self, job: MediaJob, facts: FilmFacts, sightings: Sequence[Sighting], spans: Sequence[Span]
    ) -> Covered:
        """The film with frames and sound covered, and what is seen in it afterwards."""


@dataclass(frozen=True)
class FilmHandler:
    """Handles film; see `ContentHandler`."""

    workers: FilmWorkers
    anonymizer: Anonymizer
    limits: Limits
    max_bytes: int

    @property
    def media_types(self) -> Sequence[str]:
        """See `ContentHandler`."""
        return (FILM,)

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """See `ContentHandler`."""
        rules = policy.media_rules
        job = MediaJob(content.data, essence(content.media_type), rules, self.limits)
        facts = await self.workers.film_facts(job)
        spoken = await searched(content, policy, keys, self.anonymizer) if facts.has_sound else Spoken((), ())
        seen = await self.workers.look_at_film(job, facts)
        search = WrittenSearch(self.anonymizer, policy, keys)
        written = await search.search(seen.words)
        film = _Film(facts, seen.sizes, rules)
        film.add([*seen.sightings, *written.covered])
        covered = await self._covered(job, film, spoken, search)
        return await self._outcome(covered, seen, film, spoken, written, rules)

    async def _covered(self, job: MediaJob, film: _Film, spoken: Spoken, search: WrittenSearch) -> Covered:
        for _ in range(job.rules.max_passes):
            covered = await self.workers.cover_film(job, film.facts, film.covers, spoken.covered)
            if covered.again.sizes != film.sizes:
                raise DetectionFailed("FramesDiffer")
            written = await search.search(covered.again.words, again=True)
            if not film.add([*covered.again.sightings, *written.covered], found_again=True):
                return covered
        raise CoverFailed(job.rules.max_passes)

    async def _outcome(
        self,
        covered: Covered,
        seen: Look,
        film: _Film,
        spoken: Spoken,
        written: Written,
        rules: MediaRules,
    ) -> CleanContent:
        found = [*film.tracks, *(span.entity_type for span in spoken.covered)]
        kept = [*written.kept, *spoken.kept]
        removed = [METADATA] * covered.metadata_items
        operators = ["cover"] * len(found) + ["keep"] * len(kept) + ["remove"] * len(removed)
        sound = sound_protection(rules.sound, spoken) if film.facts.has_sound else Protection.ANONYMIZED
        texts = await self.anonymizer.versions() if seen.words or spoken.covered else ()
        return CleanContent(
            data=covered.data,
            media_type=covered.media_type,
            entity_counts=counted([*found, *kept, *removed]),
            operator_counts=counted(operators),
            protection=Protection.DETECTED_ONLY if kept else sound,
            detector_versions=(*seen.versions, *texts),
            regions=(*regions(film.covers, film.sizes), *(span.region for span in spoken.covered)),
        )


class _Film:
    """What is covered in a film so far."""

    def __init__(self, facts: FilmFacts, sizes: Sequence[Size], rules: MediaRules) -> None:
        self.facts = facts
        self.sizes = tuple(sizes)
        self.covers: list[Sighting] = []
        self.tracks: list[str] = []
        """The entity type of each thing that was followed."""
        self._padding = rules.padding
        self._filled: dict[int, list[Box]] = {}
        self._pace = Pace.of(facts.frames_per_second, rules.frame_step or DEFAULT_TEXT_STEP)

    def add(self, sightings: Iterable[Sighting], *, found_again: bool = False) -> bool:
        """Covers sightings and what belongs to them in other frames; says whether there were any not yet covered."""
        new = [sighting for sighting in sightings if not self._is_gone(sighting)]
        self.tracks += [track.last.entity_type for track in tracks(new, self._pace)]
        followed_ones = widened(followed(new, len(self.sizes), self._pace), self._padding)
        for sighting in (replace(sighting, found_again=found_again) for sighting in followed_ones):
            self.covers.append(sighting)
            if sighting.must_be_filled:
                self._filled.setdefault(sighting.page, []).append(sighting.box)
        return bool(new)

    def _is_gone(self, sighting: Sighting) -> bool:
        return covered_share(sighting.box, self._filled.get(sighting.page, ())) >= GONE
