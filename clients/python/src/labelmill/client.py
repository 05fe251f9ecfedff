"""The client for ordinary, blocking programs; usable from several threads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from google.protobuf.message import Message

from labelmill import aio
from labelmill._anonymizing import PolicyGiven
from labelmill._content import OnProgress
from labelmill._portal import Portal, SyncListing, SyncOperation
from labelmill._retry import Retry
from labelmill._services import AnonymizationService, StorageService, SyncServices
from labelmill._uploading import Via
from labelmill.anonymization.v1 import service_pb2 as anonymization_pb2
from labelmill.storage.v1 import resources_pb2

__all__ = ["Anonymization", "Client", "Operation", "Storage", "SyncListing"]

Operation = SyncOperation


class Anonymization(AnonymizationService):
    """The anonymization service, with a text in one call."""

    def __init__(self, portal: Portal, service: aio.Anonymization) -> None:
        super().__init__(portal, service)
        self._anonymization = service

    def anonymize(
        self, parent: str, text: str, policy: PolicyGiven, *, subject: str = "", timeout_s: float | None = None
    ) -> anonymization_pb2.AnonymizeTextResponse:
        """Anonymizes one text and keeps nothing. Texts of threads at the same moment share calls.

        A busy server lets them wait, where AnonymizeText would refuse them.

        Args:
            parent: projects/{project}: the key of hashes and pseudonyms.
            text: At most 100,000 code points.
            policy: The name of a kept or ready one, or one that is not kept.
            subject: Whom the text is about, as your own id.
            timeout_s: Tries and waits included; None: the client's.
        """
        return self._portal.call(
            self._anonymization.anonymize(parent, text, policy, subject=subject, timeout_s=timeout_s)
        )


class Storage(StorageService):
    """The storage service, with whole contents up and down in one call.

    Small contents that threads send or read at the same time share calls, each with an outcome of its own; those above
    4 MiB go by URL straight to the object store and back, where it serves URLs and can be reached. `via` says
    otherwise.
    """

    def __init__(self, portal: Portal, service: aio.Storage) -> None:
        super().__init__(portal, service)
        self._storage = service

    def upload(
        self,
        parent: str,
        source: str | os.PathLike[str] | bytes | Iterable[bytes],
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
            source: A path, bytes, or an iterable of bytes, which is always streamed. A path or bytes is sent again when
                the server goes away meanwhile, as a stream above 4 MiB from where it was; the same content twice is
                one asset.
            media_type: Such as "text/plain"; empty: told from the content.
            external_id: The name that your own system has for it.
            labels: For filters.
            subject: The data subject whom it is about, as your own pseudonymous id: for erasure.
            upload_id: A UUID of your own, by which another run of your program goes on where this one ended; a path or
                bytes is then sent so whatever its size.
            sha256: In hex, if you know it: a large content is then read once less. Compared with what arrives.
            via: "auto", "stream" (through the service, in a call of its own) or "url" (past it, or not at all).
            on_progress: Called with (bytes sent, bytes in all; 0 where that is not known), from another thread.
            timeout_s: Of a stream's each try, of an upload by URL in all; None: no limit but the server's.
        """
        given = source if isinstance(source, (bytes, str, os.PathLike)) else self._portal.feed(source)
        return self._portal.call(
            self._storage.upload(
                parent,
                given,
                media_type=media_type,
                external_id=external_id,
                labels=labels,
                subject=subject,
                upload_id=upload_id,
                sha256=sha256,
                via=via,
                on_progress=on_progress,
                timeout_s=timeout_s,
            )
        )

    def download(
        self, name: str, *, zone: resources_pb2.Zone.ValueType = resources_pb2.ZONE_CLEAN, via: Via = "auto"
    ) -> bytes:
        """The whole content of an asset. Raises DataLoss CHECKSUM_MISMATCH if that is not what arrives."""
        return self._portal.call(self._storage.download(name, zone=zone, via=via))

    def download_to(
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
        return self._portal.call(self._storage.download_to(name, path, zone=zone, via=via, on_progress=on_progress))

    def download_chunks(
        self,
        name: str,
        *,
        zone: resources_pb2.Zone.ValueType = resources_pb2.ZONE_CLEAN,
        offset_bytes: int = 0,
        length_bytes: int = 0,
    ) -> Iterator[bytes]:
        """The content of an asset, piece by piece."""
        return self._portal.iterate(
            self._storage.download_chunks(name, zone=zone, offset_bytes=offset_bytes, length_bytes=length_bytes)
        )


class Client(SyncServices):
    """A connection to Labelmill; one per program is enough, threads may share it.

        with labelmill.Client() as client:
            project = client.projects.get_project(GetProjectRequest(name="projects/demo"))

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
        self._portal = Portal()

        async def connect() -> aio.Client:  # in the loop that will use the channel
            return aio.Client(address, api_key, tls_ca=tls_ca, timeout_s=timeout_s, retry=retry)

        self._client = self._portal.call(connect())
        super().__init__(self._portal, self._client)
        self.anonymization = Anonymization(self._portal, self._client.anonymization)
        self.storage = Storage(self._portal, self._client.storage)

    @property
    def address(self) -> str:
        """host:port of the server."""
        return self._client.address

    def operation(self, name: str) -> Operation[Message, Message]:
        """Picks an operation up again by its name, in whichever program started it."""
        return Operation(self._portal, self._portal.call(self._client.operation(name)))

    def list_operations(self, project: str, *, filter: str = "") -> Iterator[Operation[Message, Message]]:  # noqa: A002
        """A project's operations, service by service, oldest first.

        Args:
            project: projects/{project}.
            filter: AIP-160 over done, kind, create_time_ms, update_time_ms: "done = false".
        """
        for operation in self._portal.iterate(self._client.list_operations(project, filter=filter)):
            yield Operation(self._portal, operation)

    def health(self, service: str = "") -> str:
        """SERVING or NOT_SERVING, for one service ("storage") or all of them; NotFound if it is not hosted there."""
        return self._portal.call(self._client.health(service))

    def close(self) -> None:
        """Closes the connection; calls in flight are cancelled."""
        self._portal.call(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
