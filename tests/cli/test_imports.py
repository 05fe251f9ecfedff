"""`labelmill import` against a server with an import root."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelmill.cli.exits import Exit
from tests.support.up import UpProcess

from .conftest import Commands


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Commands]:
    process = UpProcess(tmp_path_factory.mktemp("imports") / "data", arguments=("--import-root", str(root)))
    asyncio.run(process.start())
    commands = Commands({"LABELMILL_DATA_DIR": str(process.data_dir)})
    commands.ok("project", "create", "letters", "--single-choice", "sentiment=bad,good")
    yield commands
    process.kill()


def test_a_folder_again_and_again(user: Commands, root: Path) -> None:
    folder = root / "Letters of May"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"letter {number}")
    (folder / "note.md").write_text("not asked for")
    (folder / "empty.txt").touch()
    arguments = ("import", "folder", str(folder), "-p", "letters", "--include", "*.txt", "--label", "month=may")
    result = user.run(*arguments, "--json")
    first = json.loads(result.stdout)
    assert result.exit_code == Exit.FAILED
    assert (first["created_count"], first["failed_count"]) == (3, 1)
    assert [(failed["item"], failed["reason"]) for failed in first["failures"]] == [("empty.txt", "EMPTY_CONTENT")]

    again = user.ok(*arguments)
    assert (again["unchanged_count"], again["source"]) == (4, first["source"])
    (folder / "3.txt").write_text("letter 3")
    assert user.ok(*arguments)["created_count"] == 1
    assert user.run(*arguments, "--retry-failed").exit_code == Exit.FAILED

    (source,) = user.ok("import", "list", "-p", "letters")["sources"]
    assert source["name"] == first["source"]
    source_id = source["name"].rpartition("/")[2]
    assert source_id.startswith("letters-of-may")
    found = user.ok("import", "failures", source_id, "-p", "letters")["failures"]
    assert [failed["item"] for failed in found] == ["empty.txt"]
    shown = user.run("import", "list", "-p", "letters")
    assert "Letters of May" in shown.stdout

    user.ok("import", "forget", source_id, "-p", "letters")
    assert user.ok("import", "list", "-p", "letters")["sources"] == []


def test_a_manifest(user: Commands, root: Path) -> None:
    (root / "rows.csv").write_text("id,body,kind\n1,first row,a\n2,second row,b\n")
    columns = ("--text-column", "body", "--id-column", "id", "--label-column", "kind")
    arguments = ("import", "manifest", str(root / "rows.csv"), "-p", "letters", "--source", "rows", *columns)
    assert user.ok(*arguments)["created_count"] == 2
    assert user.ok(*arguments)["unchanged_count"] == 2
    other = user.run("import", "folder", str(root), "-p", "letters", "--source", "rows")
    assert other.exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("folder", "/etc"), Exit.DENIED, "SOURCE_FORBIDDEN"),
        (("bucket", "some-bucket"), Exit.DENIED, "SOURCE_FORBIDDEN"),
        (("folder", "{root}/absent", "--source", "absent"), Exit.PRECONDITION, "SOURCE_MISSING"),
        (("manifest", "{root}/absent.txt"), Exit.USAGE, "INVALID_SOURCE"),
        (("failures", "nothing"), Exit.NOT_FOUND, "SOURCE_NOT_FOUND"),
    ],
)
def test_exit_codes(user: Commands, root: Path, arguments: tuple[str, ...], code: Exit, reason: str) -> None:
    filled = [argument.format(root=root) for argument in arguments]
    result = user.run("import", *filled, "-p", "letters", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["error"]["reason"] == reason
