"""ScoreProject, reports and consensus labels over a real socket, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack

import pytest

from labelmill import errors
from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.quality.v1 import service_pb2 as calls
from labelmill_quality.ports import Answer
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FEATURE, FakeAnnotations

PARENT = "projects/p-one"


def fill(source: FakeAnnotations, items: int = 20) -> None:
    """Three labelers about every item; cleo always says neutral. Four benchmarks."""
    asset = f"{PARENT}/assets/a{{:05d}}".format
    names = source.class_names
    for n in range(items):
        truth = names[n % 3]
        source.answers += [Answer(asset(n), "anna", truth), Answer(asset(n), "ben", truth)]
        source.answers.append(Answer(asset(n), "cleo", "neutral"))
    for n in range(4):
        gold = asset(90_000 + n)
        source.truth[gold] = names[n % 3]
        source.benchmark += [Answer(gold, "anna", names[n % 3]), Answer(gold, "cleo", "neutral")]


def request(**changes: object) -> calls.ScoreProjectRequest:
    return calls.ScoreProjectRequest(**{"parent": PARENT, "feature": FEATURE, **changes})  # type: ignore[arg-type]


async def scored(mill: Mill, **changes: object) -> pb.QualityReport:
    operation = await mill.quality.score_project(request(**changes))
    report: pb.QualityReport = await operation.result(timeout_s=60)
    return report


async def test_a_project_is_scored_and_the_report_kept(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source)
    operation = await mill.quality.score_project(request(annotation_filter='batch = "b-1"'))
    report = await operation.result(timeout_s=60)
    assert report.name == f"{PARENT}/qualityReports/{operation.name.rpartition('-')[2]}"
    assert (report.feature, report.annotation_filter) == (FEATURE, 'batch = "b-1"')
    assert mill.source.filters == ['batch = "b-1"']
    assert (report.label_count, report.item_count) == (60, 20)
    assert report.consensus_method == pb.CONSENSUS_METHOD_AUTO
    assert report.consensus_note
    assert report.calibration.strength > 0
    assert report.HasField("create_time")
    assert report.alpha.lower <= report.alpha.value <= report.alpha.upper
    assert (report.benchmark_accuracy.value, report.benchmark_accuracy.sample_count) == (0.625, 8)
    assert report.consensus_accuracy.sample_count == 4
    assert [labeler.labeler for labeler in report.labelers] == ["anna", "ben", "cleo"]
    assert report.labelers[0].benchmark_accuracy.value == 1.0
    assert report.labelers[0].spammer_score.value > 0.5 > report.labelers[2].spammer_score.value
    assert report.labelers[2].answer_entropy.value == 0.0
    assert report.classes[0].confusion_entropy.value > 0
    assert not report.labelers[1].benchmark_accuracy.HasField("value")
    assert report.labelers[1].confusion.reference == "consensus"
    assert [quality.class_name for quality in report.classes] == ["negative", "neutral", "positive"]
    assert [quality.consensus_count for quality in report.classes] == [7, 7, 6]
    assert list(report.benchmark_confusion.class_names) == ["negative", "neutral", "positive"]
    assert report.converged
    assert await mill.quality.get_quality_report(calls.GetQualityReportRequest(name=report.name)) == report


async def test_labels_of_an_asset_with_gold_count_as_benchmark_answers_too(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source)
    mill.source.truth[mill.source.answers[0].item] = "positive"  # anna and ben said negative, cleo neutral
    report = await scored(mill)
    assert (report.label_count, report.item_count) == (60, 20)
    assert (report.benchmark_accuracy.value, report.benchmark_accuracy.sample_count) == (5 / 11, 11)
    assert report.labelers[1].benchmark_accuracy.value == 0.0


async def test_consensus_labels_are_listed_in_the_order_of_items(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source)
    report = await scored(mill)
    labels = [
        label
        async for label in mill.quality.list_consensus_labels(
            calls.ListConsensusLabelsRequest(parent=report.name, page_size=6)
        )
    ]
    assert [label.item for label in labels] == [f"{PARENT}/assets/a{n:05d}" for n in range(20)]
    assert [label.class_name for label in labels[:3]] == ["negative", "neutral", "positive"]
    assert labels[0].label_count == 3
    assert labels[0].agreement == pytest.approx(2 / 3)
    assert sum(share.probability for share in labels[0].distribution) == pytest.approx(1)
    assert [share.class_name for share in labels[0].distribution] == list(mill.source.class_names)


async def test_thousands_of_consensus_labels_come_in_pages_of_a_thousand(mill: Mill) -> None:
    fill(mill.source, items=5200)
    report = await scored(mill)
    parent = calls.ListConsensusLabelsRequest(parent=report.name, page_size=5000)
    sizes = [len(page.labels) async for page in mill.quality.list_consensus_labels.pages(parent)]
    assert sizes == [1000] * 5 + [200]


async def test_a_page_never_outgrows_a_message(mill: Mill) -> None:
    """A thousand labels with two hundred classes are more than four megabytes."""
    mill.source.class_names = tuple(f"class-number-{n:03d}" for n in range(200))
    mill.source.answers = [Answer(f"{PARENT}/assets/a{n:05d}", "anna", "class-number-007") for n in range(1000)]
    report = await scored(mill, consensus_method=pb.CONSENSUS_METHOD_MAJORITY_VOTE)
    parent = calls.ListConsensusLabelsRequest(parent=report.name, page_size=1000)
    sizes = [len(page.labels) async for page in mill.quality.list_consensus_labels.pages(parent)]
    assert sum(sizes) == 1000
    assert len(sizes) > 1


async def test_reports_are_listed_newest_first(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source, items=3)
    made = [(await scored(mill)).name for _ in range(3)]
    listing = mill.quality.list_quality_reports(calls.ListQualityReportsRequest(parent=PARENT, page_size=2))
    assert [report.name async for report in listing] == made[::-1]


async def test_a_page_token_of_another_list_is_refused(mill: Mill) -> None:
    fill(mill.source, items=3)
    report = await scored(mill)
    page = await mill.quality.list_consensus_labels.page(
        calls.ListConsensusLabelsRequest(parent=report.name, page_size=1)
    )
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.quality.list_quality_reports.page(
            calls.ListQualityReportsRequest(parent=PARENT, page_token=page.next_page_token)
        )
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


async def test_the_method_and_the_order_of_classes_are_followed(mill: Mill) -> None:
    fill(mill.source)
    mill.source.ordered = True
    report = await scored(mill, consensus_method=pb.CONSENSUS_METHOD_MAJORITY_VOTE)
    assert report.consensus_method == pb.CONSENSUS_METHOD_MAJORITY_VOTE
    assert (report.iteration_count, report.converged) == (0, True)
    assert report.alpha.method == "krippendorff_alpha_ordinal"


async def test_the_same_request_id_is_one_report(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source, items=3)
    same = str(uuid.uuid4())
    names = {(await mill.quality.score_project(request(request_id=same))).name for _ in range(2)}
    assert len(names) == 1


async def test_progress_tells_the_annotations_read(mill: Mill) -> None:
    fill(mill.source)
    mill.source.page_size = 25
    operation = await mill.quality.score_project(request())
    await operation.result(timeout_s=60)
    progress = (await operation.refresh()).metadata().progress
    assert (progress.done_count, progress.total_count, progress.stage) == (68, 68, "storing")
    assert progress.HasField("create_time")


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"feature": "mood"}, errors.InvalidArgument, "UNKNOWN_FEATURE"),
        ({"feature": "relations"}, errors.InvalidArgument, "WRONG_FEATURE_KIND"),
        ({"annotation_filter": "nothing"}, errors.FailedPrecondition, "NO_LABELS"),
    ],
)
async def test_a_project_that_cannot_be_scored_is_refused_at_once(
    mill: Mill, changes: dict[str, str], kind: type[errors.LabelmillError], reason: str
) -> None:
    fill(mill.source)
    with pytest.raises(kind) as caught:
        await mill.quality.score_project(request(**changes))
    assert caught.value.reason == reason


async def test_a_project_without_labels_is_refused(mill: Mill) -> None:
    with pytest.raises(errors.FailedPrecondition) as caught:
        await mill.quality.score_project(request())
    assert caught.value.reason == "NO_LABELS"


async def test_an_unknown_project_is_not_found(mill: Mill) -> None:
    with pytest.raises(errors.NotFound) as caught:
        await mill.as_("owner").quality.score_project(request(parent="projects/nowhere"))
    assert caught.value.reason == "PROJECT_NOT_FOUND"


async def test_a_failed_scoring_leaves_no_report(mill: Mill) -> None:
    fill(mill.source)
    mill.source.failures = 1
    operation = await mill.quality.score_project(request())
    with pytest.raises(errors.Unavailable) as caught:
        await operation.result(timeout_s=60)
    assert caught.value.reason == "ANNOTATION_AWAY"
    page = await mill.quality.list_quality_reports.page(calls.ListQualityReportsRequest(parent=PARENT))
    assert not page.quality_reports


async def test_a_cancelled_scoring_leaves_no_report(mill: Mill) -> None:
    fill(mill.source)
    mill.source.gate = asyncio.Event()
    operation = await mill.quality.score_project(request())
    await asyncio.wait_for(mill.source.reading.wait(), 10)
    await operation.cancel()
    mill.source.gate.set()
    with pytest.raises(errors.Cancelled):
        await operation.result(timeout_s=60)
    page = await mill.quality.list_quality_reports.page(calls.ListQualityReportsRequest(parent=PARENT))
    assert not page.quality_reports


async def test_scoring_goes_on_after_a_restart(settings: RuntimeSettings) -> None:
    source = FakeAnnotations(gate=asyncio.Event())
    fill(source)
    async with AsyncExitStack() as stack:
        mill = await serve(settings, source, stack)
        operation = await mill.quality.score_project(request())
        await asyncio.wait_for(source.reading.wait(), 10)
    source.gate = None
    async with AsyncExitStack() as stack:
        mill = await serve(settings, source, stack)
        again = await mill.as_("manager").operation(operation.name)
        report = await again.result(timeout_s=60)
        page = await mill.quality.list_quality_reports.page(calls.ListQualityReportsRequest(parent=PARENT))
        assert [kept.name for kept in page.quality_reports] == [report.name]


async def test_an_unknown_report_is_not_found(mill: Mill) -> None:
    name = f"{PARENT}/qualityReports/01hzzzzzzzzzzzzzzzzzzzzzzz"
    for call in (
        mill.quality.get_quality_report(calls.GetQualityReportRequest(name=name)),
        mill.quality.list_consensus_labels.page(calls.ListConsensusLabelsRequest(parent=name)),
    ):
        with pytest.raises(errors.NotFound) as caught:
            await call
        assert caught.value.reason == "QUALITY_REPORT_NOT_FOUND"


async def test_a_name_of_another_form_is_refused(mill: Mill) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.quality.get_quality_report(calls.GetQualityReportRequest(name=f"{PARENT}/reports/x"))
    assert caught.value.reason == "INVALID_NAME"


async def test_the_report_of_one_project_is_no_business_of_another(mill: Mill) -> None:
    fill(mill.source)
    report = await scored(mill)
    stranger = mill.as_("stranger").quality
    with pytest.raises(errors.PermissionDenied):
        await stranger.get_quality_report(calls.GetQualityReportRequest(name=report.name))
    elsewhere = report.name.replace("p-one", "p-two")
    with pytest.raises(errors.NotFound):
        await stranger.get_quality_report(calls.GetQualityReportRequest(name=elsewhere))


@pytest.mark.parametrize("who", ["reviewer", "annotator", "officer", "stranger"])
async def test_only_owners_and_managers_may_score_a_project(mill: Mill, who: str) -> None:
    fill(mill.source)
    with pytest.raises(errors.PermissionDenied):
        await mill.as_(who).quality.score_project(request())
