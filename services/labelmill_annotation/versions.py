"""Versions of annotations: what a correction changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from labelmill_annotation.errors import AnnotationsRefused
from labelmill_annotation.problems import ANNOTATION_INVALID, Problem
from labelmill_annotation.statements import Statement
from labelmill_annotation.tasks import Kind, Task
from labelmill_runtime import ids, names


@dataclass(frozen=True, slots=True)
class Annotation:
    """One version of an annotation, as it is kept."""

    id: str
    version: int
    project: str
    task: str
    asset: str
    feature: str
    class_name: str
    labeler: str
    kind: Kind
    """The task's kind."""
    batch: str
    payload: bytes
    """What was said, serialized, without names and provenance."""
    ontology_version: int
    create_ms: int
    withdrawn: bool = False
    time_spent_ms: int | None = None

    @property
    def name(self) -> str:
        """The resource name."""
        return f"projects/{self.project}/annotations/{self.id}"


def new_ids(count: int, now_ms: int) -> list[str]:
    """New ids that sort after all older ones, in this order."""
    return sorted(ids.ulid(now_ms) for _ in range(count))


def first_versions(
    task: Task,
    statements: Sequence[Statement],
    fresh: Iterator[str],
    labeler: str,
    now_ms: int,
    time_spent_ms: int | None,
) -> list[Annotation]:
    """The annotations that a submission makes; their ids are taken from `fresh`."""
    return [_annotation(task, statement, next(fresh), 1, labeler, now_ms, time_spent_ms) for statement in statements]


@dataclass(frozen=True, slots=True)
class Revision:
    """What a correction does."""

    new: list[Annotation]
    """Versions to write: added, changed and withdrawn ones."""
    current: list[Annotation]
    """The whole set afterwards, in the order sent, then the withdrawn ones."""


def revise(
    task: Task, current: Mapping[str, Annotation], statements: Sequence[Statement], labeler: str, now_ms: int
) -> Revision:
    """Compares the whole new set with the current versions of a task's annotations.

    Args:
        task: The submitted task.
        current: Its annotations' current versions by id, withdrawn ones included.
        statements: The new set.
        labeler: Who corrects; the author of every new version.
        now_ms: Now.

    Raises:
        AnnotationsRefused: ANNOTATION_INVALID for a name that is no annotation of this task, or twice the same name.
    """
    targets = _targets(task, current, statements)
    fresh = iter(new_ids(sum(target is None for target in targets), now_ms))
    new: list[Annotation] = []
    result: list[Annotation] = []
    for statement, before in zip(statements, targets, strict=True):
        if before is None:
            after = _annotation(task, statement, next(fresh), 1, labeler, now_ms, None)
        elif before.payload == statement.payload and not before.withdrawn:
            result.append(before)
            continue
        else:
            after = _annotation(task, statement, before.id, before.version + 1, labeler, now_ms, None)
        new.append(after)
        result.append(after)
    kept = {annotation.id for annotation in result}
    for before in sorted(current.values(), key=lambda annotation: annotation.id):
        if before.id not in kept:
            gone = before if before.withdrawn else _withdrawn(before, labeler, now_ms)
            result.append(gone)
            if gone is not before:
                new.append(gone)
    return Revision(new, result)


def _targets(task: Task, current: Mapping[str, Annotation], statements: Sequence[Statement]) -> list[Annotation | None]:
    targets: list[Annotation | None] = []
    seen: set[str] = set()
    for index, statement in enumerate(statements):
        if not statement.name:
            targets.append(None)
            continue
        path = f"annotations[{index}]"
        parts = names.parse("projects/{project}/annotations/{annotation}", statement.name, field=f"{path}.name")
        before = current.get(parts["annotation"]) if parts["project"] == task.project else None
        if before is None:
            raise AnnotationsRefused([Problem(ANNOTATION_INVALID, f"{path}.name", "is no annotation of this task")])
        if before.id in seen:
            raise AnnotationsRefused([Problem(ANNOTATION_INVALID, f"{path}.name", "appears twice")])
        if before.feature != statement.feature:
            raise AnnotationsRefused([Problem(ANNOTATION_INVALID, f"{path}.feature", "cannot change between versions")])
        seen.add(before.id)
        targets.append(before)
    return targets


def _annotation(
    task: Task,
    statement: Statement,
    annotation: str,
    version: int,
    labeler: str,
    now_ms: int,
    time_spent_ms: int | None,
) -> Annotation:
    return Annotation(
        id=annotation,
        version=version,
        project=task.project,
        task=task.id,
        asset=task.asset,
        feature=statement.feature,
        class_name=statement.answered_class,
        labeler=labeler,
        kind=task.kind,
        batch=task.batch,
        payload=statement.payload,
        ontology_version=task.ontology_version,
        create_ms=now_ms,
        time_spent_ms=time_spent_ms,
    )


def _withdrawn(before: Annotation, labeler: str, now_ms: int) -> Annotation:
    return replace(
        before, version=before.version + 1, labeler=labeler, create_ms=now_ms, withdrawn=True, time_spent_ms=None
    )
