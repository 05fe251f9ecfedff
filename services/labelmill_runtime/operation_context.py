"""What the code of a long-running operation has in hand: its checkpoint, progress, and whether to stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.errors import Cancelled
from labelmill_runtime.operation_rows import Claim, OperationRows
from labelmill_runtime.principal import Principal


class OperationCancelled(Cancelled):
    """The operation was cancelled by a caller."""

    def __init__(self) -> None:
        super().__init__("OPERATION_CANCELLED", "The operation was cancelled.")


class OperationInterrupted(asyncio.CancelledError):
    """This process must stop working on the operation: it drains, or another process has taken over.

    A CancelledError, so that the operation's own error handling lets it pass; nothing is recorded as failed.
    """


class OperationContext:
    """Handed to the code that runs an operation.

    Attributes:
        name: "projects/{project}/operations/{service}-{ulid}".
        project: The project id.
        checkpoint: What the last `progress(checkpoint=...)` stored, also by a process that has died; {} at first.
        principal: Who started the operation.
    """

    def __init__(
        self,
        rows: OperationRows,
        claim: Claim,
        *,
        project: str,
        principal: Principal,
        checkpoint: dict[str, Any],
        metadata: Message,
        now_ms: Callable[[], int],
    ) -> None:
        self.name = claim.name
        self.project = project
        self.principal = principal
        self.checkpoint = checkpoint
        self._metadata = metadata
        self._rows = rows
        self._claim = claim
        self._now_ms = now_ms
        self._cancelled = False
        self._interrupted = False

    @property
    def metadata(self) -> Message:
        """The metadata as last stored."""
        return self._metadata

    def cancelled(self) -> bool:
        """Whether a caller asked to cancel."""
        return self._cancelled

    async def progress(self, metadata: Message | None = None, checkpoint: dict[str, Any] | None = None) -> None:
        """Stores how far the work has come, durably; call it where the work could be resumed.

        Raises:
            OperationCancelled: A caller asked to cancel; clean up and let it pass.
            OperationInterrupted: This process must stop; what was stored now is where the next one goes on.
        """
        values: dict[str, Any] = {}
        if metadata is not None:
            values["metadata"] = packed(metadata).SerializeToString()
        if checkpoint is not None:
            values["checkpoint"] = json.dumps(checkpoint)
        if not await self._rows.save(self._claim, self._now_ms(), values):
            raise OperationInterrupted("another process has taken over")
        if metadata is not None:
            self._metadata = metadata
        if checkpoint is not None:
            self.checkpoint = dict(checkpoint)
        self.raise_if_stopped()

    async def hold(self, session: AsyncSession) -> None:
        """Makes a transaction of the operation's own depend on still owning it, so that a zombie writes nothing.

        Raises:
            OperationInterrupted: Another process has taken over.
        """
        if not await self._rows.hold(session, self._claim, self._now_ms()):
            raise OperationInterrupted("another process has taken over")

    def raise_if_stopped(self) -> None:
        """Raises as `progress` does, without storing anything."""
        if self._cancelled:
            raise OperationCancelled
        if self._interrupted:
            raise OperationInterrupted("this process is draining")

    def ask_to_cancel(self) -> None:
        """Makes the next `progress` raise OperationCancelled; for the runner."""
        self._cancelled = True

    def ask_to_stop(self) -> None:
        """Makes the next `progress` raise OperationInterrupted; for the runner."""
        self._interrupted = True


def packed(message: Message) -> AnyMessage:
    """The message in an Any."""
    box = AnyMessage()
    box.Pack(message)
    return box
