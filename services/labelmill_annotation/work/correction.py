"""Corrections of what was submitted, and who may read it."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_annotation import versions
from labelmill_annotation.checking import require_fit
from labelmill_annotation.errors import AnnotationNotFound, TaskNotFound, TaskNotSubmitted
from labelmill_annotation.ontologies import Ontologies
from labelmill_annotation.ports import Records
from labelmill_annotation.projects import Project
from labelmill_annotation.statements import Statement
from labelmill_annotation.tasks import State, Task
from labelmill_annotation.versions import Annotation
from labelmill_runtime.principal import Principal, Role

_OVERSEERS = frozenset({Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.SERVICE})


def oversees(principal: Principal, project: str) -> bool:
    """Whether the caller may see the work of others, and what is a benchmark."""
    return not _OVERSEERS.isdisjoint(principal.roles(project))


async def visible_task(records: Records, principal: Principal, project: Project, task: str, now_ms: int) -> Task:
    """A task as the caller may see it.

    Raises:
        TaskNotFound: TASK_NOT_FOUND, also for an annotator who neither holds nor submitted it.
    """
    found = await records.tasks.find(project.id, task)
    if found is None:
        raise TaskNotFound(project.id, task)
    found = found.as_of(now_ms)
    if oversees(principal, project.id):
        return found
    if found.labeler != principal.id:
        raise TaskNotFound(project.id, task)
    return found.disguised()


async def visible_annotation(
    records: Records, principal: Principal, project: Project, annotation: str, version: int
) -> Annotation:
    """A version of an annotation, 0 for the current one; annotators see only what they said themselves.

    Raises:
        AnnotationNotFound: ANNOTATION_NOT_FOUND.
    """
    found = await records.annotations.find(project.id, annotation, version)
    if found is None or not (oversees(principal, project.id) or found.labeler == principal.id):
        raise AnnotationNotFound(project.id, annotation)
    return found


async def revise(
    records: Records,
    principal: Principal,
    project: Project,
    task: str,
    statements: Sequence[Statement],
    ontologies: Ontologies,
    now_ms: int,
) -> list[Annotation]:
    """Corrects the annotations of a submitted task: by its labeler, or by a reviewer.

    Returns:
        The current versions, withdrawn ones included.

    Raises:
        TaskNotFound: TASK_NOT_FOUND, also for an annotator who did not submit it.
        TaskNotSubmitted: TASK_NOT_SUBMITTED.
        AnnotationsRefused: NOT_IN_ONTOLOGY, SPAN_OUTSIDE_TEXT or ANNOTATION_INVALID.
    """
    found = (await records.tasks.lock(project.id, [task])).get(task)
    if found is None or not (found.labeler == principal.id or Role.REVIEWER in principal.roles(project.id)):
        raise TaskNotFound(project.id, task)
    if found.state is not State.SUBMITTED:
        raise TaskNotSubmitted(found.name)
    ontology = (await ontologies.version(records, project.id, found.ontology_version)).ontology
    facts = await records.assets.read(project.id, [found.asset])
    require_fit(statements, ontology, facts[found.asset], found.asset_name, "annotations")
    current = await records.annotations.of_task(project.id, found.id)
    revision = versions.revise(found, current, statements, principal.id, now_ms)
    await records.annotations.add(revision.new)
    return revision.current
