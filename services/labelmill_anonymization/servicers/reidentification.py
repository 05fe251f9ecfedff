"""ReidentificationService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc.aio

from labelmill.anonymization.v1 import reidentification_service_pb2 as pb
from labelmill.anonymization.v1.reidentification_service_pb2_grpc import ReidentificationServiceServicer
from labelmill_anonymization.convert.reidentification import (
    formatted_from_proto,
    reading_to_proto,
    reidentification_to_proto,
)
from labelmill_anonymization.reversal.reidentification import Reidentifications, Reidentifier
from labelmill_runtime import names
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_runtime.principal import current_principal

_PROJECT = "projects/{project}"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class ReidentificationServicer(ReidentificationServiceServicer):
    """See protos/labelmill/anonymization/v1/keys_service.proto."""

    reidentifier: Reidentifier
    audit: Reidentifications
    page_tokens: PageTokens

    async def Reidentify(self, request: pb.ReidentifyRequest, context: Context) -> pb.ReidentifyResponse:
        """Reads values again."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        reading = await self.reidentifier.read(
            project,
            request.text,
            [formatted_from_proto(one) for one in request.formatted_values],
            reason=request.reason,
            principal=current_principal().id,
        )
        return reading_to_proto(reading)

    async def ListReidentifications(
        self, request: pb.ListReidentificationsRequest, context: Context
    ) -> pb.ListReidentificationsResponse:
        """Lists the records."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        size, parent = page_size(request.page_size), f"{request.parent}/reidentifications"
        cursor = self.page_tokens.decode(request.page_token, parent=parent)
        after = (int(str(cursor[0])), str(cursor[1])) if cursor else None
        found = await self.audit.list_records(project, after, size + 1)
        response = pb.ListReidentificationsResponse(reidentifications=map(reidentification_to_proto, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self.page_tokens.encode([last.create_time_ms, last.id], parent=parent)
        return response
