"""BenchmarkService."""

from __future__ import annotations

from labelmill.quality.v1 import benchmark_service_pb2, benchmark_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.benchmark import BenchmarkServicer


def benchmark(parts: Parts) -> Area:
    """The service."""
    servicer = BenchmarkServicer(parts.computing)
    return Area(
        servicers=((benchmark_service_pb2_grpc.add_BenchmarkServiceServicer_to_server, servicer),),
        descriptors=(benchmark_service_pb2.DESCRIPTOR,),
    )
