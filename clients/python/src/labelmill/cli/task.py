"""`labelmill task`: what labelers work on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any

import typer
from google.protobuf.json_format import ParseDict, ParseError

from labelmill import labels, names
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.cli import gold
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.progress import bar
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, failure, session
from labelmill.client import Client
from labelmill.errors import from_status
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill.type.v1 import annotation_pb2

app = typer.Typer(help="What labelers work on.", no_args_is_help=True, epilog=EPILOG)
BatchOption = Annotated[str, typer.Option(help="Name of a set of tasks.", show_default="any")]
app.command("gold", epilog=EPILOG)(gold.gold)
_BATCH = 1000


@app.command(epilog=EPILOG)
def create(
    context: typer.Context,
    project: ProjectOption,
    assets: Annotated[
        typer.FileText | None,
        typer.Option(help="File with names of assets, one a line; - is stdin.", show_default="all clean ones"),
    ] = None,
    asset_filter: FilterOption = "",
    batch: Annotated[str, typer.Option(help="Name of the set of tasks.")] = "default",
    priority: Annotated[int, typer.Option(help="Higher first.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Creates the tasks that the quality plan asks for, for clean assets; safe to repeat.

    Assets that are held out to evaluate models get none, which is no failure.
    """
    current = session(context, as_json)
    parent = names.project(project)
    failures: list[dict[str, str]] = []
    tasks: list[str] = []
    count = held_out = 0
    with current.client() as client, bar(current, "creating tasks") as show:
        given = _lines(assets) if assets is not None else _clean(client, parent, asset_filter)
        for chunk in _chunks(dict.fromkeys(given)):
            request = service_pb2.BatchCreateTasksRequest(
                parent=parent, assets=chunk, batch="" if batch == "default" else batch, priority=priority
            )
            for result in client.tasks.batch_create_tasks(request).results:
                count += 1
                tasks.extend(result.tasks)
                error = from_status(result.status)
                if error is not None and error.reason == "ASSET_HELD_OUT":
                    held_out += 1
                elif error is not None:
                    failures.append(failure(result.asset, error))
            show(count, None)
    if as_json:
        current.document({"asset_count": count, "held_out_count": held_out, "tasks": tasks, "failures": failures})
    else:
        current.failures(failures)
        with_tasks = count - held_out - len(failures)
        current.say(f"{len(tasks)} tasks for {with_tasks} assets; {held_out} are held out, {len(failures)} failed.")
    if failures:
        raise typer.Exit(Exit.FAILED)


@app.command(epilog=EPILOG)
def lease(
    context: typer.Context,
    project: ProjectOption,
    count: Annotated[int, typer.Option(help="At most this many.", min=1, max=1000)] = 1,
    batch: BatchOption = "",
    text: Annotated[bool, typer.Option("--text", help="Show the assets' texts, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Leases tasks to you, the holder of the API key. Submit them with their lease tokens before the leases end."""
    current = session(context, as_json)
    parent = names.project(project)
    with current.client() as client:
        request = service_pb2.LeaseTasksRequest(parent=parent, max_tasks=count, batch=batch)
        leased = list(client.tasks.lease_tasks(request).tasks)
        texts = _texts(client, parent, [task.asset for task in leased]) if text and leased else {}
    if as_json:
        current.document({"tasks": [document(t) | ({"text": texts.get(t.asset)} if text else {}) for t in leased]})
        return
    if not leased:
        current.say("Nothing is left for you now.")
    for task in leased:
        current.facts(
            {"task": task.name, "asset": task.asset, "token": task.lease.token}
            | {"until": task.lease.expire_time.ToJsonString()}
            | ({"text": texts.get(task.asset, "")} if text else {})
        )
        current.line("")


@app.command(epilog=EPILOG)
def submit(
    context: typer.Context,
    project: ProjectOption,
    task: Annotated[str | None, typer.Argument(help="The task.")] = None,
    token: Annotated[str | None, typer.Argument(help="Its lease token.")] = None,
    single_choice: Annotated[
        list[str] | None, typer.Option(help="FEATURE=CLASS, for single-choice questions; may be repeated.")
    ] = None,
    ordinal: Annotated[
        list[str] | None, typer.Option(help="FEATURE=CLASS, for ordered classes; may be repeated.")
    ] = None,
    file: Annotated[
        typer.FileText | None,
        typer.Option(help='Instead: JSON lines {"task", "lease_token", "annotations": [Annotation, ...]}; - is stdin.'),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Submits tasks: one by arguments, or many from JSON lines."""
    current = session(context, as_json)
    if (file is None) == (task is None or token is None):
        raise typer.BadParameter("give either TASK and TOKEN or --file")
    if file is not None:
        items: Iterable[service_pb2.BatchSubmitTasksRequest.Item] = _submissions(file)
    else:
        answers = [labels.single_choice(*_pair(text)) for text in single_choice or ()]
        answers += [labels.ordinal(*_pair(text)) for text in ordinal or ()]
        held = service_pb2.TaskLease(task=names.task(project, task or ""), lease_token=token or "")
        items = [service_pb2.BatchSubmitTasksRequest.Item(lease=held, annotations=answers)]
    annotations: list[str] = []
    failures: list[dict[str, str]] = []
    done = 0
    with current.client() as client:
        for chunk in _chunks(items):
            request = service_pb2.BatchSubmitTasksRequest(parent=names.project(project), items=chunk)
            for result in client.tasks.batch_submit_tasks(request).results:
                if (error := from_status(result.status)) is not None:
                    failures.append(failure(result.task, error))
                else:
                    done += 1
                    annotations.extend(result.annotations)
    if as_json:
        current.document({"submitted_count": done, "annotations": annotations, "failures": failures})
    else:
        current.failures(failures)
        current.say(f"{done} submitted, {len(failures)} failed.")
    if failures:
        raise typer.Exit(Exit.FAILED)


@app.command(epilog=EPILOG)
def stats(
    context: typer.Context, project: ProjectOption, task_filter: FilterOption = "", as_json: JsonOption = False
) -> None:
    """Counts tasks by kind, state and labeler."""
    current = session(context, as_json)
    with current.client() as client:
        request = service_pb2.GetTaskStatisticsRequest(parent=names.project(project), filter=task_filter)
        statistics = client.tasks.get_task_statistics(request)
    if as_json:
        current.document(document(statistics))
        return
    kinds, states = resources_pb2.Task.Kind, resources_pb2.Task.State
    rows = [
        (
            kinds.Name(c.kind).removeprefix("KIND_").lower(),
            states.Name(c.state).removeprefix("STATE_").lower(),
            c.labeler,
            c.task_count,
        )
        for c in statistics.counts
    ]
    current.table(("kind", "state", "labeler", "tasks"), rows, title=f"{statistics.total_count} tasks")


def _clean(client: Client, parent: str, asset_filter: str) -> Iterator[str]:
    wanted = f"zone = CLEAN AND ({asset_filter})" if asset_filter else "zone = CLEAN"
    for asset in client.storage.list_assets(storage_pb.ListAssetsRequest(parent=parent, filter=wanted)):
        yield asset.name


def _texts(client: Client, parent: str, assets: list[str]) -> dict[str, str]:
    request = storage_pb.BatchReadAssetsRequest(parent=parent, names=list(dict.fromkeys(assets)))
    results = client.storage.batch_read_assets(request).results
    return {result.name: result.content.decode("utf-8", "replace") for result in results if not result.status.code}


def _submissions(lines: Iterable[str]) -> Iterator[service_pb2.BatchSubmitTasksRequest.Item]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row: dict[str, Any] = json.loads(line)
            held = service_pb2.TaskLease(task=row["task"], lease_token=row["lease_token"])
            answers = [ParseDict(answer, annotation_pb2.Annotation()) for answer in row.get("annotations", ())]
        except (json.JSONDecodeError, KeyError, TypeError, ParseError) as error:
            raise typer.BadParameter(f"line {number}: {type(error).__name__}: {error}") from None
        yield service_pb2.BatchSubmitTasksRequest.Item(lease=held, annotations=answers)


def _lines(file: Iterable[str]) -> Iterator[str]:
    """The first word of every line, so that the output of `prelabel rank` can be piped in as it is."""
    return (line.split()[0] for line in file if line.strip())


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, _BATCH)):
        yield chunk


def _pair(text: str) -> tuple[str, str]:
    feature, equals, class_name = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not FEATURE=CLASS")
    return feature, class_name
