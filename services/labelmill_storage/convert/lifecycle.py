"""Retention, holds, erasures, usage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.erasures import sign_bytes
from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill.type.v1 import erasure_pb2
from labelmill_storage.assets import Zone, asset_name
from labelmill_storage.lifecycle.erasure import Case
from labelmill_storage.lifecycle.holds import Hold
from labelmill_storage.lifecycle.ports import KeptErasure, Signer, UsageReport
from labelmill_storage.lifecycle.quota import Quota, ZoneUsage
from labelmill_storage.lifecycle.retention import Retention, Terms


def terms(message: pb.Retention) -> Terms:
    """How long content is to be kept."""
    return Terms(message.raw_days, message.raw_days_after_admission, message.clean_days)


def retention(project: str, found: Retention) -> pb.Retention:
    """A project's retention."""
    message = pb.Retention(
        name=f"projects/{project}/retention",
        raw_days=found.terms.raw_days,
        raw_days_after_admission=found.terms.raw_days_after_admission,
        clean_days=found.terms.clean_days,
        etag=found.etag,
    )
    if found.update_time_us:
        message.update_time.FromMicroseconds(found.update_time_us)
    return message


def hold(found: Hold) -> pb.LegalHold:
    """A legal hold."""
    message = pb.LegalHold(
        name=found.name,
        reason=found.reason,
        asset_count=found.asset_count,
        creator=found.creator,
        create_time=_timestamp(found.create_time),
    )
    if found.release_time is not None:
        message.release_time.CopyFrom(_timestamp(found.release_time))
    return message


def erasure(found: KeptErasure) -> pb.Erasure:
    """An erasure: its certificate, or what is known while it runs."""
    return pb.Erasure.FromString(found.body) if found.body else _begun(found.case)


def listed_erasure(found: KeptErasure) -> pb.Erasure:
    """An erasure without its lists of assets."""
    message = erasure(found)
    message.ClearField("erased_assets")
    message.ClearField("kept_assets")
    return message


def certificate(case: Case, asset_ids: Sequence[str], time_us: int, audit_sequence: int, signer: Signer) -> bytes:
    """The certificate of an erasure, signed and serialized."""
    message = _begun(case)
    message.erased_assets.extend(asset_name(case.project, asset_id) for asset_id in asset_ids)
    message.complete_time.FromMicroseconds(time_us)
    message.audit_sequence = audit_sequence
    message.signing_key_id = signer.key_id
    message.signature = signer.sign(sign_bytes(message))
    return message.SerializeToString(deterministic=True)


def quota(message: pb.Usage.Quota) -> Quota:
    """Limits."""
    return Quota(message.max_stored_bytes, message.max_objects, message.max_daily_egress_bytes)


def usage(project: str, report: UsageReport) -> pb.Usage:
    """What a project has stored and read."""
    zones = ((zone, report.zones.get(zone, ZoneUsage())) for zone in Zone)
    return pb.Usage(
        name=f"projects/{project}/usage",
        zones=[
            pb.Usage.ZoneUsage(zone=int(zone), stored_bytes=of.stored_bytes, object_count=of.object_count)  # type: ignore[arg-type]
            for zone, of in zones
        ],
        quota=pb.Usage.Quota(
            max_stored_bytes=report.quota.max_stored_bytes,
            max_objects=report.quota.max_objects,
            max_daily_egress_bytes=report.quota.max_daily_egress_bytes,
        ),
        daily_egress=[pb.Usage.DailyEgress(date=day, read_bytes=size) for day, size in report.daily_egress],
    )


def _begun(case: Case) -> pb.Erasure:
    message = pb.Erasure(name=case.name, reason=case.reason, of_subject=case.of_subject, creator=case.creator)
    message.create_time.FromMicroseconds(case.create_time_us)
    for asset_id, reason in sorted(case.kept_assets.items()):
        message.kept_assets.add(item=asset_name(case.project, asset_id), reason=reason)
    for place, count in sorted(case.removals.items()):
        service, _, kind = place.partition("/")
        message.removals.add(service=service, kind=kind, count=count)
    for what, count in sorted(case.kept.items()):
        reason, _, item = what.partition(" ")
        message.kept.append(erasure_pb2.KeptItem(item=item, reason=reason, count=count))
    return message


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
