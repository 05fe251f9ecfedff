"""ListAnnotationChanges: what a reader that stays current sees, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from labelmill import errors
from labelmill.annotation.v1 import resources_pb2, service_pb2
from tests.annotation.mill import Mill, sentiment
from tests.annotation.test_annotations import revise

Change = service_pb2.AnnotationChange


async def changes(mill: Mill, parent: str, *, since: Change | None = None, page_size: int = 1000) -> list[Change]:
    request = service_pb2.ListAnnotationChangesRequest(parent=parent, page_size=page_size)
    if since is not None:
        request.start_time.CopyFrom(since.annotation.create_time)
    return [change async for change in mill.as_("manager").annotations.list_annotation_changes(request)]


async def test_changes_come_in_the_order_of_their_making_page_by_page(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    await mill.tasks(parent, 5)
    await mill.label("annotator-1", parent, 5)
    await mill.label("annotator-2", parent, 5, "negative")
    found = await changes(mill, parent)
    assert len({change.annotation.name for change in found}) == 10
    times = [change.annotation.create_time.ToNanoseconds() for change in found]
    assert times == sorted(times)
    assert {change.task_kind for change in found} == {resources_pb2.Task.KIND_LABEL}
    assert await changes(mill, parent, page_size=3) == found


async def test_a_corrected_annotation_comes_last_and_only_in_its_newest_version(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 3)
    first, *_ = await mill.label("annotator-1", parent, 3)
    before = await changes(mill, parent)
    task = next(change.annotation.task for change in before if change.annotation.name == first)
    await revise(mill, "annotator-1", task, sentiment("negative", name=first))
    after = await changes(mill, parent)
    assert [change.annotation.name for change in after[-1:]] == [first]
    assert (after[-1].annotation.version, len(after)) == (2, 3)
    assert [change.annotation.name for change in await changes(mill, parent, since=after[-1])] == [first]


async def test_a_withdrawn_annotation_is_told(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 2)
    await mill.label("annotator-1", parent, 2)
    gone = (await changes(mill, parent))[0].annotation
    await revise(mill, "annotator-1", gone.task, sentiment("negative"))
    last = {change.annotation.name: change.annotation for change in (await changes(mill, parent))[-2:]}
    assert (last[gone.name].withdrawn, last[gone.name].version) == (True, 2)
    assert [annotation.classification.single for name, annotation in last.items() if name != gone.name] == ["negative"]


async def test_a_token_of_another_start_is_refused(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 2)
    await mill.label("annotator-1", parent, 2)
    listing = mill.as_("manager").annotations.list_annotation_changes
    page = await listing.page(service_pb2.ListAnnotationChangesRequest(parent=parent, page_size=1))
    request = service_pb2.ListAnnotationChangesRequest(parent=parent, page_token=page.next_page_token)
    request.start_time.FromSeconds(1)
    with pytest.raises(errors.InvalidArgument, match="INVALID_PAGE_TOKEN"):
        await listing.page(request)
