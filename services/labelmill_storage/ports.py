"""What storage needs from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from labelmill_runtime.errors import Aborted, DataLoss, FailedPrecondition, LabelmillError
from labelmill_storage.assets import Asset, Content, Draft, Recorded, Zone
from labelmill_storage.contents.samples import Sample
from labelmill_storage.gate.audit import AuditRecord, Entry, Head, SignedHead
from labelmill_storage.gate.exceptions import Copied
from labelmill_storage.gate.receipts import Admission
from labelmill_storage.gate.zones import Roles
from labelmill_storage.transfers.resumable import Upload


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """Where an object is: once per zone and project, under its SHA-256, or where `location` says."""

    zone: Zone
    project: str
    sha256: str
    location: str = ""
    """Set where the store could not put an object under its SHA-256, because that was known only at its end."""

    @property
    def path(self) -> str:
        """<project>/<aa>/<sha256>; its parts are validated ids and hex digits."""
        return self.location or f"{self.project}/{self.sha256[:2]}/{self.sha256}"


def key_of(zone: Zone, project: str, content: Content) -> ObjectKey:
    """Where a content is."""
    return ObjectKey(zone, project, content.sha256, content.location)


class ObjectMissing(DataLoss):
    """A recorded object that the store does not have."""

    def __init__(self) -> None:
        super().__init__("OBJECT_MISSING", "The stored content is missing.")


class UploadActive(Aborted):
    """Another connection writes to the upload."""

    def __init__(self) -> None:
        super().__init__("UPLOAD_ACTIVE", "Another connection is writing to this upload.", retry_after_s=0.5)


class UrlsUnavailable(FailedPrecondition):
    """This store has no way to serve URLs."""

    def __init__(self) -> None:
        super().__init__("URLS_UNAVAILABLE", "This object store serves no URLs; see the service's settings.")


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL for one method on one object."""

    url: str
    method: str
    headers: Mapping[str, str]
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing of the store shows it."""

    path: str
    size_bytes: int
    modify_time: datetime


class StagedObject(Protocol):
    """An object that is being written; nobody can read it by its key before its commit."""

    @property
    def received_bytes(self) -> int:
        """How many bytes are in it, those of earlier connections included."""

    async def write(self, data: bytes) -> None:
        """Adds bytes."""

    @property
    def put_sha256(self) -> str:
        """The SHA-256 with which the store itself has compared all bytes when a URL brought them; empty: it did not."""

    async def seal(self) -> None:
        """Ends the writing: all bytes are durable and `read_back` and `read` can be called."""

    async def read(self, offset: int, length: int) -> bytes:
        """Bytes of a sealed object, or of one that a URL brought."""

    def read_back(self) -> AsyncIterator[bytes]:
        """The bytes of a sealed object, for checking what earlier connections brought."""

    async def commit(self, key: ObjectKey) -> str:
        """Seals it if need be and puts it in its place; durable when this returns.

        Returns:
            The location to record: empty when it is under its SHA-256 (see ObjectKey).
        """


class ObjectStore(Protocol):
    """Keeps bytes.

    Raises Unavailable STORE_UNAVAILABLE when it cannot be reached, ResourceExhausted STORE_FULL when it is full.
    """

    def stage(self, zone: Zone, project: str) -> AbstractAsyncContextManager[StagedObject]:
        """Begins an object; what was not committed when the block ends is gone."""

    async def begin_upload(self, zone: Zone, project: str, size_bytes: int, *, by_url: bool = False) -> str:
        """Begins an object that outlives connections and processes; returns the handle to continue it by.

        Args:
            zone: Where it is to be.
            project: Whose it is.
            size_bytes: 0 where it is not known.
            by_url: It will come as a whole, by `upload_url`.
        """

    def continue_upload(self, zone: Zone, handle: str) -> AbstractAsyncContextManager[StagedObject]:
        """Goes on writing; when the block ends without a commit, what is durable stays for the next time.

        Raises:
            Aborted: UPLOAD_ACTIVE, somebody else is writing to it.
            ObjectMissing: The store no longer has it.
        """

    async def received(self, zone: Zone, handle: str) -> int:
        """How many bytes of an upload are durable; makes durable what can be. Raises like continue_upload."""

    async def drop_upload(self, zone: Zone, handle: str) -> None:
        """Throws an upload away; one that is gone already is fine.

        Not for one that was committed: its object may go.
        """

    async def upload_url(self, zone: Zone, handle: str, expires_in_s: int, sha256: str = "") -> SignedUrl:
        """A URL to PUT the whole of an upload by; with a SHA-256, no other bytes, where the store can see to that.

        Raises UrlsUnavailable.
        """

    async def download_url(self, key: ObjectKey, content: Content, expires_in_s: int) -> SignedUrl:
        """A URL to GET an object by; answers carry the content's media type and no name. Raises UrlsUnavailable."""

    async def put_many(self, objects: Mapping[ObjectKey, bytes]) -> None:
        """Writes many small objects; all are durable when this returns."""

    async def read(self, key: ObjectKey, offset: int, length: int) -> bytes:
        """Bytes of an object, fewer where it ends; ObjectMissing if there is none."""

    async def read_many(self, keys: Sequence[ObjectKey]) -> list[bytes | LabelmillError]:
        """Many small objects as a whole, in order."""

    async def exists(self, key: ObjectKey) -> bool:
        """Whether there is such an object."""

    async def remove_many(self, zone: Zone, paths: Sequence[str]) -> None:
        """Removes objects by ObjectKey.path, durably; those that are gone already are fine."""

    def list_objects(self, zone: Zone) -> AsyncIterator[Sequence[ListedObject]]:
        """All committed objects of a zone, page by page; for finding those that no record knows."""

    async def start(self) -> None:
        """Begins to serve URLs, where the store itself does that."""

    async def sweep(self) -> int:
        """Removes what dead processes left staged; returns how many objects that were. Uploads are not touched."""

    async def ping(self) -> bool:
        """Whether the store answers; for readiness."""

    async def close(self) -> None:
        """Releases threads and connections."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of assets."""

    assets: Sequence[Asset]
    next_cursor: int | None
    total_size: int


class AssetWriter(Protocol):
    """Writes assets within one transaction that somebody else commits."""

    async def add(self, drafts: Sequence[Draft]) -> list[Recorded | LabelmillError]:
        """Records drafts of one project; one whose asset is there already changes nothing.

        Errors of single drafts: CONTENT_ERASED, SUBJECT_ERASED, QUOTA_EXCEEDED.

        Raises:
            Aborted: CONTENT_REMOVED_MEANWHILE, an object of theirs went between its writing and now.
        """

    async def admit(self, project: str, admissions: Sequence[Admission]) -> list[Recorded | LabelmillError]:
        """Records clean contents and their receipts; rejects reused and superseded receipts one by one."""

    async def admit_by_exception(
        self, project: str, reason: str, copies: Sequence[Copied]
    ) -> tuple[str, dict[str, Recorded | LabelmillError]]:
        """Records RAW contents that were copied into CLEAN, and the exception that admits them.

        Errors of single ones: ASSET_NOT_FOUND, ALREADY_CLEAN, CONTENT_REMOVED, QUOTA_EXCEEDED.

        Returns:
            The exception's name, empty if it admits nothing, and what became of each asset, by id.

        Raises:
            Aborted: CONTENT_REMOVED_MEANWHILE.
        """


class AssetRecords(Protocol):
    """Knows the assets."""

    async def get(self, project: str, asset_id: str) -> Asset | None:
        """One asset."""

    async def get_many(self, project: str, asset_ids: Sequence[str]) -> dict[str, Asset]:
        """Those that exist, by id."""

    async def page(self, project: str, filter_text: str, after: int, size: int) -> Page:
        """Assets in the order of their creation, after a cursor; raises INVALID_FILTER."""

    async def erased(self, drafts: Sequence[Draft]) -> dict[str, LabelmillError]:
        """Of drafts of one project that are not recorded, those that were erased, by asset id; `add` refuses them."""

    async def note_blocks(self, project: str, asset_id: str, zone: Zone, content: Content) -> None:
        """Keeps the block digests of a content that was recorded without."""

    async def about_to_write(self, keys: Sequence[ObjectKey]) -> Mapping[ObjectKey, int]:
        """Must be called before objects are written: recording them can then tell a removal since from one before.

        Returns:
            For each key the last removal that is known, for Content.last_removal.
        """

    def writing(self) -> AbstractAsyncContextManager[AssetWriter]:
        """A transaction of its own."""

    def writer(self, transaction: Any) -> AssetWriter:
        """The writer within a transaction that is open already."""


class UploadRecords(Protocol):
    """Knows the uploads that outlive their connections."""

    async def get(self, project: str, upload_id: str) -> Upload | None:
        """One upload, also one that has expired."""

    async def begin(self, upload: Upload) -> None:
        """Notes a new one.

        Raises:
            Aborted: UPLOAD_ACTIVE, somebody else began one of this id just now.
            ResourceExhausted: QUOTA_EXCEEDED, what it announces does not fit.
        """

    async def extend(self, upload: Upload, expire_time: datetime) -> None:
        """Lets it live longer."""

    async def finish(self, upload: Upload, draft: Draft, transaction: Any = None) -> Recorded | LabelmillError:
        """Records the asset and what the upload became, in one transaction; a refused one is forgotten.

        Args:
            upload: The upload.
            draft: What it is to become.
            transaction: One that is open already; None: one of its own.

        Raises:
            Aborted: CONTENT_REMOVED_MEANWHILE; nothing has changed.
            NotFound: UPLOAD_NOT_FOUND, it was condemned meanwhile; nothing has changed.
        """

    async def condemn(self, upload: Upload) -> bool:
        """Says that its object is about to go; from then on nobody can finish it, here or in another process.

        Returns:
            False if it is finished or gone: its object may be an asset's by now and must stay.
        """

    async def end(self, upload: Upload, asset_id: str, expire_time: datetime) -> None:
        """Says that it became an asset that was there already."""

    async def forget(self, upload: Upload, transaction: Any = None) -> None:
        """Removes it; within a transaction that is open already, if one is given."""

    async def expired(self, at: datetime, limit: int) -> Sequence[Upload]:
        """Some of those whose time is over."""


class EgressMeter(Protocol):
    """Counts the bytes that leave a project, by day."""

    async def check(self, project: str, roles: Roles) -> None:
        """Before a read: raises QuotaExceeded once the day's bytes reached the limit; services are let through."""

    def count(self, project: str, size_bytes: int) -> None:
        """Notes bytes that leave; cheap, written down a few seconds later."""

    async def flush(self) -> None:
        """Writes down what was counted."""

    def forget_limits(self) -> None:
        """Reads limits anew at the next check, since one has changed."""


class AuditLog(Protocol):
    """The projects' audit logs."""

    async def record(self, project: str, records: Sequence[AuditRecord]) -> None:
        """Writes entries in a transaction of its own, in the name of the current principal; durable when this returns.

        For what happens outside of a transaction, such as a read of RAW content: call it before it happens.
        """

    async def head(self, project: str) -> Head:
        """The end of a project's chain."""

    async def page(self, project: str, filter_text: str, before: int | None, size: int) -> Sequence[Entry]:
        """Entries before a sequence number, newest first, at most `size`; raises INVALID_FILTER."""

    def export(self, project: str, first: int, last: int) -> AsyncIterator[Sequence[Entry]]:
        """The entries from `first` to `last`, in order, in pieces that fit into a message."""

    async def grown(self) -> Sequence[Head]:
        """The heads that were not anchored yet."""

    async def anchored(self, head: Head) -> None:
        """Says that a head was written down outside."""

    async def hash_at(self, project: str, sequence: int) -> str | None:
        """The hash of one entry; None where there is none."""


class HeadSigner(Protocol):
    """Signs heads of the audit log."""

    def sign_head(self, head: Head) -> SignedHead:
        """A head, dated and signed."""


class AuditAnchors(Protocol):
    """Keeps heads of the audit log outside of the database. Raises Unavailable STORE_UNAVAILABLE."""

    async def write(self, head: SignedHead) -> None:
        """Adds a head; durable when this returns. One that is there already does no harm."""

    async def newest(self, project: str, count: int) -> Sequence[SignedHead]:
        """The newest heads of a project, oldest first; what cannot be read comes as a head that no signature fits."""

    async def close(self) -> None:
        """Releases connections."""


class ProjectDirectory(Protocol):
    """Knows which projects there are."""

    async def require(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND for one that does not exist."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a closer look at a content has told; empty or None where nothing."""

    media_type: str = ""
    """Of one whose type was unknown before."""
    language: str = ""
    duration_ms: int | None = None
    image_size: tuple[int, int] | None = None


class Prober(Protocol):
    """Knows libraries that read many formats."""

    async def probe(self, contents: Sequence[tuple[str, Sample]]) -> list[Findings]:
        """Looks at contents of given media types, in order; never fails: what cannot be told in time stays unknown."""


class TrustedKeys(Protocol):
    """The anonymization keys whose receipts open CLEAN."""

    def verify(self, key_id: str, signed: bytes, signature: bytes) -> bool | None:
        """Whether the signature holds; None for a key that is not trusted. May read files: call it in a thread."""
