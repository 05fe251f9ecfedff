"""RiskService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.anonymization.v1 import risk_service_pb2 as service
from labelmill.anonymization.v1.risk_service_pb2_grpc import RiskServiceServicer
from labelmill_anonymization.jobs import KIND
from labelmill_anonymization.ports import Projects
from labelmill_runtime import names
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore

_PROJECT = "projects/{project}"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class RiskServicer(RiskServiceServicer):
    """See protos/labelmill/anonymization/v1/risk_service.proto."""

    projects: Projects
    requests: RequestLog
    operations: OperationStore

    async def EstimateRisk(self, request: service.EstimateRiskRequest, context: Context) -> operations_pb2.Operation:
        """Starts the operation."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        await self.projects.require(project)
        metadata = service.EstimateRiskMetadata()
        metadata.progress.create_time.GetCurrentTime()

        async def start(session: AsyncSession) -> operations_pb2.Operation:
            return await self.operations.start(session, kind=KIND, project=project, request=request, metadata=metadata)

        return await self.requests.once(request, start, operations_pb2.Operation)
