"""Anonymizes one page of assets: reads RAW, transforms, makes signed receipts. Changes nothing anywhere.

An asset passes only with a receipt; everything that goes wrong with one fails that one. Large assets are only listed
here and prepared one by one, when the page's others are through, so that memory does not grow with a page of films.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.contents.handling import ContentAnonymizer
from labelmill_anonymization.keyring.subject_keys import SubjectKeys
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.policy import PolicyVersion
from labelmill_anonymization.ports import (
    Admission,
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

LARGE_BYTES = 1024 * 1024
"""Assets above this are read by a stream of their own."""


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
    large: list[RawAsset] = field(default_factory=list)
    """Still to be prepared, by `AssetAnonymizer.prepare_large`."""

    def add(self, outcome: tuple[ReceiptRecord, Admission] | Failure) -> None:
        """Takes what became of an asset."""
        if isinstance(outcome, Failure):
            self.failures.append(outcome)
        else:
            self.records.append(outcome[0])
            self.admissions.append(outcome[1])


@dataclass(frozen=True)
class AssetAnonymizer:
    """Prepares assets under one policy version for one operation."""

    policy: PolicyVersion
    keys: SubjectKeys
    operation: str
    assets: AssetZones
    anonymizer: ContentAnonymizer
    records: Records
    signer: ReceiptSigner
    now_ms: Callable[[], int]
    subject_label: str = ""
    """The label that says whom an asset is about; without it an asset is a subject of its own."""

    async def prepare(self, listed: AssetPage, began_ms: int) -> Prepared:
        """Everything about a page that can be done without changing anything; large assets are left for later."""
        page = Prepared(listed.next_token, listed.total, began_ms)
        todo = await self._without_clean_ones(listed.assets, page)
        readable = [asset for asset in todo if self._is_readable(asset, page)]
        page.large = [asset for asset in readable if asset.size_bytes > LARGE_BYTES]
        small = [asset for asset in readable if asset.size_bytes <= LARGE_BYTES]
        contents = await self.assets.read_raw(self.policy.project, [a.name for a in small]) if small else {}
        for outcome in await asyncio.gather(*(self._one(asset, contents[asset.name]) for asset in small)):
            page.add(outcome)
        return page

    async def prepare_large(self, asset: RawAsset, began_ms: int) -> Prepared:
        """One large asset as a page of its own."""
        page = Prepared("", 1, began_ms)
        try:
            raw: bytes | LabelmillError = await self.assets.read_large(asset.name)
        except LabelmillError as error:
            raw = error
        page.add(await self._one(asset, raw))
        return page

    async def _without_clean_ones(self, listed: Sequence[RawAsset], page: Prepared) -> list[RawAsset]:
        expected = {asset.name: receipt_name(asset.name, self.policy) for asset in listed}
        clean = [asset for asset in listed if asset.receipt == expected[asset.name]]
        known = await self.records.known_receipts([expected[a.name] for a in clean]) if clean else {}
        page.admitted_before += [receipt for operation, receipt in known.values() if operation == self.operation]
        page.skipped = len(known) - len(page.admitted_before)
        return [asset for asset in listed if asset.receipt != expected[asset.name] or asset.receipt not in known]

    def _is_readable(self, asset: RawAsset, page: Prepared) -> bool:
        try:
            self.anonymizer.require(asset.media_type, asset.size_bytes)
        except LabelmillError as error:
            page.failures.append(Failure(asset.name, error))
            return False
        return True

    async def _one(self, asset: RawAsset, raw: bytes | LabelmillError) -> tuple[ReceiptRecord, Admission] | Failure:
        if isinstance(raw, LabelmillError):
            return Failure(asset.name, raw)
        subject = asset.labels.get(self.subject_label) or asset.name
        content = RawContent(raw, asset.media_type, subject=subject)
        try:
            keys = await self.keys.about(subject)
            clean = await patiently(lambda: self.anonymizer.anonymize(content, self.policy.policy, keys))
        except LabelmillError as error:
            return Failure(asset.name, error)
        receipt = self.signer.sign(
            make_receipt(asset=asset.name, policy=self.policy, raw=raw, clean=clean, now_ms=self.now_ms())
        )
        own = keys.subject_encryption.key_id if keys.subject_encryption else ""
        record = ReceiptRecord(receipt, clean.offsets, self.operation, own if own in clean.key_ids else "")
        return record, Admission(receipt, clean.data)
