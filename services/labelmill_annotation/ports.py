"""What the domain needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from labelmill_annotation.leasing import Ledger
from labelmill_annotation.projects import Project
from labelmill_annotation.statements import AssetFacts
from labelmill_annotation.tasks import Gold, Kind, State, Task
from labelmill_annotation.versions import Annotation
from labelmill_runtime.errors import LabelmillError


class AssetSource(Protocol):
    """Knows the assets: storage."""

    async def describe(self, project: str, assets: Sequence[str]) -> Mapping[str, AssetFacts | LabelmillError]:
        """The facts of each CLEAN asset, or why it cannot be labelled (AssetNotFound, AssetNotClean).

        Raises:
            StorageUnavailable: STORAGE_UNAVAILABLE.
        """


class PredictionSource(Protocol):
    """Knows what models say: prelabel."""

    async def read(self, project: str, assets: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """The predicted annotations (serialized) of the assets that have any; nothing when prelabel is away."""


class ProjectStore(Protocol):
    """Keeps projects and their ontologies."""

    async def find(self, project: str) -> Project | None:
        """The project."""

    async def lock(self, project: str) -> Project | None:
        """The project, which no other transaction locks until this one ends."""

    async def add(self, project: Project, ontology: bytes) -> bool:
        """Adds a project; False if the id is taken."""

    async def change(self, project: Project, ontology: bytes | None) -> None:
        """Writes a changed project, and its new ontology if there is one."""

    async def page(self, among: Sequence[str] | None, after: str, limit: int) -> list[Project]:
        """Projects by id; `among` restricts them to some ids."""

    async def ontology(self, project: str, version: int) -> bytes | None:
        """One version of an ontology."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many tasks share kind, state and labeler."""

    kind: Kind
    state: State
    labeler: str
    task_count: int


class TaskStore(Protocol):
    """Keeps tasks and what labelers have seen."""

    async def enter_lease(self, project: str, *, alone: bool) -> None:
        """Announces that this transaction leases; `alone` waits until no other does."""

    async def ledger(self, project: str, labeler: str) -> Ledger:
        """What the labeler was given; other leases by the same labeler wait until this transaction ends."""

    async def keep_ledger(self, project: str, labeler: str, ledger: Ledger) -> None:
        """Writes it."""

    async def sweep(self, project: str, now_ms: int) -> None:
        """Gives back tasks whose lease has ended."""

    async def queue(self, project: str, labeler: str, batch: str, limit: int) -> list[Task]:
        """Available label tasks of assets that the labeler never held nor skipped, one an asset, best first; locked."""

    async def hold(self, tasks: Sequence[Task]) -> None:
        """Writes leases (of one labeler, with one fence and end) and that the labeler has met the assets."""

    async def reserved(self, project: str, labeler: str, assets: Sequence[str]) -> list[Task]:
        """Benchmark tasks that were made for the labeler and given back."""

    async def add(self, tasks: Sequence[Task]) -> None:
        """Adds tasks."""

    async def of_batch(self, project: str, batch: str, assets: Sequence[str]) -> Mapping[str, list[str]]:
        """Ids of the label tasks that a batch has for assets."""

    async def labelled(self, project: str, assets: Sequence[str]) -> set[str]:
        """Which of the assets have tasks."""

    async def find(self, project: str, task: str) -> Task | None:
        """One task."""

    async def lock(self, project: str, tasks: Sequence[str]) -> Mapping[str, Task]:
        """Tasks by id, which no other transaction touches until this one ends."""

    async def prolong(self, expiries: Mapping[str, int]) -> None:
        """Writes new ends of leases."""

    async def submit(self, spent_ms: Mapping[str, int | None], now_ms: int) -> None:
        """Writes that tasks were submitted."""

    async def give_back(self, task: Task, *, for_good: bool, reason: str, now_ms: int) -> None:
        """Ends a lease; `for_good`: its labeler never gets the asset again."""

    async def page(self, project: str, filter_text: str, after: int, limit: int, now_ms: int) -> list[tuple[int, Task]]:
        """Tasks in the order of their creation, with their place in it."""

    async def count(self, project: str, filter_text: str, now_ms: int) -> list[Count]:
        """Counts of tasks."""


class AssetStore(Protocol):
    """Keeps the facts of assets that were asked for."""

    async def keep(self, project: str, facts: Sequence[AssetFacts]) -> None:
        """Writes facts."""

    async def read(self, project: str, assets: Sequence[str]) -> Mapping[str, AssetFacts]:
        """Facts by asset."""


class BenchmarkStore(Protocol):
    """Keeps gold."""

    async def add(self, gold: Sequence[Gold]) -> None:
        """Adds benchmarks."""

    async def existing(self, project: str, assets: Sequence[str]) -> set[str]:
        """Which of the assets have gold."""

    async def held_out(self, project: str, assets: Sequence[str]) -> set[str]:
        """Which of the assets are held out to evaluate models."""

    async def unseen(self, project: str, labeler: str, start: int, limit: int) -> list[str]:
        """Assets with gold for labelers that this labeler has not met, in the order of their rank from `start` on."""

    async def page(self, project: str, filter_text: str, after: str, limit: int) -> list[Gold]:
        """Benchmarks in the order of their creation."""


class AnnotationStore(Protocol):
    """Keeps annotations in versions."""

    async def add(self, annotations: Sequence[Annotation]) -> None:
        """Adds versions, each the current one of its annotation."""

    async def of_task(self, project: str, task: str) -> Mapping[str, Annotation]:
        """Current versions by id, withdrawn ones included."""

    async def find(self, project: str, annotation: str, version: int) -> Annotation | None:
        """One version; 0 is the current one."""

    async def versions(self, project: str, annotation: str) -> list[Annotation]:
        """All versions, newest first."""

    async def page(self, project: str, filter_text: str, after: str, limit: int) -> list[Annotation]:
        """Current annotations that are not withdrawn, in the order of their creation."""

    async def changes(self, project: str, after: tuple[int, str], limit: int) -> list[Annotation]:
        """Newest versions, withdrawn ones included, after a time and id, in the order of both."""


class ErasureStore(Protocol):
    """Removes what is kept about assets."""

    async def since(self, project: str, asset_ids: Sequence[str], began_ms: int) -> set[str]:
        """Which of the assets were erased at or after `began_ms`."""

    async def remember(self, project: str, asset_ids: Sequence[str]) -> None:
        """Remembers that they were erased; before anything of them is removed."""

    async def remove(self, project: str, asset_ids: Sequence[str]) -> Mapping[str, int]:
        """Removes tasks, annotations in all versions, benchmarks, skips and facts; how many of each kind."""


class Records(Protocol):
    """All that is kept, within one transaction."""

    @property
    def projects(self) -> ProjectStore:
        """Projects."""

    @property
    def tasks(self) -> TaskStore:
        """Tasks."""

    @property
    def assets(self) -> AssetStore:
        """Asset facts."""

    @property
    def benchmarks(self) -> BenchmarkStore:
        """Gold."""

    @property
    def annotations(self) -> AnnotationStore:
        """Annotations."""

    @property
    def erasure(self) -> ErasureStore:
        """Erasure."""


class Archive(Protocol):
    """Opens records."""

    @property
    def overlapping(self) -> bool:
        """Whether transactions run at the same time, so that one may pass over what another is taking."""

    def reading(self) -> AbstractAsyncContextManager[Records]:
        """A consistent view to read from."""

    def within(self, session: object) -> Records:
        """The records within a transaction that the request log has opened."""

    async def scrub(self) -> None:
        """Takes what was erased out of the files of the database; after the commit."""
