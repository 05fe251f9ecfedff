"""Heads of the audit log: signed on demand, and written down outside of the database as the log grows.

A chain of hashes shows what was altered within it, not that its end was cut off, nor that all of it was written anew.
Heads that lie elsewhere, the anchors, show that: the chain must pass through each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from labelmill_storage.gate.audit import Head, SignedHead
from labelmill_storage.ports import AuditAnchors, AuditLog, HeadSigner

SHOWN_ANCHORS = 1000
"""How many of the newest anchors an export brings."""


class Anchoring:
    """Signs heads and anchors them."""

    def __init__(self, log: AuditLog, anchors: AuditAnchors, signer: HeadSigner) -> None:
        self._log = log
        self._anchors = anchors
        self._signer = signer
        self._newest: dict[str, Head] = {}
        self._contradicted: set[str] = set()

    async def head(self, project: str) -> SignedHead:
        """The head that a project's log has now, signed."""
        return self._signer.sign_head(await self._log.head(project))

    async def anchors(self, project: str) -> Sequence[SignedHead]:
        """The newest anchors, oldest first."""
        return await self._anchors.newest(project, SHOWN_ANCHORS)

    async def write_grown(self) -> None:
        """Anchors each log that has grown since.

        A log that no longer passes through its newest anchor was tampered with: it gets no further anchors, so that
        this one stays among those that every check sees.
        """
        for head in await self._log.grown():
            if not await self._continues(head.project):
                continue
            await self._anchors.write(self._signer.sign_head(head))
            self._newest[head.project] = head
            await self._log.anchored(head)

    async def _continues(self, project: str) -> bool:
        if project not in self._newest:
            for anchor in await self._anchors.newest(project, 1):
                self._newest[project] = anchor.head
        newest = self._newest.get(project)
        if newest is None or await self._log.hash_at(project, newest.sequence) == newest.hash:
            return True
        if project not in self._contradicted:  # once: the rounds are many
            self._contradicted.add(project)
            structlog.get_logger().error("storage.audit_log_contradicts_its_anchor", sequence=newest.sequence)
        return False
