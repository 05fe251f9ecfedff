"""LiveQualityService."""

from __future__ import annotations

from labelmill.quality.v1 import live_service_pb2, live_service_pb2_grpc
from labelmill_quality.adapters.sql_live import SqlLive
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.operations.following import Following
from labelmill_quality.operations.keeping import KeepingCurrent
from labelmill_quality.operations.reading import LiveReading
from labelmill_quality.operations.refitting import KIND, RefitPlan, Refitting
from labelmill_quality.operations.turns import Turns
from labelmill_quality.servicers.live import LiveQualityServicer


def live(parts: Parts) -> Area:
    """The service; registers RefitProjectQuality, and follows projects in the background."""
    store, turns = SqlLive(parts.database), Turns()
    keeping = KeepingCurrent(
        parts.changes, store, parts.workers, turns, soonest_ms=round(parts.settings.follow_seconds * 1000)
    )
    refitting = Refitting(parts.changes, store, parts.workers, turns)
    request, metadata = live_service_pb2.RefitProjectQualityRequest, live_service_pb2.RefitMetadata
    parts.operations.register(KIND, refitting.run, request, metadata)
    reading = LiveReading(parts.changes, store, parts.workers, replicates=parts.settings.bootstrap_count)
    following = Following(keeping, RefitPlan(store, parts.operations), every_s=parts.settings.follow_seconds / 5)
    servicer = LiveQualityServicer(
        keeping, reading, refitting, store, parts.operations, parts.requests, parts.context.page_tokens
    )
    return Area(
        servicers=((live_service_pb2_grpc.add_LiveQualityServiceServicer_to_server, servicer),),
        descriptors=(live_service_pb2.DESCRIPTOR,),
        start=(following.start,),
        close=(following.close,),
    )
