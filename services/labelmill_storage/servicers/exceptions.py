"""The part of StorageService by which a privacy officer admits RAW contents as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.storage.v1 import service_pb2, service_pb2_grpc
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.principal import current_principal
from labelmill_storage.assets import parse_assets
from labelmill_storage.convert import assets as convert
from labelmill_storage.gate.exception_desk import ExceptionDesk
from labelmill_storage.ports import AssetRecords


@dataclass(frozen=True)
class ExceptionRpcs(service_pb2_grpc.StorageServiceServicer):
    """Serves exceptions."""

    exceptions: ExceptionDesk
    records: AssetRecords
    request_log: RequestLog

    async def BatchAdmitByException(  # noqa: N802 - the name of the RPC
        self, request: service_pb2.BatchAdmitByExceptionRequest, context: Any
    ) -> service_pb2.BatchAdmitByExceptionResponse:
        """Admits RAW contents into CLEAN."""
        answered = await self.request_log.answered(request, service_pb2.BatchAdmitByExceptionResponse)
        if answered is not None:  # sparing the copies
            return answered
        project = convert.project(request.parent)
        ids, roles = parse_assets(project, request.names), current_principal().roles(project)
        prepared = await self.exceptions.prepare(project, request.reason, ids)

        async def respond(session: AsyncSession) -> service_pb2.BatchAdmitByExceptionResponse:
            writer = self.records.writer(session)
            name, outcomes = await self.exceptions.record(writer, project, request.reason, ids, prepared)
            results = [convert.recorded(outcome, roles) for outcome in outcomes]
            return service_pb2.BatchAdmitByExceptionResponse(exception=name, results=results)

        return await self.request_log.once(request, respond, service_pb2.BatchAdmitByExceptionResponse)
