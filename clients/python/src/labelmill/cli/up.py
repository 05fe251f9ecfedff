"""`labelmill up`: all services on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelmill.cli.exits import Exit
from labelmill.cli.session import Session

INSTALL = "The services are not installed here: pip install 'labelmill-services[all]'"


def up(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept; made if absent.", show_default="~/.labelmill")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0: a free one.", min=0, max=65535, show_default="50051")
    ] = None,
    import_root: Annotated[
        list[Path] | None,
        typer.Option(
            help="Directory below which `labelmill import` may read; may be repeated.", exists=True, file_okay=False
        ),
    ] = None,
) -> None:
    """Runs all services in one process on one port, until Ctrl-C.

    The first start makes the data directory and a key for this machine's user. Settings: variables LABELMILL_*.
    """
    try:
        from labelmill_up.main import up as serve
    except ModuleNotFoundError as error:
        typer.echo(f"{INSTALL} (no package {error.name})", err=True)
        raise typer.Exit(Exit.FAILED) from None
    root: Session = context.find_root().obj
    raise typer.Exit(
        serve(data_dir=data_dir or root.given_data_dir, host=host, port=port, import_roots=import_root or ())
    )
