"""What runs in a worker process: a warm detector, and one function that anonymizes a batch of texts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.errors import DetectionFailed
from labelmill_anonymization.findings import Finding
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Detector
from labelmill_anonymization.transform import CleanText, transform
from labelmill_runtime.errors import LabelmillError


@dataclass(frozen=True, slots=True)
class TextJob:
    """One text to anonymize."""

    text: str = field(repr=False)
    policy: Policy
    keys: ProjectKeys


Outcome = CleanText | LabelmillError

_detector: Detector | None = None


def initialize(make_detector: Callable[[], Detector] | None = None) -> None:
    """Loads the model and uses it once, so that the first text does not pay for it."""
    global _detector  # noqa: PLW0603 - one detector for each worker process
    if make_detector is None:
        prepare_process()
        from labelmill_anonymization.assembly.detector import text_detector

        make_detector = text_detector
    _detector = make_detector()
    _detector.detect(["Jane Doe lives at 12 Example Street, phone 2125550123."], "en", [entity_types("en")])


def prepare_process() -> None:
    """Before NumPy and spaCy are loaded."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # one core a worker
    for unused in ("torch", "transformers"):
        # spaCy and Presidio load these wherever they are installed: four seconds and 300 MB for nothing.
        sys.modules.setdefault(unused, None)  # type: ignore[arg-type]


def detector_versions() -> tuple[str, ...]:
    """The versions of this worker's detector."""
    return _loaded().versions


def anonymize_timed(jobs: Sequence[TextJob]) -> tuple[list[Outcome], float]:
    """The outcomes of a batch, and the seconds that it took."""
    start = time.perf_counter()
    return anonymize_batch(jobs), time.perf_counter() - start


def anonymize_batch(jobs: Sequence[TextJob]) -> list[Outcome]:
    """The outcome of each text, in order. Errors are returned, not raised: one bad text fails alone."""
    outcomes: list[Outcome | None] = [None] * len(jobs)
    for language in {job.policy.language for job in jobs}:
        indices = [i for i, job in enumerate(jobs) if job.policy.language == language]
        found = _detect([jobs[i] for i in indices], language)
        for i, findings in zip(indices, found, strict=True):
            outcomes[i] = findings if isinstance(findings, LabelmillError) else _transform(jobs[i], findings)
    return [outcome if outcome is not None else DetectionFailed("NoOutcome") for outcome in outcomes]


def nap(seconds: float) -> None:
    """Keeps this worker busy for a moment, so that each of several workers gets a call; for warming up."""
    time.sleep(seconds)


def _detect(jobs: Sequence[TextJob], language: str) -> list[list[Finding] | LabelmillError]:
    try:
        return _loaded().detect([job.text for job in jobs], language, [job.policy.wanted_types for job in jobs])
    except Exception as error:  # its message may quote the text, and would travel to the parent's log
        if len(jobs) == 1:
            return [DetectionFailed(type(error).__name__)]
    # One of them is to blame; the others must not pay for it.
    return [found for job in jobs for found in _detect([job], language)]


def _transform(job: TextJob, findings: Sequence[Finding]) -> Outcome:
    try:
        return transform(job.text, job.policy.own.amend(job.text, findings), job.policy, job.keys)
    except Exception as error:
        return DetectionFailed(type(error).__name__)


def _loaded() -> Detector:
    if _detector is None:
        raise RuntimeError("the worker was not initialized")
    return _detector
