"""The other services as far as an erasure knows them: real gRPC servers that forget assets, fail, or are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from labelmill.type.v1 import erasure_pb2

METHODS = {
    "anonymization": "labelmill.anonymization.v1.AnonymizationService",
    "prelabel": "labelmill.prelabel.v1.PrelabelService",
    "annotation": "labelmill.annotation.v1.AnnotationService",
    "quality": "labelmill.quality.v1.QualityService",
    "training": "labelmill.training.v1.TrainingService",
}


@dataclass
class Peers:
    """What was asked of them, and how they answer."""

    address: str = ""
    asked: list[tuple[str, erasure_pb2.EraseAssetsRequest]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[tuple[str, str], erasure_pb2.EraseAssetsResponse] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def names(self, peer: str) -> set[str]:
        """The assets that one was asked to forget."""
        return {name for asked, request in self.asked if asked == peer for name in request.names}

    async def answer(self, peer: str, request: Any, context: Any) -> Any:
        self.asked.append((peer, request))
        self.called.set()
        if peer in self.away:
            # Not UNAVAILABLE, which the client itself repeats for many seconds before it gives up.
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "away")
        if peer in self.absent:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "absent")
        key = peer, request.request_id
        if key not in self.answers:
            new = [name for name in request.names if (peer, name) not in self.seen]
            self.seen |= {(peer, name) for name in new}
            response = erasure_pb2.EraseAssetsResponse(removed_counts={"things": 2 * len(new)})
            if peer == "training":
                response.kept.add(item="projects/news/models/m/versions/1", reason="TRAINED_MODEL")
            self.answers[key] = response
        return self.answers[key]


@asynccontextmanager
async def peers() -> AsyncIterator[Peers]:
    """Serves all five."""
    found = Peers()
    server = grpc.aio.server()
    for peer, service in METHODS.items():

        async def erase(request: Any, context: Any, peer: str = peer) -> Any:
            return await found.answer(peer, request, context)

        handler = grpc.unary_unary_rpc_method_handler(
            erase,
            request_deserializer=erasure_pb2.EraseAssetsRequest.FromString,
            response_serializer=erasure_pb2.EraseAssetsResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"EraseAssets": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    found.address = f"127.0.0.1:{port}"
    yield found
    await server.stop(0)
