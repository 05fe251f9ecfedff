"""What every command has: a client, and one place to print to."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from labelmill import names
from labelmill._connection import data_dir, resolve
from labelmill._retry import Retry
from labelmill.cli.exits import exit_code, hint
from labelmill.client import Client
from labelmill.errors import LabelmillError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout and nothing else.")]
ProjectOption = Annotated[
    str, typer.Option("--project", "-p", envvar="LABELMILL_PROJECT", help="The project's id.", show_default=False)
]
FilterOption = Annotated[str, typer.Option("--filter", help='AIP-160, such as: labels.set = "nyt".')]
_RETRY = Retry(max_attempts=5)


class Session:
    """One run of the command line."""

    def __init__(self, address: str | None, folder: Path | None, timeout_s: float) -> None:
        self.as_json = False
        self.given_data_dir = folder
        self.data_dir = folder or data_dir()
        self._address = address
        self._timeout_s = timeout_s
        self.stderr = Console(stderr=True, highlight=False, width=_width(sys.stderr))
        self._stdout = Console(highlight=False, width=_width(sys.stdout))

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client for the block."""
        found = resolve(self._address, folder=self.data_dir)
        with Client(
            found.address, found.api_key, tls_ca=found.tls_ca, timeout_s=self._timeout_s, retry=_RETRY
        ) as client:
            yield client

    def say(self, text: str) -> None:
        """A line for people, on stderr, so that stdout stays what was asked for."""
        self.stderr.print(escape(text), soft_wrap=True)

    def document(self, value: Any) -> None:
        """The command's one JSON document."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")

    def line(self, text: str) -> None:
        """A line of the answer, as it is."""
        sys.stdout.write(text + "\n")

    def facts(self, facts: Mapping[str, object]) -> None:
        """Names and values, one a line."""
        width = max((len(name) for name in facts), default=0)
        for name, value in facts.items():
            self.line(f"{name:<{width}}  {value}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
        """A table on stdout."""
        self._stdout.print(_table(columns, rows, title))

    def failures(self, failures: Sequence[Mapping[str, str]], *, shown: int = 20) -> None:
        """A table of failed items on stderr; all of them stand in the JSON document."""
        if not failures or self.as_json:
            return
        rows = [(failure["item"], failure["reason"], failure["message"]) for failure in failures[:shown]]
        self.stderr.print(_table(("item", "reason", "message"), rows, f"{len(failures)} failed"))
        if len(failures) > shown:
            self.say(f"... and {len(failures) - shown} more; --json has them all")

    def fail(self, error: LabelmillError) -> int:
        """Tells of an error and returns the exit code."""
        if self.as_json:
            facts = {"code": error.code.name, "reason": error.reason or error.code.name, "message": error.message}
            self.document({"error": facts | {"fields": error.fields, "request_id": error.request_id}})
        self.say(str(error))
        if hint(error):
            self.say(hint(error))
        return int(exit_code(error))


def failure(item: str, error: LabelmillError) -> dict[str, str]:
    """A failed item as a JSON value."""
    return {"item": item, "reason": error.reason or error.code.name, "message": error.message}


def _width(stream: TextIO) -> int | None:
    """That of the terminal; in files and pipes wide enough for two resource names."""
    return None if stream.isatty() else 200


def session(context: typer.Context, as_json: bool) -> Session:
    """The session of the running command."""
    current: Session = context.find_root().obj
    current.as_json = as_json
    return current


def short(name: str) -> str:
    """The last part of a resource name, for tables."""
    return names.last(name)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # a name that is cut short names nothing
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table
