"""A stream of annotations to aggregate: it is kept in a file until it ends, since objects come of all annotations
together.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from labelmill.quality.v1 import instances_service_pb2 as pb
from labelmill_quality.benchmark.errors import StreamSequence, StreamTooLong
from labelmill_quality.instances.errors import StreamTooLarge
from labelmill_quality.jobs import instances as jobs
from labelmill_quality.jobs.frames import read_frames, write_frame
from labelmill_quality.servicers.computed import Computing

MAX_ANNOTATIONS = 2_000_000
MAX_BYTES = 2**30


async def aggregated(
    requests: AsyncIterator[pb.StreamAggregateAnnotationsRequest],
    options: pb.AggregationOptions,
    computing: Computing,
    max_message_bytes: int,
) -> AsyncIterator[pb.StreamAggregateAnnotationsResponse]:
    """The answers to all messages after the header."""
    with tempfile.TemporaryDirectory(prefix="labelmill-instances-") as folder:
        sent, answers = Path(folder) / "requests", Path(folder) / "answers"
        await _keep(requests, sent)
        await computing.call(
            jobs.aggregate_stream,
            sent,
            answers,
            options.SerializeToString(),
            max_message_bytes,
            computing.cell_limit,
        )
        for body in read_frames(answers):
            yield pb.StreamAggregateAnnotationsResponse.FromString(body)


async def _keep(requests: AsyncIterator[pb.StreamAggregateAnnotationsRequest], path: Path) -> None:
    count, size = 0, 0
    with path.open("wb") as file:
        async for request in requests:
            if request.HasField("header"):
                raise StreamSequence
            count += len(request.batch.annotations) + len(request.gold.annotations)
            size += await asyncio.to_thread(write_frame, file, request.SerializeToString())
            if count > MAX_ANNOTATIONS:
                raise StreamTooLong(MAX_ANNOTATIONS)
            if size > MAX_BYTES:
                raise StreamTooLarge(MAX_BYTES)
