"""Assets: uploads, downloads, URLs, admission."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from labelmill.storage.v1 import (
    service_pb2,
    service_pb2_grpc,
)
from labelmill_storage.adapters.probes.probing import Probes
from labelmill_storage.adapters.secrets.trusted_keys import TrustedKeyDirectory
from labelmill_storage.adapters.sql.sql_uploads import SqlUploads
from labelmill_storage.assembly.parts import Area, Parts
from labelmill_storage.contents.describing import Describer
from labelmill_storage.contents.limits import Limits
from labelmill_storage.gate.admission import AdmissionDesk
from labelmill_storage.gate.exception_desk import ExceptionDesk
from labelmill_storage.gate.raw_reads import RawReads
from labelmill_storage.housekeeping import Chore
from labelmill_storage.servicers.assets import StorageServicer
from labelmill_storage.servicers.uploads import FINISH, FinishUpload
from labelmill_storage.settings import StorageSettings
from labelmill_storage.transfers.blocks import Blocks
from labelmill_storage.transfers.ingest import Ingest
from labelmill_storage.transfers.links import Links
from labelmill_storage.transfers.puts import Puts
from labelmill_storage.transfers.reading import Reader
from labelmill_storage.transfers.under_way import UnderWay
from labelmill_storage.transfers.uploads import Uploads

_EXPIRED_UPLOADS_S = 600.0


@dataclass(frozen=True)
class Assets(Area):
    """StorageService, and the way in that imports share."""

    ingest: Ingest = field(kw_only=True)


def assets(parts: Parts) -> Assets:
    """Everything about single assets."""
    settings, objects, records, projects = parts.settings, parts.objects, parts.records, parts.projects
    secrets = parts.context.settings.data_dir / "secrets"
    keys = TrustedKeyDirectory(settings.trusted_receipt_keys_dir or secrets / "receipt-keys")
    limit = settings.max_asset_bytes
    probes = Probes(settings.probe_workers, settings.probe_seconds)
    describer = Describer(probes, limits_of(settings))
    ingest = Ingest(objects, records, projects, parts.ids, limit, describer)
    upload_records = SqlUploads(parts.database, parts.tables, records)
    expiry = timedelta(hours=settings.upload_expiry_hours)
    under_way = UnderWay(ingest, objects, records, upload_records, parts.ids, max_asset_bytes=limit, expiry=expiry)
    uploads = Uploads(under_way, ingest, objects, records, upload_records, projects)
    puts = Puts(under_way, uploads, ingest, objects, projects)
    messages = service_pb2.FinishUploadRequest, service_pb2.FinishUploadMetadata
    parts.operations.register(FINISH, FinishUpload(puts).run, *messages, max_parallel=2)
    servicer = StorageServicer(
        ingest=ingest,
        uploads=uploads,
        puts=puts,
        upload_records=upload_records,
        links=Links(objects, records, parts.audit_log, parts.egress),
        operations=parts.operations,
        reader=Reader(objects, records),
        blocks=Blocks(objects, records),
        egress=parts.egress,
        raw_reads=RawReads(parts.audit_log),
        exceptions=ExceptionDesk(objects, records, projects),
        desk=AdmissionDesk(objects, records, projects, keys, limit, describer),
        records=records,
        projects=projects,
        request_log=parts.request_log,
        page_tokens=parts.context.page_tokens,
    )
    return Assets(
        servicer,
        service_pb2_grpc.add_StorageServiceServicer_to_server,
        service_pb2.DESCRIPTOR,
        chores=[Chore("expired_uploads", _EXPIRED_UPLOADS_S, uploads.drop_expired)],
        close=probes.close,
        ingest=ingest,
    )


def limits_of(settings: StorageSettings) -> Limits:
    """What contents are refused beyond."""
    return Limits(
        image_pixels=settings.max_image_pixels,
        image_side_px=settings.max_image_side_px,
        archive_bytes=settings.max_archive_bytes,
        archive_ratio=settings.max_archive_ratio,
        archive_entries=settings.max_archive_entries,
    )
