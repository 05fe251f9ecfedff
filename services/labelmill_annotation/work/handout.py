"""Handing out tasks: who gets what, under which lease, with benchmarks in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from labelmill_annotation import keyed, leasing
from labelmill_annotation.ports import Records
from labelmill_annotation.projects import Project
from labelmill_annotation.tasks import Kind, State, Task, new_fence, new_task_id

_SPARE_GOLD = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """What a labeler asks for."""

    labeler: str
    count: int
    batch: str
    lease_ms: int
    now_ms: int


async def lease(records: Records, project: Project, ask: Ask, *, alone: bool) -> list[Task]:
    """Leases tasks to a labeler.

    Others may lease at the same time; what they are about to take is passed over. An empty answer may therefore come
    too early unless `alone`, in which case it is true: nothing is left for this labeler now.
    """
    await records.tasks.enter_lease(project.id, alone=alone)
    ledger = await records.tasks.ledger(project.id, ask.labeler)
    await records.tasks.sweep(project.id, ask.now_ms)

    def jitter(number: int) -> float:
        return keyed.fraction(project.secret, "benchmark", ask.labeler, number)

    share = project.plan.benchmark_share
    wanted = sum(leasing.slots(ledger, share, jitter, ask.count))
    gold = await _gold(records, project, ask, wanted)
    label_count = max(1, ask.count - min(wanted, len(gold)))
    labels = await records.tasks.queue(project.id, ask.labeler, ask.batch, label_count)
    met = {task.asset for task in labels}
    unseen = [asset for asset in gold if asset not in met]
    order, ledger = leasing.mix(ledger, share, jitter, ask.count, labels, unseen)
    if not order:
        return []
    tasks = await _with_benchmarks(records, project, ask, order)
    leased = _leased(tasks, project, ask)
    await records.tasks.hold(leased)
    await records.tasks.keep_ledger(project.id, ask.labeler, ledger)
    return leased


async def _gold(records: Records, project: Project, ask: Ask, wanted: int) -> list[str]:
    if not wanted:
        return []
    start = keyed.integer(project.secret, "first benchmark", ask.labeler) >> 2
    return await records.benchmarks.unseen(project.id, ask.labeler, start, wanted + _SPARE_GOLD)


async def _with_benchmarks(records: Records, project: Project, ask: Ask, order: Sequence[Task | str]) -> list[Task]:
    """Puts a benchmark task in the place of each asset with gold: one given back before, or a new one."""
    assets = [item for item in order if isinstance(item, str)]
    if not assets:
        return [item for item in order if isinstance(item, Task)]
    reserved = {task.asset: task for task in await records.tasks.reserved(project.id, ask.labeler, assets)}
    labels = [item for item in order if isinstance(item, Task)]
    batch = leasing.shown_batch(ask.batch, labels)
    neighbour = labels[0] if labels else None
    tasks: list[Task] = []
    new: list[Task] = []
    for item in order:
        if isinstance(item, Task):
            neighbour = item
            tasks.append(item)
            continue
        task = reserved.get(item)
        if task is None:
            task = _benchmark_task(project, item, batch, neighbour, ask)
            new.append(task)
        tasks.append(task)
    await records.tasks.add(new)
    return tasks


def _benchmark_task(project: Project, asset: str, batch: str, neighbour: Task | None, ask: Ask) -> Task:
    return Task(
        id=new_task_id(),
        project=project.id,
        asset=asset,
        kind=Kind.BENCHMARK,
        state=State.CANCELLED,  # until it is held, in this same transaction
        batch=batch,
        priority=neighbour.priority if neighbour else 0,
        ontology_version=project.ontology_version,
        create_ms=ask.now_ms,
        labeler=ask.labeler,
        shown_create_ms=neighbour.create_ms if neighbour else ask.now_ms,
    )


def _leased(tasks: Sequence[Task], project: Project, ask: Ask) -> list[Task]:
    fence, expire_ms = new_fence(), ask.now_ms + ask.lease_ms
    return [
        replace(
            task,
            state=State.LEASED,
            labeler=ask.labeler,
            fence=fence,
            lease_ms=ask.lease_ms,
            expire_ms=expire_ms,
            ontology_version=project.ontology_version,  # whoever labels now labels by the current one
        )
        for task in tasks
    ]
