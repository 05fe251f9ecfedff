"""`labelmill download` and `labelmill url`: contents out of the store."""

from __future__ import annotations

import mimetypes
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.duration_pb2 import Duration

from labelmill.cli.progress import bar
from labelmill.cli.session import JsonOption, session, short
from labelmill.storage.v1 import resources_pb2, service_pb2


class ZoneChoice(StrEnum):
    """Where from."""

    CLEAN = "clean"
    RAW = "raw"

    @property
    def number(self) -> resources_pb2.Zone.ValueType:
        """As the contract has it."""
        return resources_pb2.ZONE_RAW if self is ZoneChoice.RAW else resources_pb2.ZONE_CLEAN


NameArgument = Annotated[str, typer.Argument(help="projects/{project}/assets/{asset}.")]
ZoneOption = Annotated[ZoneChoice, typer.Option(help="RAW is for privacy officers and services, and is recorded.")]


def download(
    context: typer.Context,
    name: NameArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File or folder.", show_default="here, by the asset's id")
    ] = None,
    zone: ZoneOption = ZoneChoice.CLEAN,
    as_json: JsonOption = False,
) -> None:
    """Downloads one content; the file is there when it is whole and its SHA-256 right."""
    current = session(context, as_json)
    with current.client() as client, bar(current, short(name)) as show:
        path = output or Path()
        if path.is_dir():
            path = path / _file_name(client.storage.get_asset(service_pb2.GetAssetRequest(name=name)), zone)
        content = client.storage.download_to(name, path, zone=zone.number, on_progress=show)
    if as_json:
        current.document({"file": str(path), "sha256": content.sha256, "size_bytes": content.size_bytes})
    else:
        current.line(str(path))


def url(
    context: typer.Context,
    name: NameArgument,
    zone: ZoneOption = ZoneChoice.CLEAN,
    seconds: Annotated[int, typer.Option(help="How long it works.", min=1, max=900)] = 300,
    as_json: JsonOption = False,
) -> None:
    """Prints a URL that gives one content to whoever has it, for a short time: treat it as a secret."""
    current = session(context, as_json)
    request = service_pb2.CreateDownloadUrlRequest(name=name, zone=zone.number, expire_after=Duration(seconds=seconds))
    with current.client() as client:
        made = client.storage.create_download_url(request)
    if as_json:
        expire_time = made.expire_time.ToJsonString()
        current.document({"url": made.url, "method": made.method, "expire_time": expire_time, "sha256": made.sha256})
    else:
        current.line(made.url)


def _file_name(asset: resources_pb2.Asset, zone: ZoneChoice) -> str:
    """The asset's id, with the extension of its media type: never a name that came with the content."""
    content = asset.raw if zone is ZoneChoice.RAW else asset.clean
    return short(asset.name) + (mimetypes.guess_extension(content.media_type) or "")
