"""`labelmill erase` and `labelmill erasure`: content that must go for good, and the proof of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.progress import wait
from labelmill.cli.session import JsonOption, ProjectOption, Session, session, short
from labelmill.erasures import verify as is_signed
from labelmill.receipts import parse_public_key
from labelmill.storage.v1 import audit_service_pb2
from labelmill.storage.v1 import lifecycle_service_pb2 as pb

app = typer.Typer(help="Erasures and their certificates.", no_args_is_help=True, epilog=EPILOG)
AssetOption = Annotated[list[str] | None, typer.Option("--asset", help="An asset's name or id; may be repeated.")]
SubjectOption = Annotated[str, typer.Option("--subject", help="Instead: all that is about this data subject.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="For the audit log: 10 to 1000 characters, without personal data.")
]
ErasureArgument = Annotated[str, typer.Argument(metavar="ERASURE", help="Its name or id.")]


def erase(
    context: typer.Context,
    project: ProjectOption,
    reason: ReasonOption,
    asset: AssetOption = None,
    subject: SubjectOption = "",
    as_json: JsonOption = False,
) -> None:
    """Erases assets, or all that is about a data subject, in every service, and waits for the certificate.

    It goes on whatever happens to this command or the server; `labelmill erasure show` tells how far it is.

    Example: labelmill erase -p reviews --subject patient-17 --reason "letter of 3 May, file 12"
    """
    current = session(context, as_json)
    request = pb.EraseAssetsRequest(
        parent=names.project(project), asset_names=asset_names(project, asset), subject=subject, reason=reason
    )
    with current.client() as client:
        done = wait(current, client.lifecycle.erase_assets(request), "erasing")
    _show(current, done)


@app.command(epilog=EPILOG)
def show(context: typer.Context, erasure: ErasureArgument, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Shows an erasure: its certificate, or how far it is."""
    current = session(context, as_json)
    with current.client() as client:
        found = client.lifecycle.get_erasure(pb.GetErasureRequest(name=_name(project, erasure)))
    _show(current, found)


@app.command(epilog=EPILOG)
def verify(
    context: typer.Context,
    erasure: ErasureArgument,
    project: ProjectOption,
    public_key: Annotated[
        Path | None,
        typer.Option(
            help="The published key, 64 hex digits.", exists=True, dir_okay=False, show_default="the server's"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Checks the signature of a certificate, best by a key that you keep yourself."""
    current = session(context, as_json)
    with current.client() as client:
        found = client.lifecycle.get_erasure(pb.GetErasureRequest(name=_name(project, erasure)))
        if public_key is not None:
            key = _read_key(public_key)
        else:
            head = audit_service_pb2.GetAuditHeadRequest(name=f"{names.project(project)}/auditHead")
            key = client.audit.get_audit_head(head).public_key
    intact = found.HasField("complete_time") and is_signed(found, key)
    if as_json:
        current.document({"name": found.name, "intact": intact, "signing_key_id": found.signing_key_id})
    else:
        current.say(f"{found.name} is {'intact' if intact else 'NOT intact, or not complete'}.")
    if not intact:
        raise typer.Exit(Exit.BROKEN)


@app.command("list", epilog=EPILOG)
def list_erasures(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists a project's erasures, newest first."""
    current = session(context, as_json)
    with current.client() as client:
        found = list(client.lifecycle.list_erasures(pb.ListErasuresRequest(parent=names.project(project))))
    if as_json:
        current.document({"erasures": [document(erasure) for erasure in found]})
        return
    rows = [
        (short(e.name), e.create_time.ToJsonString(), _state(e), "subject" if e.of_subject else "assets", e.reason)
        for e in found
    ]
    current.table(("erasure", "asked for", "state", "of", "reason"), rows)


@app.command(epilog=EPILOG)
def allow(
    context: typer.Context,
    project: ProjectOption,
    reason: ReasonOption,
    asset: AssetOption = None,
    subject: SubjectOption = "",
    as_json: JsonOption = False,
) -> None:
    """Lets content that was erased come in again."""
    current = session(context, as_json)
    request = pb.AllowErasedRequest(
        parent=names.project(project), asset_names=asset_names(project, asset), subject=subject, reason=reason
    )
    with current.client() as client:
        allowed = client.lifecycle.allow_erased(request)
    if as_json:
        current.document(document(allowed))
    else:
        current.say(f"{allowed.allowed_count} erased assets may come in again.")


def asset_names(project: str, assets: list[str] | None) -> list[str]:
    """Full names of assets that were given by name or id."""
    return [asset if asset.startswith("projects/") else names.asset(project, asset) for asset in assets or ()]


def _name(project: str, erasure: str) -> str:
    return erasure if erasure.startswith("projects/") else f"{names.project(project)}/erasures/{erasure}"


def _read_key(path: Path) -> bytes:
    try:
        return parse_public_key(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{path}: {error}") from None


def _state(erasure: pb.Erasure) -> str:
    return erasure.complete_time.ToJsonString() if erasure.HasField("complete_time") else "running"


def _show(current: Session, erasure: pb.Erasure) -> None:
    if current.as_json:
        current.document(document(erasure))
        return
    current.facts(
        {
            "erasure": erasure.name,
            "state": _state(erasure),
            "erased assets": len(erasure.erased_assets),
            "audit entry": erasure.audit_sequence or "",
            "signed by": erasure.signing_key_id,
        }
    )
    if erasure.removals:
        current.table(("service", "erased", "count"), [(r.service, r.kind, r.count) for r in erasure.removals])
    kept = [*erasure.kept_assets, *erasure.kept]
    if kept:
        current.table(("kept", "why", "count"), [(item.item, item.reason, item.count or "") for item in kept])
