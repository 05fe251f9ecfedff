"""Starts erasures, and starts those again whose operation ended without completing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.longrunning import operations_pb2

from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill_runtime.errors import NotFound
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.principal import Principal, reset_current_principal, set_current_principal
from labelmill_storage.lifecycle.erasure import Case
from labelmill_storage.lifecycle.ports import Erasures
from labelmill_storage.operations.erase import KIND
from labelmill_storage.selection import Selected


@dataclass(frozen=True)
class ErasureStarter:
    """Starts erasures."""

    erasures: Erasures
    operations: OperationStore

    async def start(
        self, transaction: Any, project: str, chosen: Selected, request: pb.EraseAssetsRequest
    ) -> operations_pb2.Operation:
        """Begins one in the caller's transaction; `request` must not name the data subject."""
        case, count = await self.erasures.begin(transaction, project, chosen, request.reason)
        return await self._operate(transaction, case, count, request)

    async def restart_unfinished(self) -> None:
        """An erasure that was begun goes on, also when somebody cancelled its operation."""
        for case in await self.erasures.unfinished():
            if await self._is_dead(case):
                token = set_current_principal(Principal(case.creator, ()))
                try:
                    async with self.erasures.transaction() as transaction:
                        kept = await self.erasures.lock(transaction, case.project, case.id)
                        if not kept.body and kept.case.operation == case.operation:
                            request = pb.EraseAssetsRequest(parent=f"projects/{case.project}", reason=case.reason)
                            await self._operate(transaction, kept.case, 0, request)
                finally:
                    reset_current_principal(token)

    async def _operate(
        self, transaction: Any, case: Case, count: int, request: pb.EraseAssetsRequest
    ) -> operations_pb2.Operation:
        metadata = pb.EraseAssetsMetadata(erasure=case.name)
        metadata.progress.total_count = count
        metadata.progress.stage = "requested"
        metadata.progress.create_time.GetCurrentTime()
        operation = await self.operations.start(
            transaction, kind=KIND, project=case.project, request=request, metadata=metadata
        )
        await self.erasures.set_operation(transaction, case.project, case.id, operation.name)
        return operation

    async def _is_dead(self, case: Case) -> bool:
        try:
            return bool((await self.operations.get(case.operation)).done)
        except NotFound:
            return True
