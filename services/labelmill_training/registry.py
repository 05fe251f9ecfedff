"""Jobs, models and model versions, as the registry keeps them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from labelmill_training.job_folder import Result, Spec

ASSET = "projects/{project}/assets/{asset}"
JOB = "projects/{project}/trainingJobs/{training_job}"
MODEL = "projects/{project}/models/{model}"
VERSION = "projects/{project}/models/{model}/versions/{version}"
REPORT = "projects/{project}/qualityReports/{quality_report}"
ENCODER = "encoders/{encoder}"


class JobState(IntEnum):
    """How far a job is; the numbers are those of the contract."""

    PENDING = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLED = 5

    @property
    def ended(self) -> bool:
        """Nothing changes any more."""
        return self >= JobState.SUCCEEDED


@dataclass(frozen=True)
class JobRequest:
    """What a caller asks for."""

    model_id: str
    quality_report: str
    min_posterior: float = 0.0
    benchmark_filter: str = ""
    encoder: str = ""
    """encoders/{encoder}; empty: the built-in one."""
    l2_penalty: float = 0.0
    balance_classes: bool = False
    hard_labels: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Job:
    """One fine-tuning run."""

    project: str
    id: str
    request: JobRequest
    operation: str
    state: JobState
    create_ms: int
    end_ms: int | None = None
    version: int | None = None
    error: bytes | None = None
    """Why it failed, in the contract's form."""
    progress: tuple[str, int, int] = ("", 0, 0)
    """Stage, done, total; as it ended."""

    @property
    def name(self) -> str:
        """Its resource name."""
        return JOB.format(project=self.project, training_job=self.id)


@dataclass(frozen=True)
class Model:
    """A named line of versions."""

    project: str
    id: str
    feature: str
    latest_version: int
    promoted_version: int | None
    create_ms: int

    @property
    def name(self) -> str:
        """Its resource name."""
        return MODEL.format(project=self.project, model=self.id)


@dataclass(frozen=True)
class ModelVersion:
    """An immutable artifact with its metrics and lineage."""

    project: str
    model_id: str
    version: int
    job_id: str
    quality_report: str
    spec: Spec
    result: Result
    promoted: bool
    create_ms: int

    @property
    def name(self) -> str:
        """Its resource name."""
        return VERSION.format(project=self.project, model=self.model_id, version=self.version)

    @property
    def job_name(self) -> str:
        """The job that made it."""
        return JOB.format(project=self.project, training_job=self.job_id)
