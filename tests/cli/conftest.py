"""A real `labelmill up` for all tests of the command line, and ways to run commands against it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from labelmill.cli.main import app
from tests.support.up import ROOT, UpProcess

_ANNOUNCED = """
import sys
from labelmill.cli.main import main
print("begun", file=sys.stderr, flush=True)
main()
"""


@dataclass(frozen=True)
class Commands:
    """Runs commands as one user."""

    environment: dict[str, str]

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """In this process."""
        return CliRunner().invoke(app, list(arguments), input=stdin, env=self.environment)

    def ok(self, *arguments: str, stdin: str | None = None) -> Any:
        """A command that succeeds, with --json; its document."""
        result = self.run(*arguments, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """As a process of its own; returns when it has begun."""
        process = subprocess.Popen(
            [sys.executable, "-c", _ANNOUNCED, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self.environment,
        )
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        return process


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    process = UpProcess(tmp_path_factory.mktemp("cli") / "data")
    asyncio.run(process.start())
    yield process
    process.kill()


@pytest.fixture(scope="session")
def owner(server: UpProcess) -> Commands:
    return Commands({"LABELMILL_DATA_DIR": str(server.data_dir)})


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    rows = [{"id": f"t{number}", "text": text} for number, text in enumerate(("Ann Lee came.", "It was fine."))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
