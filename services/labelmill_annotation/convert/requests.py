"""The parts of requests that rules look at, with the fields they stand in."""

from __future__ import annotations

from labelmill.annotation.v1 import service_pb2
from labelmill_annotation.convert.resources import gold_payload
from labelmill_annotation.convert.statements import statement
from labelmill_annotation.tasks import Purpose
from labelmill_annotation.work.creation import NewGold
from labelmill_annotation.work.holding import Claim, Submission
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError


def asset_id(name: str, project: str, field: str) -> str | LabelmillError:
    """The id in an asset's name, or why it is none of this project."""
    try:
        parts = names.parse("projects/{project}/assets/{asset}", name, field=field)
        names.require_project(name, project, field=field)
    except LabelmillError as error:
        return error
    return parts["asset"]


def claim(lease: service_pb2.TaskLease, path: str) -> Claim:
    """Who says to hold what."""
    return Claim(lease.task, lease.lease_token, f"{path}.task", f"{path}.lease_token")


def submission(item: service_pb2.BatchSubmitTasksRequest.Item, index: int) -> Submission:
    """A finished task."""
    path = f"items[{index}]"
    return Submission(
        claim=claim(item.lease, f"{path}.lease"),
        statements=[statement(annotation) for annotation in item.annotations],
        time_spent_ms=item.time_spent_ms if item.HasField("time_spent_ms") else None,
        path=f"{path}.annotations",
    )


def new_gold(request: service_pb2.BatchCreateBenchmarksRequest, project: str) -> list[NewGold | LabelmillError]:
    """Benchmarks to create; one whose asset has no valid name is an error."""
    asked: list[NewGold | LabelmillError] = []
    for index, benchmark in enumerate(request.benchmarks):
        path = f"benchmarks[{index}]"
        asset = asset_id(benchmark.asset, project, f"{path}.asset")
        if isinstance(asset, LabelmillError):
            asked.append(asset)
            continue
        asked.append(
            NewGold(
                asset=asset,
                asset_name=benchmark.asset,
                purpose=Purpose(benchmark.purpose),
                statements=[statement(annotation) for annotation in benchmark.annotations],
                payload=gold_payload(benchmark.annotations, benchmark.asset),
                path=path,
            )
        )
    return asked
