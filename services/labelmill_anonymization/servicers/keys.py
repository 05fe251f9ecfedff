"""KeyService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc.aio
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.anonymization.v1 import keys_service_pb2 as pb
from labelmill.anonymization.v1.keys_service_pb2_grpc import KeyServiceServicer
from labelmill_anonymization.convert.keys import key_to_proto
from labelmill_anonymization.keyring.data_keys import Purpose
from labelmill_anonymization.keyring.errors import NotConfirmed
from labelmill_anonymization.keyring.project_keys import ProjectKeyring
from labelmill_anonymization.ports import Projects
from labelmill_runtime import names
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.paging import PageTokens, page_size

_PROJECT = "projects/{project}"
_KEY = "projects/{project}/keys/{key}"
_REWRAPPED_AT_ONCE = 5000
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class KeyServicer(KeyServiceServicer):
    """See protos/labelmill/anonymization/v1/keys_service.proto."""

    keyring: ProjectKeyring
    projects: Projects
    requests: RequestLog
    page_tokens: PageTokens

    async def ListKeys(self, request: pb.ListKeysRequest, context: Context) -> pb.ListKeysResponse:
        """Lists keys."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        size, parent = page_size(request.page_size), f"{request.parent}/keys"
        cursor = self.page_tokens.decode(request.page_token, parent=parent)
        found = await self.keyring.list_keys(
            project, (int(str(cursor[0])), str(cursor[1])) if cursor else None, size + 1
        )
        response = pb.ListKeysResponse(keys=map(key_to_proto, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self.page_tokens.encode([last.create_time_ms, last.key_id], parent=parent)
        return response

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Context) -> pb.Key:
        """Makes a new primary key."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        await self.projects.require(project)
        await self.keyring.keys(project)  # so that there is a first key to step back
        record = await self.keyring.new_key(project, Purpose(request.purpose))

        async def rotate(session: AsyncSession) -> pb.Key:
            await self.keyring.rotate(session, record)
            return key_to_proto(record)

        return await self.requests.once(request, rotate, pb.Key)

    async def DestroyKey(self, request: pb.DestroyKeyRequest, context: Context) -> pb.Key:
        """Destroys a key."""
        parts = names.parse(_KEY, request.name)
        if request.confirmation != parts["key"]:
            raise NotConfirmed

        async def destroy(session: AsyncSession) -> pb.Key:
            return key_to_proto(await self.keyring.destroy(session, parts["project"], parts["key"], request.reason))

        response = await self.requests.once(request, destroy, pb.Key)
        await self.keyring.scrub()
        return response

    async def RotateRootKey(self, request: pb.RotateRootKeyRequest, context: Context) -> pb.RotateRootKeyResponse:
        """Makes a new root key and wraps with it; both are done outside of the database's transaction."""
        answered = await self.requests.answered(request, pb.RotateRootKeyResponse)
        if answered is not None:
            return answered
        if not request.rewrap_only:
            await self.keyring.rotate_root()
        primary, rewrapped, remaining = await self.keyring.rewrap(_REWRAPPED_AT_ONCE)

        async def respond(session: AsyncSession) -> pb.RotateRootKeyResponse:
            return pb.RotateRootKeyResponse(root_key_id=primary, rewrapped_count=rewrapped, remaining_count=remaining)

        return await self.requests.once(request, respond, pb.RotateRootKeyResponse)

    async def DestroySubjectKeys(
        self, request: pb.DestroySubjectKeysRequest, context: Context
    ) -> pb.DestroySubjectKeysResponse:
        """Destroys the keys of a data subject."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        digests = await self.keyring.subject_digests(project, [request.subject])

        async def destroy(session: AsyncSession) -> pb.DestroySubjectKeysResponse:
            count = await self.keyring.destroy_of_subjects(session, project, digests, request.reason)
            return pb.DestroySubjectKeysResponse(destroyed_count=count)

        response = await self.requests.once(request, destroy, pb.DestroySubjectKeysResponse)
        await self.keyring.scrub()
        return response
