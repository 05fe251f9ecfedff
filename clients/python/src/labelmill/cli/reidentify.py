"""`labelmill anonymize reidentify`: the way back from tokens to values, for privacy officers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import reidentification_service_pb2 as pb
from labelmill.cli.documents import document
from labelmill.cli.exits import Exit
from labelmill.cli.keyring import ReasonOption
from labelmill.cli.session import JsonOption, ProjectOption, session, short


def reidentify(
    context: typer.Context,
    project: ProjectOption,
    reason: ReasonOption,
    text: Annotated[str | None, typer.Option(help="With tokens.", show_default="standard input")] = None,
    value: Annotated[
        list[str] | None, typer.Option(help="TYPE:KEY:VALUE of encrypt_format, instead of a text; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Reads tokens again. Who did it, when and why is kept; exit code 1 when something cannot be read."""
    current = session(context, as_json)
    values = [_value(given) for given in value or ()]
    given_text = text if text is not None else "" if values else sys.stdin.read()
    request = pb.ReidentifyRequest(
        parent=names.project(project), text=given_text, formatted_values=values, reason=reason
    )
    with current.client() as client:
        response = client.reidentification.reidentify(request)
    unread = [one for one in (*response.tokens, *response.formatted_values) if one.problem]
    if as_json:
        current.document(document(response))
    else:
        if given_text:
            current.line(response.text)
        for one in response.formatted_values:
            current.line(one.value)
        for one in unread:
            problem = pb.ReidentifyResponse.Problem.Name(one.problem).removeprefix("PROBLEM_").lower()
            current.say(f"{one.entity_type} of key {one.key_id}: {problem.replace('_', ' ')}")
    if unread:
        raise typer.Exit(Exit.FAILED)


def reidentifications(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists who read tokens again, when, why and how many."""
    current = session(context, as_json)
    request = pb.ListReidentificationsRequest(parent=names.project(project))
    with current.client() as client:
        found = list(client.reidentification.list_reidentifications(request))
    if as_json:
        current.document({"reidentifications": [document(one) for one in found]})
        return
    rows = [
        (short(r.name), r.create_time.ToJsonString(), r.principal, f"{r.revealed_count} of {r.value_count}", r.reason)
        for r in found
    ]
    current.table(("reidentification", "when", "who", "read", "why"), rows)


def _value(given: str) -> pb.ReidentifyRequest.FormattedValue:
    entity_type, _, rest = given.partition(":")
    key_id, separator, value = rest.partition(":")
    if not separator or not value:
        raise typer.BadParameter(f"{given!r} is not TYPE:KEY:VALUE")
    return pb.ReidentifyRequest.FormattedValue(value=value, entity_type=entity_type, key_id=key_id)
