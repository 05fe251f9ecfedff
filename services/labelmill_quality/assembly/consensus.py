"""ConsensusService."""

from __future__ import annotations

import asyncio

from labelmill.quality.v1 import consensus_service_pb2, consensus_service_pb2_grpc
from labelmill_quality.adapters.labelmill_assets import LabelmillAssets
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.bulk_labels import BulkLabels
from labelmill_quality.servicers.consensus import ConsensusServicer


def consensus(parts: Parts) -> Area:
    """The service."""
    spools = parts.spools()
    bulk = BulkLabels(parts.computing, spools, LabelmillAssets(parts.context.peers), parts.settings.row_limit)
    servicer = ConsensusServicer(parts.computing, bulk)

    async def sweep() -> None:
        await asyncio.to_thread(spools.sweep)

    return Area(
        servicers=((consensus_service_pb2_grpc.add_ConsensusServiceServicer_to_server, servicer),),
        descriptors=(consensus_service_pb2.DESCRIPTOR,),
        start=(sweep,),
    )
