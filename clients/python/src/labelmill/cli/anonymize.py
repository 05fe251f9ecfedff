"""`labelmill anonymize`: policies, and the way from RAW to CLEAN."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import resources_pb2, service_pb2
from labelmill.cli import policies
from labelmill.cli.documents import document
from labelmill.cli.evaluate import evaluate
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.progress import wait
from labelmill.cli.risk import risk
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, failure, session, short
from labelmill.errors import from_status

app = typer.Typer(help="From RAW to CLEAN: policies and runs.", no_args_is_help=True, epilog=EPILOG)
policy_app = typer.Typer(help="What to find and how to transform it.", no_args_is_help=True, epilog=EPILOG)
app.add_typer(policy_app, name="policy")
app.command(epilog=EPILOG)(evaluate)
app.command(epilog=EPILOG)(risk)
PolicyArgument = Annotated[str, typer.Argument(metavar="POLICY", help="The policy's id.")]


@policy_app.command(epilog=EPILOG)
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
    language: Annotated[str, typer.Option(help="Of the texts.")] = "en",
    file: Annotated[
        Path | None, typer.Option(help="Instead: a file with a Policy as JSON.", exists=True, dir_okay=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Creates a policy.

    Example: labelmill anonymize policy create strict -p reviews --rule PERSON=pseudonym --default replace
    """
    current = session(context, as_json)
    if file is not None:
        wanted = policies.read(file)
    else:
        rules = [policies.rule(text) for text in rule or ()]
        if not rules and default is None:
            raise typer.BadParameter("a policy needs a --rule or a --default")
        wanted = resources_pb2.Policy(language=language, rules=rules, default_threshold=threshold)
        if default is not None:
            wanted.default_operator.CopyFrom(policies.operator(default))
    request = service_pb2.CreatePolicyRequest(parent=names.project(project), policy_id=policy, policy=wanted)
    with current.client() as client:
        created = client.anonymization.create_policy(request)
    if as_json:
        current.document(document(created))
    else:
        current.say(f"Created {created.name}, version {created.version}.")


@policy_app.command("list", epilog=EPILOG)
def list_policies(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists a project's policies."""
    current = session(context, as_json)
    with current.client() as client:
        request = service_pb2.ListPoliciesRequest(parent=names.project(project))
        found = list(client.anonymization.list_policies(request))
    if as_json:
        current.document({"policies": [document(policy) for policy in found]})
        return
    rows = [(short(p.name), p.version, p.language or "en", _rules(p), p.default_threshold) for p in found]
    current.table(("policy", "version", "language", "rules", "threshold"), rows)


@policy_app.command("test", epilog=EPILOG)
def try_out(
    context: typer.Context,
    policy: PolicyArgument,
    project: ProjectOption,
    text: Annotated[str | None, typer.Option(help="The text.", show_default="standard input")] = None,
    as_json: JsonOption = False,
) -> None:
    """Applies a policy to one text and keeps nothing."""
    current = session(context, as_json)
    request = service_pb2.AnonymizeTextRequest(
        parent=names.project(project),
        text=text if text is not None else sys.stdin.read(),
        policy=service_pb2.PolicySource(policy=names.policy(project, policy)),
    )
    with current.client() as client:
        response = client.anonymization.anonymize_text(request)
    if as_json:
        current.document(document(response))
        return
    current.line(response.text)
    rows = [
        (f.entity_type, f"{f.raw_span.start}-{f.raw_span.end}", f"{f.score:.2f}", f.operator_name)
        for f in response.findings
    ]
    if rows:
        current.table(("found", "at", "score", "done"), rows)


@app.command(epilog=EPILOG)
def run(
    context: typer.Context,
    policy: PolicyArgument,
    project: ProjectOption,
    asset_filter: FilterOption = "",
    as_json: JsonOption = False,
) -> None:
    """Anonymizes a project's assets and admits them into CLEAN; assets that are clean already are skipped."""
    current = session(context, as_json)
    request = service_pb2.AnonymizeAssetsRequest(
        parent=names.project(project), policy=names.policy(project, policy), filter=asset_filter
    )
    with current.client() as client:
        operation = client.anonymization.anonymize_assets(request)
        response = wait(current, operation, "anonymizing")
        failures = [
            failure(failed.item, error)
            for failed in operation.metadata().progress.partial_failures
            if (error := from_status(failed.status)) is not None
        ]
    if as_json:
        current.document(document(response) | {"operation": operation.name, "failures": failures})
    else:
        current.failures(failures)
        current.say(
            f"{response.admitted_count} admitted into CLEAN ({response.affected_count} with findings), "
            f"{response.skipped_count} skipped, {response.failed_count} failed."
        )
        if response.entity_counts:
            current.table(("found", "count"), [(c.entity_type, c.count) for c in response.entity_counts])
    if response.failed_count:
        raise typer.Exit(Exit.FAILED)


def _rules(policy: resources_pb2.Policy) -> str:
    rules = [f"{rule.entity_type}={policies.form(rule.operator)}" for rule in policy.rules]
    if policy.HasField("default_operator"):
        rules.append(f"others={policies.form(policy.default_operator)}")
    return ", ".join(rules)
