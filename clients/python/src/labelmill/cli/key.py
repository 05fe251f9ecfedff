"""`labelmill key`: API keys of the Labelmill in this machine's data directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import ModuleType
from typing import Annotated, Any

import typer

from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.session import JsonOption, Session, session
from labelmill.cli.up import INSTALL

app = typer.Typer(
    help="API keys of the Labelmill on this machine (it need not run).", no_args_is_help=True, epilog=EPILOG
)


class RoleName(StrEnum):
    """What a key is trusted with."""

    OWNER = "owner"
    MANAGER = "manager"
    REVIEWER = "reviewer"
    ANNOTATOR = "annotator"
    PRIVACY_OFFICER = "privacy-officer"
    SERVICE = "service"


@app.command(epilog=EPILOG)
def create(
    context: typer.Context,
    role: Annotated[list[RoleName], typer.Option(help="May be repeated.")],
    project: Annotated[
        list[str] | None,
        typer.Option("--project", "-p", help="On which project; may be repeated.", show_default="all projects"),
    ] = None,
    principal: Annotated[
        str, typer.Option("--id", help="A pseudonymous id; for an annotator, the labeler id.", show_default="made up")
    ] = "",
    days: Annotated[int | None, typer.Option(help="Days until it ends.", min=1, show_default="never")] = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a key and prints it, this once: only its hash is kept. It works at once."""
    current = session(context, as_json)
    api_keys = _api_keys(current)
    from labelmill_runtime.ids import ulid
    from labelmill_runtime.principal import EVERY_PROJECT, Grant, Role

    roles = [Role[name.name] for name in role]
    grants = [Grant(r, p.removeprefix("projects/")) for r in roles for p in project or [EVERY_PROJECT]]
    holder = principal or f"{role[0].value}-{ulid().lower()[-8:]}"
    expire_time = datetime.now(UTC) + timedelta(days=days) if days else None
    key = api_keys.create_key(current.data_dir / "keys.json", holder, grants, expire_time=expire_time)
    if as_json:
        current.document({"id": holder, "api_key": key})
    else:
        current.say(f"A key of {holder}; it is shown only now. Use it as LABELMILL_API_KEY.")
        current.line(key)


@app.command("list", epilog=EPILOG)
def list_keys(context: typer.Context, as_json: JsonOption = False) -> None:
    """Lists keys: their ids, holders and grants, never the keys."""
    current = session(context, as_json)
    stored = _api_keys(current).list_keys(current.data_dir / "keys.json")
    if as_json:
        current.document({"keys": [_described(key) for key in stored]})
        return
    rows = [
        (
            key.id,
            key.principal.id,
            ", ".join(f"{g.role.name.lower()} on {g.project}" for g in key.principal.grants),
            key.expire_time.isoformat() if key.expire_time else "",
        )
        for key in stored
    ]
    current.table(("key", "id", "grants", "until"), rows)


@app.command(epilog=EPILOG)
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The key's id, as `key list` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Revokes a key, within a second."""
    current = session(context, as_json)
    removed = _api_keys(current).revoke_keys(current.data_dir / "keys.json", key_id=key)
    if as_json:
        current.document({"revoked_count": removed})
    else:
        current.say(f"Revoked {removed} key(s).")
    if not removed:
        raise typer.Exit(Exit.NOT_FOUND)


def _api_keys(current: Session) -> ModuleType:
    try:
        from labelmill_runtime import api_keys
    except ModuleNotFoundError as error:
        current.say(f"{INSTALL} (no package {error.name})")
        raise typer.Exit(Exit.FAILED) from None
    return api_keys


def _described(key: Any) -> dict[str, Any]:
    described: dict[str, Any] = key.to_json()
    described.pop("sha256")
    return described
