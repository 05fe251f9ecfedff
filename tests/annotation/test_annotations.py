"""Annotations: checked on the way in, corrected in versions, listed and exported."""

import json
import uuid

import pytest
from google.protobuf import json_format

from labelmill import errors
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import annotation_pb2, ontology_pb2
from labelmill_annotation.statements import ImageSize
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import Mill, State, item, reason, sentiment, span

Annotation = annotation_pb2.Annotation


async def revise(mill: Mill, who: str, task: str, *said: Annotation, **other: str) -> list[Annotation]:
    request = service_pb2.ReviseAnnotationsRequest(task=task, annotations=said, **other)
    return list((await mill.as_(who).annotations.revise_annotations(request)).annotations)


async def get(mill: Mill, who: str, name: str, version: int = 0) -> Annotation:
    request = service_pb2.GetAnnotationRequest(name=name, version=version)
    return await mill.as_(who).annotations.get_annotation(request)


async def export(mill: Mill, parent: str, filter_text: str = "") -> list[str]:
    request = service_pb2.ExportAnnotationsRequest(parent=parent, filter=filter_text)
    lines: list[str] = []
    async for part in mill.as_("manager").annotations.export_annotations(request):
        found = part.json_lines.decode().splitlines()
        assert len(found) == part.line_count
        lines += found
    return lines


async def test_one_bad_item_fails_alone_and_leaves_its_task_as_it_was(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 4)
    tasks = await mill.lease("annotator-1", parent, 4)
    results = await mill.submit(
        "annotator-1",
        parent,
        item(tasks[0], sentiment(), span(0, 40)),
        item(tasks[1], sentiment("furious")),
        item(tasks[2], sentiment(), span(0, 5), span(35, 41)),
        item(tasks[3], span(0, 5)),
    )
    assert [reason(result) for result in results] == ["", "NOT_IN_ONTOLOGY", "SPAN_OUTSIDE_TEXT", "ANNOTATION_INVALID"]
    fields = [set(error.fields) for result in results if (error := errors.from_status(result.status))]
    assert fields == [
        {"items[1].annotations[0].classification.single"},
        {"items[2].annotations[2].text_span.end"},
        {"items[3].annotations"},
    ]
    assert len(await mill.annotations(parent)) == 2
    states = {task.name: task.state for task in await mill.listed(parent)}
    assert [states[task.name] for task in tasks] == [State.STATE_SUBMITTED] + [State.STATE_LEASED] * 3
    [fixed] = await mill.submit("annotator-1", parent, item(tasks[1]))
    assert reason(fixed) == ""


async def test_another_asset_and_pixels_on_text_are_refused(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 2)
    tasks = await mill.lease("annotator-1", parent, 2)
    other = sentiment(asset=tasks[1].asset)
    [result] = await mill.submit("annotator-1", parent, item(tasks[0], other))
    assert reason(result) == "ANNOTATION_INVALID"
    same = sentiment(asset=tasks[0].asset)
    [result] = await mill.submit("annotator-1", parent, item(tasks[0], same))
    assert reason(result) == ""


async def test_what_the_server_sets_cannot_be_claimed(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    claim = sentiment(name=f"{parent}/annotations/mine", task=f"{parent}/tasks/other", version=7, withdrawn=True)
    claim.provenance.human.labeler = "annotator-2"
    claim.confidence = 0.75
    [result] = await mill.submit("annotator-1", parent, item(task, claim))
    kept = await get(mill, "manager", result.annotations[0])
    assert kept.provenance.human.labeler == "annotator-1"
    assert (kept.task, kept.version, kept.withdrawn, kept.confidence) == (task.name, 1, False, 0.75)


async def test_spans_count_code_points_of_the_recorded_text(mill: Mill) -> None:
    parent = await mill.project()
    [image] = asset_ids(1, start=50)
    mill.storage.images[image] = ImageSize(640, 480)
    await mill.tasks(parent, [image])
    [task] = await mill.lease("annotator-1", parent)
    [result] = await mill.submit("annotator-1", parent, item(task, sentiment(), span(0, 1)))
    assert reason(result) == "ANNOTATION_INVALID"


async def test_a_correction_makes_versions(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    said = (sentiment("negative"), span(0, 4), span(5, 9))
    [result] = await mill.submit("annotator-1", parent, item(task, *said))
    mood, first, second = result.annotations
    current = await revise(
        mill, "annotator-1", task.name, sentiment("positive", name=mood), span(0, 4, name=first), span(10, 12)
    )
    assert [annotation.version for annotation in current] == [2, 1, 1, 2]
    assert [annotation.withdrawn for annotation in current] == [False, False, False, True]
    assert current[3].name == second
    listed = await mill.annotations(parent)
    assert [annotation.name for annotation in listed] == [mood, first, current[2].name]
    assert listed[0].classification.single == "positive"
    request = service_pb2.ListAnnotationVersionsRequest(name=mood)
    versions = (await mill.as_("reviewer").annotations.list_annotation_versions(request)).annotations
    assert [(v.version, v.classification.single) for v in versions] == [(2, "positive"), (1, "negative")]
    assert (await get(mill, "annotator-1", mood, 1)).classification.single == "negative"
    assert (await get(mill, "annotator-1", second)).withdrawn
    back = await revise(mill, "annotator-1", task.name, sentiment(name=mood), span(5, 9, name=second))
    assert [(a.name, a.version, a.withdrawn) for a in back[:2]] == [(mood, 2, False), (second, 3, False)]


async def test_a_reviewer_corrects_in_their_own_name(mill: Mill) -> None:
    parent = await mill.project()
    [name] = (await mill.tasks(parent, 1)).results[0].tasks
    [mood] = await mill.label("annotator-1", parent, 1)
    [corrected] = await revise(mill, "reviewer-1", name, sentiment("neutral", name=mood))
    assert corrected.provenance.human.labeler == "reviewer-1"
    with pytest.raises(errors.NotFound):
        await get(mill, "annotator-1", mood)
    assert (await get(mill, "annotator-1", mood, 1)).provenance.human.labeler == "annotator-1"


async def test_a_correction_sent_twice_under_one_request_id_is_made_once(mill: Mill) -> None:
    parent, request_id = await mill.project(), str(uuid.uuid4())
    [name] = (await mill.tasks(parent, 1)).results[0].tasks
    [mood] = await mill.label("annotator-1", parent, 1)
    once = await revise(mill, "annotator-1", name, sentiment("neutral", name=mood), request_id=request_id)
    twice = await revise(mill, "annotator-1", name, sentiment("neutral", name=mood), request_id=request_id)
    assert once == twice
    assert once[0].version == 2


async def test_bad_corrections_change_nothing(mill: Mill) -> None:
    parent = await mill.project()
    created = await mill.tasks(parent, 2)
    open_task = created.results[1].tasks[0]
    [mood] = await mill.label("annotator-1", parent, 1)
    task = (await get(mill, "manager", mood)).task
    with pytest.raises(errors.InvalidArgument, match="NOT_IN_ONTOLOGY"):
        await revise(mill, "annotator-1", task, sentiment("furious", name=mood))
    with pytest.raises(errors.InvalidArgument, match="ANNOTATION_INVALID") as refused:
        await revise(mill, "annotator-1", task, sentiment(name=f"{parent}/annotations/other"))
    assert list(refused.value.fields) == ["annotations[0].name"]
    with pytest.raises(errors.InvalidArgument, match="ANNOTATION_INVALID"):
        await revise(mill, "annotator-1", task, sentiment(), span(0, 4, name=mood))
    with pytest.raises(errors.NotFound, match="TASK_NOT_FOUND"):
        await revise(mill, "annotator-2", task, sentiment())
    with pytest.raises(errors.FailedPrecondition, match="TASK_NOT_SUBMITTED"):
        await revise(mill, "reviewer-1", open_task, sentiment())
    [kept] = await mill.annotations(parent)
    assert (kept.name, kept.version) == (mood, 1)


async def test_an_annotator_reads_only_their_own_annotations(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [mood] = await mill.label("annotator-1", parent, 1)
    assert (await get(mill, "annotator-1", mood)).name == mood
    with pytest.raises(errors.NotFound, match="ANNOTATION_NOT_FOUND"):
        await get(mill, "annotator-2", mood)
    with pytest.raises(errors.PermissionDenied):
        await mill.as_("annotator-1").annotations.list_annotations.page(
            service_pb2.ListAnnotationsRequest(parent=parent)
        )
    with pytest.raises(errors.NotFound, match="ANNOTATION_NOT_FOUND"):
        await get(mill, "manager", mood, 9)


async def test_annotations_are_filtered_and_paged_in_order(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    await mill.tasks(parent, 5, batch="round-1")
    first = await mill.label("annotator-1", parent, 5, "negative")
    await mill.label("annotator-2", parent, 5)
    everything = await mill.annotations(parent, page_size=3)
    assert [annotation.name for annotation in everything] == [a.name for a in await mill.annotations(parent)]
    assert len(everything) == 10
    assert [a.name for a in await mill.annotations(parent, 'labeler = "annotator-1"')] == first
    sample = everything[0]
    for text in (f'asset = "{sample.asset}"', f'asset = "{sample.asset.rpartition("/")[2]}"'):
        assert len(await mill.annotations(parent, text)) == 2
    assert len(await mill.annotations(parent, f'task = "{sample.task}"')) == 1
    assert len(await mill.annotations(parent, "feature = sentiment AND kind = LABEL AND batch = round-1")) == 10
    assert await mill.annotations(parent, "create_time > 2999-01-01T00:00:00Z") == []
    assert len(await mill.annotations(parent, "create_time > 2020-01-01T00:00:00Z")) == 10
    with pytest.raises(errors.InvalidArgument, match="INVALID_FILTER"):
        await mill.annotations(parent, "value = 1")
    request = service_pb2.ListAnnotationsRequest(parent=parent, page_token="x")
    with pytest.raises(errors.InvalidArgument, match="INVALID_PAGE_TOKEN"):
        await mill.as_("manager").annotations.list_annotations.page(request)


async def test_large_annotations_end_a_page_early_and_all_arrive(mill: Mill) -> None:
    remark = ontology_pb2.Feature(feature_name="remark", kind=ontology_pb2.Feature.KIND_FREE_TEXT)
    project = resources_pb2.Project(ontology=ontology_pb2.Ontology(features=[remark]))
    request = service_pb2.CreateProjectRequest(project_id="p-long", project=project)
    parent = (await mill.as_("owner").projects.create_project(request)).name
    await mill.tasks(parent, 40)
    said = Annotation(feature="remark")
    said.classification.text = "x" * 100_000
    for _ in range(4):
        tasks = await mill.lease("annotator-1", parent, 10)
        results = await mill.submit("annotator-1", parent, *(item(task, said) for task in tasks))
        assert [reason(result) for result in results] == [""] * 10
    page = await mill.as_("manager").annotations.list_annotations.page(
        service_pb2.ListAnnotationsRequest(parent=parent, page_size=1000)
    )
    assert 25 <= len(page.annotations) < 40
    assert len({annotation.name for annotation in await mill.annotations(parent)}) == 40
    assert len(await export(mill, parent)) == 40


async def test_an_export_holds_everything_needed_to_rebuild(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    await mill.tasks(parent, 150)
    await mill.label("annotator-1", parent, 150)
    await mill.label("annotator-2", parent, 150, "negative")
    some = (await mill.annotations(parent))[0]
    await revise(mill, "annotator-1", some.task, sentiment("neutral", name=some.name))
    lines = await export(mill, parent)
    rebuilt = [json_format.Parse(line, Annotation()) for line in lines]
    assert rebuilt == await mill.annotations(parent)
    assert json.loads(lines[0])["version"] == 2
    assert lines == await export(mill, parent)
    assert len(await export(mill, parent, 'labeler = "annotator-2"')) == 150
    assert await export(mill, parent, "batch = none") == []
