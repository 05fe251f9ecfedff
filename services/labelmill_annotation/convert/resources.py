"""Projects, tasks, benchmarks and statuses: proto to domain and back."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration
from google.rpc import status_pb2

from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import annotation_pb2
from labelmill_annotation import tokens
from labelmill_annotation.convert import statements
from labelmill_annotation.projects import DEFAULT_LEASE_MS, Project, QualityPlan
from labelmill_annotation.tasks import Gold, Task
from labelmill_annotation.versions import Annotation
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.status import to_status


def status(outcome: object) -> status_pb2.Status:
    """The status of one item of a batch: that of an error, or OK."""
    return to_status(outcome) if isinstance(outcome, LabelmillError) else status_pb2.Status()


def duration_ms(message: Duration) -> int:
    """Milliseconds."""
    return int(message.ToMilliseconds())


def quality_plan(message: resources_pb2.QualityPlan) -> QualityPlan:
    """The plan, with the contract's defaults."""
    return QualityPlan(
        labels_per_asset=message.labels_per_asset or 1,
        overlap_share=message.overlap_share if message.HasField("overlap_share") else 1.0,
        benchmark_share=message.benchmark_share,
        lease_duration=duration_ms(message.lease_duration) if message.HasField("lease_duration") else DEFAULT_LEASE_MS,
        show_predictions=message.show_predictions,
    )


def project_message(project: Project, ontology: bytes) -> resources_pb2.Project:
    """A project with its current ontology and the plan in effect."""
    message = resources_pb2.Project(
        name=project.name,
        display_name=project.display_name,
        ontology_version=project.ontology_version,
        quality_plan=resources_pb2.QualityPlan(
            labels_per_asset=project.plan.labels_per_asset,
            overlap_share=project.plan.overlap_share,
            benchmark_share=project.plan.benchmark_share,
            show_predictions=project.plan.show_predictions,
        ),
        etag=project.etag,
    )
    message.ontology.ParseFromString(ontology)
    message.quality_plan.lease_duration.FromMilliseconds(project.plan.lease_duration)
    message.create_time.FromMilliseconds(project.create_ms)
    message.update_time.FromMilliseconds(project.update_ms)
    return message


def task_message(task: Task) -> resources_pb2.Task:
    """A task without its lease."""
    message = resources_pb2.Task(
        name=task.name,
        asset=task.asset_name,
        kind=int(task.kind),  # type: ignore[arg-type]
        state=int(task.state),  # type: ignore[arg-type]
        batch=task.batch,
        priority=task.priority,
        labeler=task.labeler,
        ontology_version=task.ontology_version,
    )
    message.create_time.FromMilliseconds(task.create_ms)
    if task.submit_ms:
        message.submit_time.FromMilliseconds(task.submit_ms)
    return message


def lease(project: Project, task: Task) -> resources_pb2.Lease:
    """The lease of a held task, for its holder."""
    message = resources_pb2.Lease(token=tokens.make(project, task.id, task.fence, task.labeler))
    message.expire_time.FromMilliseconds(task.expire_ms)
    return message


def held_task(project: Project, task: Task) -> resources_pb2.Task:
    """A task as its holder sees it."""
    message = task_message(task.disguised())
    message.lease.CopyFrom(lease(project, task))
    return message


def gold_payload(annotations: Sequence[annotation_pb2.Annotation], asset_name: str) -> bytes:
    """Gold annotations as they are kept."""
    kept = resources_pb2.Benchmark(annotations=annotations)
    for annotation in kept.annotations:
        annotation.asset = asset_name
    return kept.SerializeToString(deterministic=True)


def benchmark_message(gold: Gold) -> resources_pb2.Benchmark:
    """A benchmark."""
    message = resources_pb2.Benchmark.FromString(gold.payload)
    message.name = gold.name
    message.asset = f"projects/{gold.project}/assets/{gold.asset}"
    message.purpose = int(gold.purpose)  # type: ignore[assignment]
    for annotation in message.annotations:
        annotation.ontology_version = gold.ontology_version
    message.create_time.FromMilliseconds(gold.create_ms)
    return message


def change(kept: Annotation) -> service_pb2.AnnotationChange:
    """A newest version, with what its task was for."""
    message = service_pb2.AnnotationChange(annotation=statements.annotation(kept))
    message.task_kind = int(kept.kind)  # type: ignore[assignment]
    return message
