"""EstimateRisk: draws a sample of a project's clean texts, looks at it part by part, and concludes.

The sample is drawn once and kept in the checkpoint, as names; killed anywhere, the work goes on behind the last part.
What is kept is places and counts: values are in memory only while their text is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labelmill.anonymization.v1 import risk_service_pb2 as pb
from labelmill.type.v1 import progress_pb2
from labelmill_anonymization.convert.risk import recall_from_proto, risk_to_proto
from labelmill_anonymization.errors import NothingToEstimate
from labelmill_anonymization.ports import Anonymizer, AssetZones, KeySource, RawAsset, ServiceRecords
from labelmill_anonymization.risk.drawing import Drawing
from labelmill_anonymization.risk.looking import Looked, NameLists, Sampled, SecondLook
from labelmill_anonymization.risk.report import Seen, conclude
from labelmill_anonymization.tally import LISTED_FAILURES
from labelmill_runtime.operations import OperationContext
from labelmill_runtime.status import to_status

KIND = "estimate_risk"
DEFAULT_SAMPLE = 300
DEFAULT_CONFIDENCE = 0.95
_MAX_BYTES = 1024 * 1024
_PART = 32  # assets of at most a MiB in two zones
_TABLES = ("text/csv", "text/tab-separated-values")  # no offset maps, so nobody can say what the policy has put there


@dataclass(frozen=True)
class EstimateRisk:
    """Runs the operation; see the module."""

    assets: AssetZones
    anonymizer: Anonymizer
    records: ServiceRecords
    keys: KeySource
    names: NameLists
    page_assets: int

    async def run(self, context: OperationContext, request: pb.EstimateRiskRequest) -> pb.EstimateRiskResponse:
        """Runs, or goes on after the last checkpoint."""
        metadata = pb.EstimateRiskMetadata.FromString(context.metadata.SerializeToString())
        drawn = context.checkpoint or await self._draw(context, request)
        seen = Seen.from_checkpoint(drawn.get("seen"))
        work = SecondLook(
            project=context.project,
            keys=await self.keys.keys(context.project),
            assets=self.assets,
            anonymizer=self.anonymizer,
            records=self.records,
            names=self.names,
        )
        sample = [Sampled(*pair) for pair in drawn["sample"]]
        done = drawn.get("done", 0)
        while done < len(sample):
            looked = await work.look_at(sample[done : done + _PART])
            done += len(looked)
            _count(seen, looked)
            _report(metadata, looked, seen, done, len(sample))
            drawn = {**drawn, "done": done, "seen": seen.to_checkpoint()}
            await context.progress(metadata, drawn)
        if not seen.sample:
            raise NothingToEstimate
        confidence = request.confidence_level or DEFAULT_CONFIDENCE
        return risk_to_proto(
            conclude(seen, drawn["population"], drawn["not_examined"], confidence, recall_from_proto(request))
        )

    async def _draw(self, context: OperationContext, request: pb.EstimateRiskRequest) -> dict[str, Any]:
        """The sample: every asset is listed once, none of them kept that is not drawn."""
        drawing = Drawing(request.sample_size or DEFAULT_SAMPLE, request.seed)
        not_examined, token, more = 0, "", True
        receipts: dict[str, str] = {}
        while more:
            page = await self.assets.page(context.project, request.filter, token, self.page_assets)
            for asset in page.assets:
                if _can_be_looked_at(asset):
                    drawing.offer(asset.name)
                    receipts[asset.name] = asset.receipt
                else:
                    not_examined += 1
            drawn = drawing.drawn
            receipts = {name: receipts[name] for name in drawn}
            token, more = page.next_token, bool(page.next_token)
            await context.progress()
        sample = [[name, receipts[name]] for name in drawn]
        return {"sample": sample, "population": drawing.seen, "not_examined": not_examined}


def _can_be_looked_at(asset: RawAsset) -> bool:
    essence = asset.media_type.partition(";")[0].strip().lower()
    is_text = essence.startswith("text/") and essence not in _TABLES
    return bool(asset.receipt) and is_text and asset.size_bytes <= _MAX_BYTES


def _count(seen: Seen, looked: list[Looked]) -> None:
    for one in looked:
        if one.is_gone:
            seen.gone += 1
        elif one.error is not None:
            seen.add_failed()
        else:
            seen.add(one.suspicions, one.transformed)


def _report(metadata: pb.EstimateRiskMetadata, looked: list[Looked], seen: Seen, done: int, total: int) -> None:
    progress = metadata.progress
    progress.total_count, progress.done_count, progress.failed_count = total, done, seen.failed
    progress.stage = "looking" if done < total else "done"
    progress.update_time.GetCurrentTime()
    for one in looked:
        if one.error is not None and len(progress.partial_failures) < LISTED_FAILURES:
            progress.partial_failures.append(progress_pb2.PartialFailure(item=one.asset, status=to_status(one.error)))
