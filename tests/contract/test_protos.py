"""The contract itself: it lints, generated code is current, and every RPC says who may call it."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from labelmill.access.v1 import access_pb2
from tools import generate_protos, generate_sdk

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"


def methods() -> list[MethodDescriptor]:
    """Every RPC of Labelmill."""
    found = []
    for path in sorted(PROTOS.glob("labelmill/*/v1/*service.proto")):
        name = path.relative_to(PROTOS).as_posix()
        import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
        file = descriptor_pool.Default().FindFileByName(name)
        found += [method for service in file.services_by_name.values() for method in service.methods]
    return found


METHODS = methods()
by_name = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)


def buf(*arguments: str) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).with_name("buf")
    return subprocess.run([executable, *arguments], cwd=PROTOS, capture_output=True, text=True, check=False)


def test_buf_lint_finds_nothing() -> None:
    result = buf("lint")
    assert result.returncode == 0, result.stdout


def test_protos_are_formatted() -> None:
    result = buf("format", "--exit-code", "-d", "--path", "labelmill")
    assert result.returncode == 0, result.stdout


def test_generated_messages_are_current(tmp_path: Path) -> None:
    generate_protos.generate(tmp_path)
    assert_same_files(tmp_path, generate_protos.generated_files(tmp_path))
    assert generate_protos.generated_files(generate_protos.OUTPUT) == generate_protos.generated_files(tmp_path)


def test_generated_client_is_current(tmp_path: Path) -> None:
    generate_sdk.generate(tmp_path)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.py"))
    assert written
    assert_same_files(tmp_path, written)


def assert_same_files(fresh: Path, names: list[Path]) -> None:
    stale = [str(name) for name in names if (fresh / name).read_bytes() != (generate_protos.OUTPUT / name).read_bytes()]
    assert not stale, "run `make protos`"


def test_all_six_services_are_in_the_contract() -> None:
    areas = {method.full_name.split(".")[1] for method in METHODS}
    assert areas == {"storage", "anonymization", "prelabel", "annotation", "quality", "training"}


@by_name
def test_every_rpc_names_its_roles(method: MethodDescriptor) -> None:
    access = method.GetOptions().Extensions[access_pb2.access]
    assert access.roles
    assert access_pb2.ROLE_UNSPECIFIED not in access.roles
    assert not (access.project_field and access.any_project)


@by_name
def test_the_project_field_of_an_rpc_exists(method: MethodDescriptor) -> None:
    path = method.GetOptions().Extensions[access_pb2.access].project_field
    message = method.input_type
    for part in path.split(".") if path else []:
        field = message.fields_by_name[part]
        message = field.message_type
        if message is None:
            assert field.type == FieldDescriptor.TYPE_STRING


@by_name
def test_mutating_unary_rpcs_take_a_request_id(method: MethodDescriptor) -> None:
    reads = (
        *("Get", "List", "BatchGet", "BatchRead", "Download", "Export", "Diff"),
        *("Predict", "Embed", "Map", "Score", "Compute", "Evaluate", "Compare"),
        *("Aggregate", "Analyze", "Find", "Fit", "Plan"),
    )
    stateless = method.name.startswith(reads) or method.name in {
        *("AnonymizeText", "AnonymizeContent", "AnonymizeTable", "ProfileTable", "Reidentify"),
        *("HeartbeatTasks", "CreateDownloadUrl", "ApplyLabelingFunctions"),
    }
    operation = method.output_type.full_name == "google.longrunning.Operation"
    if operation or not (method.client_streaming or stateless):
        assert "request_id" in method.input_type.fields_by_name


@by_name
def test_lists_are_paged(method: MethodDescriptor) -> None:
    unpaged = {"ListEntityTypes", "ListAnnotationVersions"}
    if method.name.startswith("List") and method.name not in unpaged:
        assert {"page_size", "page_token"} <= set(method.input_type.fields_by_name)
        assert "next_page_token" in method.output_type.fields_by_name
