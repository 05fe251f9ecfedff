"""The audit log and its anchors."""

from __future__ import annotations

from labelmill.storage.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
)
from labelmill_storage.assembly.parts import Area, Parts
from labelmill_storage.gate.anchoring import Anchoring
from labelmill_storage.housekeeping import Chore
from labelmill_storage.ports import AuditAnchors
from labelmill_storage.servicers.audit import AuditServicer


def audit(parts: Parts, anchors: AuditAnchors) -> Area:
    """Everything about the audit log."""
    anchoring = Anchoring(parts.audit_log, anchors, parts.audit_key)
    return Area(
        AuditServicer(parts.audit_log, anchoring, parts.projects, parts.context.page_tokens),
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server,
        audit_service_pb2.DESCRIPTOR,
        chores=[Chore("audit_anchors", parts.settings.audit_anchor_seconds, anchoring.write_grown, at_close=True)],
        close=anchors.close,
    )
