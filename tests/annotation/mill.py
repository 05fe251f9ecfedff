"""A running annotation service with its surroundings, and the calls that tests make often."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import labelmill.aio
from labelmill import errors
from labelmill._retry import Retry
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import annotation_pb2, ontology_pb2
from labelmill_runtime.service import RunningServer
from tests.annotation.fakes import FakeClock, FakePrelabel, FakeStorage, asset_ids

Kind = resources_pb2.Task.Kind
State = resources_pb2.Task.State
Feature = ontology_pb2.Feature
Item = service_pb2.BatchSubmitTasksRequest.Item
SENTIMENTS = ("negative", "neutral", "positive")


def sentiment_ontology(*extra: ontology_pb2.Feature, required: bool = True) -> ontology_pb2.Ontology:
    """Negative, neutral or positive; and spans that are people or places."""
    classes = [ontology_pb2.ClassDefinition(class_name=name) for name in SENTIMENTS]
    spans = [ontology_pb2.ClassDefinition(class_name=name) for name in ("person", "place")]
    choice = Feature(feature_name="sentiment", kind=Feature.KIND_SINGLE_CHOICE, classes=classes, required=required)
    span = Feature(feature_name="entity", kind=Feature.KIND_TEXT_SPAN, classes=spans)
    return ontology_pb2.Ontology(features=[choice, span, *extra])


def sentiment(class_name: str = "positive", **other: Any) -> annotation_pb2.Annotation:
    message = annotation_pb2.Annotation(feature="sentiment", **other)
    message.classification.single = class_name
    return message


def span(start: int, end: int, class_name: str = "person", **other: Any) -> annotation_pb2.Annotation:
    message = annotation_pb2.Annotation(feature="entity", class_name=class_name, **other)
    message.text_span.start, message.text_span.end = start, end
    return message


def item(task: resources_pb2.Task, *annotations: annotation_pb2.Annotation, spent_ms: int | None = None) -> Item:
    """A finished task; positive unless said otherwise."""
    lease = service_pb2.TaskLease(task=task.name, lease_token=task.lease.token)
    made = Item(lease=lease, annotations=annotations or [sentiment()])
    if spent_ms is not None:
        made.time_spent_ms = spent_ms
    return made


def reason(result: Any) -> str:
    """The reason in a per-item status; empty when it is OK."""
    error = errors.from_status(result.status)
    return "" if error is None else error.reason


@dataclass
class Mill:
    """The service under test."""

    server: RunningServer
    dialect: str
    storage: FakeStorage
    prelabel: FakePrelabel
    clock: FakeClock
    stack: AsyncExitStack
    clients: dict[str, labelmill.aio.Client] = field(default_factory=dict)

    def as_(self, who: str) -> labelmill.aio.Client:
        """The client of a caller; see `Names`."""
        if who not in self.clients:
            retry = Retry(max_attempts=3)
            self.clients[who] = labelmill.aio.Client(self.server.address, f"lm_{who}", retry=retry)
            self.stack.push_async_callback(self.clients[who].close)
        return self.clients[who]

    async def project(self, project: str = "p-one", **plan: Any) -> str:
        """Creates a project, returns its name."""
        request = service_pb2.CreateProjectRequest(
            project_id=project,
            project=resources_pb2.Project(
                ontology=sentiment_ontology(), quality_plan=resources_pb2.QualityPlan(**plan)
            ),
        )
        return (await self.as_("owner").projects.create_project(request)).name

    async def tasks(
        self, parent: str, assets: Sequence[str] | int, batch: str = "", priority: int = 0
    ) -> service_pb2.BatchCreateTasksResponse:
        """Creates tasks; a number stands for that many assets."""
        ids = asset_ids(assets) if isinstance(assets, int) else assets
        request = service_pb2.BatchCreateTasksRequest(
            parent=parent, assets=[f"{parent}/assets/{asset}" for asset in ids], batch=batch, priority=priority
        )
        return await self.as_("manager").tasks.batch_create_tasks(request)

    async def benchmarks(
        self,
        parent: str,
        assets: Sequence[str],
        purpose: resources_pb2.Benchmark.Purpose.ValueType = resources_pb2.Benchmark.PURPOSE_LABELERS,
        *annotations: annotation_pb2.Annotation,
    ) -> service_pb2.BatchCreateBenchmarksResponse:
        """Adds gold; positive unless said otherwise."""
        gold = [
            resources_pb2.Benchmark(
                asset=f"{parent}/assets/{asset}", purpose=purpose, annotations=annotations or [sentiment()]
            )
            for asset in assets
        ]
        request = service_pb2.BatchCreateBenchmarksRequest(parent=parent, benchmarks=gold)
        return await self.as_("manager").annotations.batch_create_benchmarks(request)

    async def lease(
        self, who: str, parent: str, count: int = 1, batch: str = "", seconds: int = 0, **other: Any
    ) -> list[resources_pb2.Task]:
        """Leases tasks."""
        request = service_pb2.LeaseTasksRequest(parent=parent, max_tasks=count, batch=batch, **other)
        if seconds:
            request.lease_duration.FromSeconds(seconds)
        return list((await self.as_(who).tasks.lease_tasks(request)).tasks)

    async def submit(self, who: str, parent: str, *items: Item, **other: Any) -> list[Any]:
        """Submits tasks, if any."""
        if not items:
            return []
        request = service_pb2.BatchSubmitTasksRequest(parent=parent, items=items, **other)
        return list((await self.as_(who).tasks.batch_submit_tasks(request)).results)

    async def label(self, who: str, parent: str, count: int, class_name: str = "positive") -> list[str]:
        """Leases and submits; returns the names of the annotations."""
        tasks = await self.lease(who, parent, count)
        results = await self.submit(who, parent, *(item(task, sentiment(class_name)) for task in tasks))
        assert [reason(result) for result in results] == [""] * len(tasks)
        return [name for result in results for name in result.annotations]

    async def listed(self, parent: str, filter_text: str = "", who: str = "manager") -> list[resources_pb2.Task]:
        """All tasks, as a manager sees them."""
        request = service_pb2.ListTasksRequest(parent=parent, filter=filter_text, page_size=1000)
        return [task async for task in self.as_(who).tasks.list_tasks(request)]

    async def annotations(
        self, parent: str, filter_text: str = "", page_size: int = 1000
    ) -> list[annotation_pb2.Annotation]:
        """All annotations, as a manager sees them."""
        request = service_pb2.ListAnnotationsRequest(parent=parent, filter=filter_text, page_size=page_size)
        return [annotation async for annotation in self.as_("manager").annotations.list_annotations(request)]
