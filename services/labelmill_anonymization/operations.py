"""AnonymizeAssets: walks through a project's assets, page by page, and admits what it anonymized into CLEAN.

A page is stored (receipts and offset maps), then admitted, then checkpointed. Killed anywhere in between, the page is
done again: receipts have names of their own for asset and policy version, so nothing is lost and nothing doubles. While
one page is stored and admitted the next ones are already in the workers.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from labelmill.anonymization.v1 import service_pb2 as pb
from labelmill.type.v1 import progress_pb2
from labelmill_anonymization.asset_batch import AssetAnonymizer, Prepared
from labelmill_anonymization.contents.handling import ContentAnonymizer
from labelmill_anonymization.convert.scalars import counts_to_proto
from labelmill_anonymization.keyring.subject_keys import SubjectKeys
from labelmill_anonymization.ports import AssetZones, KeySource, ReceiptSigner, Records
from labelmill_anonymization.tally import Failure, Tally, first_failures
from labelmill_runtime.operations import OperationContext
from labelmill_runtime.status import to_status

KIND = "anonymize_assets"
_PAGES_AHEAD = 2


@dataclass(frozen=True)
class AnonymizeAssets:
    """Runs the operation; see the module."""

    assets: AssetZones
    anonymizer: ContentAnonymizer
    records: Records
    signer: ReceiptSigner
    keys: KeySource
    page_assets: int

    async def run(self, context: OperationContext, request: pb.AnonymizeAssetsRequest) -> pb.AnonymizeAssetsResponse:
        """Runs, or goes on after the last checkpoint."""
        metadata = pb.AnonymizeAssetsMetadata.FromString(context.metadata.SerializeToString())
        policy_id = metadata.policy.rpartition("/")[2]
        policy = await self.records.policy_version(context.project, policy_id, metadata.policy_version)
        work = AssetAnonymizer(
            policy=policy,
            keys=SubjectKeys(self.keys, context.project, policy.policy),
            operation=context.name,
            assets=self.assets,
            anonymizer=self.anonymizer,
            records=self.records,
            signer=self.signer,
            now_ms=lambda: time.time_ns() // 1_000_000,
            subject_label=request.subject_label,
        )
        tally = Tally.from_checkpoint(context.checkpoint.get("tally"))
        if not context.checkpoint.get("finished"):
            pages = self._pages(work, request.filter, context.checkpoint.get("page_token", ""))
            try:
                async for page in pages:
                    await self._settle(context, work, page, tally, metadata)
            finally:
                await pages.aclose()
        return _response(tally)

    async def _settle(
        self,
        context: OperationContext,
        work: AssetAnonymizer,
        page: Prepared,
        tally: Tally,
        metadata: pb.AnonymizeAssetsMetadata,
    ) -> None:
        """Stores and admits a page and its large assets, then moves the checkpoint behind it."""
        failures = await self._admit(context, page, tally)
        for asset in page.large:
            failures += await self._admit(context, await work.prepare_large(asset, page.began_ms), tally)
            await context.progress(metadata)  # a film takes long; the lease must be held
        for receipt in page.admitted_before:
            tally.count_admitted(receipt)
        tally.skipped += page.skipped
        tally.failed += len(failures)
        _report(metadata, page, tally, failures)
        checkpoint = {"page_token": page.next_token, "finished": not page.next_token, "tally": tally.to_checkpoint()}
        await context.progress(metadata, checkpoint)

    async def _admit(self, context: OperationContext, page: Prepared, tally: Tally) -> list[Failure]:
        """Stores the receipts, then admits the contents; what failed."""
        await self.records.save_receipts(context.project, page.records, page.began_ms, context.hold)
        outcomes = await self.assets.admit(context.project, page.admissions) if page.admissions else ()
        failures = list(page.failures)
        for admission, error in zip(page.admissions, outcomes, strict=True):
            if error is None:
                tally.count_admitted(admission.receipt)
            else:
                failures.append(Failure(admission.receipt.asset, error))
        return failures

    async def _pages(self, work: AssetAnonymizer, filter_text: str, token: str) -> AsyncGenerator[Prepared]:
        """The pages in order, each prepared while the ones before it are dealt with."""
        ahead: deque[asyncio.Task[Prepared]] = deque()
        more = True
        try:
            while more or ahead:
                while more and len(ahead) <= _PAGES_AHEAD:
                    began_ms = work.now_ms()
                    listed = await self.assets.page(work.policy.project, filter_text, token, self.page_assets)
                    ahead.append(asyncio.create_task(work.prepare(listed, began_ms)))
                    token, more = listed.next_token, bool(listed.next_token)
                yield await ahead[0]
                ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)


def _report(metadata: pb.AnonymizeAssetsMetadata, page: Prepared, tally: Tally, failures: list[Failure]) -> None:
    progress = metadata.progress
    # A filter on the zone matches fewer assets as the work goes on; the total stays what it was at first.
    progress.total_count = max(progress.total_count, page.total, tally.done)
    progress.done_count, progress.failed_count = tally.done, tally.failed
    progress.stage = "anonymizing" if page.next_token else "done"
    progress.update_time.GetCurrentTime()
    for failure in first_failures(failures, len(progress.partial_failures)):
        progress.partial_failures.append(
            progress_pb2.PartialFailure(item=failure.asset, status=to_status(failure.error))
        )
    del metadata.entity_counts[:]
    metadata.entity_counts.extend(counts_to_proto(tally.entity_counts))


def _response(tally: Tally) -> pb.AnonymizeAssetsResponse:
    return pb.AnonymizeAssetsResponse(
        admitted_count=tally.admitted,
        skipped_count=tally.skipped,
        failed_count=tally.failed,
        affected_count=tally.affected,
        entity_counts=counts_to_proto(tally.entity_counts),
    )
