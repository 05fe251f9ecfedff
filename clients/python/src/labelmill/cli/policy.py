"""`labelmill policy`, and `labelmill anonymize policy`: what to find and how to transform it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import resources_pb2, service_pb2
from labelmill.cli import policies
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.session import JsonOption, ProjectOption, session, short
from labelmill.cli.trying import try_out
from labelmill.client import Client

app = typer.Typer(help="What to find and how to transform it.", no_args_is_help=True, epilog=EPILOG)
app.command("test", epilog=EPILOG)(try_out)
PolicyArgument = Annotated[str, typer.Argument(metavar="POLICY", help="The policy's id.")]
FileOption = Annotated[
    Path | None, typer.Option("--file", "-f", help="A policy in YAML or JSON.", exists=True, dir_okay=False)
]
ReadyOption = Annotated[str | None, typer.Option(help="A policy that comes with the service, such as max.")]


@app.command(epilog=EPILOG)
def create(
    context: typer.Context,
    policy: PolicyArgument,
    project: ProjectOption,
    rule: Annotated[
        list[str] | None, typer.Option(help=f"ENTITY_TYPE=OPERATOR; may be repeated. Operators: {policies.FORMS}.")
    ] = None,
    default: Annotated[
        str | None, typer.Option(help="Operator for all other types.", show_default="they stay in the text")
    ] = None,
    threshold: Annotated[float, typer.Option(help="Ignore findings with a lower score.", min=0, max=1)] = 0.0,
    language: Annotated[str, typer.Option(help='Of the texts; "auto": told from each.')] = "en",
    file: FileOption = None,
    ready: ReadyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Creates a policy from rules, from a file, or from one that comes with the service.

    Example: labelmill policy create strict -p reviews --rule PERSON=pseudonym --default replace
    """
    current = session(context, as_json)
    with current.client() as client:
        if file is not None:
            wanted = policies.read(file)
        elif ready is not None:
            wanted = _ready(client, ready)
        else:
            wanted = _of_rules(rule or [], default, threshold, language)
        request = service_pb2.CreatePolicyRequest(parent=names.project(project), policy_id=policy, policy=wanted)
        created = client.anonymization.create_policy(request)
    if as_json:
        current.document(document(created))
    else:
        current.say(f"Created {created.name}, version {created.version}.")


@app.command(epilog=EPILOG)
def update(
    context: typer.Context,
    policy: PolicyArgument,
    project: ProjectOption,
    file: Annotated[Path, typer.Option("--file", "-f", help="The new version.", exists=True, dir_okay=False)],
    as_json: JsonOption = False,
) -> None:
    """Adds a version to a policy. Assets that are clean under an older one are anonymized again by the next run."""
    current = session(context, as_json)
    wanted = policies.read(file)
    wanted.name = names.policy(project, policy)
    with current.client() as client:
        updated = client.anonymization.update_policy(service_pb2.UpdatePolicyRequest(policy=wanted))
    if as_json:
        current.document(document(updated))
    else:
        current.say(f"{updated.name} is at version {updated.version}.")


@app.command("list", epilog=EPILOG)
def list_policies(
    context: typer.Context,
    project: Annotated[
        str, typer.Option("--project", "-p", envvar="LABELMILL_PROJECT", help="The project's id.", show_default=False)
    ] = "",
    ready: Annotated[bool, typer.Option("--ready", help="Those that come with the service.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists a project's policies, or those that come with the service."""
    current = session(context, as_json)
    if not (ready or project):
        raise typer.BadParameter("give --project, or --ready")
    with current.client() as client:
        if ready:
            found = list(client.anonymization.list_ready_policies(service_pb2.ListReadyPoliciesRequest()))
        else:
            request = service_pb2.ListPoliciesRequest(parent=names.project(project))
            found = list(client.anonymization.list_policies(request))
    if as_json:
        current.document({"policies": [document(policy) for policy in found]})
        return
    rows = [
        (short(p.name), p.version or "ready", p.language or "en", policies.form_of_rules(p), p.default_threshold)
        for p in found
    ]
    current.table(("policy", "version", "language", "rules", "threshold"), rows)


def _of_rules(rule: list[str], default: str | None, threshold: float, language: str) -> resources_pb2.Policy:
    rules = [policies.rule(text) for text in rule]
    if not rules and default is None:
        raise typer.BadParameter("a policy needs a --rule, a --default, a --file or --ready")
    wanted = resources_pb2.Policy(language=language, rules=rules, default_threshold=threshold)
    if default is not None:
        wanted.default_operator.CopyFrom(policies.operator(default))
    return wanted


def _ready(client: Client, policy: str) -> resources_pb2.Policy:
    known = {short(p.name): p for p in client.anonymization.list_ready_policies(service_pb2.ListReadyPoliciesRequest())}
    if policy not in known:
        raise typer.BadParameter(f"{policy!r} does not come with the service; these do: {', '.join(known)}")
    return known[policy]
