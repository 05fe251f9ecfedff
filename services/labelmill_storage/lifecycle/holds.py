"""Legal holds: assets that must not go, whoever wants them to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labelmill_runtime.errors import AlreadyExists, FailedPrecondition, NotFound

HOLD_NAME = "projects/{project}/legalHolds/{legal_hold}"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold."""

    project: str
    id: str
    reason: str
    creator: str
    asset_count: int
    """How many assets it was put on."""
    create_time: datetime
    release_time: datetime | None = None
    """None while it holds."""

    @property
    def name(self) -> str:
        """projects/{project}/legalHolds/{legal_hold}."""
        return hold_name(self.project, self.id)


class HoldNotFound(NotFound):
    """There is no such hold."""

    def __init__(self, name: str) -> None:
        message = "There is no such legal hold."
        super().__init__("HOLD_NOT_FOUND", message, resource=("labelmill.io/LegalHold", name))


class HoldExists(AlreadyExists):
    """The id is taken, maybe by a hold that was released."""

    def __init__(self, name: str) -> None:
        message = "There is a legal hold with this id, or there was one; take another id."
        super().__init__("HOLD_EXISTS", message, resource=("labelmill.io/LegalHold", name))


class HoldReleased(FailedPrecondition):
    """It was released before."""

    def __init__(self, name: str) -> None:
        message = "The legal hold was released already."
        super().__init__("HOLD_RELEASED", message, resource=("labelmill.io/LegalHold", name))


def hold_name(project: str, hold_id: str) -> str:
    """The resource name of a hold."""
    return f"projects/{project}/legalHolds/{hold_id}"
