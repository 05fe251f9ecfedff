"""The errors of this service, each with its reason; the tree's roots stand in labelmill_runtime.errors."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_annotation.problems import Problem
from labelmill_runtime.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    LabelmillError,
    NotFound,
    Unavailable,
)

_MOST_FIELDS = 20


class ProjectNotFound(NotFound):
    """There is no such project."""

    def __init__(self, project: str) -> None:
        name = f"projects/{project}"
        super().__init__("PROJECT_NOT_FOUND", "There is no such project.", resource=("Project", name))


class ProjectAlreadyExists(AlreadyExists):
    """The project id is taken."""

    def __init__(self, project: str) -> None:
        name = f"projects/{project}"
        super().__init__("PROJECT_ALREADY_EXISTS", "The project id is taken.", resource=("Project", name))


class OntologyVersionNotFound(NotFound):
    """The project has no such version of its ontology."""

    def __init__(self, project: str, version: int) -> None:
        super().__init__(
            "ONTOLOGY_VERSION_NOT_FOUND",
            "The project's ontology has no such version.",
            metadata={"version": str(version)},
            resource=("Project", f"projects/{project}"),
        )


class TaskNotFound(NotFound):
    """There is no such task, or it is not the caller's to see."""

    def __init__(self, project: str, task: str) -> None:
        name = f"projects/{project}/tasks/{task}"
        super().__init__("TASK_NOT_FOUND", "There is no such task.", resource=("Task", name))


class AnnotationNotFound(NotFound):
    """There is no such annotation or version, or it is not the caller's to see."""

    def __init__(self, project: str, annotation: str) -> None:
        name = f"projects/{project}/annotations/{annotation}"
        super().__init__("ANNOTATION_NOT_FOUND", "There is no such annotation.", resource=("Annotation", name))


class EtagMismatch(Aborted):
    """Somebody else changed the project."""

    def __init__(self) -> None:
        super().__init__(
            "ETAG_MISMATCH",
            "The project has changed since it was read; read it again and repeat the change.",
            fields={"project.etag": "is not the current one"},
        )


class UpdateMaskInvalid(InvalidArgument):
    """The mask names what cannot be changed."""

    def __init__(self, paths: Sequence[str]) -> None:
        known = "display_name, ontology, quality_plan and the fields of quality_plan"
        super().__init__(
            "UPDATE_MASK_INVALID",
            f"update_mask may name {known}.",
            metadata={"count": str(len(paths))},
            fields={"update_mask": f"may only name {known}"},
        )


class OntologyInvalid(InvalidArgument):
    """The ontology contradicts itself."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("ONTOLOGY_INVALID", "The ontology contradicts itself; see the fields.", fields=fields)


class LeaseInvalid(InvalidArgument):
    """The token was not given to this caller for this task."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "LEASE_INVALID",
            "The lease token was not given to this caller for this task.",
            fields={field: "was not given to this caller for this task"},
        )


class LeaseExpired(FailedPrecondition):
    """The lease ended before the call came."""

    def __init__(self, task: str) -> None:
        super().__init__("LEASE_EXPIRED", "The lease has ended; lease again.", metadata={"task": task})


class LeaseLost(FailedPrecondition):
    """The lease ended, or was given back, and the task went on without its holder."""

    def __init__(self, task: str) -> None:
        message = "The lease ended or was given back, and the task has been leased again since."
        super().__init__("LEASE_LOST", message, metadata={"task": task})


class TaskAlreadySubmitted(FailedPrecondition):
    """The caller has submitted the task before."""

    def __init__(self, task: str) -> None:
        message = "The task was submitted before; revise its annotations instead."
        super().__init__("TASK_ALREADY_SUBMITTED", message, metadata={"task": task})


class TaskNotSubmitted(FailedPrecondition):
    """Only the annotations of submitted tasks can be revised."""

    def __init__(self, task: str) -> None:
        super().__init__("TASK_NOT_SUBMITTED", "The task has not been submitted yet.", metadata={"task": task})


class AssetNotFound(NotFound):
    """Storage has no such asset."""

    def __init__(self, project: str, asset: str) -> None:
        name = f"projects/{project}/assets/{asset}"
        super().__init__("ASSET_NOT_FOUND", "There is no such asset.", resource=("Asset", name))


class AssetNotClean(FailedPrecondition):
    """The asset has not passed the privacy gate."""

    def __init__(self) -> None:
        message = "The asset is not in the zone CLEAN; anonymize it first."
        super().__init__("ASSET_NOT_CLEAN", message)


class AssetHeldOut(FailedPrecondition):
    """The asset is gold for evaluation and must stay unseen."""

    def __init__(self) -> None:
        message = "The asset is held out to evaluate models and is never shown to labelers."
        super().__init__("ASSET_HELD_OUT", message)


class AssetHasTasks(FailedPrecondition):
    """The asset is being labelled, so it cannot be held out any more."""

    def __init__(self) -> None:
        message = "The asset has tasks already, so it cannot be held out to evaluate models."
        super().__init__("ASSET_HAS_TASKS", message)


class BenchmarkAlreadyExists(AlreadyExists):
    """The asset has gold already."""

    def __init__(self, project: str, asset: str) -> None:
        name = f"projects/{project}/assets/{asset}"
        super().__init__("BENCHMARK_ALREADY_EXISTS", "The asset has a benchmark already.", resource=("Asset", name))


class AnnotationsRefused(InvalidArgument):
    """Annotations that do not fit the ontology or the asset; the first problem gives the reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            problems[0].reason,
            "The annotations do not fit the ontology or the asset; see the fields.",
            metadata={"problem_count": str(len(problems))},
            fields={problem.path: problem.what for problem in problems[:_MOST_FIELDS]},
        )


class StorageUnavailable(Unavailable):
    """Storage did not answer."""

    def __init__(self) -> None:
        super().__init__("STORAGE_UNAVAILABLE", "Storage does not answer; try again.", retry_after_s=1.0)


class StorageRefused(Internal):
    """Storage does not let this service in: a matter of its API key."""

    def __init__(self, reason: str) -> None:
        message = "Storage refuses this service; its API key may lack the role SERVICE."
        super().__init__("STORAGE_REFUSED", message, metadata={"storage_reason": reason})


Outcome = LabelmillError | None
"""What became of one item of a batch: None is well."""
