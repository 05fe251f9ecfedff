"""`labelmill upload`: files of any size into RAW, going on where an earlier run ended."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from labelmill import names
from labelmill._by_url import URL_BYTES
from labelmill._content import same_upload_id, sha256_of
from labelmill.cli.exits import Exit
from labelmill.cli.ingest import pair
from labelmill.cli.progress import bar
from labelmill.cli.session import JsonOption, ProjectOption, failure, session
from labelmill.client import Client
from labelmill.errors import FailedPrecondition, InvalidArgument, ResourceExhausted
from labelmill.storage.v1 import resources_pb2

_TAKEN = {"UPLOAD_CHANGED", "UPLOAD_FINISHED"}
Show = Callable[[int, int | None], None]


def upload(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Files.", exists=True, dir_okay=False)],
    project: ProjectOption,
    media_type: Annotated[str, typer.Option(help="Of the files.", show_default="told from the content")] = "",
    external_id: Annotated[
        str | None, typer.Option(help="Your own id, for one file.", show_default="the file's name")
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="KEY=VALUE; may be repeated.")] = None,
    subject: Annotated[str, typer.Option(help="Your pseudonymous id of the person they are about.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Uploads files into the project's RAW zone, one asset each.

    A large file that was interrupted goes on where it was when the same command is run again, within a day. A file that
    is refused fails alone and is listed.
    """
    if external_id is not None and len(files) > 1:
        raise typer.BadParameter("--external-id is for one file")
    current, labels = session(context, as_json), dict(pair(text) for text in label or ())
    assets: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    with current.client() as client:
        for path in files:
            said = {"media_type": media_type, "external_id": external_id or path.name, "labels": labels}
            try:
                with bar(current, path.name, path.stat().st_size) as show:
                    asset = _upload(client, names.project(project), path, said, subject, show)
            except (InvalidArgument, FailedPrecondition, ResourceExhausted) as error:
                failures.append(failure(path.name, error))  # this file is at fault; other errors end it all
                continue
            assets.append({"file": str(path), "asset": asset.name, "sha256": asset.raw.sha256})
            if not as_json:
                current.line(asset.name)
    if as_json:
        current.document({"assets": assets, "failures": failures})
    current.failures(failures)
    if failures:
        raise typer.Exit(Exit.FAILED)


def _upload(
    client: Client, parent: str, path: Path, said: Mapping[str, Any], subject: str, show: Show
) -> resources_pb2.Asset:
    upload_id = sha256 = ""
    if path.stat().st_size > URL_BYTES:
        sha256 = sha256_of(path)
        upload_id = same_upload_id(parent, sha256, **said)
    known = {"subject": subject, "sha256": sha256, **said}
    try:
        return client.storage.upload(parent, path, upload_id=upload_id, on_progress=show, **known)
    except FailedPrecondition as error:
        if not upload_id or error.reason not in _TAKEN:
            raise
        # The same file was uploaded with another subject, or erased since: that upload has nothing to do with this one.
        return client.storage.upload(parent, path, upload_id=str(uuid.uuid4()), on_progress=show, **known)
