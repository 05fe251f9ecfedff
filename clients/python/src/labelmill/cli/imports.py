"""`labelmill import`: what is new in folders, buckets and manifests that the server reads by itself."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.ingest import pair
from labelmill.cli.progress import wait
from labelmill.cli.session import JsonOption, ProjectOption, Session, failure, session, short
from labelmill.client import Client
from labelmill.errors import AlreadyExists, from_status
from labelmill.storage.v1 import imports_service_pb2 as pb

app = typer.Typer(
    help="What is new in folders, buckets and manifests that the server reads by itself.",
    no_args_is_help=True,
    epilog=EPILOG,
)
SourceOption = Annotated[
    str | None, typer.Option("--source", help="Id of the source, made if absent.", show_default="told by its place")
]
LabelOption = Annotated[list[str] | None, typer.Option(help="KEY=VALUE for every asset; may be repeated.")]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="Try the dead letters again as well.")]
_SHOWN_FAILURES = 1000


@app.command(epilog=EPILOG)
def folder(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="On the server's machine, below one of its import roots.")],
    project: ProjectOption,
    include: Annotated[list[str] | None, typer.Option(help='Glob, such as "**/*.txt"; may be repeated.')] = None,
    source: SourceOption = None,
    label: LabelOption = None,
    retry_failed: RetryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Imports the files of a folder that are new or have changed; safe to repeat.

    The server reads the folder: start it with `labelmill up --import-root DIR`. To send files of your own machine to a
    server elsewhere, there is `labelmill ingest`.
    """
    place = pb.Source(folder=pb.Source.Folder(path=str(path.absolute()), include=include or ()))
    _import(session(context, as_json), project, source, place, label, retry_failed)


@app.command(epilog=EPILOG)
def bucket(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="BUCKET", help="One that the server's settings open to imports.")],
    project: ProjectOption,
    prefix: Annotated[str, typer.Option(help="Only keys that begin so.")] = "",
    compare: Annotated[
        bool, typer.Option("--compare", help="Look through all keys, not only those after the last one seen.")
    ] = False,
    source: SourceOption = None,
    label: LabelOption = None,
    retry_failed: RetryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Imports the objects of a bucket that are new; safe to repeat."""
    mode = pb.RunImportRequest.MODE_COMPARE if compare else pb.RunImportRequest.MODE_AFTER_CURSOR
    place = pb.Source(bucket=pb.Source.Bucket(bucket=name, prefix=prefix))
    _import(session(context, as_json), project, source, place, label, retry_failed, mode)


@app.command(epilog=EPILOG)
def manifest(
    context: typer.Context,
    uri: Annotated[
        str, typer.Argument(help="A .csv, .tsv, .jsonl or .parquet file on the server, or s3://bucket/key.")
    ],
    project: ProjectOption,
    text_column: Annotated[str, typer.Option(help="The column with the content.")] = "text",
    uri_column: Annotated[str, typer.Option(help="The one with the place of the content instead.")] = "uri",
    id_column: Annotated[str, typer.Option(help="The one with your own id.")] = "external_id",
    label_column: Annotated[list[str] | None, typer.Option(help="One to keep as a label; may be repeated.")] = None,
    source: SourceOption = None,
    label: LabelOption = None,
    retry_failed: RetryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Imports the rows of a table that are new or have changed; safe to repeat."""
    place = pb.Source(
        manifest=pb.Source.Manifest(
            uri=uri if uri.startswith("s3://") else str(Path(uri).absolute()),
            content_column=text_column,
            uri_column=uri_column,
            external_id_column=id_column,
            label_columns=label_column or (),
        )
    )
    _import(session(context, as_json), project, source, place, label, retry_failed)


@app.command("list", epilog=EPILOG)
def list_sources(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists the sources of a project."""
    current = session(context, as_json)
    with current.client() as client:
        found = list(client.imports.list_sources(pb.ListSourcesRequest(parent=names.project(project))))
    if as_json:
        current.document({"sources": [document(source) for source in found]})
        return
    rows = [
        (
            short(it.name),
            it.WhichOneof("place"),
            _told(it),
            it.import_time.ToJsonString() if it.HasField("import_time") else "",
        )
        for it in found
    ]
    current.table(("source", "kind", "place", "last import"), rows)


@app.command(epilog=EPILOG)
def failures(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source's id.")],
    project: ProjectOption,
    as_json: JsonOption = False,
) -> None:
    """Lists the dead letters of a source: what could not be imported, and why."""
    current = session(context, as_json)
    with current.client() as client:
        found = _failures(client, _name(project, source))
    if as_json:
        current.document({"failures": found})
        return
    current.table(("item", "reason", "message"), [(it["item"], it["reason"], it["message"]) for it in found])


@app.command(epilog=EPILOG)
def forget(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source's id.")],
    project: ProjectOption,
    as_json: JsonOption = False,
) -> None:
    """Forgets a source and what was remembered about it; the assets stay."""
    current = session(context, as_json)
    with current.client() as client:
        client.imports.delete_source(pb.DeleteSourceRequest(name=_name(project, source)))
    if as_json:
        current.document({})


def _import(
    current: Session,
    project: str,
    source_id: str | None,
    place: pb.Source,
    labels: list[str] | None,
    retry_failed: bool,
    mode: pb.RunImportRequest.Mode.ValueType = pb.RunImportRequest.MODE_UNSPECIFIED,
) -> None:
    """Makes the source if there is none, imports, and tells what became of it."""
    for key, value in (pair(text) for text in labels or ()):
        place.labels[key] = value
    with current.client() as client:
        name = _ensure(client, project, source_id or _id_of(place), place)
        operation = client.imports.run_import(pb.RunImportRequest(name=name, mode=mode, retry_failed=retry_failed))
        summary = wait(current, operation, "importing")
        failed = _failures(client, name) if summary.failed_count else []
    if current.as_json:
        current.document(document(summary) | {"operation": operation.name, "failures": failed})
    else:
        current.failures(failed)
        current.say(
            f"{summary.created_count} imported, {summary.already_existed_count} were there before, "
            f"{summary.unchanged_count} unchanged, {summary.failed_count} failed. Source: {short(name)}"
        )
    if summary.failed_count:
        raise typer.Exit(Exit.FAILED)


def _ensure(client: Client, project: str, source_id: str, place: pb.Source) -> str:
    """The name of the source, which is made if there is none."""
    request = pb.CreateSourceRequest(parent=names.project(project), source_id=source_id, source=place)
    try:
        return client.imports.create_source(request).name
    except AlreadyExists as error:
        if error.reason != "SOURCE_EXISTS":
            raise
    found = client.imports.get_source(pb.GetSourceRequest(name=_name(project, source_id)))
    if _told(found) != _told(place):
        raise typer.BadParameter(f"the source {source_id} is another place: {_told(found)}")
    return found.name


def _failures(client: Client, name: str) -> list[dict[str, str]]:
    request = pb.ListImportItemsRequest(parent=name, filter="state = FAILED", page_size=_SHOWN_FAILURES)
    found = []
    for item in client.imports.list_import_items(request):
        error = from_status(item.status)
        if error is not None:
            found.append(failure(item.key, error))
    return found


def _told(source: pb.Source) -> str:
    """The place, for people."""
    match source.WhichOneof("place"):
        case "folder":
            return " ".join([source.folder.path, *source.folder.include])
        case "bucket":
            return f"s3://{source.bucket.bucket}/{source.bucket.prefix}"
        case _:
            return str(source.manifest.uri)


def _id_of(place: pb.Source) -> str:
    """An id that the same place always gets: something legible, and a hash."""
    told = _told(place)
    legible = re.sub(r"[^a-z0-9]+", "-", told.rstrip("/").rpartition("/")[2].lower()).strip("-")[:40]
    head = legible if legible[:1].isalpha() else f"s-{legible}".rstrip("-")
    return f"{head}-{hashlib.sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _name(project: str, source_id: str) -> str:
    return source_id if source_id.startswith("projects/") else f"{names.project(project)}/sources/{source_id}"
