"""What one call sends, repeats and raises."""

import asyncio
import time
import uuid

import pytest
from google.rpc import code_pb2, error_details_pb2

import labelmill
from labelmill import aio, errors
from labelmill.annotation.v1 import resources_pb2, service_pb2

from . import fake_server
from .conftest import FAST
from .fake_server import UNAVAILABLE, Script, error_info, status

CREATE = service_pb2.CreateProjectRequest(project_id="demo")
GET = service_pb2.GetProjectRequest(name="projects/demo")


async def test_a_repeated_mutation_is_the_same_request(client: aio.Client, script: Script) -> None:
    script.failures = [UNAVAILABLE, UNAVAILABLE]
    project = await client.projects.create_project(CREATE)
    assert project == resources_pb2.Project(name="projects/demo")
    assert len(script.requests) == 3
    assert {request.request_id for request in script.requests} == {script.requests[0].request_id}
    assert uuid.UUID(script.requests[0].request_id).version == 4
    assert len({seen["x-request-id"] for seen in script.metadata}) == 1


async def test_the_callers_message_is_left_alone_so_that_two_calls_are_two_requests(
    client: aio.Client, script: Script
) -> None:
    request = service_pb2.CreateProjectRequest(project_id="demo")
    await client.projects.create_project(request)
    await client.projects.create_project(request)
    assert request.request_id == ""
    assert script.requests[0].request_id != script.requests[1].request_id


async def test_a_given_request_id_is_kept(client: aio.Client, script: Script) -> None:
    chosen = str(uuid.uuid4())
    await client.projects.create_project(service_pb2.CreateProjectRequest(project_id="demo", request_id=chosen))
    assert script.requests[0].request_id == chosen


async def test_calls_carry_the_key_and_an_id(client: aio.Client, script: Script) -> None:
    await client.projects.get_project(GET)
    await client.projects.get_project(GET)
    assert [seen["authorization"] for seen in script.metadata] == ["Bearer lm_test"] * 2
    assert script.metadata[0]["x-request-id"] != script.metadata[1]["x-request-id"]


async def test_the_servers_wait_is_honoured(client: aio.Client, script: Script) -> None:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(300)
    script.failures = [status(code_pb2.UNAVAILABLE, retry)]
    start = time.monotonic()
    await client.projects.get_project(GET)
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize("code", [code_pb2.DEADLINE_EXCEEDED, code_pb2.RESOURCE_EXHAUSTED, code_pb2.ABORTED])
async def test_nothing_but_unavailable_is_repeated(client: aio.Client, script: Script, code: int) -> None:
    script.failures = [status(code)]
    with pytest.raises(labelmill.LabelmillError) as caught:
        await client.projects.create_project(CREATE)
    assert int(caught.value.code) == code
    assert len(script.requests) == 1


async def test_tries_end_at_the_limit(client: aio.Client, script: Script) -> None:
    script.failures = [UNAVAILABLE] * 100
    with pytest.raises(errors.Unavailable):
        await client.projects.get_project(GET)
    assert len(script.requests) == FAST.max_attempts


async def test_no_try_begins_after_the_timeout(client: aio.Client, script: Script) -> None:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(60_000)
    script.failures = [status(code_pb2.UNAVAILABLE, retry)]
    start = time.monotonic()
    with pytest.raises(errors.Unavailable) as caught:
        await client.projects.get_project(GET, timeout_s=1)
    assert time.monotonic() - start < 1
    assert caught.value.retry_after_s == 60


async def test_a_slow_answer_is_a_deadline_exceeded(client: aio.Client, script: Script) -> None:
    with pytest.raises(errors.DeadlineExceeded):
        await client.projects.get_project(service_pb2.GetProjectRequest(name="projects/slow"), timeout_s=0.2)
    assert len(script.requests) == 1


async def test_an_error_has_all_its_details(client: aio.Client, script: Script) -> None:
    violations = error_details_pb2.BadRequest()
    violations.field_violations.add(field="project.ontology.features[0]", description="is empty")
    resource = error_details_pb2.ResourceInfo(resource_type="Project", resource_name="projects/demo")
    info = error_info("UNKNOWN_CLASS", limit="3")
    script.failures = [status(code_pb2.INVALID_ARGUMENT, info, violations, resource, message="The class is not known.")]
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.projects.create_project(CREATE)
    error = caught.value
    assert (error.reason, error.message, error.metadata) == (
        "UNKNOWN_CLASS",
        "The class is not known.",
        {"limit": "3"},
    )
    assert error.fields == {"project.ontology.features[0]": "is empty"}
    assert error.resource == ("Project", "projects/demo")
    assert error.request_id == script.metadata[0]["x-request-id"]
    assert "UNKNOWN_CLASS: The class is not known." in str(error)


@pytest.mark.parametrize("code", [code for code in errors.Code if code is not errors.Code.OK])
async def test_every_code_has_a_class(client: aio.Client, script: Script, code: errors.Code) -> None:
    script.failures = [status(int(code))] * FAST.max_attempts
    with pytest.raises(errors.LabelmillError) as caught:
        await client.projects.get_project(GET)
    assert caught.value.code is code
    assert type(caught.value) is not errors.LabelmillError


async def test_a_server_that_comes_back_is_found_again(address: str, script: Script) -> None:
    first, port = fake_server.start(script)
    async with aio.Client(f"127.0.0.1:{port}", "lm_test") as client:
        await client.projects.get_project(GET)
        first.stop(0).wait(5)
        waiting = asyncio.create_task(client.projects.get_project(GET))
        await asyncio.sleep(0.5)
        second, _ = fake_server.start(script, port)
        assert (await waiting).name == "projects/demo"
        second.stop(0).wait(5)


async def test_lists_are_flattened_page_by_page(client: aio.Client, script: Script) -> None:
    request = service_pb2.ListProjectsRequest()
    names = [project.name async for project in client.projects.list_projects(request)]
    assert names == [f"projects/p{number}" for number in range(7)]
    assert [seen.page_token for seen in script.requests] == ["", "3", "6"]
    assert request == service_pb2.ListProjectsRequest()


async def test_pages_are_only_asked_for_when_needed(client: aio.Client, script: Script) -> None:
    async for _project in client.projects.list_projects(service_pb2.ListProjectsRequest()):
        break
    assert len(script.requests) == 1


async def test_one_page_is_the_servers_answer(client: aio.Client) -> None:
    page = await client.projects.list_projects.page(service_pb2.ListProjectsRequest(page_token="3"))
    assert [project.name for project in page.projects] == ["projects/p3", "projects/p4", "projects/p5"]
    assert page.next_page_token == "6"
