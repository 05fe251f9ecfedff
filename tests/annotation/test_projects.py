"""Projects: created, changed, listed; ontologies in versions; assets that tasks are made for."""

import uuid
from typing import Any

import pytest
from google.protobuf import field_mask_pb2

from labelmill import errors
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import ontology_pb2
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import Mill, item, reason, sentiment, sentiment_ontology

Feature = ontology_pb2.Feature


async def get(mill: Mill, who: str, name: str) -> resources_pb2.Project:
    return await mill.as_(who).projects.get_project(service_pb2.GetProjectRequest(name=name))


async def update(mill: Mill, project: resources_pb2.Project, *paths: str, **other: Any) -> resources_pb2.Project:
    mask = field_mask_pb2.FieldMask(paths=paths)
    request = service_pb2.UpdateProjectRequest(project=project, update_mask=mask, **other)
    return await mill.as_("manager").projects.update_project(request)


def richer_ontology() -> ontology_pb2.Ontology:
    free = Feature(feature_name="remark", kind=Feature.KIND_FREE_TEXT)
    return sentiment_ontology(free)


async def test_a_project_is_read_back_with_the_plan_in_effect(mill: Mill) -> None:
    name = await mill.project(labels_per_asset=3, benchmark_share=0.1)
    project = await get(mill, "annotator-1", name)
    assert project.name == "projects/p-one"
    assert project.ontology == sentiment_ontology()
    assert project.ontology_version == 1
    plan = project.quality_plan
    assert (plan.labels_per_asset, plan.overlap_share, plan.benchmark_share) == (3, 1.0, 0.1)
    assert plan.lease_duration.ToSeconds() == 600
    assert project.etag
    assert project.create_time == project.update_time


async def test_a_project_id_is_taken_once(mill: Mill) -> None:
    await mill.project()
    with pytest.raises(errors.AlreadyExists, match="PROJECT_ALREADY_EXISTS"):
        await mill.project()


async def test_only_owners_of_everything_create_projects(mill: Mill) -> None:
    request = service_pb2.CreateProjectRequest(
        project_id="p-new", project=resources_pb2.Project(ontology=sentiment_ontology())
    )
    for who in ("manager", "annotator-1", "service", "owner@p-other"):
        with pytest.raises(errors.PermissionDenied):
            await mill.as_(who).projects.create_project(request)
    with pytest.raises(errors.NotFound, match="PROJECT_NOT_FOUND"):
        await get(mill, "manager", "projects/p-new")


async def test_only_projects_with_a_role_are_listed(mill: Mill) -> None:
    for project in ("p-a", "p-b", "p-c"):
        await mill.project(project)
    request = service_pb2.ListProjectsRequest(page_size=2)

    async def listed(who: str) -> list[str]:
        return [project.name async for project in mill.as_(who).projects.list_projects(request)]

    assert await listed("manager") == ["projects/p-a", "projects/p-b", "projects/p-c"]
    assert await listed("annotator-1@p-b") == ["projects/p-b"]
    page = await mill.as_("manager").projects.list_projects.page(request)
    foreign = service_pb2.ListProjectsRequest(page_size=2, page_token=page.next_page_token)
    with pytest.raises(errors.InvalidArgument, match="INVALID_PAGE_TOKEN"):
        await mill.as_("annotator-1@p-b").projects.list_projects.page(foreign)


async def test_an_update_changes_what_the_mask_names(mill: Mill) -> None:
    before = await get(mill, "manager", await mill.project(labels_per_asset=3))
    sent = resources_pb2.Project(name=before.name, display_name="Mood", ontology=richer_ontology())
    after = await update(mill, sent, "display_name")
    assert (after.display_name, after.ontology_version) == ("Mood", 1)
    assert after.quality_plan == before.quality_plan
    assert after.ontology == before.ontology
    assert after.etag != before.etag
    assert after == await get(mill, "manager", before.name)
    sent.quality_plan.benchmark_share = 0.25
    after = await update(mill, sent, "quality_plan.benchmark_share")
    assert (after.quality_plan.labels_per_asset, after.quality_plan.benchmark_share) == (3, 0.25)
    after = await update(mill, sent)
    assert (after.quality_plan.labels_per_asset, after.ontology_version) == (1, 2)
    for path in ("name", "quality_plan.colour", "ontology.features"):
        with pytest.raises(errors.InvalidArgument, match="UPDATE_MASK_INVALID"):
            await update(mill, sent, path)


async def test_a_display_name_changes_without_sending_the_ontology(mill: Mill) -> None:
    name = await mill.project()
    after = await update(mill, resources_pb2.Project(name=name, display_name="Mood"), "display_name")
    assert (after.display_name, after.ontology) == ("Mood", sentiment_ontology())
    with pytest.raises(errors.InvalidArgument) as refused:
        await update(mill, resources_pb2.Project(name=name, display_name="Mood"))
    assert any(field.startswith("project.ontology") for field in refused.value.fields)


async def test_a_stale_etag_aborts(mill: Mill) -> None:
    before = await get(mill, "manager", await mill.project())
    first = resources_pb2.Project(name=before.name, display_name="A", ontology=before.ontology, etag=before.etag)
    await update(mill, first, "display_name")
    with pytest.raises(errors.Aborted, match="ETAG_MISMATCH"):
        await update(mill, first, "display_name")
    assert (await get(mill, "manager", before.name)).display_name == "A"


async def test_an_update_sent_twice_under_one_request_id_is_made_once(mill: Mill) -> None:
    name, request_id = await mill.project(), str(uuid.uuid4())
    sent = resources_pb2.Project(name=name, ontology=richer_ontology())
    once = await update(mill, sent, "ontology", request_id=request_id)
    assert once == await update(mill, sent, "ontology", request_id=request_id)
    assert once.ontology_version == 2


async def test_a_changed_ontology_is_a_new_version_and_old_ones_stay(mill: Mill) -> None:
    name = await mill.project()
    same = await update(mill, resources_pb2.Project(name=name, ontology=sentiment_ontology()), "ontology")
    assert same.ontology_version == 1
    changed = await update(mill, resources_pb2.Project(name=name, ontology=richer_ontology()), "ontology")
    assert changed.ontology_version == 2

    async def ontology(version: int) -> service_pb2.GetOntologyResponse:
        request = service_pb2.GetOntologyRequest(project=name, version=version)
        return await mill.as_("annotator-1").projects.get_ontology(request)

    assert (await ontology(1)).ontology == sentiment_ontology()
    assert (await ontology(0)).ontology == richer_ontology()
    assert (await ontology(0)).version == 2
    with pytest.raises(errors.NotFound, match="ONTOLOGY_VERSION_NOT_FOUND"):
        await ontology(3)


async def test_a_held_task_is_checked_against_the_ontology_it_was_leased_with(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 2)
    [before] = await mill.lease("annotator-1", parent)
    narrow = sentiment_ontology()
    del narrow.features[0].classes[0]
    await update(mill, resources_pb2.Project(name=parent, ontology=narrow), "ontology")
    [after] = await mill.lease("annotator-1", parent)
    assert (before.ontology_version, after.ontology_version) == (1, 2)
    said = sentiment("negative")
    results = await mill.submit("annotator-1", parent, item(before, said), item(after, said))
    assert [reason(result) for result in results] == ["", "NOT_IN_ONTOLOGY"]
    [kept] = await mill.annotations(parent)
    assert kept.ontology_version == 1


@pytest.mark.parametrize(
    ("feature", "field"),
    [
        (Feature(feature_name="a", kind=Feature.KIND_SINGLE_CHOICE), "classes"),
        (Feature(feature_name="a", kind=Feature.KIND_NUMBER, classes=[{"class_name": "x"}]), "classes"),
        (
            Feature(
                feature_name="a",
                kind=Feature.KIND_BOX,
                attributes=[Feature(feature_name="b", kind=Feature.KIND_MASK)],
            ),
            "attributes[0].kind",
        ),
    ],
)
async def test_an_ontology_that_contradicts_itself_is_refused(mill: Mill, feature: Feature, field: str) -> None:
    project = resources_pb2.Project(ontology=sentiment_ontology(feature))
    request = service_pb2.CreateProjectRequest(project_id="p-bad", project=project)
    with pytest.raises(errors.InvalidArgument, match="ONTOLOGY_INVALID") as refused:
        await mill.as_("owner").projects.create_project(request)
    assert list(refused.value.fields) == [f"project.ontology.features[2].{field}"]
    with pytest.raises(errors.NotFound):
        await get(mill, "manager", "projects/p-bad")


async def test_tasks_are_made_for_clean_assets_only(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    good, raw, unknown, foreign = asset_ids(4)
    mill.storage.raw, mill.storage.unknown = {raw}, {unknown}
    names = [f"{parent}/assets/{asset}" for asset in (good, raw, unknown)]
    request = service_pb2.BatchCreateTasksRequest(
        parent=parent, assets=[*names, f"projects/p-two/assets/{foreign}", "nonsense"]
    )
    results = (await mill.as_("manager").tasks.batch_create_tasks(request)).results
    found = [reason(result) for result in results]
    assert found == ["", "ASSET_NOT_CLEAN", "ASSET_NOT_FOUND", "FOREIGN_PROJECT", "INVALID_NAME"]
    assert [len(result.tasks) for result in results] == [2, 0, 0, 0, 0]
    assert [result.asset for result in results] == list(request.assets)
    assert len(await mill.listed(parent)) == 2


async def test_an_asset_that_the_batch_has_gets_no_more_tasks(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    first = await mill.tasks(parent, 3)
    second = await mill.tasks(parent, 4)
    assert [list(result.tasks) for result in second.results[:3]] == [list(result.tasks) for result in first.results]
    assert len(await mill.listed(parent)) == 8
    await mill.tasks(parent, 3, batch="other")
    assert len(await mill.listed(parent)) == 14


async def test_the_overlap_plan_gives_a_share_of_assets_more_labels(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=3, overlap_share=0.3)
    results = (await mill.tasks(parent, 600)).results
    counts = [len(result.tasks) for result in results]
    assert set(counts) == {1, 3}
    assert 130 <= counts.count(3) <= 230
    again = (await mill.tasks(parent, 600, batch="again")).results
    assert [len(result.tasks) for result in again] == counts


async def test_without_storage_no_tasks_are_made(mill: Mill) -> None:
    parent = await mill.project()
    mill.storage.down = True
    with pytest.raises(errors.Unavailable, match="STORAGE_UNAVAILABLE"):
        await mill.tasks(parent, 2)
    mill.storage.down = False
    assert await mill.listed(parent) == []


async def test_submissions_may_be_empty_where_nothing_is_required(mill: Mill) -> None:
    project = resources_pb2.Project(ontology=sentiment_ontology(required=False))
    request = service_pb2.CreateProjectRequest(project_id="p-free", project=project)
    parent = (await mill.as_("owner").projects.create_project(request)).name
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    empty = item(task)
    del empty.annotations[:]
    [result] = await mill.submit("annotator-1", parent, empty)
    assert (reason(result), list(result.annotations)) == ("", [])
    assert await mill.lease("annotator-1", parent) == []
