"""Tasks and gold as they are kept, and how they look to whom. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from enum import IntEnum

DEFAULT_BATCH = "default"


class Kind(IntEnum):
    """What a task is for; the numbers are those of labelmill.annotation.v1.Task.Kind."""

    LABEL = 1
    BENCHMARK = 2
    REVIEW = 3
    QUALIFICATION = 4


class State(IntEnum):
    """How far a task is; the numbers are those of labelmill.annotation.v1.Task.State."""

    AVAILABLE = 1
    LEASED = 2
    SUBMITTED = 3
    CANCELLED = 4


class Purpose(IntEnum):
    """What gold is for; the numbers are those of labelmill.annotation.v1.Benchmark.Purpose."""

    LABELERS = 1
    EVALUATION = 2


@dataclass(frozen=True, slots=True)
class Task:
    """A request to one labeler to annotate one asset."""

    id: str
    project: str
    asset: str
    kind: Kind
    state: State
    batch: str
    priority: int
    ontology_version: int
    create_ms: int
    copy: int | None = None
    """Counts the label tasks of one asset in one batch from 0; None for benchmarks."""
    labeler: str = ""
    fence: int = 0
    """Random, new with every lease: an old token stops working."""
    lease_ms: int = 0
    expire_ms: int = 0
    submit_ms: int = 0
    shown_create_ms: int = 0
    """For benchmarks: what the labeler is told, since a task born at the moment of its lease would give itself away."""

    @property
    def name(self) -> str:
        """The resource name."""
        return f"projects/{self.project}/tasks/{self.id}"

    @property
    def asset_name(self) -> str:
        """The asset's resource name."""
        return f"projects/{self.project}/assets/{self.asset}"

    def leased_at(self, now_ms: int) -> bool:
        """Whether its lease holds."""
        return self.state is State.LEASED and self.expire_ms > now_ms

    def as_of(self, now_ms: int) -> Task:
        """With an ended lease taken into account, whether or not anything has swept it up yet."""
        if self.state is State.LEASED and self.expire_ms <= now_ms:
            return replace(self, state=self.state_when_given_back, labeler="")
        return self

    @property
    def state_when_given_back(self) -> State:
        """Label tasks go to the next labeler; a benchmark task was made for its labeler alone."""
        return State.CANCELLED if self.kind is Kind.BENCHMARK else State.AVAILABLE

    def disguised(self) -> Task:
        """As its labeler may see it: nothing tells a benchmark from a label task."""
        if self.kind is not Kind.BENCHMARK:
            return self
        state = State.AVAILABLE if self.state is State.CANCELLED else self.state
        return replace(self, kind=Kind.LABEL, state=state, create_ms=self.shown_create_ms or self.create_ms)


@dataclass(frozen=True, slots=True)
class Gold:
    """A benchmark."""

    id: str
    project: str
    asset: str
    purpose: Purpose
    payload: bytes
    """The gold annotations, serialized."""
    ontology_version: int
    rank: int
    """Random: labelers meet benchmarks in an order that says nothing."""
    create_ms: int

    @property
    def name(self) -> str:
        """The resource name."""
        return f"projects/{self.project}/benchmarks/{self.id}"


def new_task_id() -> str:
    """Random, without a time in it: a task made at the moment of its lease must not stand out."""
    return secrets.token_hex(16)


def new_fence() -> int:
    """A number that no earlier lease had."""
    return secrets.randbits(62)
