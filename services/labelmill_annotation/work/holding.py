"""What the holder of a lease does with it: prolong it, submit, give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from labelmill_annotation import leasing, tokens, versions
from labelmill_annotation.checking import require_fit
from labelmill_annotation.errors import TaskAlreadySubmitted, TaskNotFound
from labelmill_annotation.ontologies import Ontologies
from labelmill_annotation.ports import Records
from labelmill_annotation.projects import Project
from labelmill_annotation.statements import Statement
from labelmill_annotation.tasks import Task
from labelmill_annotation.versions import Annotation
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError

TASK_NAME = "projects/{project}/tasks/{task}"


@dataclass(frozen=True, slots=True)
class Claim:
    """Says to hold a task."""

    task: str
    """The task's resource name."""
    token: str
    task_field: str
    """The request field of the name."""
    token_field: str
    """The request field of the token."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A finished task."""

    claim: Claim
    statements: Sequence[Statement]
    time_spent_ms: int | None
    path: str
    """The request field of its annotations."""


def task_id(project: Project, name: str, field: str) -> str:
    """The task's id.

    Raises:
        InvalidArgument: INVALID_NAME or FOREIGN_PROJECT.
    """
    parts = names.parse(TASK_NAME, name, field=field)
    names.require_project(name, project.id, field=field)
    return parts["task"]


async def _locked(records: Records, project: Project, claims: Sequence[Claim]) -> Mapping[str, Task]:
    valid = {claim.task.rpartition("/")[2] for claim in claims if names.matches(TASK_NAME, claim.task)}
    return await records.tasks.lock(project.id, sorted(valid))


def _held(project: Project, tasks: Mapping[str, Task], claim: Claim, labeler: str, now_ms: int) -> Task:
    """The task, if the claim holds; the token is looked at first, so that nobody learns of tasks of others."""
    task = task_id(project, claim.task, claim.task_field)
    fence = tokens.open_token(project, claim.token, task, labeler, field=claim.token_field)
    found = tasks.get(task)
    if found is None:
        raise TaskNotFound(project.id, task)
    leasing.require_held(found, fence, labeler, now_ms)
    return found


async def submit(
    records: Records,
    project: Project,
    labeler: str,
    submissions: Sequence[Submission],
    ontologies: Ontologies,
    now_ms: int,
) -> list[list[Annotation] | LabelmillError]:
    """Submits tasks; each has an outcome of its own, and only good ones are written."""
    tasks = await _locked(records, project, [submission.claim for submission in submissions])
    facts = await records.assets.read(project.id, sorted({task.asset for task in tasks.values()}))
    results: list[list[Annotation] | LabelmillError] = []
    spent_ms: dict[str, int | None] = {}
    fresh = iter(versions.new_ids(sum(len(submission.statements) for submission in submissions), now_ms))
    for submission in submissions:
        try:
            task = _held(project, tasks, submission.claim, labeler, now_ms)
            if task.id in spent_ms:
                raise TaskAlreadySubmitted(task.name)
            ontology = (await ontologies.version(records, project.id, task.ontology_version)).ontology
            require_fit(submission.statements, ontology, facts[task.asset], task.asset_name, submission.path)
        except LabelmillError as error:
            results.append(error)
            continue
        spent_ms[task.id] = submission.time_spent_ms
        spent = submission.time_spent_ms
        results.append(versions.first_versions(task, submission.statements, fresh, labeler, now_ms, spent))
    await records.annotations.add([version for result in results if isinstance(result, list) for version in result])
    await records.tasks.submit(spent_ms, now_ms)
    return results


async def prolong(
    records: Records, project: Project, labeler: str, claims: Sequence[Claim], now_ms: int
) -> list[Task | LabelmillError]:
    """Prolongs leases by their own duration, from now; each has an outcome of its own."""
    tasks = await _locked(records, project, claims)
    results: list[Task | LabelmillError] = []
    for claim in claims:
        try:
            task = _held(project, tasks, claim, labeler, now_ms)
        except LabelmillError as error:
            results.append(error)
            continue
        results.append(replace(task, expire_ms=max(task.expire_ms, now_ms + task.lease_ms)))
    await records.tasks.prolong({task.id: task.expire_ms for task in results if isinstance(task, Task)})
    return results


async def give_back(
    records: Records, project: Project, labeler: str, claim: Claim, now_ms: int, *, for_good: bool, reason: str = ""
) -> Task:
    """Ends a lease; `for_good`, its labeler is never asked for the asset again.

    Raises:
        LabelmillError: LEASE_INVALID, LEASE_EXPIRED, LEASE_LOST, TASK_ALREADY_SUBMITTED.
    """
    task = _held(project, await _locked(records, project, [claim]), claim, labeler, now_ms)
    await records.tasks.give_back(task, for_good=for_good, reason=reason, now_ms=now_ms)
    return replace(task, state=task.state_when_given_back, labeler="")
