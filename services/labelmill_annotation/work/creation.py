"""New work: the tasks that the quality plan asks for, and gold."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelmill_annotation import overlap
from labelmill_annotation.checking import require_fit
from labelmill_annotation.errors import AssetHasTasks, AssetHeldOut, BenchmarkAlreadyExists
from labelmill_annotation.ontologies import Ontologies
from labelmill_annotation.ports import Records
from labelmill_annotation.projects import Project
from labelmill_annotation.statements import AssetFacts, Statement
from labelmill_annotation.tasks import Gold, Kind, Purpose, State, Task, new_task_id
from labelmill_runtime import ids
from labelmill_runtime.errors import LabelmillError

Known = Mapping[str, AssetFacts | LabelmillError]


async def create_tasks(
    records: Records, project: Project, batch: str, priority: int, assets: Sequence[str], known: Known, now_ms: int
) -> list[list[str] | LabelmillError]:
    """Creates label tasks for a locked project.

    Args:
        records: The transaction.
        project: The project.
        batch: What the tasks are filed under; an asset that the batch has already gets no more.
        priority: Higher first.
        assets: Asset ids.
        known: What storage says of each.
        now_ms: Now.

    Returns:
        For each asset its task ids in the batch, or why it has none.
    """
    held_out = await records.benchmarks.held_out(project.id, assets)
    there = await records.tasks.of_batch(project.id, batch, assets)
    results: list[list[str] | LabelmillError] = []
    new: list[Task] = []
    for asset in assets:
        facts = known[asset]
        if isinstance(facts, LabelmillError):
            results.append(facts)
        elif asset in held_out:
            results.append(AssetHeldOut())
        elif asset in there:
            results.append(there[asset])
        else:
            tasks = _label_tasks(project, batch, priority, asset, now_ms)
            new += tasks
            results.append([task.id for task in tasks])
    await records.assets.keep(project.id, [facts for facts in known.values() if isinstance(facts, AssetFacts)])
    await records.tasks.add(new)
    return results


def _label_tasks(project: Project, batch: str, priority: int, asset: str, now_ms: int) -> list[Task]:
    return [
        Task(
            id=new_task_id(),
            project=project.id,
            asset=asset,
            kind=Kind.LABEL,
            state=State.AVAILABLE,
            batch=batch,
            priority=priority,
            ontology_version=project.ontology_version,
            create_ms=now_ms,
            copy=copy,
        )
        for copy in range(overlap.labels_for(project, asset))
    ]


@dataclass(frozen=True, slots=True)
class NewGold:
    """One benchmark to create."""

    asset: str
    asset_name: str
    purpose: Purpose
    statements: Sequence[Statement]
    payload: bytes
    path: str
    """Its request field."""


async def create_benchmarks(
    records: Records, project: Project, asked: Sequence[NewGold], known: Known, ontologies: Ontologies, now_ms: int
) -> list[Gold | LabelmillError]:
    """Creates gold for a locked project; each has an outcome of its own."""
    assets = [item.asset for item in asked]
    ontology = (await ontologies.version(records, project.id, project.ontology_version)).ontology
    taken = await records.benchmarks.existing(project.id, assets)
    labelled = await records.tasks.labelled(project.id, assets)
    results: list[Gold | LabelmillError] = []
    for item in asked:
        try:
            facts = known[item.asset]
            if isinstance(facts, LabelmillError):
                raise facts
            if item.asset in taken:
                raise BenchmarkAlreadyExists(project.id, item.asset)
            if item.purpose is Purpose.EVALUATION and item.asset in labelled:
                raise AssetHasTasks
            require_fit(item.statements, ontology, facts, item.asset_name, f"{item.path}.annotations")
        except LabelmillError as error:
            results.append(error)
            continue
        taken.add(item.asset)
        results.append(_gold(project, item, now_ms))
    await records.assets.keep(project.id, [facts for facts in known.values() if isinstance(facts, AssetFacts)])
    await records.benchmarks.add([gold for gold in results if isinstance(gold, Gold)])
    return results


def _gold(project: Project, item: NewGold, now_ms: int) -> Gold:
    return Gold(
        id=ids.ulid(now_ms),
        project=project.id,
        asset=item.asset,
        purpose=item.purpose,
        payload=item.payload,
        ontology_version=project.ontology_version,
        rank=secrets.randbits(62),
        create_ms=now_ms,
    )
