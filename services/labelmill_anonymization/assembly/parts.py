"""What every area is made from, and what an area is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from google.protobuf.descriptor import FileDescriptor

from labelmill_anonymization.adapters.sql import SqlRecords
from labelmill_anonymization.contents.handling import ContentHandler
from labelmill_anonymization.keyring.project_keys import ProjectKeyring
from labelmill_anonymization.ports import Anonymizer, AssetZones, Projects, ReceiptSigner
from labelmill_anonymization.servicers.policy_source import PolicySources
from labelmill_anonymization.settings import AnonymizationSettings
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import AddServicer, RuntimeContext


@dataclass(frozen=True)
class Parts:
    """What the areas share."""

    settings: AnonymizationSettings
    context: RuntimeContext
    database: Database
    records: SqlRecords
    assets: AssetZones
    projects: Projects
    anonymizer: Anonymizer
    """Of texts, in worker processes."""
    keys: ProjectKeyring
    signer: ReceiptSigner
    requests: RequestLog
    operations: OperationStore
    policies: PolicySources


@dataclass(frozen=True)
class Area:
    """What one area adds to the service."""

    servicers: Sequence[tuple[AddServicer, object]] = ()
    descriptors: Sequence[FileDescriptor] = ()
    handlers: Sequence[ContentHandler] = ()
    """Of media types; for AnonymizeContent and AnonymizeAssets."""
    start: Sequence[Callable[[], Awaitable[None]]] = field(default=())
    """Called when the port is open."""
    close: Sequence[Callable[[], Awaitable[None]]] = field(default=())
    """Called when the last call has ended."""
