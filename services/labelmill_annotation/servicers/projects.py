"""labelmill.annotation.v1.ProjectService."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.annotation.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill_annotation.convert import ontologies, resources
from labelmill_annotation.ontology import require_valid
from labelmill_annotation.projects import changed_parts
from labelmill_annotation.servicers.desk import Desk, read_page
from labelmill_annotation.work import projects
from labelmill_runtime import names
from labelmill_runtime.principal import EVERY_PROJECT, Principal, current_principal

_PATTERN = "projects/{project}"


class ProjectServicer(service_pb2_grpc.ProjectServiceServicer):
    """Projects and their ontologies."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def CreateProject(  # noqa: N802
        self, request: service_pb2.CreateProjectRequest, context: Any
    ) -> resources_pb2.Project:
        """Creates a project."""
        require_valid(ontologies.ontology(request.project.ontology), "project.ontology")
        ontology = ontologies.payload(request.project.ontology)
        plan = resources.quality_plan(request.project.quality_plan)

        async def respond(session: AsyncSession) -> resources_pb2.Project:
            store, now_ms = self._desk.archive.within(session).projects, self._desk.now_ms()
            name = request.project.display_name
            project = await projects.create(store, request.project_id, name, ontology, plan, now_ms)
            return resources.project_message(project, ontology)

        return await self._desk.requests.once(request, respond, resources_pb2.Project)

    async def GetProject(  # noqa: N802
        self, request: service_pb2.GetProjectRequest, context: Any
    ) -> resources_pb2.Project:
        """Reads a project: one row by its key; the ontology is at hand."""
        async with self._desk.archive.reading() as records:
            project = await projects.require(records.projects, names.project_of(request.name))
            ontology = await self._desk.ontologies.version(records, project.id, project.ontology_version)
        return resources.project_message(project, ontology.payload)

    async def ListProjects(  # noqa: N802
        self, request: service_pb2.ListProjectsRequest, context: Any
    ) -> service_pb2.ListProjectsResponse:
        """Lists the caller's projects."""
        among = _granted(current_principal())
        async with self._desk.archive.reading() as records:
            page, token = await read_page(
                self._desk.page_tokens,
                request,
                parent="projects",
                filter_text="*" if among is None else " ".join(among),  # another caller's token is of no use
                start="",
                fetch=lambda after, limit: records.projects.page(among, str(after), limit),
                place=lambda project: project.id,
            )
            messages = [
                resources.project_message(
                    project,
                    (await self._desk.ontologies.version(records, project.id, project.ontology_version)).payload,
                )
                for project in page
            ]
        return service_pb2.ListProjectsResponse(projects=messages, next_page_token=token)

    async def UpdateProject(  # noqa: N802
        self, request: service_pb2.UpdateProjectRequest, context: Any
    ) -> resources_pb2.Project:
        """Changes a project."""
        sent = request.project
        project_id = names.parse(_PATTERN, sent.name, field="project.name")["project"]
        plan = resources.quality_plan(sent.quality_plan)

        async def respond(session: AsyncSession) -> resources_pb2.Project:
            store = self._desk.archive.within(session).projects
            current = await projects.require_locked(store, project_id)
            mask, payload = list(request.update_mask.paths), ontologies.payload(sent.ontology)
            asked = changed_parts(mask, current, sent.display_name, payload, plan)
            if asked.ontology is not None:
                require_valid(ontologies.ontology(sent.ontology), "project.ontology")
            project, ontology = await projects.change(store, current, asked, sent.etag, self._desk.now_ms())
            return resources.project_message(project, ontology)

        return await self._desk.requests.once(request, respond, resources_pb2.Project)

    async def GetOntology(  # noqa: N802
        self, request: service_pb2.GetOntologyRequest, context: Any
    ) -> service_pb2.GetOntologyResponse:
        """Reads one version of an ontology."""
        async with self._desk.archive.reading() as records:
            project = await projects.require(records.projects, names.project_of(request.project, field="project"))
            version = request.version or project.ontology_version
            found = await self._desk.ontologies.version(records, project.id, version)
        response = service_pb2.GetOntologyResponse(version=version)
        response.ontology.ParseFromString(found.payload)
        return response


def _granted(principal: Principal) -> list[str] | None:
    """The projects that a caller has roles on; None for all."""
    granted = {grant.project for grant in principal.grants}
    return None if EVERY_PROJECT in granted else sorted(granted)
