"""Looks at some assets of the sample: reads both zones, runs the stricter pass, compares."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from labelmill_anonymization.errors import ReceiptNotFound, TextNotUtf8
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.ports import Anonymizer, AssetZones, ServiceRecords
from labelmill_anonymization.receipt import Receipt
from labelmill_anonymization.risk.second_look import Suspicion, look, stricter
from labelmill_runtime.errors import LabelmillError, NotFound


class NameLists(Protocol):
    """Knows names of people and places."""

    def find(self, text: str) -> Iterable[tuple[int, int]]:
        """(start, end) of each listed name in a text."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """An asset of the sample, and the receipt by which it was in CLEAN when it was drawn."""

    asset: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in an asset; neither gone nor with an error: it was searched."""

    asset: str
    suspicions: Sequence[Suspicion] = ()
    transformed: int = 0
    is_gone: bool = False
    """Erased, or its clean content replaced, since it was drawn."""
    error: LabelmillError | None = None


@dataclass(frozen=True)
class SecondLook:
    """Looks at assets of one project."""

    project: str
    keys: ProjectKeys
    assets: AssetZones
    anonymizer: Anonymizer
    records: ServiceRecords
    names: NameLists

    async def look_at(self, sampled: Sequence[Sampled]) -> list[Looked]:
        """What is suspicious in each, in order; values are held in memory only."""
        wanted = [one.asset for one in sampled]
        raw, clean, receipts = await asyncio.gather(
            self.assets.read_raw(self.project, wanted),
            self.assets.read_clean(self.project, wanted),
            self.records.known_receipts([one.receipt for one in sampled]),
        )
        known = {name: receipt for name, (_, receipt) in receipts.items()}
        return list(
            await asyncio.gather(
                *(self._one(one, raw[one.asset], clean[one.asset], known.get(one.receipt)) for one in sampled)
            )
        )

    async def _one(
        self, one: Sampled, raw: bytes | LabelmillError, clean: bytes | LabelmillError, receipt: Receipt | None
    ) -> Looked:
        if any(isinstance(content, NotFound) for content in (raw, clean)):
            return Looked(one.asset, is_gone=True)
        try:
            if receipt is None:
                raise ReceiptNotFound(one.receipt)
            if isinstance(clean, bytes) and hashlib.sha256(clean).hexdigest() != receipt.clean_sha256:
                return Looked(one.asset, is_gone=True)
            return await self._search(one.asset, _text(raw), _text(clean), receipt)
        except LabelmillError as error:
            return Looked(one.asset, error=error)

    async def _search(self, asset: str, raw: str, clean: str, receipt: Receipt) -> Looked:
        policy_id = receipt.policy.rpartition("/")[2]
        version = await self.records.policy_version(self.project, policy_id, receipt.policy_version)
        offsets = await self.records.offsets(receipt.name)
        again = await patiently(lambda: self.anonymizer.anonymize(clean, stricter(version.policy), self.keys))
        found = [applied.finding for applied in again.findings]
        suspicions = look(asset, raw, clean, offsets, version.policy, found, self.names.find(clean))
        return Looked(asset, suspicions, len(offsets.segments))


def _text(content: bytes | LabelmillError) -> str:
    if isinstance(content, LabelmillError):
        raise content
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise TextNotUtf8 from None
