"""AggregateLabels: from the stream to a folder, through a worker, from the folder to the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message

from labelmill.quality.v1 import consensus_service_pb2 as pb
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill_quality.intake.errors import ProjectForbidden, RawForbidden, StreamSequence
from labelmill_quality.intake.layout import ANSWER, ARROW, GOLD, OUTPUT, RESULT, ROWS, SOURCE
from labelmill_quality.intake.ports import AssetFiles
from labelmill_quality.intake.spool import Spool, Spools, frames
from labelmill_quality.jobs.aggregation import Limits, aggregate_labels
from labelmill_quality.servicers.computed import Computing
from labelmill_runtime import names
from labelmill_runtime.principal import Role, current_principal

_CHUNK_BYTES = 256 * 1024
_PARQUET = "application/vnd.apache.parquet"
_ASSET, _PROJECT = "projects/{project}/assets/{asset}", "projects/{project}"
_READERS = frozenset({Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.SERVICE})
_WRITERS = frozenset({Role.OWNER, Role.MANAGER, Role.SERVICE})


@dataclass(frozen=True)
class BulkLabels:
    """Carries out AggregateLabels."""

    computing: Computing
    spools: Spools
    assets: AssetFiles
    row_limit: int

    async def aggregate(
        self, requests: AsyncIterator[pb.AggregateLabelsRequest]
    ) -> AsyncIterator[pb.AggregateLabelsResponse]:
        """The whole answer to a whole stream."""
        first = await anext(requests, None)
        if first is None or not first.HasField("header"):
            raise StreamSequence("the first message must be the header")
        header = first.header
        _require_access(header)
        with self.spools.open() as spool:
            media_type = await receive(requests, spool, self.assets, header.source, header.source_zone)
            limits = Limits(self.computing.cell_limit, self.row_limit)
            head = header.SerializeToString()
            body = await self.computing.call(aggregate_labels, str(spool.folder), head, media_type, limits)
            summary = pb.AggregateLabelsResponse.Summary.FromString(body)
            if header.output_parent:
                summary.output = await self.assets.put(header.output_parent, spool.folder / OUTPUT, _PARQUET)
            yield pb.AggregateLabelsResponse(summary=summary)
            for message in _answer(spool.folder):
                yield message
                await asyncio.sleep(0)  # messages that wait for nobody must not hold up the loop


async def receive(
    requests: AsyncIterator[Message], spool: Spool, assets: AssetFiles, source: str, zone: storage.Zone.ValueType
) -> str:
    """Spools what follows the header: labels, gold, or the source; the media type of the source, if there is one.

    Raises:
        StreamSequence: There is a second header, or labels come in several forms.
        SpoolFull: It is more than a call may bring.
    """
    kinds: set[str] = {"source"} if source else set()
    async for request in requests:
        kind = request.WhichOneof("part") or ""
        if kind == "header":
            raise StreamSequence("there must be one header")
        kinds |= {kind} - {"gold"}
        if len(kinds) > 1:
            raise StreamSequence("labels must come in one form: rows, arrow or a source")
        await asyncio.to_thread(_spool, spool, kind, request)
    spool.close()
    if not source:
        return ""
    raw, path = zone == storage.ZONE_RAW, spool.folder / SOURCE
    return await assets.fetch(source, raw=raw, path=path, limit_bytes=spool.limit_bytes)


def _spool(spool: Spool, kind: str, request: Message) -> None:
    part = getattr(request, kind)
    if kind == "arrow":
        spool.append(ARROW, part)
    else:
        spool.append_frame(ROWS if kind == "rows" else GOLD, part.SerializeToString())


def _answer(folder: Path) -> Iterator[pb.AggregateLabelsResponse]:
    for frame in frames(folder / ANSWER):
        yield pb.AggregateLabelsResponse.FromString(frame)
    result = folder / RESULT
    if result.exists():
        with result.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield pb.AggregateLabelsResponse(arrow=chunk)


def require_readable(source: str, zone: storage.Zone.ValueType) -> None:
    """Whoever may call at all may not read every project's assets.

    Raises:
        ProjectForbidden: The caller may not read that one.
        RawForbidden: They may not read its RAW content.
    """
    if source:
        roles = current_principal().roles(names.parse(_ASSET, source, field="header.source")["project"])
        if roles.isdisjoint(_READERS):
            raise ProjectForbidden("header.source")
        if zone == storage.ZONE_RAW and Role.SERVICE not in roles:
            raise RawForbidden


def _require_access(header: pb.AggregateLabelsRequest.Header) -> None:
    require_readable(header.source, header.source_zone)
    if header.output_parent:
        project = names.parse(_PROJECT, header.output_parent, field="header.output_parent")["project"]
        if current_principal().roles(project).isdisjoint(_WRITERS):
            raise ProjectForbidden("header.output_parent")
