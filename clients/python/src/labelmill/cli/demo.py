"""`labelmill demo`: the whole loop on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelmill.cli.exits import Exit
from labelmill.cli.session import JsonOption, session
from labelmill.cli.up import INSTALL


def demo(
    context: typer.Context,
    output: Annotated[Path, typer.Option(help="Folder of the report; replaced.")] = Path("demo-report"),
    limit: Annotated[
        int | None, typer.Option(help="Only so many sentences.", min=3500, show_default="all 5,190")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Runs the whole loop on real sentences with real raters and leaves a report (a few minutes).

    Needs the data that `make setup` fetched. Starts services of its own; nothing of yours is touched.
    """
    current = session(context, as_json)
    try:
        from labelmill_demo.main import DataMissing, main
    except ModuleNotFoundError as error:
        current.say(f"{INSTALL} (no package {error.name})")
        raise typer.Exit(Exit.FAILED) from None
    try:
        main(output, limit=limit)
    except DataMissing as error:
        current.say(str(error))
        raise typer.Exit(Exit.PRECONDITION) from None
    if as_json:
        current.document({"report": str(output)})
