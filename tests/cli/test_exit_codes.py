"""What scripts rely on: exit codes, and nothing but JSON on stdout where JSON is asked for."""

import json
import signal
import time
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.cli.exits import Exit, exit_code
from labelmill.cli.main import app
from tests.support.up import UpProcess

from .conftest import Commands

CREATE = ("project", "create", "codes", "--single-choice", "sentiment=bad,good")


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands) -> None:
    owner.ok(*CREATE)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("project", "show", "absent"), Exit.NOT_FOUND, "PROJECT_NOT_FOUND"),
        (("quality", "show", "-p", "codes"), Exit.NOT_FOUND, "NOT_FOUND"),
        (("anonymize", "run", "absent", "-p", "codes"), Exit.NOT_FOUND, "POLICY_NOT_FOUND"),
        (("prelabel", "run", "absent", "-p", "codes"), Exit.NOT_FOUND, "MODEL_NOT_FOUND"),
        (CREATE, Exit.PRECONDITION, "PROJECT_ALREADY_EXISTS"),
        (("quality", "score", "-p", "codes", "--feature", "absent"), Exit.USAGE, "UNKNOWN_FEATURE"),
        (("export", "-p", "codes", "--filter", "absent = 1", "-o", "{tmp}/x"), Exit.USAGE, "INVALID_FILTER"),
        (
            ("anonymize", "policy", "create", "bad", "-p", "codes", "--rule", "NONSENSE=redact"),
            Exit.USAGE,
            "UNKNOWN_ENTITY_TYPE",
        ),
    ],
)
def test_refusals(owner: Commands, tmp_path: Path, arguments: tuple[str, ...], code: Exit, reason: str) -> None:
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    result = owner.run(*given, "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["error"]["reason"] == reason
    assert result.stderr
    assert owner.run(*given).stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("project", "create", "codes2"),
        ("project", "create", "codes2", "--single-choice", "sentiment"),
        ("anonymize", "policy", "create", "bad", "-p", "codes"),
        ("anonymize", "policy", "create", "bad", "-p", "codes", "--rule", "PERSON=vanish"),
        ("anonymize", "policy", "create", "bad", "-p", "codes", "--rule", "PERSON=mask:many"),
        ("task", "submit", "-p", "codes"),
        ("ingest", "/absent", "-p", "codes"),
        ("project", "show"),
        ("absent",),
    ],
)
def test_wrong_usage(owner: Commands, arguments: tuple[str, ...]) -> None:
    assert owner.run(*arguments).exit_code == Exit.USAGE


def test_no_valid_key_and_not_allowed(owner: Commands, server: UpProcess) -> None:
    stranger = Commands(owner.environment | {"LABELMILL_API_KEY": "lm_" + "x" * 43})
    assert stranger.run("project", "list").exit_code == Exit.DENIED
    assert Commands({"LABELMILL_ADDRESS": server.address}).run("project", "list").exit_code == Exit.DENIED
    key = owner.ok("key", "create", "--role", "annotator", "-p", "codes")["api_key"]
    annotator = Commands(owner.environment | {"LABELMILL_API_KEY": key})
    assert annotator.run("export", "-p", "codes").exit_code == Exit.DENIED
    assert annotator.run("task", "lease", "-p", "codes").exit_code == Exit.OK


def test_no_server(tmp_path: Path) -> None:
    result = Commands({"LABELMILL_DATA_DIR": str(tmp_path), "LABELMILL_ADDRESS": "127.0.0.1:9"}).run("status")
    assert result.exit_code == Exit.UNAVAILABLE
    assert "labelmill up" in result.stderr


def test_interrupted(owner: Commands) -> None:
    process = owner.start("task", "submit", "-p", "codes", "--file", "-", "--json")
    time.sleep(1)  # it waits for its standard input
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (Exit.INTERRUPTED, "")
    assert "Traceback" not in stderr


def test_a_reader_that_goes_away_leaves_no_traceback(owner: Commands) -> None:
    process = owner.start("project", "list", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    assert process.wait(20) == Exit.FAILED
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


def test_a_file_that_cannot_be_written_is_named(owner: Commands) -> None:
    result = owner.run("export", "-p", "codes", "-o", "/absent/labels.jsonl")
    assert result.exit_code == Exit.FAILED
    assert "/absent/" in result.stderr
    assert "No such file" in result.stderr


def test_every_code_has_an_exit_code() -> None:
    kinds = errors.LabelmillError.__subclasses__()
    assert {kind: exit_code(kind("no")) for kind in kinds if exit_code(kind("no")) is Exit.OK} == {}
    assert len(kinds) == 16


def test_every_command_has_json_and_tells_its_exit_codes() -> None:
    import typer.main

    def commands(command: object, path: str) -> list[tuple[str, object]]:
        children = getattr(command, "commands", None)
        if children is None:
            return [(path, command)]
        return [found for name, child in children.items() for found in commands(child, f"{path} {name}")]

    found = commands(typer.main.get_command(app), "labelmill")
    assert len(found) >= 25
    for path, command in found:
        assert "Exit codes" in (getattr(command, "epilog", None) or ""), path
        options = {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]
        assert "--json" in options or path == "labelmill up", path
