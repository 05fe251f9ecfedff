"""EstimateRisk over a real socket: what it counts, that it resumes and ends when told, and that it tells no value."""

import asyncio
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import risk_service_pb2 as risk
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill_runtime.principal import Role
from tests.anonymization.memory_zones import MemoryZones
from tests.anonymization.server import Anonymization, anonymization

PERSONS = pb.Policy(
    rules=[pb.Rule(entity_type="PERSON", operator=operators_pb2.Operator(replace=operators_pb2.Replace()))]
)


async def anonymized(server: Anonymization, policy: pb.Policy = PERSONS) -> None:
    await server.client.anonymization.create_policy(
        service.CreatePolicyRequest(parent="projects/demo", policy_id="names", policy=policy)
    )
    operation = await server.client.anonymization.anonymize_assets(
        service.AnonymizeAssetsRequest(parent="projects/demo", policy="projects/demo/policies/names")
    )
    await operation.result(timeout_s=60)


async def estimate(server: Anonymization, **request: object) -> risk.EstimateRiskResponse:
    asked = risk.EstimateRiskRequest(parent="projects/demo", **request)  # type: ignore[arg-type]
    return await (await server.client.risk.estimate_risk(asked)).result(timeout_s=60)


def zones_of(*texts: str) -> MemoryZones:
    zones = MemoryZones()
    for text in texts:
        zones.add("demo", text)
    return zones


async def test_clean_texts_without_a_suspicion_are_bounded_by_the_size_of_the_sample(tmp_path: Path) -> None:
    zones = zones_of(*(f"NameJane{i} in PlaceRome, number {i}" for i in range(60)))
    zones.add("demo", b"\0", "image/png")
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        report = await estimate(server, sample_size=40, seed=3)
    assert (report.population_count, report.sample_count, report.not_examined_count) == (60, 40, 1)
    assert (report.suspected_count, report.failed_count, report.suspected_share) == (0, 0, 0)
    assert report.transformed_count == 40
    assert 0 < report.upper_bound_count <= 20  # those not looked at
    assert report.upper_bound == report.upper_bound_count / 60
    assert report.upper_bound < report.upper_bound_future < 0.08
    assert not report.HasField("missed_count")
    assert report.limits


async def test_a_text_that_was_replaced_since_it_was_drawn_is_in_no_figure(tmp_path: Path) -> None:
    zones = zones_of("NameJane and no more", "quiet text", "nothing to see")
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        next(iter(zones.assets.values())).clean = b"what another policy made of it"
        report = await estimate(server)
    assert (report.suspected_count, report.sample_count, report.gone_count) == (0, 2, 1)


async def test_a_value_that_the_policy_missed_in_one_place_is_suspected(tmp_path: Path) -> None:
    # The detector of these tests finds "NameJane" and not "namejane", so the policy leaves that one.
    zones = zones_of("NameJane wrote: call namejane", "no one here")
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        report = await estimate(server)
        log = server.log.getvalue()
    assert (report.suspected_count, report.sample_count) == (1, 2)
    (suspicion,) = report.suspicions
    assert (suspicion.span.start, suspicion.span.end) == (21, 29)
    assert suspicion.source == risk.Suspicion.SOURCE_RAW_VALUE
    assert dict(report.suspicion_counts) == {"RAW_VALUE": 1}
    assert report.upper_bound_count == 1  # both were looked at
    assert b"namejane" not in report.SerializeToString().lower()
    assert "namejane" not in log.lower()


async def test_a_text_that_cannot_be_searched_counts_as_suspected(tmp_path: Path) -> None:
    zones = zones_of("NameJane stays", "NameBob stays")
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        asset = next(iter(zones.assets.values()))
        asset.raw = b"\xff\xfe"
        operation = await server.client.risk.estimate_risk(risk.EstimateRiskRequest(parent="projects/demo"))
        report = await operation.result(timeout_s=60)
        failures = operation.metadata().progress.partial_failures
    assert (report.failed_count, report.suspected_count, report.sample_count) == (1, 1, 2)
    assert [failure.item for failure in failures] == [asset.name]


async def test_assets_erased_meanwhile_are_in_no_figure(tmp_path: Path) -> None:
    zones = zones_of("NameJane one", "NameBob two", "NameAnn three")
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        zones.missing.add(next(iter(zones.assets)))
        report = await estimate(server)
    assert (report.population_count, report.sample_count, report.gone_count) == (2, 2, 1)


async def test_a_recall_says_how_many_values_were_missed_in_the_whole_population(tmp_path: Path) -> None:
    zones = zones_of(*(f"NameJane{i} came" for i in range(50)))
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        report = await estimate(server, sample_size=10, recall=risk.MeasuredRecall(gold_count=100, found_count=80))
        with pytest.raises(errors.InvalidArgument):
            await estimate(server, recall=risk.MeasuredRecall(gold_count=8, found_count=9))
    assert report.missed_count.value == pytest.approx(50 * 0.2 / 0.8)
    assert report.missed_count.low < 12.5 < report.missed_count.high


async def test_without_clean_texts_there_is_nothing_to_estimate(tmp_path: Path) -> None:
    async with anonymization(tmp_path, zones_of("NameJane is raw")) as server:
        with pytest.raises(errors.FailedPrecondition) as caught:
            await estimate(server)
    assert caught.value.reason == "NOTHING_TO_ESTIMATE"


async def test_an_estimate_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    zones = zones_of(*(f"NameJane{i} NAP" for i in range(40)))
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        operation = await server.client.risk.estimate_risk(risk.EstimateRiskRequest(parent="projects/demo"))
        await operation.cancel()
        with pytest.raises(errors.Cancelled):
            await operation.result(timeout_s=60)


async def test_an_estimate_goes_on_where_a_stopped_server_left_it(tmp_path: Path) -> None:
    zones = zones_of(*(f"NameJane{i} NAP" for i in range(40)))
    async with anonymization(tmp_path, zones) as server:
        await anonymized(server)
        operation = await server.client.risk.estimate_risk(risk.EstimateRiskRequest(parent="projects/demo", seed=5))
        while (await operation.refresh()).metadata().progress.done_count == 0:
            await asyncio.sleep(0.05)
    async with anonymization(tmp_path, zones) as server:
        report = await (await server.client.operation(operation.name)).result(timeout_s=60)
    assert (report.sample_count, report.transformed_count, report.suspected_count) == (40, 40, 0)


async def test_who_may_ask(tmp_path: Path) -> None:
    asked = risk.EstimateRiskRequest(parent="projects/demo")
    async with anonymization(tmp_path) as server:
        for role in (Role.OWNER, Role.PRIVACY_OFFICER, Role.SERVICE):
            await server.clients[role].risk.estimate_risk(asked)
        for role in (Role.MANAGER, Role.REVIEWER, Role.ANNOTATOR):
            with pytest.raises(errors.PermissionDenied):
                await server.clients[role].risk.estimate_risk(asked)
