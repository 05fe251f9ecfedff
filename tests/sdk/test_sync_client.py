"""The blocking client: the same calls, from any thread."""

import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import labelmill
from labelmill import errors
from labelmill.annotation.v1 import service_pb2
from labelmill.anonymization.v1 import service_pb2 as anonymization_pb

from .fake_server import OPERATION, UNAVAILABLE, Script, ended, running
from .test_streams import CONTENT, batch


def test_calls_lists_and_retries(sync_client: labelmill.Client, script: Script) -> None:
    script.failures = [UNAVAILABLE]
    assert sync_client.projects.get_project(service_pb2.GetProjectRequest(name="projects/x")).name == "projects/x"
    projects = sync_client.projects.list_projects(service_pb2.ListProjectsRequest())
    assert [project.name for project in projects] == [f"projects/p{number}" for number in range(7)]
    assert len(sync_client.projects.list_projects.page(service_pb2.ListProjectsRequest()).projects) == 3


def test_operations(sync_client: labelmill.Client, script: Script) -> None:
    script.operation_states = [running(1), ended(3)]
    operation = sync_client.anonymization.anonymize_assets(
        anonymization_pb.AnonymizeAssetsRequest(parent="projects/demo")
    )
    seen: list[int] = []
    result = operation.result(on_progress=lambda metadata: seen.append(metadata.progress.done_count))
    assert result.admitted_count == 3
    assert seen == [0, 1, 3]
    assert sync_client.operation(OPERATION).refresh().done


def test_uploads_and_downloads(sync_client: labelmill.Client, script: Script) -> None:
    def blocking() -> Iterator[bytes]:
        file = io.BytesIO(CONTENT)
        while chunk := file.read(100_000):
            yield chunk

    first = sync_client.storage.upload("projects/demo", CONTENT)
    second = sync_client.storage.upload("projects/demo", blocking())
    assert first.raw.sha256 == second.raw.sha256
    assert sync_client.storage.download(first.name) == b"abcdef"
    assert next(iter(sync_client.storage.download_chunks(first.name))) == b"abc"


def test_an_exchange(sync_client: labelmill.Client) -> None:
    answers = sync_client.anonymization.stream_anonymize_texts([batch("a"), batch("b")])
    assert [result.anonymized.text for answer in answers for result in answer.results] == ["A", "B"]


def test_errors_are_the_same(sync_client: labelmill.Client, script: Script) -> None:
    with pytest.raises(errors.DeadlineExceeded):
        sync_client.projects.get_project(service_pb2.GetProjectRequest(name="projects/slow"), timeout_s=0.2)


def test_threads_share_a_client(sync_client: labelmill.Client, script: Script) -> None:
    def get(number: int) -> str:
        return sync_client.projects.get_project(service_pb2.GetProjectRequest(name=f"projects/p{number}")).name

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(get, range(100))) == [f"projects/p{number}" for number in range(100)]


def test_waiting_within_the_background_loop_is_refused(sync_client: labelmill.Client, script: Script) -> None:
    script.operation_states = [ended(3)]
    operation = sync_client.operation(OPERATION)
    with pytest.raises(RuntimeError, match=r"labelmill\.aio\.Client"):
        operation.result(on_progress=lambda _metadata: operation.cancel())


def test_a_program_that_forgets_an_iterator_still_ends(address: str) -> None:
    code = f"""
import labelmill
from labelmill.annotation.v1.service_pb2 import ListProjectsRequest
client = labelmill.Client({address!r}, "lm_test")
projects = client.projects.list_projects(ListProjectsRequest())
cycle = [projects]
cycle.append(cycle)
print(next(projects).name)
raise SystemExit(7)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "projects/p0\n", "")
