"""What EraseAssets takes out of the quality service, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from labelmill import errors
from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.quality.v1 import service_pb2 as calls
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest, EraseAssetsResponse, KeptItem
from tests.quality.conftest import Mill
from tests.quality.test_project_rpcs import PARENT, fill, request, scored


def asset(number: int) -> str:
    return f"{PARENT}/assets/a{number:05d}"


async def erase(mill: Mill, *names: str, request_id: str = "") -> EraseAssetsResponse:
    asked = EraseAssetsRequest(parent=PARENT, names=names, request_id=request_id)
    return await mill.as_("service").quality.erase_assets(asked)


async def items(mill: Mill, report: pb.QualityReport, page_size: int = 3) -> list[str]:
    listed = calls.ListConsensusLabelsRequest(parent=report.name, page_size=page_size)
    return [label.item async for label in mill.quality.list_consensus_labels(listed)]


async def test_consensus_labels_go_from_all_reports_and_figures_stay(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source, 8)
    reports = [await scored(mill), await scored(mill)]
    erased = await erase(mill, asset(0), asset(3), asset(7))
    assert dict(erased.removed_counts) == {"consensus_labels": 6, "live_items": 0}
    assert list(erased.kept) == [KeptItem(item=f"{PARENT}/qualityReports", reason="QUALITY_REPORT", count=2)]
    left = [asset(number) for number in (1, 2, 4, 5, 6)]
    for report in reports:
        for page_size in (1, 2, 3, 5):
            assert await items(mill, report, page_size) == left
        assert await mill.quality.get_quality_report(calls.GetQualityReportRequest(name=report.name)) == report


async def test_erasing_again_and_erasing_the_unknown_removes_nothing(mill_on_both: Mill) -> None:
    mill = mill_on_both
    unknown = await erase(mill, asset(1))
    assert (dict(unknown.removed_counts), list(unknown.kept)) == ({"consensus_labels": 0, "live_items": 0}, [])
    fill(mill.source, 8)
    await scored(mill)
    request_id = str(uuid.uuid4())
    erased = await erase(mill, asset(1), request_id=request_id)
    assert await erase(mill, asset(1), request_id=request_id) == erased
    again = await erase(mill, asset(1))
    assert (dict(again.removed_counts), again.kept) == ({"consensus_labels": 0, "live_items": 0}, erased.kept)


async def test_a_report_that_was_being_made_keeps_no_label_of_an_asset_that_was_erased_meanwhile(
    mill_on_both: Mill,
) -> None:
    mill = mill_on_both
    fill(mill.source, 8)
    mill.source.gate = asyncio.Event()
    operation = await mill.quality.score_project(request())
    await mill.source.reading.wait()
    await erase(mill, asset(2))
    mill.source.gate.set()
    report = await operation.result(timeout_s=60)
    assert await items(mill, report) == [asset(number) for number in (0, 1, 3, 4, 5, 6, 7)]


async def test_names_of_another_project_and_other_names_are_refused(mill_on_both: Mill) -> None:
    for name, reason in (("projects/p-two/assets/a", "FOREIGN_PROJECT"), (f"{PARENT}/tasks/a", "INVALID_NAME")):
        with pytest.raises(errors.InvalidArgument) as caught:
            await erase(mill_on_both, name)
        assert (caught.value.reason, list(caught.value.fields)) == (reason, ["names[0]"])
