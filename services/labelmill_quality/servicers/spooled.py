"""Streams that are answered when they have ended: from the stream to a folder, through a worker, to the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Concatenate, ParamSpec

from labelmill_quality.intake.spool import Spools, frames
from labelmill_quality.jobs.spooled import ANSWERS, MESSAGES
from labelmill_quality.servicers.computed import Computing

P = ParamSpec("P")


async def answered(
    bodies: AsyncIterator[bytes],
    spools: Spools,
    computing: Computing,
    job: Callable[Concatenate[str, P], None],
    *args: P.args,
    **kwargs: P.kwargs,
) -> AsyncIterator[bytes]:
    """The messages that a job makes of all messages of a stream; the job is given the folder they are in."""
    with spools.open() as spool:
        async for body in bodies:
            await asyncio.to_thread(spool.append_frame, MESSAGES, body)
        spool.close()
        await computing.call(job, str(spool.folder), *args, **kwargs)
        for body in frames(spool.folder / ANSWERS):
            yield body
            await asyncio.sleep(0)  # messages that wait for nobody must not hold up the loop
