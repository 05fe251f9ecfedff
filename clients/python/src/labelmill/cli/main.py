"""The root command: global options, and errors to exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from labelmill.cli import (
    anonymize,
    audit,
    dataset,
    demo,
    download,
    erase,
    export,
    imports,
    ingest,
    key,
    lifecycle,
    policy,
    prelabel,
    project,
    quality,
    quality_aggregate,
    quality_live,
    statistics,
    status,
    table,
    task,
    train,
    up,
    upload,
)
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.session import Session
from labelmill.cli.status import client_version
from labelmill.errors import LabelmillError

_ORDER = (
    *("up", "demo", "project", "ingest", "import", "upload", "download", "url"),
    *("anonymize", "policy", "prelabel", "task", "quality", "train", "export", "dataset", "audit"),
    *("table", "privacy-budget", "release"),
    *("erase", "erasure", "hold", "retention", "usage"),
    *("status", "key"),
)


class _Root(TyperGroup):
    """Ends every command with an exit code that says what happened."""

    def list_commands(self, context: Any) -> list[str]:
        """In the order of the loop."""
        return sorted(self.commands, key=_ORDER.index)

    def invoke(self, context: Any) -> Any:
        try:
            try:
                return super().invoke(context)
            finally:
                sys.stdout.flush()
        except LabelmillError as error:
            raise typer.Exit(context.obj.fail(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output has gone; nor can the interpreter flush it at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.FAILED) from None
        except OSError as error:
            context.obj.say(f"{error.filename or 'input or output'}: {error.strerror or type(error).__name__}")
            raise typer.Exit(Exit.FAILED) from None


app = typer.Typer(
    cls=_Root,
    name="labelmill",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they print local variables, texts of users included
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up", epilog=EPILOG)(up.up)
app.command("demo", epilog=EPILOG)(demo.demo)
app.add_typer(project.app, name="project")
app.command("ingest", epilog=EPILOG)(ingest.ingest)
app.add_typer(imports.app, name="import")
app.command("upload", epilog=EPILOG)(upload.upload)
app.command("download", epilog=EPILOG)(download.download)
app.command("url", epilog=EPILOG)(download.url)
app.add_typer(anonymize.app, name="anonymize")
app.add_typer(policy.app, name="policy")
app.add_typer(table.app, name="table")
app.add_typer(statistics.budget_app, name="privacy-budget")
app.add_typer(statistics.release_app, name="release")
app.add_typer(prelabel.app, name="prelabel")
app.add_typer(task.app, name="task")
quality_aggregate.add_to(quality.app)
quality_live.add_to(quality.app)
app.add_typer(quality.app, name="quality")
app.add_typer(train.app, name="train")
app.command("export", epilog=EPILOG)(export.export)
app.add_typer(dataset.app, name="dataset")
app.add_typer(audit.app, name="audit")
app.command("erase", epilog=EPILOG)(erase.erase)
app.add_typer(erase.app, name="erasure")
app.add_typer(lifecycle.hold_app, name="hold")
app.add_typer(lifecycle.retention_app, name="retention")
app.add_typer(lifecycle.usage_app, name="usage")
app.command("status", epilog=EPILOG)(status.status)
app.add_typer(key.app, name="key")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(client_version())
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    address: Annotated[
        str | None, typer.Option(envvar="LABELMILL_ADDRESS", help="host:port of the server.", show_default=False)
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="LABELMILL_DATA_DIR", help="Of `labelmill up` on this machine.", show_default="~/.labelmill"
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that one call may take.", min=0.1)] = 60.0,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Labelmill: raw data in, trusted labels and better models out.

    Start a server with `labelmill up`; the other commands find it by themselves.

    For a server elsewhere set LABELMILL_ADDRESS and LABELMILL_API_KEY (and LABELMILL_CA_FILE for TLS).
    """
    context.obj = Session(address, data_dir, timeout)


def main() -> None:
    """The console entry."""
    app()
