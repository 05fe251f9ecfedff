"""`labelmill table`: roles of columns, and tables anonymized with a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from labelmill import names
from labelmill.anonymization.v1 import content_service_pb2, service_pb2
from labelmill.anonymization.v1 import table_rules_pb2 as rules
from labelmill.anonymization.v1 import table_service_pb2 as pb
from labelmill.cli import policies
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.session import JsonOption, ProjectOption, Session, session

app = typer.Typer(help="Tables: CSV, JSON, Parquet.", no_args_is_help=True, epilog=EPILOG)
_MAX_BYTES = 3 * 1024 * 1024
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
}
_READY = "ready/"
FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help=f"One of {', '.join(_MEDIA_TYPES)}.", exists=True, dir_okay=False)
]


@app.command(epilog=EPILOG)
def profile(
    context: typer.Context,
    file: FileArgument,
    project: ProjectOption,
    policy: Annotated[
        str | None, typer.Option(help="A policy's id, ready/NAME, or a file; its rules for tables go first.")
    ] = None,
    as_rules: Annotated[
        bool, typer.Option("--rules", help="Print the proposal in YAML, for a policy's `tables`.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Proposes a role for each column, with reasons, for you to confirm.

    Example: labelmill table profile people.csv -p reviews --rules > tables.yaml
    """
    current = session(context, as_json)
    request = pb.ProfileTableRequest(parent=names.project(project), table=content_of(file))
    if policy is not None:
        request.policy.CopyFrom(_source(policy, project))
    with current.client() as client:
        answer = client.table.profile_table(request)
    if as_json:
        current.document(document(answer))
    elif as_rules:
        import yaml  # a quarter of the time that the rest of the client takes to load

        current.line(yaml.safe_dump({"tables": _short_rules(answer)}, sort_keys=False).rstrip())
    else:
        _show_profile(current, answer)


@app.command(epilog=EPILOG)
def anonymize(
    context: typer.Context,
    file: FileArgument,
    project: ProjectOption,
    policy: Annotated[str, typer.Option(help="A policy's id, ready/NAME, or a file in YAML or JSON.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the clean table goes.", dir_okay=False)],
    as_json: JsonOption = False,
) -> None:
    """Anonymizes a table of at most 3 MiB; larger ones go by `ingest` and `anonymize run`.

    Example: labelmill table anonymize people.csv -p reviews --policy strict.yaml -o clean.csv
    """
    current = session(context, as_json)
    request = pb.AnonymizeTableRequest(
        parent=names.project(project), table=content_of(file), policy=_source(policy, project)
    )
    with current.client() as client:
        answer = client.table.anonymize_table(request)
    output.write_bytes(answer.content)
    if as_json:
        answer.ClearField("content")
        current.document(document(answer))
    else:
        _show_report(current, answer.report)


def content_of(file: Path) -> content_service_pb2.Content:
    """A table file as a content."""
    media_type = _MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise typer.BadParameter(f"{file.name} does not end in one of {', '.join(_MEDIA_TYPES)}")
    if file.stat().st_size > _MAX_BYTES:
        raise typer.BadParameter(
            f"{file.name} has more than 3 MiB; use `labelmill ingest` and `labelmill anonymize run`"
        )
    return content_service_pb2.Content(content=file.read_bytes(), media_type=media_type)


def _source(policy: str, project: str) -> service_pb2.PolicySource:
    if Path(policy).suffix and Path(policy).is_file():
        return service_pb2.PolicySource(inline=policies.read(Path(policy)))
    if policy.startswith(_READY):
        return service_pb2.PolicySource(policy=f"readyPolicies/{policy.removeprefix(_READY)}")
    return service_pb2.PolicySource(policy=names.policy(project, policy))


def _short_rules(answer: pb.ProfileTableResponse) -> dict[str, Any]:
    columns = []
    for rule in answer.proposed_rules.columns:
        shown = {"column": rule.column, "role": _role(rule.role)}
        columns.append(shown | ({"entity_type": rule.entity_type} if rule.entity_type else {}))
    return {"unlisted": "refuse", "columns": columns}


def _show_profile(current: Session, answer: pb.ProfileTableResponse) -> None:
    evidence, kind = pb.ColumnProfile.Evidence.Name, pb.ColumnProfile.Kind.Name
    rows = [
        (
            column.column,
            _role(column.role),
            column.entity_type,
            kind(column.kind).removeprefix("KIND_").lower(),
            ", ".join(evidence(one).removeprefix("EVIDENCE_").lower() for one in column.evidence),
            column.distinct_count,
            column.missing_count,
        )
        for column in answer.columns
    ]
    current.table(("column", "role", "type", "kind", "because of", "distinct", "missing"), rows)
    current.say(f"{answer.row_count} rows. Check the roles; --rules prints them for a policy.")


def _show_report(current: Session, report: pb.TableReport) -> None:
    rows = [
        (
            column.column,
            _role(column.role),
            column.operator_name,
            column.changed_count,
            f"{column.certainty_penalty:.3f}" if column.HasField("certainty_penalty") else "",
        )
        for column in report.columns
    ]
    current.table(("column", "role", "done", "cells changed", "loss"), rows)
    if report.HasField("after"):
        measures = (("before", report.before), ("after", report.after))
        told = [(when, m.class_count, m.k, m.l, f"{m.entropy_l:.2f}", f"{m.t:.3f}") for when, m in measures]
        current.table(("", "classes", "k", "l", "entropy l", "t"), told)
    if report.HasField("utility_loss"):
        loss = report.utility_loss
        current.say(f"Rows per class over k: {loss.average_class_size:.2f}. Mean loss: {loss.certainty_penalty:.3f}.")
    if report.suppressed:
        current.say("The table was too small for what the policy asks: cells were emptied.")


def _role(role: rules.ColumnRole.ValueType) -> str:
    return rules.ColumnRole.Name(role).removeprefix("COLUMN_ROLE_").lower()
