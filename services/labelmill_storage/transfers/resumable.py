"""An upload that outlives its connection: what is known of it, and how it may be refused. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from labelmill_runtime.errors import Aborted, FailedPrecondition, NotFound

UPLOAD_NAME = "projects/{project}/uploads/{upload}"


@dataclass(frozen=True, slots=True)
class Announced:
    """What the first header said about the content that is to come."""

    media_type: str = ""
    external_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    subject_hash: str = ""
    size_bytes: int = 0
    sha256: str = ""

    def digest(self, upload_id: str) -> str:
        """By which another header is told; it stays when the header goes, so it must not give it away."""
        text = json.dumps([upload_id, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload."""

    project: str
    id: str
    handle: str
    """The object store's own name for it."""
    direct: bool
    """Put by URL instead of streamed."""
    announced: Announced
    """Empty but for the size once it is finished."""
    digest: str
    """Of what was announced; see `Announced.digest`."""
    create_time: datetime
    expire_time: datetime
    asset_id: str = ""
    """The asset that it became; empty while it is not finished."""

    @property
    def name(self) -> str:
        """projects/{project}/uploads/{upload}."""
        return upload_name(self.project, self.id)


class UploadNotFound(NotFound):
    """There is no such upload, or it expired."""

    def __init__(self, name: str) -> None:
        super().__init__("UPLOAD_NOT_FOUND", "There is no such upload.", resource=("labelmill.io/Upload", name))


class UploadFinished(FailedPrecondition):
    """It became an asset already."""

    def __init__(self, name: str) -> None:
        message = "The upload is finished: it became an asset."
        super().__init__("UPLOAD_FINISHED", message, resource=("labelmill.io/Upload", name))


class UploadChanged(FailedPrecondition):
    """The id was used before, for something else."""

    def __init__(self, name: str) -> None:
        message = "The upload began with another header, or another way; take a new upload_id for another content."
        super().__init__("UPLOAD_CHANGED", message, resource=("labelmill.io/Upload", name))


class UploadIncomplete(FailedPrecondition):
    """Nothing was put by its URL."""

    def __init__(self, name: str) -> None:
        message = "Nothing was put by the upload's URL yet."
        super().__init__("UPLOAD_INCOMPLETE", message, resource=("labelmill.io/Upload", name))


class OffsetMismatch(Aborted):
    """A stream that would leave a gap, or repeat what is there."""

    def __init__(self, received_bytes: int) -> None:
        super().__init__(
            "OFFSET_MISMATCH",
            f"The upload goes on at byte {received_bytes}.",
            metadata={"received_bytes": str(received_bytes)},
            fields={"header.offset_bytes": f"must be {received_bytes}"},
        )


def upload_name(project: str, upload_id: str) -> str:
    """The resource name of an upload."""
    return f"projects/{project}/uploads/{upload_id}"
