"""The audit log of a running server, as an auditor sees it: by RPC, and by `labelmill audit`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from labelmill import audit
from labelmill.cli.main import app
from labelmill.storage.v1 import audit_service_pb2, audit_service_pb2_grpc, service_pb2
from tests.storage.client import PARENT, PROJECT, Storage

REASON = "No personal data: a public notice."


@dataclass(frozen=True)
class Log:
    """A whole log."""

    entries: list[Any]
    head: Any
    anchors: list[Any]

    def verify(self, **changes: Any) -> audit.Report:
        return audit.verify(self.entries, project=PROJECT, head=self.head, anchors=self.anchors, **changes)


async def export(storage: Storage, *, who: str = "owner", **values: Any) -> Log:
    """Everything, by ExportAuditLog."""
    stub = audit_service_pb2_grpc.AuditServiceStub(storage.channel)
    request = audit_service_pb2.ExportAuditLogRequest(**{"parent": PARENT, **values})
    messages = [m async for m in stub.ExportAuditLog(request, metadata=storage.as_(who), timeout=60)]
    last = messages[-1]
    assert not last.entries
    assert last.HasField("head")
    return Log([entry for message in messages for entry in message.entries], last.head, list(last.anchors))


async def listed(storage: Storage, *, who: str = "privacy_officer", **values: Any) -> Any:
    stub = audit_service_pb2_grpc.AuditServiceStub(storage.channel)
    request = audit_service_pb2.ListAuditEntriesRequest(**{"parent": PARENT, **values})
    return await stub.ListAuditEntries(request, metadata=storage.as_(who), timeout=60)


async def actions(storage: Storage) -> list[str]:
    return [entry.action for entry in (await export(storage)).entries]


async def cli(storage: Storage, *arguments: str, who: str = "privacy_officer") -> tuple[int, Any]:
    """A command's exit code and JSON document."""
    environment = {"LABELMILL_ADDRESS": storage.address, "LABELMILL_API_KEY": storage.keys[who]}
    given = ["audit", *arguments, "-p", PROJECT, "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, given, env=environment)
    documents = [line for line in result.stdout.splitlines() if line.startswith("{")]  # the server logs there, too
    assert len(documents) == 1, result.output
    return result.exit_code, json.loads(documents[0])


async def verified(storage: Storage, *arguments: str) -> tuple[int, set[str]]:
    """The exit code of `labelmill audit verify`, and the problems that it names."""
    code, report = await cli(storage, "verify", *arguments)
    return code, {finding["problem"] for finding in report["findings"]}


async def admit_by_exception(
    storage: Storage, names: Sequence[str], *, who: str = "privacy_officer", reason: str = REASON, **values: Any
) -> Any:
    request = service_pb2.BatchAdmitByExceptionRequest(**{"parent": PARENT, "names": names, "reason": reason, **values})
    return await storage.call("BatchAdmitByException", request, who=who)
