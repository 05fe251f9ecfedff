"""Projects: create, find, change."""

from __future__ import annotations

import secrets

from labelmill_annotation.errors import ProjectAlreadyExists, ProjectNotFound
from labelmill_annotation.ports import ProjectStore
from labelmill_annotation.projects import Change, Project, QualityPlan, updated


async def require(store: ProjectStore, project: str) -> Project:
    """The project.

    Raises:
        ProjectNotFound: PROJECT_NOT_FOUND.
    """
    found = await store.find(project)
    if found is None:
        raise ProjectNotFound(project)
    return found


async def require_locked(store: ProjectStore, project: str) -> Project:
    """The project; until the transaction ends nothing else plans work for it.

    Raises:
        ProjectNotFound: PROJECT_NOT_FOUND.
    """
    found = await store.lock(project)
    if found is None:
        raise ProjectNotFound(project)
    return found


async def create(
    store: ProjectStore, project: str, display_name: str, ontology: bytes, plan: QualityPlan, now_ms: int
) -> Project:
    """Creates a project.

    Raises:
        ProjectAlreadyExists: PROJECT_ALREADY_EXISTS.
    """
    new = Project(
        id=project,
        display_name=display_name,
        ontology_version=1,
        plan=plan,
        secret=secrets.token_bytes(32),
        revision=1,
        create_ms=now_ms,
        update_ms=now_ms,
    )
    if not await store.add(new, ontology):
        raise ProjectAlreadyExists(project)
    return new


async def change(store: ProjectStore, current: Project, asked: Change, etag: str, now_ms: int) -> tuple[Project, bytes]:
    """Changes a locked project; an ontology like the current one makes no new version.

    Returns:
        The project and its ontology, serialized.

    Raises:
        EtagMismatch: ETAG_MISMATCH.
    """
    ontology = await store.ontology(current.id, current.ontology_version)
    assert ontology is not None, "a project always has its ontology"
    new_ontology = asked.ontology if asked.ontology not in (None, ontology) else None
    project = updated(current, asked, etag, new_ontology=new_ontology is not None, now_ms=now_ms)
    await store.change(project, new_ontology)
    return project, new_ontology or ontology
