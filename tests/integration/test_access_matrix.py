"""Every RPC against every kind of caller, on a real server: who is not admitted is refused, whatever the project."""

import itertools
import time
from importlib import import_module

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from labelmill.access.v1 import access_pb2
from labelmill_runtime.api_keys import create_key
from labelmill_runtime.principal import Grant, Role
from tests.support.up import UpProcess

AREAS = ("storage", "anonymization", "prelabel", "annotation", "quality", "training")
ANONYMIZATION = ("content", "evaluation", "keys", "reidentification", "risk", "statistics", "table")
QUALITY = (
    *("agreement", "answers", "benchmark", "classifier", "consensus", "instances", "labelers", "live"),
    *("model_quality", "planning", "weak_supervision"),
)
PROJECT = "access-matrix"


def methods() -> list[MethodDescriptor]:
    modules = [f"labelmill.{area}.v1.service_pb2" for area in AREAS]
    modules += [f"labelmill.storage.v1.{part}_service_pb2" for part in ("audit", "datasets", "imports", "lifecycle")]
    modules += [f"labelmill.anonymization.v1.{part}_service_pb2" for part in ANONYMIZATION]
    modules += [f"labelmill.quality.v1.{part}_service_pb2" for part in QUALITY]
    files = [import_module(module).DESCRIPTOR for module in modules]
    return [m for file in files for service in file.services_by_name.values() for m in service.methods]


METHODS = methods()
every_rpc = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)


def request_for(method: MethodDescriptor, project: str) -> Message:
    """A request whose project field names the project; nothing else is filled in."""
    message = GetMessageClass(method.input_type)()
    *path, last = method.GetOptions().Extensions[access_pb2.access].project_field.split(".")
    holder = message
    for part in path:
        holder = getattr(holder, part)
    if last:
        setattr(holder, last, f"projects/{project}")
    return message


def call(up: UpProcess, method: MethodDescriptor, key: str | None, project: str = PROJECT) -> grpc.StatusCode:
    """The code that the server answers."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = [("authorization", f"Bearer {key}")] if key else []
    request = request_for(method, project)
    to_bytes, from_bytes = type(request).SerializeToString, GetMessageClass(method.output_type).FromString
    with grpc.insecure_channel(up.address) as channel:
        shape = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
        rpc = getattr(channel, shape)(path, request_serializer=to_bytes, response_deserializer=from_bytes)
        argument = iter([request]) if method.client_streaming else request
        try:
            answer = rpc(argument, metadata=metadata, timeout=20)
            if method.server_streaming:
                next(answer)
        except StopIteration:
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def key_with(up: UpProcess, *grants: Grant) -> str:
    return create_key(up.data_dir / "keys.json", f"matrix-{next(_numbers)}", grants)


_numbers = itertools.count()


@every_rpc
def test_no_credentials_are_unauthenticated(shared_up: UpProcess, method: MethodDescriptor) -> None:
    assert call(shared_up, method, None) == grpc.StatusCode.UNAUTHENTICATED


@every_rpc
def test_an_invented_key_is_unauthenticated(shared_up: UpProcess, method: MethodDescriptor) -> None:
    assert call(shared_up, method, "lm_" + "A" * 43) == grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture(scope="module")
def keys(shared_up: UpProcess) -> dict[str, str]:
    """One key with every role on another project, and one key a role on this one."""
    found = {role.name: key_with(shared_up, Grant(role, PROJECT)) for role in Role if role}
    found["elsewhere"] = key_with(shared_up, *(Grant(role, "another-project") for role in Role if role))
    # The server rereads its keys at most twice a second.
    time.sleep(0.6)
    return found


@every_rpc
def test_roles_on_another_project_do_not_count(
    shared_up: UpProcess, keys: dict[str, str], method: MethodDescriptor
) -> None:
    if not method.GetOptions().Extensions[access_pb2.access].any_project:
        assert call(shared_up, method, keys["elsewhere"]) == grpc.StatusCode.PERMISSION_DENIED


@every_rpc
def test_roles_that_the_rpc_does_not_name_are_refused(
    shared_up: UpProcess, keys: dict[str, str], method: MethodDescriptor
) -> None:
    admitted = set(method.GetOptions().Extensions[access_pb2.access].roles)
    for role in Role:
        if role and int(role) not in admitted:
            assert call(shared_up, method, keys[role.name]) == grpc.StatusCode.PERMISSION_DENIED, role.name


@every_rpc
def test_roles_that_the_rpc_names_are_let_in(
    shared_up: UpProcess, keys: dict[str, str], method: MethodDescriptor
) -> None:
    access = method.GetOptions().Extensions[access_pb2.access]
    if not (access.project_field or access.any_project):
        return  # needs a role on all projects
    refused = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
    for role in access.roles:
        code = call(shared_up, method, keys[Role(role).name])
        assert code not in refused, Role(role).name
        # The request is all but empty, so it fails, but not for the caller's role.
        assert code != grpc.StatusCode.PERMISSION_DENIED, Role(role).name
