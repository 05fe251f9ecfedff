"""Media in worker processes of their own, which start when the first picture comes: texts never wait for films."""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from labelmill_anonymization.adapters.media import picture_worker
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout
from labelmill_anonymization.media.films import FilmFacts
from labelmill_anonymization.media.ports import Covered, Look, MediaJob
from labelmill_anonymization.media.sightings import Sighting
from labelmill_anonymization.media.sounds import CoveredSound
from labelmill_anonymization.media.spans import Span
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.workers import WorkerPool

P = ParamSpec("P")
R = TypeVar("R")


class MediaProcesses:
    """Looks at media and covers them; see `PictureWorkers`.

    Args:
        workers: Processes; each has up to 1.5 GB of models and pictures.
        timeout_s: How long a call may take for each page and each second of film, at least for one.
        max_pending: Calls that may wait; more are refused with ResourceExhausted.
    """

    def __init__(self, workers: int, *, timeout_s: float = 120.0, max_pending: int = 64) -> None:
        self._pool = WorkerPool(workers, prepare_process, max_pending=max_pending)
        self._timeout_s = timeout_s

    async def look(self, job: MediaJob, first: int, count: int) -> Look:
        """See `PictureWorkers`."""
        return await self.call(count, picture_worker.look, job, first, count)

    async def look_and_cover(self, job: MediaJob) -> tuple[Look, Covered]:
        """See `PictureWorkers`."""
        return await self.call(1, picture_worker.look_and_cover, job)

    async def cover(self, job: MediaJob, sightings: Sequence[Sighting]) -> Covered:
        """See `PictureWorkers`."""
        pages = 1 + len({sighting.page for sighting in sightings})
        return await self.call(pages, picture_worker.cover_pages, job, sightings)

    async def cover_sound(self, job: MediaJob, spans: Sequence[Span]) -> CoveredSound:
        """See `SoundWorkers`."""
        return await self.call(1, _cover_sound, job, spans)

    async def film_facts(self, job: MediaJob) -> FilmFacts:
        """See `FilmWorkers`."""
        return await self.call(1, _film_facts, job)

    async def look_at_film(self, job: MediaJob, facts: FilmFacts) -> Look:
        """See `FilmWorkers`."""
        return await self.call(facts.seconds, _look_at_film, job)

    async def cover_film(
        self, job: MediaJob, facts: FilmFacts, sightings: Sequence[Sighting], spans: Sequence[Span]
    ) -> Covered:
        """See `FilmWorkers`."""
        return await self.call(facts.seconds, _cover_film, job, sightings, spans)

    async def call(self, units: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs a function of a worker; `units` times the time limit is what it may take.

        Raises:
            LabelmillError: What the function raised; DetectionFailed for anything else: its message may quote.
        """
        try:
            async with asyncio.timeout(self._timeout_s * max(1.0, units)):
                return await self._pool.call(_guarded, function, *args, **kwargs)  # type: ignore[arg-type]
        except TimeoutError:
            raise DetectionTimeout from None

    async def close(self, grace_s: float = 2.0) -> None:
        """Ends the workers; running calls may end within `grace_s`."""
        await self._pool.close(grace_s)


def prepare_process() -> None:
    """Before NumPy and the models are loaded: one core a worker, and no messages of readers: they may quote."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    warnings.simplefilter("ignore")
    logging.disable()


def _guarded(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return function(*args, **kwargs)
    except LabelmillError:
        raise
    except Exception as error:
        raise DetectionFailed(type(error).__name__) from None


# FFmpeg and libsndfile are loaded in the worker, by the first film or sound.


def _cover_sound(job: MediaJob, spans: Sequence[Span]) -> CoveredSound:
    from labelmill_anonymization.adapters.media.sound_worker import cover_sound

    return cover_sound(job, spans)


def _film_facts(job: MediaJob) -> FilmFacts:
    from labelmill_anonymization.adapters.media.film_frames import facts

    return facts(job)


def _look_at_film(job: MediaJob) -> Look:
    from labelmill_anonymization.adapters.media.film_worker import look_at_film

    return look_at_film(job)


def _cover_film(job: MediaJob, sightings: Sequence[Sighting], spans: Sequence[Span]) -> Covered:
    from labelmill_anonymization.adapters.media.film_worker import cover_film

    return cover_film(job, sightings, spans)
