"""Anonymizes one page of assets: reads RAW, transforms, makes signed receipts. Changes nothing anywhere.

An asset passes only with a receipt; everything that goes wrong with one fails that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.errors import AssetTooLarge, TextNotUtf8, UnsupportedMediaType
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.patience import anonymize_patiently
from labelmill_anonymization.policy import PolicyVersion
from labelmill_anonymization.ports import (
    Admission,
    Anonymizer,
    AssetPage,
    AssetZones,
    RawAsset,
    ReceiptRecord,
    ReceiptSigner,
    Records,
)
from labelmill_anonymization.receipt import Receipt, make_receipt, receipt_name
from labelmill_anonymization.tally import Failure
from labelmill_runtime.errors import LabelmillError


@dataclass
class Prepared:
    """A page that is ready to be stored and admitted."""

    next_token: str
    total: int
    began_ms: int
    """Before the assets were listed."""
    records: list[ReceiptRecord] = field(default_factory=list)
    admissions: list[Admission] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    admitted_before: list[Receipt] = field(default_factory=list)
    """Admitted by this very operation before it was interrupted."""
    skipped: int = 0
    """Clean under this policy version before the operation."""


@dataclass(frozen=True)
class AssetAnonymizer:
    """Prepares assets under one policy version for one operation."""

    policy: PolicyVersion
    keys: ProjectKeys
    operation: str
    assets: AssetZones
    anonymizer: Anonymizer
    records: Records
    signer: ReceiptSigner
    max_bytes: int
    now_ms: Callable[[], int]

    async def prepare(self, listed: AssetPage, began_ms: int) -> Prepared:
        """Everything about a page that can be done without changing anything."""
        page = Prepared(listed.next_token, listed.total, began_ms)
        todo = await self._without_clean_ones(listed.assets, page)
        readable = [asset for asset in todo if self._is_readable(asset, page)]
        contents = await self.assets.read_raw(self.policy.project, [a.name for a in readable]) if readable else {}
        versions = await self.anonymizer.versions()
        outcomes = await asyncio.gather(*(self._one(a.name, contents[a.name], versions) for a in readable))
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                page.failures.append(outcome)
            else:
                record, admission = outcome
                page.records.append(record)
                page.admissions.append(admission)
        return page

    async def _without_clean_ones(self, listed: Sequence[RawAsset], page: Prepared) -> list[RawAsset]:
        expected = {asset.name: receipt_name(asset.name, self.policy) for asset in listed}
        clean = [asset for asset in listed if asset.receipt == expected[asset.name]]
        known = await self.records.known_receipts([expected[a.name] for a in clean]) if clean else {}
        page.admitted_before += [receipt for operation, receipt in known.values() if operation == self.operation]
        page.skipped = len(known) - len(page.admitted_before)
        return [asset for asset in listed if asset.receipt != expected[asset.name] or asset.receipt not in known]

    def _is_readable(self, asset: RawAsset, page: Prepared) -> bool:
        if not asset.media_type.startswith("text/"):
            page.failures.append(Failure(asset.name, UnsupportedMediaType()))
        elif asset.size_bytes > self.max_bytes:
            page.failures.append(Failure(asset.name, AssetTooLarge(self.max_bytes)))
        else:
            return True
        return False

    async def _one(
        self, asset: str, raw: bytes | LabelmillError, versions: tuple[str, ...]
    ) -> tuple[ReceiptRecord, Admission] | Failure:
        if isinstance(raw, LabelmillError):
            return Failure(asset, raw)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            return Failure(asset, TextNotUtf8())
        try:
            clean = await anonymize_patiently(self.anonymizer, text, self.policy.policy, self.keys)
        except LabelmillError as error:
            return Failure(asset, error)
        receipt = self.signer.sign(
            make_receipt(
                asset=asset, policy=self.policy, raw=raw, clean=clean, detector_versions=versions, now_ms=self.now_ms()
            )
        )
        return ReceiptRecord(receipt, clean.offsets, self.operation), Admission(receipt, clean.text.encode())
