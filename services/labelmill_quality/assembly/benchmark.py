"""BenchmarkService."""

from __future__ import annotations

from labelmill.quality.v1 import benchmark_service_pb2, benchmark_service_pb2_grpc
from labelmill_quality.adapters.labelmill_assets import LabelmillAssets
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.benchmark import BenchmarkServicer


def benchmark(parts: Parts) -> Area:
    """The service."""
    spools = parts.spools()
    assets = LabelmillAssets(parts.context.peers)
    servicer = BenchmarkServicer(parts.computing, spools, assets, parts.settings.row_limit)
    return Area(
        servicers=((benchmark_service_pb2_grpc.add_BenchmarkServiceServicer_to_server, servicer),),
        descriptors=(benchmark_service_pb2.DESCRIPTOR,),
    )
