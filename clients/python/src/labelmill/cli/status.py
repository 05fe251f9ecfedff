"""`labelmill status`: is it there, what is in it, what is it doing."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import typer

from labelmill.annotation.v1 import resources_pb2 as annotation_resources
from labelmill.annotation.v1 import service_pb2 as annotation_pb
from labelmill.cli.exits import Exit
from labelmill.cli.session import JsonOption, session, short
from labelmill.client import Client
from labelmill.errors import NotFound
from labelmill.storage.v1 import service_pb2 as storage_pb

SERVICES = ("annotation", "storage", "anonymization", "prelabel", "quality", "training")
SERVING = "SERVING"


def status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Shows health, version, counts and running operations. Exit code 5 unless all services are healthy."""
    current = session(context, as_json)
    with current.client() as client:
        health = {name: _health(client, name) for name in SERVICES}
        projects = [_counts(client, p.name) for p in client.projects.list_projects(annotation_pb.ListProjectsRequest())]
        operations = [found for project in projects for found in _running(client, f"projects/{project['project']}")]
        address = client.address
    version = client_version()
    if as_json:
        facts = {"address": address, "client_version": version, "services": health}
        current.document(facts | {"projects": projects, "running_operations": operations})
    else:
        current.facts({"address": address, "client": version} | {name: state.lower() for name, state in health.items()})
        if projects:
            current.table(tuple(projects[0]), [tuple(project.values()) for project in projects])
        if operations:
            rows = [
                (short(o["name"]), o["kind"], f"{o['done_count']} of {o['total_count'] or '?'}") for o in operations
            ]
            current.table(("running", "kind", "done", "of"), rows)
    if any(state not in (SERVING, "NOT_HOSTED") for state in health.values()):
        raise typer.Exit(Exit.UNAVAILABLE)


def client_version() -> str:
    """The version of the installed package."""
    try:
        return metadata.version("labelmill")
    except metadata.PackageNotFoundError:
        return "not installed"  # run from a source tree


def _health(client: Client, service: str) -> str:
    try:
        return client.health(service)
    except NotFound:
        return "NOT_HOSTED"


def _counts(client: Client, project: str) -> dict[str, Any]:
    def assets(asset_filter: str) -> int:
        request = storage_pb.ListAssetsRequest(parent=project, page_size=1, filter=asset_filter)
        return client.storage.list_assets.page(request).total_size

    tasks = client.tasks.get_task_statistics(annotation_pb.GetTaskStatisticsRequest(parent=project))
    submitted = sum(c.task_count for c in tasks.counts if c.state == annotation_resources.Task.STATE_SUBMITTED)
    return {
        "project": short(project),
        "assets": assets(""),
        "clean": assets("zone = CLEAN"),
        "tasks": tasks.total_count,
        "submitted": submitted,
    }


def _running(client: Client, project: str) -> list[dict[str, Any]]:
    found = []
    for operation in client.list_operations(project, filter="done = false"):
        progress = getattr(operation.metadata(), "progress", None)
        found.append(
            {
                "name": operation.name,
                "kind": type(operation.metadata()).__name__.removesuffix("Metadata"),
                "done_count": getattr(progress, "done_count", 0),
                "total_count": getattr(progress, "total_count", 0),
            }
        )
    return found
