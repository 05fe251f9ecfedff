"""AggregateLabels on the real storage service: labels from an asset, consensus labels into one."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from labelmill import errors, labels
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_calls
from labelmill.quality.v1 import consensus_service_pb2 as pb
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_calls
from labelmill_annotation.server import builder
from labelmill_annotation.statements import AssetFacts
from labelmill_quality.server import build
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.server import build as build_storage
from tests.quality.test_bulk_labels import ROWS, WINNERS, Request, header, labels_of, refused, table

PARENT = "projects/editorials"
REASON = "Labels of pseudonymous labelers about pseudonymous items."


class NoAssets:
    """Annotation is here for its projects alone: nothing is labeled."""

    async def describe(self, project: str, assets: Sequence[str]) -> Mapping[str, AssetFacts]:
        return {}

    async def read(self, project: str, assets: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        return {}


@pytest.fixture
async def clients(settings: RuntimeSettings) -> AsyncIterator[Mapping[str, Client]]:
    """A client for each role, in a project."""
    roles = {"owner": Role.OWNER, "officer": Role.PRIVACY_OFFICER, "service": Role.SERVICE}
    keys = {who: create_key(settings.keys_path, who, [Grant(role, "*")]) for who, role in roles.items()}
    settings = settings.model_copy(update={"service_key": SecretStr(keys["service"])})
    builders = [builder(NoAssets(), NoAssets()), build_storage, build]
    async with running(settings, builders) as server, AsyncExitStack() as stack:
        found = {who: await stack.enter_async_context(Client(server.address, key)) for who, key in keys.items()}
        project = annotation.Project(ontology=labels.ontology(labels.single_choice_feature("tone", ["yes", "no"])))
        request = annotation_calls.CreateProjectRequest(project_id="editorials", project=project)
        await found["owner"].projects.create_project(request)
        yield found


async def ask(client: Client, *messages: Request) -> list[pb.AggregateLabelsResponse]:
    return [answer async for answer in client.consensus.aggregate_labels(iter(messages))]


def parquet(of: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(of, sink)
    return sink.getvalue()


async def test_labels_come_from_an_asset_and_consensus_labels_go_into_one(clients: Mapping[str, Client]) -> None:
    owner, officer = clients["owner"], clients["officer"]
    asset = await owner.storage.upload(PARENT, parquet(table()), media_type="application/vnd.apache.parquet")
    not_clean = await refused(owner, header(source=asset.name))
    assert (not_clean.code, not_clean.reason) == (errors.Code.FAILED_PRECONDITION, "NOT_CLEAN")
    await officer.storage.batch_admit_by_exception(
        storage_calls.BatchAdmitByExceptionRequest(parent=PARENT, names=[asset.name], reason=REASON)
    )
    into = header(source=asset.name, output_parent=PARENT, result_format=Request.RESULT_FORMAT_NONE)
    answers = await ask(owner, into)
    assert not labels_of(answers)
    output = answers[0].summary.output
    content = await clients["service"].storage.download(output, zone=storage.ZONE_RAW)
    found = pq.read_table(io.BytesIO(content))
    assert list(zip(found["item"].to_pylist(), found["class_name"].to_pylist(), strict=True)) == WINNERS
    assert (await ask(owner, into))[0].summary.output == output  # the same again is the same asset


async def test_services_read_raw_labels(clients: Mapping[str, Client]) -> None:
    rows = "\n".join(["item,labeler,class_name", *(",".join(row) for row in ROWS)])
    asset = await clients["owner"].storage.upload(PARENT, rows.encode(), media_type="text/csv")
    answers = await ask(clients["service"], header(source=asset.name, source_zone=storage.ZONE_RAW))
    assert labels_of(answers) == WINNERS


async def test_an_asset_that_is_not_there_or_no_table_is_refused(clients: Mapping[str, Client]) -> None:
    missing = await refused(clients["service"], header(source=f"{PARENT}/assets/{1:032x}"))
    assert missing.code == errors.Code.NOT_FOUND
    asset = await clients["owner"].storage.upload(PARENT, b"only words", media_type="text/plain")
    error = await refused(clients["service"], header(source=asset.name, source_zone=storage.ZONE_RAW))
    assert (error.code, error.reason) == (errors.Code.INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE")
