"""`labelmill policy test`: applies a policy to examples, keeps nothing, and says where it fails."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from labelmill import names
from labelmill.anonymization.v1 import service_pb2
from labelmill.cli import policies
from labelmill.cli.documents import document
from labelmill.cli.examples import Example, Outcome, read_examples
from labelmill.cli.exits import Exit
from labelmill.cli.session import JsonOption, ProjectOption, Session, session
from labelmill.client import Client


def try_out(
    context: typer.Context,
    project: ProjectOption,
    policy: Annotated[str | None, typer.Argument(metavar="[POLICY]", help="The policy's id.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Instead: a policy in YAML or JSON.", exists=True, dir_okay=False),
    ] = None,
    ready: Annotated[str | None, typer.Option(help="Instead: a policy that comes with the service.")] = None,
    text: Annotated[str | None, typer.Option(help="The text.", show_default="standard input")] = None,
    examples: Annotated[
        Path | None, typer.Option(help="Instead: a file with examples in YAML or JSON.", exists=True, dir_okay=False)
    ] = None,
    subject: Annotated[str, typer.Option(help="Whom the texts are about.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Applies a policy to a text, or to examples with what is expected of them; keeps nothing.

    Exit code 1 when an example fails.

    A file of examples: a list of {text, and any of: found: {TYPE: [values]}, only: true, gone: [parts], kept: [parts],
    output: text}.

    Example: labelmill policy test -p reviews --file strict.yaml --examples strict-examples.yaml
    """
    current = session(context, as_json)
    source = _source(project, policy, file, ready)
    cases = read_examples(examples) if examples else [Example(text if text is not None else sys.stdin.read())]
    with current.client() as client:
        outcomes = [_run(client, project, source, case, subject) for case in cases]
    if examples is None:
        _show(current, outcomes[0])
    else:
        _judge(current, outcomes)
    if any(outcome.problems for outcome in outcomes):
        raise typer.Exit(Exit.FAILED)


def _source(project: str, policy: str | None, file: Path | None, ready: str | None) -> service_pb2.PolicySource:
    if sum(given is not None for given in (policy, file, ready)) != 1:
        raise typer.BadParameter("give one of POLICY, --file and --ready")
    if file is not None:
        return service_pb2.PolicySource(inline=policies.read(file))
    return service_pb2.PolicySource(policy=f"readyPolicies/{ready}" if ready else names.policy(project, policy or ""))


def _run(client: Client, project: str, source: service_pb2.PolicySource, case: Example, subject: str) -> Outcome:
    request = service_pb2.AnonymizeTextRequest(
        parent=names.project(project), text=case.text, policy=source, subject=subject
    )
    return Outcome(case, client.anonymization.anonymize_text(request))


def _show(current: Session, outcome: Outcome) -> None:
    if current.as_json:
        current.document(document(outcome.response))
        return
    current.line(outcome.response.text)
    if outcome.response.findings:
        current.table(("found", "at", "score", "done"), _findings(outcome))


def _judge(current: Session, outcomes: Sequence[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.problems]
    if current.as_json:
        results: list[dict[str, Any]] = [
            {"example": n, "problems": o.problems, "result": document(o.response)} for n, o in enumerate(outcomes, 1)
        ]
        current.document({"examples": results, "failed_count": len(failed)})
        return
    for number, outcome in enumerate(outcomes, 1):
        current.line(f"{'FAILED' if outcome.problems else 'ok':6} {number}: {outcome.response.text}")
        for problem in outcome.problems:
            current.line(f"       {problem}")
        if outcome.problems and outcome.response.findings:
            current.table(("found", "at", "score", "done"), _findings(outcome))
    current.say(f"{len(outcomes)} examples, {len(failed)} failed.")


def _findings(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    return [
        (f.entity_type, f"{f.raw_span.start}-{f.raw_span.end}", f"{f.score:.2f}", f.operator_name)
        for f in outcome.response.findings
    ]
