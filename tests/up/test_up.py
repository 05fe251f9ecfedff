"""`labelmill up` as its users and scripts see it."""

import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.annotation.v1.service_pb2 import ListProjectsRequest
from labelmill_runtime.api_keys import list_keys
from labelmill_runtime.principal import Role
from labelmill_up.data_dir import DataDirInUse, held
from labelmill_up.up import SERVICES, running
from tests.support.up import ROOT, UpProcess, up

HEAVY = {"spacy", "presidio_analyzer", "torch", "transformers", "matplotlib"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def launch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labelmill_up", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment or None)


async def test_first_start_stop_and_second_start(tmp_path: Path) -> None:
    process = UpProcess(tmp_path / "data")
    try:
        await process.start()
        key = process.api_key
        assert mode(process.data_dir) == 0o700
        assert mode(process.data_dir / "client.json") == 0o600
        assert mode(process.data_dir / "keys.json") == 0o600
        assert key not in process.log
        assert key not in (process.data_dir / "keys.json").read_text()
        async with process.client() as client:
            assert [project async for project in client.projects.list_projects(ListProjectsRequest())] == []
        assert await process.stop() == 0

        address = process.address
        await process.start()
        assert (process.address, process.api_key) == (address, key)
        principals = [stored.principal.id for stored in list_keys(process.data_dir / "keys.json")]
        assert sorted(principals) == ["labelmill-services", "owner"]
    finally:
        process.kill()


async def test_a_data_directory_is_never_shared(tmp_path: Path) -> None:
    async with up(tmp_path / "data") as process:
        second = launch("--data-dir", str(process.data_dir), "--port", "0")
        assert second.returncode == 6
        assert f"in use by another Labelmill (process {process.pid})" in second.stderr
        assert "--data-dir" in second.stderr
        process.kill()
        await process.start()  # a killed process leaves no lock behind


async def test_a_taken_port_is_said_to_be_taken(tmp_path: Path) -> None:
    async with up(tmp_path / "data") as process:
        port = process.address.rpartition(":")[2]
        second = launch("--data-dir", str(tmp_path / "other"), "--port", port)
        assert second.returncode == 1
        assert f"127.0.0.1:{port} cannot be listened on" in second.stderr


def test_a_misspelt_variable_is_refused(tmp_path: Path) -> None:
    refused = launch("--data-dir", str(tmp_path / "data"), LABELMILL_PROT="1")
    assert refused.returncode == 2
    assert refused.stderr.startswith("labelmill up: Unknown environment variables: LABELMILL_PROT.")


async def test_the_clients_variables_are_not_taken_for_misspelt_ones(tmp_path: Path) -> None:
    variables = dict.fromkeys(("LABELMILL_PROJECT", "LABELMILL_ADDRESS", "LABELMILL_API_KEY"), "x")
    async with up(tmp_path / "data", environment=variables) as process:
        assert process.address != "x"


async def test_ctrl_c_drains(tmp_path: Path) -> None:
    async with up(tmp_path / "data") as process:
        start = time.monotonic()
        assert process._process is not None
        process._process.send_signal(signal.SIGINT)
        assert process._process.wait(20) == 0
        assert time.monotonic() - start < 15
        assert "server.stopped" in process.log


async def test_keys_that_are_made_while_it_runs_work_at_once(tmp_path: Path) -> None:
    async with up(tmp_path / "data") as process:
        async with process.client(process.make_key("labeler-1", Role.ANNOTATOR, "demo")) as client:
            assert [project async for project in client.projects.list_projects(ListProjectsRequest())] == []
        async with process.client("lm_" + "x" * 43) as client:
            with pytest.raises(errors.Unauthenticated, match="INVALID_API_KEY"):
                await client.projects.list_projects.page(ListProjectsRequest())


async def test_a_lost_client_file_means_a_new_owner_key(tmp_path: Path) -> None:
    async with running(tmp_path / "data", services=["annotation"]) as first:
        lost = first.api_key
    (tmp_path / "data" / "client.json").unlink()
    async with running(tmp_path / "data", services=["annotation"]) as second:
        assert second.api_key != lost
        assert json.loads((tmp_path / "data" / "client.json").read_text())["api_key"] == second.api_key
        async with second.client(lost) as client:
            with pytest.raises(errors.Unauthenticated):
                await client.projects.list_projects.page(ListProjectsRequest())


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(DataDirInUse, match="process"), held(tmp_path):
        pass
    with held(tmp_path):
        pass


def test_the_main_process_imports_nothing_heavy() -> None:
    imports = "; ".join(f"import labelmill_{name}.server" for name in SERVICES)
    code = f"import sys; import labelmill_up.up; {imports}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert HEAVY.isdisjoint(loaded.split())
