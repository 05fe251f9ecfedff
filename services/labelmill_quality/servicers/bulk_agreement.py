"""StreamAgreement: from the stream to a folder, through a worker, from the folder to the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill_quality.intake.errors import StreamSequence
from labelmill_quality.intake.layout import ANSWER
from labelmill_quality.intake.ports import AssetFiles
from labelmill_quality.intake.spool import Spools, frames
from labelmill_quality.jobs.aggregation import Limits
from labelmill_quality.jobs.agreement import stream_agreement
from labelmill_quality.servicers.bulk_labels import receive, require_readable
from labelmill_quality.servicers.computed import Computing


@dataclass(frozen=True)
class BulkAgreement:
    """Carries out StreamAgreement."""

    computing: Computing
    spools: Spools
    assets: AssetFiles
    row_limit: int

    async def compare(
        self, requests: AsyncIterator[pb.StreamAgreementRequest]
    ) -> AsyncIterator[pb.StreamAgreementResponse]:
        """The whole answer to a whole stream."""
        first = await anext(requests, None)
        if first is None or not first.HasField("header"):
            raise StreamSequence("the first message must be the header")
        header = first.header
        require_readable(header.source, header.source_zone)
        with self.spools.open() as spool:
            media_type = await receive(requests, spool, self.assets, header.source, header.source_zone)
            limits = Limits(self.computing.cell_limit, self.row_limit)
            await self.computing.call(
                stream_agreement, str(spool.folder), header.SerializeToString(), media_type, limits
            )
            for frame in frames(spool.folder / ANSWER):
                yield pb.StreamAgreementResponse.FromString(frame)
                await asyncio.sleep(0)  # messages that wait for nobody must not hold up the loop
