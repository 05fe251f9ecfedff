"""`labelmill ingest`: files and tables into RAW."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.cli import sources
from labelmill.cli.exits import Exit
from labelmill.cli.progress import bar
from labelmill.cli.session import JsonOption, ProjectOption, failure, session
from labelmill.cli.sources import Columns, Item
from labelmill.client import Client
from labelmill.errors import InvalidArgument, ResourceExhausted, from_status
from labelmill.storage.v1 import service_pb2

MAX_ITEMS = 1000
MAX_BATCH_BYTES = 3_500_000
MAX_ITEM_BYTES = 1_000_000
_ITEM_OVERHEAD = 16
Batch = list[service_pb2.BatchCreateAssetsRequest.Item]


@dataclass
class Outcome:
    """What became of the items so far."""

    created: int = 0
    already_existed: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)


def ingest(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A folder, a .jsonl or .csv file, or any one file.", exists=True)],
    project: ProjectOption,
    text_column: Annotated[str, typer.Option(help="The column or key that holds the text.")] = "text",
    id_column: Annotated[
        str | None, typer.Option(help="The one that holds your own id.", show_default="file name and line")
    ] = None,
    label_column: Annotated[list[str] | None, typer.Option(help="One to keep as a label; may be repeated.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="KEY=VALUE for every item; may be repeated.")] = None,
    media_type: Annotated[str, typer.Option(help="Of files.", show_default="told from the content")] = "",
    as_json: JsonOption = False,
) -> None:
    """Ingests a folder of files, JSON lines or CSV into the project's RAW zone.

    A bad item fails alone and is listed; the same content again is the asset that is there. Safe to repeat.
    """
    current = session(context, as_json)
    fixed = dict(pair(text) for text in label or ())
    columns = Columns(text_column, id_column, tuple(label_column or ()))
    outcome, done, total = Outcome(), 0, sources.extent(source)
    with current.client() as client, bar(current, "ingesting", total) as show:

        def advanced(steps: int) -> None:
            nonlocal done
            done += steps
            show(done, total)

        _ingest(client, names.project(project), sources.items(source, columns, media_type, advanced), fixed, outcome)
    if as_json:
        summary = {"created_count": outcome.created, "already_existed_count": outcome.already_existed}
        current.document(
            summary | {"failed_count": len(outcome.failures), "assets": outcome.assets, "failures": outcome.failures}
        )
    else:
        current.failures(outcome.failures)
        current.say(
            f"{outcome.created} ingested, {outcome.already_existed} were there before, {len(outcome.failures)} failed."
        )
    if outcome.failures:
        raise typer.Exit(Exit.FAILED)


def _ingest(client: Client, parent: str, items: Iterable[Item], fixed: dict[str, str], outcome: Outcome) -> None:
    for batch in _batches(_small(client, parent, items, fixed, outcome)):
        request = service_pb2.BatchCreateAssetsRequest(parent=parent, items=batch)
        try:
            results = client.storage.batch_create_assets(request).results
        except InvalidArgument as error:  # one item breaks a rule of the contract: find out which
            if len(batch) == 1:
                outcome.failures.append(failure(batch[0].external_id, error))
                continue
            for item in batch:
                _one(client, parent, item, outcome)
            continue
        for item, result in zip(batch, results, strict=True):
            _count(outcome, item.external_id, result)


def _one(client: Client, parent: str, item: service_pb2.BatchCreateAssetsRequest.Item, outcome: Outcome) -> None:
    try:
        request = service_pb2.BatchCreateAssetsRequest(parent=parent, items=[item])
        _count(outcome, item.external_id, client.storage.batch_create_assets(request).results[0])
    except InvalidArgument as error:
        outcome.failures.append(failure(item.external_id, error))


def _count(outcome: Outcome, external_id: str, result: service_pb2.AssetResult) -> None:
    error = from_status(result.status)
    if error is not None:
        outcome.failures.append(failure(external_id, error))
        return
    outcome.assets.append(result.asset.name)
    if result.already_existed:
        outcome.already_existed += 1
    else:
        outcome.created += 1


def _small(
    client: Client, parent: str, items: Iterable[Item], fixed: dict[str, str], outcome: Outcome
) -> Iterator[service_pb2.BatchCreateAssetsRequest.Item]:
    """The items that fit into a batch; the big ones are uploaded on the way, one by one."""
    for item in items:
        if item.fault is not None:
            reason, message = item.fault
            outcome.failures.append({"item": item.external_id, "reason": reason, "message": message})
            continue
        try:
            size = item.path.stat().st_size if item.path else len(item.content)
            if size > MAX_ITEM_BYTES:
                _upload(client, parent, item, fixed, outcome)
                continue
            content = item.path.read_bytes() if item.path else item.content
        except OSError as error:
            message = error.strerror or type(error).__name__
            outcome.failures.append({"item": item.external_id, "reason": "UNREADABLE", "message": message})
            continue
        yield service_pb2.BatchCreateAssetsRequest.Item(
            content=content, media_type=item.media_type, external_id=item.external_id, labels=fixed | item.labels
        )


def _upload(client: Client, parent: str, item: Item, fixed: dict[str, str], outcome: Outcome) -> None:
    try:
        asset = client.storage.upload(
            parent,
            item.path or item.content,
            media_type=item.media_type,
            external_id=item.external_id,
            labels=fixed | item.labels,
        )
    except (
        InvalidArgument,
        ResourceExhausted,
    ) as error:  # this item is at fault; other errors end it all
        outcome.failures.append(failure(item.external_id, error))
    else:
        outcome.assets.append(asset.name)
        outcome.created += 1


def _batches(items: Iterable[service_pb2.BatchCreateAssetsRequest.Item]) -> Iterator[Batch]:
    batch: Batch = []
    size = 0
    for item in items:
        item_size = item.ByteSize() + _ITEM_OVERHEAD
        if batch and (len(batch) == MAX_ITEMS or size + item_size > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item_size
    if batch:
        yield batch


def pair(text: str) -> tuple[str, str]:
    """The two sides of KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE")
    return key, value
