"""Media handled in the test's own process, with the real detectors, and texts by the detector of words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labelmill_anonymization.adapters.media import film_frames, film_worker, picture_worker, sound_worker
from labelmill_anonymization.contents.content import CleanContent, RawContent, SpokenWord
from labelmill_anonymization.contents.handling import ContentAnonymizer
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.media.films import FilmFacts, FilmHandler
from labelmill_anonymization.media.pictures import PictureHandler
from labelmill_anonymization.media.ports import Covered, Limits, Look, MediaJob
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.media.sightings import Sighting
from labelmill_anonymization.media.sounds import CoveredSound, SoundHandler
from labelmill_anonymization.media.spans import Span
from labelmill_anonymization.operators import Replace
from labelmill_anonymization.policy import Policy, Rule
from labelmill_anonymization.transform import CleanText, transform
from labelmill_runtime.errors import LabelmillError
from tests.anonymization.word_detector import WordDetector

KEYS = ProjectKeys.derive(b"s" * 32, "demo")
LIMITS = Limits(pixels=4_000_000, pages=10, frames=50, seconds=20)


class InProcess:
    """All kinds of media workers, without a worker."""

    async def look(self, job: MediaJob, first: int, count: int) -> Look:
        return picture_worker.look(job, first, count)

    async def look_and_cover(self, job: MediaJob) -> tuple[Look, Covered]:
        return picture_worker.look_and_cover(job)

    async def cover(self, job: MediaJob, sightings: Sequence[Sighting]) -> Covered:
        return picture_worker.cover_pages(job, sightings)

    async def cover_sound(self, job: MediaJob, spans: Sequence[Span]) -> CoveredSound:
        return sound_worker.cover_sound(job, spans)

    async def film_facts(self, job: MediaJob) -> FilmFacts:
        return film_frames.facts(job)

    async def look_at_film(self, job: MediaJob, facts: FilmFacts) -> Look:
        return film_worker.look_at_film(job)

    async def cover_film(
        self, job: MediaJob, facts: FilmFacts, sightings: Sequence[Sighting], spans: Sequence[Span]
    ) -> Covered:
        return film_worker.cover_film(job, sightings, spans)


@dataclass
class WordAnonymizer:
    """Texts by the detector of words, in this process."""

    asked: list[str] = field(default_factory=list)

    async def anonymize(self, text: str, policy: Policy, keys: ProjectKeys) -> CleanText:
        self.asked.append(text)
        (found,) = WordDetector().detect([text], policy.language, [policy.wanted_types])
        if isinstance(found, LabelmillError):
            raise found
        return transform(text, found, policy, keys)

    async def versions(self) -> tuple[str, ...]:
        return WordDetector.versions


def handlers(workers: Any = None, limits: Limits = LIMITS) -> ContentAnonymizer:
    workers, texts = workers or InProcess(), WordAnonymizer()
    kinds = (PictureHandler, SoundHandler, FilmHandler)
    return ContentAnonymizer([kind(workers, texts, limits, 1 << 24) for kind in kinds])


def policy(*rules: Rule, **media: Any) -> Policy:
    """Everything that is found is replaced, unless rules are given."""
    return Policy(rules=rules, default_operator=None if rules else Replace(), media_rules=MediaRules(**media))


async def anonymized(
    content: bytes,
    media_type: str,
    wanted: Policy | None = None,
    transcript: tuple[SpokenWord, ...] | None = None,
    limits: Limits = LIMITS,
) -> CleanContent:
    raw = RawContent(content, media_type, transcript)
    return await handlers(limits=limits).anonymize(raw, wanted or policy(), KEYS)
