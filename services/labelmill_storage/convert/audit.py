"""Entries and heads of the audit log."""

from __future__ import annotations

from google.protobuf.json_format import MessageToJson, Parse, ParseError

from labelmill.storage.v1 import audit_service_pb2
from labelmill_storage.gate.audit import Entry, Head, SignedHead, head_name


def entry(it: Entry) -> audit_service_pb2.AuditEntry:
    """An entry; its project is that of the request."""
    return audit_service_pb2.AuditEntry(
        sequence=it.sequence,
        time_us=it.time_us,
        actor=it.actor,
        action=it.action,
        resource=it.resource,
        details=it.details,
        previous_hash=it.previous_hash,
        hash=it.hash,
    )


def head(it: SignedHead) -> audit_service_pb2.AuditHead:
    """A signed head."""
    return audit_service_pb2.AuditHead(
        name=head_name(it.head.project),
        sequence=it.head.sequence,
        hash=it.head.hash,
        time_us=it.time_us,
        signing_key_id=it.signing_key_id,
        signature=it.signature,
        public_key=it.public_key,
    )


def head_line(it: SignedHead) -> bytes:
    """A head as one line of JSON, protobuf's own form, which `labelmill audit verify --head` reads."""
    return MessageToJson(head(it), preserving_proto_field_name=True, indent=None).encode() + b"\n"


def parse_head(project: str, line: bytes) -> SignedHead:
    """The inverse of `head_line`; what is not one comes as a head that no signature fits."""
    found = audit_service_pb2.AuditHead()
    try:
        Parse(line, found)
    except (ParseError, UnicodeDecodeError):
        found = audit_service_pb2.AuditHead()
    named = Head(project, found.sequence, found.hash)
    return SignedHead(named, found.time_us, found.signing_key_id, found.signature, found.public_key)
