"""Who gets in: authentication and authorisation on every kind of call, against a matrix of callers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from labelmill.access.v1 import access_pb2
from labelmill_runtime.access import Authorizer, create_key, revoke_keys
from labelmill_runtime.errors import Unauthenticated
from labelmill_runtime.principal import Grant, Principal, Role
from labelmill_runtime.service import running
from tests.runtime.calls import KINDS, call, health_stub, refused, say
from tests.runtime.conftest import Running
from tests.runtime.echo_protos import echo_pb2, echo_pb2_grpc
from tests.runtime.echo_service import Echo


@pytest.mark.parametrize("kind", [*KINDS, "Shout", "Administer", "Count", "Forgotten"])
@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer "),),
        (("authorization", "Bearer lm_wrongwrongwrongwrongwrong"),),
        (("authorization", "Basic bG06bG0="),),
        (("authorization", "lm_wrongwrongwrongwrongwrong"),),
    ],
)
async def test_without_a_valid_key_nothing_is_served(run: Running, kind: str, metadata: Any) -> None:
    request = echo_pb2.ShoutRequest() if kind in ("Shout", "Administer", "Forgotten") else say()
    refusal = await refused(run.stub, kind, [request], metadata)
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert refusal.reason in ("MISSING_API_KEY", "INVALID_API_KEY")


CALLERS = ("owner", "manager", "reviewer", "annotator", "privacy_officer", "service", "stranger")
ADMITTED = {
    "Say": {"manager", "annotator", "service"},
    "SayMany": {"manager"},
    "Repeat": {"manager"},
    "Chat": {"manager"},
    "Count": {"manager"},
    "Shout": {"manager", "annotator", "stranger"},  # any project will do
    "Administer": {"owner"},  # the role must be held everywhere
    "Forgotten": set(),  # no access option: nobody
}


@pytest.mark.parametrize("kind", ADMITTED)
async def test_each_method_admits_exactly_its_roles(run: Running, kind: str) -> None:
    request = echo_pb2.ShoutRequest() if kind in ("Shout", "Administer", "Forgotten") else say()
    for who in CALLERS:
        if who in ADMITTED[kind]:
            await call(run.stub, kind, [request], run.as_(who))
        else:
            refusal = await refused(run.stub, kind, [request], run.as_(who))
            assert refusal.code is grpc.StatusCode.PERMISSION_DENIED, who


@pytest.mark.parametrize("kind", [*KINDS, "Count"])
async def test_other_projects_answer_alike_whether_they_exist_or_not(run: Running, kind: str) -> None:
    answers = [
        await refused(run.stub, kind, [say(parent=parent)], (*run.as_("manager"), ("x-request-id", "same-for-all")))
        for parent in ("projects/p2", "projects/never-made")
    ]
    assert answers[0].status == answers[1].status
    assert answers[0].code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("kind", [*KINDS, "Count"])
@pytest.mark.parametrize("parent", ["", "p1", "projects/", "projects/*", "projects/-", "projects/p1/", "projects/P 1"])
async def test_a_name_without_a_project_is_invalid(run: Running, kind: str, parent: str) -> None:
    refusal = await refused(run.stub, kind, [say(parent=parent)], run.as_("manager"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_NAME")
    assert list(refusal.fields) == ["parent"]


@pytest.mark.parametrize("kind", ["SayMany", "Chat"])
async def test_a_stream_is_decided_by_its_first_message(run: Running, kind: str) -> None:
    refusal = await refused(run.stub, kind, [say(parent="projects/p2"), say()], run.as_("manager"))
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    refusal = await refused(run.stub, kind, [], run.as_("manager"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "EMPTY_STREAM")


async def test_a_stranger_learns_nothing_from_validation(run: Running) -> None:
    refusal = await refused(run.stub, "Say", [say(times=-1)], run.as_("stranger"))
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED


async def test_health_and_reflection_are_open_to_all(run: Running) -> None:
    health = health_stub(run.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="labelmill.echo.v1.EchoService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    channel: Any = run.channel
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    [listed] = [r async for r in reflection.ServerReflectionInfo(iter([request]))]
    names = {service.name for service in listed.list_services_response.service}
    assert {"labelmill.echo.v1.EchoService", "google.longrunning.Operations", "grpc.health.v1.Health"} <= names


async def test_operations_admit_everyone_but_annotators_and_strangers(run: Running) -> None:
    [operation] = await call(run.stub, "Count", [say(times=0)], run.as_("manager"))
    stub = operations_pb2_grpc.OperationsStub(run.channel)
    for who in ("owner", "manager", "reviewer", "privacy_officer", "service"):
        await stub.GetOperation(operations_pb2.GetOperationRequest(name=operation.name), metadata=run.as_(who))
    for method, request in {
        "GetOperation": operations_pb2.GetOperationRequest(name=operation.name),
        "WaitOperation": operations_pb2.WaitOperationRequest(name=operation.name),
        "CancelOperation": operations_pb2.CancelOperationRequest(name=operation.name),
        "DeleteOperation": operations_pb2.DeleteOperationRequest(name=operation.name),
        "ListOperations": operations_pb2.ListOperationsRequest(name="projects/p1"),
    }.items():
        for who in ("annotator", "stranger"):
            refusal = await refused(stub, method, [request], run.as_(who))
            assert refusal.code is grpc.StatusCode.PERMISSION_DENIED


def test_every_method_of_the_contract_is_known_to_the_authorizer_or_refused() -> None:
    authorizer = Authorizer([echo_pb2.DESCRIPTOR])
    methods = echo_pb2.DESCRIPTOR.services_by_name["EchoService"].methods
    without = {m.name for m in methods if authorizer.rule(f"/labelmill.echo.v1.EchoService/{m.name}") is None}
    assert without == {"Forgotten"}


def test_our_roles_are_those_of_the_contract() -> None:
    assert {f"ROLE_{role.name}": role.value for role in Role} | {"ROLE_UNSPECIFIED": 0} == dict(access_pb2.Role.items())


async def test_new_revoked_and_expired_keys_take_effect_while_running(run: Running) -> None:
    path = run.settings.keys_path
    grant = [Grant(Role.MANAGER, "p1")]
    run.keys["late"] = create_key(path, "late", grant)
    run.keys["expired"] = create_key(path, "expired", grant, expire_time=datetime.now(UTC) - timedelta(seconds=1))
    await asyncio.sleep(0.6)
    await call(run.stub, "Say", [say()], run.as_("late"))
    assert (await refused(run.stub, "Say", [say()], run.as_("expired"))).reason == "INVALID_API_KEY"
    assert revoke_keys(path, principal_id="late") == 1
    await asyncio.sleep(0.6)
    assert (await refused(run.stub, "Say", [say()], run.as_("late"))).reason == "INVALID_API_KEY"


async def test_a_damaged_keys_file_neither_opens_nor_closes_the_server(run: Running) -> None:
    await call(run.stub, "Say", [say()], run.as_("manager"))
    run.settings.keys_path.write_text("{ half a file")
    await asyncio.sleep(0.6)
    await call(run.stub, "Say", [say()], run.as_("manager"))
    assert (await refused(run.stub, "Say", [say()])).code is grpc.StatusCode.UNAUTHENTICATED
    assert run.log.events("keys_file.unreadable")


async def test_the_keys_file_holds_no_key_and_is_private(run: Running) -> None:
    text = run.settings.keys_path.read_text()
    assert not any(key in text or key[3:] in text for key in run.keys.values())
    assert run.settings.keys_path.stat().st_mode & 0o777 == 0o600


class _Issuer:
    """Another way to know callers, such as an OIDC issuer."""

    async def authenticate(self, token: str) -> Principal:
        if token != "signed":
            raise Unauthenticated("INVALID_TOKEN", "The token is not valid.")
        return Principal("someone", (Grant(Role.MANAGER, "p1"),))


async def test_another_authenticator_can_take_the_place_of_api_keys(settings: Any) -> None:
    async with (
        running(settings, [Echo().build], authenticator=_Issuer()) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        stub = echo_pb2_grpc.EchoServiceStub(channel)
        [response] = await call(stub, "Say", [say()], (("authorization", "Bearer signed"),))
        assert response.principal == "someone"
        assert (await refused(stub, "Say", [say()], (("authorization", "Bearer forged"),))).reason == "INVALID_TOKEN"
