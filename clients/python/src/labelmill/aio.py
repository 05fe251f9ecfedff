"""The client for asyncio."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from labelmill import _connection, _content
from labelmill._anonymizing import PolicyGiven, TextAnonymizer
from labelmill._by_url import ByUrl
from labelmill._content import OnProgress, Source
from labelmill._download import Downloader
from labelmill._listing import Listing
from labelmill._operation import Operation, service_hint
from labelmill._retry import Retry
from labelmill._services import AsyncAnonymizationService, AsyncServices, AsyncStorageService
from labelmill._transport import Transport
from labelmill._uploading import Uploader, Via
from labelmill.anonymization.v1 import service_pb2 as anonymization_pb2
from labelmill.storage.v1 import resources_pb2, service_pb2

__all__ = ["Anonymization", "Client", "Listing", "Operation", "Retry", "Storage"]


class Anonymization(AsyncAnonymizationService):
    """The anonymization service, with a text in one call."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._texts = TextAnonymizer(transport, self._stub)

    async def anonymize(
        self, parent: str, text: str, policy: PolicyGiven, *, subject: str = "", timeout_s: float | None = None
    ) -> anonymization_pb2.AnonymizeTextResponse:
        """Anonymizes one text and keeps nothing. Texts of the same moment share calls, each with an outcome of its own.

        A busy server lets them wait, where AnonymizeText would refuse them.

        Args:
            parent: projects/{project}: the key of hashes and pseudonyms.
            text: At most 100,000 code points.
            policy: The name of a kept or ready one, or one that is not kept.
            subject: Whom the text is about, as your own id.
            timeout_s: Tries and waits included; None: the client's.
        """
        return await self._texts.anonymize(parent, text, policy, subject, timeout_s)


class Storage(AsyncStorageService):
    """The storage service, with whole contents up and down in one call.

    Small contents that go up or down at the same time share calls, each with an outcome of its own; those above 4 MiB
    go by URL straight to the object store and back, where it serves URLs and can be reached. `via` says otherwise.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._by_url = ByUrl(transport)
        self._uploader = Uploader(transport, self._stub, self._by_url)
        self._downloader = Downloader(transport, self._stub, self._by_url)

    async def upload(
        self,
        parent: str,
        source: Source,
        *,
        media_type: str = "",
        external_id: str = "",
        labels: Mapping[str, str] | None = None,
        subject: str = "",
        upload_id: str = "",
        sha256: str = "",
        via: Via = "auto",
        on_progress: OnProgress | None = None,
        timeout_s: float | None = None,
    ) -> resources_pb2.Asset:
        """Uploads one asset of any size into RAW.

        Args:
            parent: projects/{project}.
            source: A path, bytes, or an asynchronous iterator of bytes, which is always streamed. A path or bytes is
                sent again when the server goes away meanwhile, as a stream above 4 MiB from where it was; the same
                content twice is one asset.
            media_type: Such as "text/plain"; empty: told from the content.
            external_id: The name that your own system has for it.
            labels: For filters.
            subject: The data subject whom it is about, as your own pseudonymous id: for erasure.
            upload_id: A UUID of your own, by which another run of your program goes on where this one ended; a path or
                bytes is then sent so whatever its size.
            sha256: In hex, if you know it: a large content is then read once less. Compared with what arrives.
            via: "auto", "stream" (through the service, in a call of its own) or "url" (past it, or not at all).
            on_progress: Called with (bytes sent, bytes in all; 0 where that is not known).
            timeout_s: Of a stream's each try, of an upload by URL in all; None: no limit but the server's.
        """
        header = _content.header(
            parent, media_type, external_id, labels, subject=subject, upload_id=upload_id, sha256=sha256
        )
        return await self._uploader.upload(header, source, via=via, timeout_s=timeout_s, on_progress=on_progress)

    async def download(
        self, name: str, *, zone: resources_pb2.Zone.ValueType = resources_pb2.ZONE_CLEAN, via: Via = "auto"
    ) -> bytes:
        """The whole content of an asset. Raises DataLoss CHECKSUM_MISMATCH if that is not what arrives."""
        return await self._downloader.content(name, zone, via)

    async def download_to(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        zone: resources_pb2.Zone.ValueType = resources_pb2.ZONE_CLEAN,
        via: Via = "auto",
        on_progress: OnProgress | None = None,
    ) -> resources_pb2.Content:
        """Writes the content of an asset to a file, which is there only when it is whole and its SHA-256 right.

        Goes on where it was when the server goes away meanwhile. Raises DataLoss CHECKSUM_MISMATCH.
        """
        return await self._downloader.to_file(name, zone, Path(path), via, on_progress)

    async def download_chunks(
        self,
        name: str,
        *,
        zone: resources_pb2.Zone.ValueType = resources_pb2.ZONE_CLEAN,
        offset_bytes: int = 0,
        length_bytes: int = 0,
    ) -> AsyncIterator[bytes]:
        """The content of an asset, piece by piece."""
        request = service_pb2.DownloadAssetRequest(
            name=name, zone=zone, offset_bytes=offset_bytes, length_bytes=length_bytes
        )
        async for message in self.download_asset(request):
            if message.WhichOneof("part") == "chunk":
                yield message.chunk

    def close(self) -> None:
        """Closes what was opened besides the channel."""
        self._by_url.close()


class Client(AsyncServices):
    """A connection to Labelmill, for asyncio; one per program is enough.

        async with labelmill.aio.Client() as client:
            project = await client.projects.get_project(GetProjectRequest(name="projects/demo"))

    Args:
        address: host:port; None: LABELMILL_ADDRESS, else what `labelmill up` wrote on this machine.
        api_key: None: LABELMILL_API_KEY, else the key that `labelmill up` wrote for that address.
        tls_ca: PEM file of the authority that signed the server's certificate; None: LABELMILL_CA_FILE, else no TLS.
        timeout_s: How long a unary call may take in all, tries and waits included; each call can set its own.
        retry: How calls that found no server are repeated; None: the default.
    """

    anonymization: Anonymization
    storage: Storage

    def __init__(
        self,
        address: str | None = None,
        api_key: str | None = None,
        *,
        tls_ca: Path | str | None = None,
        timeout_s: float = 30.0,
        retry: Retry | None = None,
    ) -> None:
        connection = _connection.resolve(address, api_key, tls_ca)
        self._transport = Transport(connection, timeout_s=timeout_s, retry=retry or Retry())
        super().__init__(self._transport)
        self.anonymization = Anonymization(self._transport)
        self.storage = Storage(self._transport)
        self._operations = operations_pb2_grpc.OperationsStub(self._transport.channel)
        self._health: Any = health_pb2_grpc.HealthStub(self._transport.channel)

    @property
    def address(self) -> str:
        """host:port of the server."""
        return self._transport.address

    async def operation(self, name: str) -> Operation[Message, Message]:
        """Picks an operation up again by its name, in whichever program started it."""
        request = operations_pb2.GetOperationRequest(name=name)
        message: Any = await self._transport.unary(self._operations.GetOperation, request, extra=service_hint(name))
        return Operation(self._transport, message)

    async def list_operations(self, project: str, *, filter: str = "") -> AsyncIterator[Operation[Message, Message]]:  # noqa: A002
        """A project's operations, service by service, oldest first.

        Args:
            project: projects/{project}.
            filter: AIP-160 over done, kind, create_time_ms, update_time_ms: "done = false".
        """
        listing: Listing[Any, Any, Any] = Listing(self._transport, self._operations.ListOperations, "operations")
        async for message in listing(operations_pb2.ListOperationsRequest(name=project, filter=filter)):
            yield Operation(self._transport, message)

    async def health(self, service: str = "") -> str:
        """SERVING or NOT_SERVING, for one service ("storage") or all of them; NotFound if it is not hosted there."""
        request = health_pb2.HealthCheckRequest(service=service)
        response: Any = await self._transport.unary(self._health.Check, request)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)

    async def close(self) -> None:
        """Closes the connection; calls in flight are cancelled."""
        self.storage.close()
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
