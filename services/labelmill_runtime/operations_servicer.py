# ruff: noqa: N802 - method names are gRPC's
"""google.longrunning.Operations over the operations of every service in this process, found by the name's prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.empty_pb2 import Empty

from labelmill_runtime import names, sql_filters
from labelmill_runtime.errors import NotFound
from labelmill_runtime.operations import NAME_PATTERN, OperationStore
from labelmill_runtime.paging import PageTokens, page_size

_WAIT_LIMIT_S = 20.0
_WAIT_MARGIN_S = 0.2

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class OperationsServicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # untyped parent
    """Get, List, Wait, Cancel, Delete. Authorised by `labelmill_runtime.access` like every other RPC."""

    def __init__(
        self, stores: Mapping[str, OperationStore], page_tokens: PageTokens, *, max_wait_s: float = _WAIT_LIMIT_S
    ) -> None:
        self._stores = stores
        self._page_tokens = page_tokens
        self._max_wait_s = min(max_wait_s - _WAIT_MARGIN_S, _WAIT_LIMIT_S)

    async def GetOperation(
        self, request: operations_pb2.GetOperationRequest, context: Context
    ) -> operations_pb2.Operation:
        """The operation as it stands."""
        return await self._store(request.name).get(request.name)

    async def WaitOperation(
        self, request: operations_pb2.WaitOperationRequest, context: Context
    ) -> operations_pb2.Operation:
        """The operation when it is done, or as it stands after the timeout (at most 20 s, and before the deadline)."""
        asked = request.timeout.ToTimedelta().total_seconds() if request.HasField("timeout") else _WAIT_LIMIT_S
        remaining = context.time_remaining()
        limit = self._max_wait_s if remaining is None else min(_WAIT_LIMIT_S, remaining - _WAIT_MARGIN_S)
        return await self._store(request.name).wait(request.name, max(0.0, min(asked, limit)))

    async def CancelOperation(self, request: operations_pb2.CancelOperationRequest, context: Context) -> Empty:
        """Asks the operation to stop."""
        await self._store(request.name).cancel(request.name)
        return Empty()

    async def DeleteOperation(self, request: operations_pb2.DeleteOperationRequest, context: Context) -> Empty:
        """Forgets a finished operation."""
        await self._store(request.name).delete(request.name)
        return Empty()

    async def ListOperations(
        self, request: operations_pb2.ListOperationsRequest, context: Context
    ) -> operations_pb2.ListOperationsResponse:
        """The operations of `projects/{project}`, service by service, each oldest first; filter by done and kind."""
        project, size = names.project_of(request.name), page_size(request.page_size)
        cursor = self._page_tokens.decode(request.page_token, parent=request.name, filter=request.filter)
        after = str(cursor[0]) if cursor else ""
        response = operations_pb2.ListOperationsResponse()
        for store in (self._stores[service] for service in sorted(self._stores)):
            condition = sql_filters.where(request.filter, store.filter_columns())
            missing = size + 1 - len(response.operations)
            response.operations.extend(await store.page(project, after, missing, condition))
            if len(response.operations) > size:
                del response.operations[size:]
                last = response.operations[-1].name
                token = self._page_tokens.encode([last], parent=request.name, filter=request.filter)
                response.next_page_token = token
                break
        return response

    def _store(self, name: str) -> OperationStore:
        operation = names.parse(NAME_PATTERN, name)["operation"]
        store = self._stores.get(operation.rpartition("-")[0])
        if store is None:
            raise NotFound("OPERATION_NOT_FOUND", "There is no such operation.", resource=("Operation", name))
        return store
