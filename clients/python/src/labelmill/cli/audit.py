"""`labelmill audit`: check the audit log, keep its head, look into it, make an exception."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.json_format import Parse, ParseError

from labelmill import names
from labelmill.audit import Admissions, ChainCheck, Problem, Report
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.progress import bar
from labelmill.cli.session import JsonOption, ProjectOption, Session, failure, session, short
from labelmill.client import Client
from labelmill.errors import from_status
from labelmill.receipts import parse_public_key
from labelmill.storage.v1 import audit_service_pb2 as pb
from labelmill.storage.v1 import service_pb2

app = typer.Typer(help="Who decided what about personal data.", no_args_is_help=True, epilog=EPILOG)

_NO_ENTRIES = 2**62
"""A sequence number that no log reaches: an export from there on brings head and anchors alone."""
_BATCH = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@app.command(epilog=EPILOG)
def verify(
    context: typer.Context,
    project: ProjectOption,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(
            help="File with storage's public audit key, kept elsewhere; more than one after a change of keys."
        ),
    ] = None,
    head: Annotated[
        list[Path] | None, typer.Option(help="File of `labelmill audit head -o`, or with anchors, kept elsewhere.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Checks the whole audit log: nothing altered, removed or inserted, and all that is CLEAN was admitted by it.

    Exit code 7 when something is wrong; it is said what, and from which entry on.

    Example: labelmill audit verify -p reviews --public-key audit.pub --head reviews-head.json
    """
    current = session(context, as_json)
    if find_spec("cryptography") is None:
        raise typer.BadParameter("signatures need one more package: pip install 'labelmill[verify]'")
    known = [found for path in head or () for found in _read_heads(path)]
    keys = [_read_key(path) for path in public_key or ()] or sorted({found.public_key for found in known})
    with current.client() as client:
        report, end, clean_count = _verify(current, client, names.project(project), keys, known)
    if as_json:
        current.document(_facts(report, end, clean_count))
    else:
        _tell(current, report, end, clean_count)
    if not report.intact:
        raise typer.Exit(Exit.BROKEN)


@app.command("head", epilog=EPILOG)
def show_head(
    context: typer.Context,
    project: ProjectOption,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; replaced.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Shows the signed end of the audit log. Keep it elsewhere: `labelmill audit verify --head` proves by it that the
    log was neither cut off nor written anew since.
    """
    current = session(context, as_json)
    with current.client() as client:
        found = client.audit.get_audit_head(pb.GetAuditHeadRequest(name=f"{names.project(project)}/auditHead"))
    facts = document(found)
    if output is not None:
        output.write_text(json.dumps(facts) + "\n", encoding="utf-8")
        current.say(f"The head of entry {found.sequence} is in {output}.")
    if as_json:
        current.document(facts)
    elif output is None:
        current.facts({**facts, "signature": found.signature.hex(), "public_key": found.public_key.hex()})


@app.command("list", epilog=EPILOG)
def list_entries(
    context: typer.Context,
    project: ProjectOption,
    entry_filter: Annotated[
        str, typer.Option("--filter", help='AIP-160, such as: action = "asset.admitted_by_exception".')
    ] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Lists entries of the audit log, newest first."""
    current = session(context, as_json)
    request = pb.ListAuditEntriesRequest(parent=names.project(project), filter=entry_filter, page_size=min(limit, 1000))
    with current.client() as client:
        entries = list(islice(client.audit.list_audit_entries(request), limit))
    if as_json:
        current.document({"audit_entries": [document(entry) for entry in entries]})
        return
    rows = [
        (e.sequence, _time(e.time_us), e.actor, e.action, short(e.resource), e.details.get("reason", ""))
        for e in entries
    ]
    current.table(("entry", "time", "actor", "action", "resource", "reason"), rows)


@app.command("except", epilog=EPILOG)
def admit_by_exception(
    context: typer.Context,
    project: ProjectOption,
    assets: Annotated[list[str], typer.Argument(help="Assets that are RAW.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why, for the audit log: 10 to 1000 characters, no personal data.")],
    as_json: JsonOption = False,
) -> None:
    """Lets assets into CLEAN as they are. Only a privacy officer may, and the audit log keeps who and why.

    Example: labelmill audit except -p notices --reason "Published by the town itself." 0123456789abcdef0123456789abcdef
    """
    current = session(context, as_json)
    exceptions: list[str] = []
    failures: list[dict[str, str]] = []
    with current.client() as client:
        for start in range(0, len(assets), _BATCH):
            wanted = [names.asset(project, asset) for asset in assets[start : start + _BATCH]]
            response = client.storage.batch_admit_by_exception(
                service_pb2.BatchAdmitByExceptionRequest(parent=names.project(project), names=wanted, reason=reason)
            )
            exceptions += [response.exception] if response.exception else []
            found = ((name, from_status(result.status)) for name, result in zip(wanted, response.results, strict=True))
            failures += [failure(name, error) for name, error in found if error is not None]
    admitted = len(assets) - len(failures)
    if as_json:
        current.document({"admitted_count": admitted, "exceptions": exceptions, "failures": failures})
    else:
        current.failures(failures)
        current.say(f"{admitted} assets admitted by {', '.join(exceptions) or 'no exception'}, {len(failures)} failed.")
    if failures:
        raise typer.Exit(Exit.FAILED)


def _verify(
    current: Session, client: Client, parent: str, keys: Sequence[bytes], known: Sequence[pb.AuditHead]
) -> tuple[Report, pb.AuditHead, int]:
    """The report, the log's head, and how many assets are CLEAN."""
    (last,) = client.audit.export_audit_log(pb.ExportAuditLogRequest(parent=parent, from_sequence=_NO_ENTRIES))
    trusted = keys or [last.head.public_key]
    check = ChainCheck(names.last(parent), trusted, earlier=[*known, *last.anchors, last.head])
    check.report.key_expected = bool(keys)
    admissions = Admissions()
    with bar(current, "verifying", last.head.sequence) as show:
        end = _follow(client, parent, check, admissions, show)
        report = check.finish(end)
        admissions.assets_are_read()
        suspects: dict[str, str] = {}
        clean_count = 0
        for asset in client.storage.list_assets(service_pb2.ListAssetsRequest(parent=parent, filter="zone = CLEAN")):
            clean_count += 1
            if not admissions.fits(asset.name, asset.clean.sha256):
                suspects[asset.name] = asset.clean.sha256
        if suspects:  # some may have been admitted only now: the rest of the log tells
            rest = ChainCheck(report.project, trusted, after=(check.sequence, check.hash))
            end = _follow(client, parent, rest, admissions, show)
            report.findings += rest.finish(end).findings
            report.entry_count += rest.report.entry_count
    for name, sha256 in suspects.items():
        if not admissions.fits(name, sha256):
            message = "The asset is CLEAN with a content that no entry of the log admitted."
            report.add(Problem.NOT_ADMITTED, message, resource=name)
    return report, end, clean_count


def _follow(client: Client, parent: str, check: ChainCheck, admissions: Admissions, show: Any) -> pb.AuditHead:
    """Takes the entries that the check has not seen yet; returns the head after them."""
    end = pb.AuditHead()
    for part in client.audit.export_audit_log(
        pb.ExportAuditLogRequest(parent=parent, from_sequence=check.sequence + 1)
    ):
        for entry in part.entries:
            check.add(entry)
            admissions.add(entry)
        show(check.sequence, None)
        if part.HasField("head"):
            end = part.head
    return end


def _facts(report: Report, end: pb.AuditHead, clean_count: int) -> dict[str, Any]:
    return {
        "project": report.project,
        "intact": report.intact,
        "entry_count": report.entry_count,
        "earlier_head_count": report.head_count,
        "clean_asset_count": clean_count,
        "key_expected": report.key_expected,
        "first_broken_sequence": report.first_broken,
        "findings": [asdict(finding) for finding in report.findings],
        "head": document(end),
    }


def _tell(current: Session, report: Report, end: pb.AuditHead, clean_count: int) -> None:
    current.facts(
        {
            "entries": report.entry_count,
            "signed heads on the way": report.head_count,
            "clean assets": clean_count,
            "signed by": end.signing_key_id + ("" if report.key_expected else " (not compared; see --public-key)"),
            "intact": "yes" if report.intact else "NO",
        }
    )
    rows = [
        (f.problem, "" if f.sequence is None else f.sequence, short(f.resource), f.message) for f in report.findings
    ]
    if rows:
        current.table(("problem", "entry", "asset", "what"), rows)


def _read_key(path: Path) -> bytes:
    try:
        return parse_public_key(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise typer.BadParameter(f"{path}: {error}") from None


def _read_heads(path: Path) -> Iterator[pb.AuditHead]:
    try:
        text = path.read_text(encoding="utf-8")
        yield from (Parse(line, pb.AuditHead()) for line in text.splitlines() if line.strip())
    except (ParseError, UnicodeDecodeError):
        raise typer.BadParameter(
            f"{path} holds no heads, one a line, as `labelmill audit head -o` writes them"
        ) from None


def _time(time_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="seconds")
