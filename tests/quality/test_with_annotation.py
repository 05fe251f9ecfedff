"""The quality service on the real annotation service: labelers lease and submit, quality reads and scores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr

from labelmill import errors, labels
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_calls
from labelmill.quality.v1 import live_service_pb2 as live
from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.quality.v1 import service_pb2 as calls
from labelmill.type.v1 import annotation_pb2, geometry_pb2, ontology_pb2
from labelmill_annotation.server import builder
from labelmill_annotation.statements import AssetFacts, ImageSize
from labelmill_quality.server import build
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings

PARENT = "projects/editorials"
LABELERS = ("anna", "ben", "cleo")
ASSETS, GOLD = [f"{n:032x}" for n in range(12)], [f"{n:032x}" for n in range(100, 104)]
CLASSES = ("negative", "positive")


def truth(asset: str) -> str:
    """What the asset is."""
    return CLASSES[int(asset.rpartition("/")[2], 16) % 2]


class CleanPictures:
    """Every asset is a clean picture."""

    async def describe(self, project: str, assets: Sequence[str]) -> Mapping[str, AssetFacts]:
        return {asset: AssetFacts(asset, "image/png", image_size=ImageSize(100, 80)) for asset in assets}


class NoPredictions:
    """No model has seen anything."""

    async def read(self, project: str, assets: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        return {}


@pytest.fixture
async def client_of(settings: RuntimeSettings) -> AsyncIterator[Mapping[str, Client]]:
    """A client for each person of a project that is being labeled."""
    keys = {name: create_key(settings.keys_path, name, [Grant(Role.ANNOTATOR, "*")]) for name in LABELERS}
    keys["owner"] = create_key(settings.keys_path, "owner", [Grant(Role.OWNER, "*")])
    service = create_key(settings.keys_path, "quality", [Grant(Role.SERVICE, "*")])
    settings = settings.model_copy(update={"service_key": SecretStr(service)})
    async with (
        running(settings, [builder(CleanPictures(), NoPredictions()), build]) as server,
        AsyncExitStack() as stack,
    ):
        clients = {who: await stack.enter_async_context(Client(server.address, key)) for who, key in keys.items()}
        await set_up(clients["owner"])
        yield clients


async def set_up(owner: Client) -> None:
    box = ontology_pb2.Feature(feature_name="boxes", kind=ontology_pb2.Feature.KIND_BOX)
    box.classes.add(class_name="thing")
    tone = labels.single_choice_feature("tone", ["calm", "loud"], required=False)  # answers to it must not get in
    ontology = labels.ontology(labels.single_choice_feature("sentiment", CLASSES), tone, box)
    plan = annotation.QualityPlan(labels_per_asset=3, benchmark_share=0.3)
    project = annotation.Project(ontology=ontology, quality_plan=plan)
    await owner.projects.create_project(annotation_calls.CreateProjectRequest(project_id="editorials", project=project))
    purposes = annotation.Benchmark.PURPOSE_LABELERS, annotation.Benchmark.PURPOSE_EVALUATION
    held_out = [f"{n:032x}" for n in range(200, 203)]
    gold = [
        annotation.Benchmark(
            asset=f"{PARENT}/assets/{asset}",
            purpose=purpose,
            annotations=[labels.single_choice("sentiment", truth(asset))],
        )
        for purpose, assets in zip(purposes, (GOLD, held_out), strict=True)
        for asset in assets
    ]
    made = await owner.annotations.batch_create_benchmarks(
        annotation_calls.BatchCreateBenchmarksRequest(parent=PARENT, benchmarks=gold)
    )
    assert not any(result.status.code for result in made.results)
    for batch, assets in (("round-1", ASSETS[:8]), ("round-2", ASSETS[8:])):
        await owner.tasks.batch_create_tasks(
            annotation_calls.BatchCreateTasksRequest(
                parent=PARENT, batch=batch, assets=[f"{PARENT}/assets/{asset}" for asset in assets]
            )
        )


async def label_everything(clients: Mapping[str, Client], *, draw: bool = False) -> None:
    """Anna and Ben are right, and may draw a box; Cleo always says positive and draws nothing."""
    for who in LABELERS:
        while tasks := await lease(clients[who]):
            items = [
                annotation_calls.BatchSubmitTasksRequest.Item(
                    lease=annotation_calls.TaskLease(task=task.name, lease_token=task.lease.token),
                    annotations=[
                        labels.single_choice("sentiment", "positive" if who == "cleo" else truth(task.asset)),
                        labels.single_choice("tone", "calm"),
                        *([box(10.0 if who == "anna" else 12.0)] if draw and who != "cleo" else []),
                    ],
                )
                for task in tasks
            ]
            done = await clients[who].tasks.batch_submit_tasks(
                annotation_calls.BatchSubmitTasksRequest(parent=PARENT, items=items)
            )
            assert not any(result.status.code for result in done.results), done


def box(left: float) -> annotation_pb2.Annotation:
    size = geometry_pb2.ImageSize(width_px=100, height_px=80)
    shape = geometry_pb2.Box(left_px=left, top_px=10, width_px=20, height_px=20, image_size=size)
    return annotation_pb2.Annotation(feature="boxes", class_name="thing", box=shape)


async def lease(client: Client) -> Sequence[annotation.Task]:
    answer = await client.tasks.lease_tasks(annotation_calls.LeaseTasksRequest(parent=PARENT, max_tasks=10))
    return answer.tasks


async def scored(client: Client, **changes: object) -> pb.QualityReport:
    request = calls.ScoreProjectRequest(**{"parent": PARENT, "feature": "sentiment", **changes})  # type: ignore[arg-type]
    report: pb.QualityReport = await (await client.quality.score_project(request)).result(timeout_s=60)
    return report


async def test_a_labeled_project_is_scored(client_of: Mapping[str, Client]) -> None:
    await label_everything(client_of)
    report = await scored(client_of["owner"])
    assert (report.label_count, report.item_count) == (36, 12)
    assert [labeler.labeler for labeler in report.labelers] == list(LABELERS)
    anna, _, cleo = report.labelers
    assert anna.benchmark_accuracy.value == 1.0
    assert anna.benchmark_accuracy.sample_count > 0
    assert cleo.consensus_agreement.value == 0.5
    answered = sum(labeler.benchmark_accuracy.sample_count for labeler in report.labelers)
    assert report.benchmark_accuracy.sample_count == answered
    consensus = [
        label
        async for label in client_of["owner"].quality.list_consensus_labels(
            calls.ListConsensusLabelsRequest(parent=report.name)
        )
    ]
    assert {label.item: label.class_name for label in consensus} == {
        f"{PARENT}/assets/{asset}": truth(asset) for asset in ASSETS
    }


async def test_a_filter_chooses_labels_and_benchmarks_take_part_all_the_same(client_of: Mapping[str, Client]) -> None:
    await label_everything(client_of)
    report = await scored(client_of["owner"], annotation_filter='batch = "round-2" OR labeler = "nobody"')
    assert (report.label_count, report.item_count) == (12, 4)
    assert report.benchmark_accuracy.sample_count > 0


async def test_features_of_every_kind_are_scored_together(client_of: Mapping[str, Client]) -> None:
    owner = client_of["owner"]
    await label_everything(client_of, draw=True)
    together = await scored(owner, feature="")
    reports = [
        await owner.quality.get_quality_report(calls.GetQualityReportRequest(name=name))
        for name in together.feature_reports
    ]
    assert [report.feature for report in reports] == ["sentiment", "tone", "boxes"]
    boxes = reports[2]
    assert (boxes.label_count, boxes.item_count) == (36, 12)  # Cleo saw the items and drew nothing
    anna, _, cleo = boxes.labelers
    assert (anna.label_count, cleo.label_count) == (12, 12)
    assert anna.consensus_agreement.value > cleo.consensus_agreement.value == 0.0
    some = await owner.quality.list_consensus_labels.page(calls.ListConsensusLabelsRequest(parent=boxes.name))
    [drawn] = some.labels[0].annotations
    assert 10 <= drawn.box.left_px <= 12
    await owner.live.refresh_project_quality(live.RefreshProjectQualityRequest(parent=PARENT))
    asked = live.GetProjectQualityRequest(parent=PARENT, feature="boxes")
    [found] = (await owner.live.get_project_quality(asked)).features
    assert (found.label_count, found.item_agreement.value) == (24, pytest.approx(18 / 22, abs=1e-4))


@pytest.mark.parametrize("text", ['colour = "red"', "batch = ", 'batch = "x") OR (kind = BENCHMARK', "kind = NONSENSE"])
async def test_a_wrong_filter_is_refused_under_its_own_name(client_of: Mapping[str, Client], text: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await scored(client_of["owner"], annotation_filter=text)
    assert caught.value.reason == "INVALID_FILTER"
    assert list(caught.value.fields) == ["annotation_filter"]


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"feature": "mood"}, errors.InvalidArgument, "UNKNOWN_FEATURE"),
        ({"feature": "boxes"}, errors.FailedPrecondition, "NO_LABELS"),
        ({"parent": "projects/nowhere"}, errors.NotFound, "PROJECT_NOT_FOUND"),
        ({}, errors.FailedPrecondition, "NO_LABELS"),
    ],
)
async def test_what_cannot_be_scored_is_refused(
    client_of: Mapping[str, Client], changes: dict[str, str], kind: type[errors.LabelmillError], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        await scored(client_of["owner"], **changes)
    assert caught.value.reason == reason


async def test_figures_follow_the_annotation_service_through_corrections_and_withdrawals(
    client_of: Mapping[str, Client],
) -> None:
    owner = client_of["owner"]
    refresh = live.RefreshProjectQualityRequest(parent=PARENT)
    asked = live.GetProjectQualityRequest(parent=PARENT, feature="sentiment")
    assert (await owner.live.refresh_project_quality(refresh)).change_count == 0
    await label_everything(client_of)
    first = await owner.live.refresh_project_quality(refresh)
    assert first.change_count == 2 * (36 + len(await answers(owner, "BENCHMARK")))
    [found] = (await owner.live.get_project_quality(asked)).features
    report = await scored(owner, consensus_method=pb.CONSENSUS_METHOD_DAWID_SKENE)
    assert (found.label_count, found.item_count, found.alpha.value) == (36, 12, report.alpha.value)
    assert found.benchmark_accuracy == report.benchmark_accuracy
    await correct_first(owner, client_of["cleo"], "negative")
    again = await owner.live.refresh_project_quality(refresh)
    assert (again.change_count, again.item_count) == (2, 2)  # sentiment corrected; tone withdrawn
    fitted = await (
        await owner.live.refit_project_quality(live.RefitProjectQualityRequest(parent=PARENT, feature="sentiment"))
    ).result(timeout_s=60)
    assert (fitted.label_count, fitted.repaired_item_count) == (36, 0)
    [now] = (await owner.live.get_project_quality(asked)).features
    told = await scored(owner, consensus_method=pb.CONSENSUS_METHOD_DAWID_SKENE)
    assert now.alpha.value == told.alpha.value != found.alpha.value
    assert [each.consensus_agreement for each in now.labelers] == [each.consensus_agreement for each in told.labelers]


async def answers(owner: Client, kind: str) -> list[annotation_pb2.Annotation]:
    request = annotation_calls.ListAnnotationsRequest(parent=PARENT, filter=f'kind = {kind} AND feature = "sentiment"')
    return [each async for each in owner.annotations.list_annotations(request)]


async def correct_first(owner: Client, labeler: Client, class_name: str) -> None:
    """Cleo's first answer that is another one becomes this; her answer to the other question is withdrawn."""
    said = next(
        each
        for each in await answers(owner, "LABEL")
        if each.provenance.human.labeler == "cleo" and each.classification.single != class_name
    )
    said.classification.single = class_name
    await labeler.annotations.revise_annotations(
        annotation_calls.ReviseAnnotationsRequest(task=said.task, annotations=[said])
    )
