"""`labelmill anonymize evaluate`: how well a policy hides what people marked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import evaluation_service_pb2 as service
from labelmill.anonymization.v1.service_pb2 import PolicySource
from labelmill.cli import marked_texts, policies
from labelmill.cli.documents import document
from labelmill.cli.private_files import write_for_owner
from labelmill.cli.session import JsonOption, ProjectOption, Session, session

_READY = "readyPolicies/"
_BATCH = 200
_BATCH_CHARACTERS = 200_000


def evaluate(
    context: typer.Context,
    sample: Annotated[
        Path,
        typer.Argument(help="Marked texts: JSON lines, presidio-research, Label Studio.", exists=True, dir_okay=False),
    ],
    project: ProjectOption,
    policy: Annotated[str, typer.Option(help="The policy's id, readyPolicies/ID, or a file.")],
    against: Annotated[str | None, typer.Option(help="A second policy to compare it with.")] = None,
    map_type: Annotated[
        list[str] | None,
        typer.Option("--map", help="YOURS=OURS, a name of a type; YOURS= leaves it out. May be repeated."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the leaks marked; it quotes the sample.", dir_okay=False)
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Measures a policy on marked texts: recall, precision, and how many marked characters stay readable.

    Example: labelmill anonymize evaluate marked.jsonl -p reviews --policy strict --against names --html leaks.html
    """
    current = session(context, as_json)
    options = service.EvaluationOptions(
        entity_type_mapping=dict(map(_mapping, map_type or ())),
        confidence_level=confidence,
        seed=seed,
        include_page=html is not None,
    )
    header = service.StreamEvaluatePoliciesRequest.Header(
        parent=names.project(project), policy=_source(policy, project), options=options
    )
    if against is not None:
        header.against.CopyFrom(_source(against, project))
    texts = list(marked_texts.read(sample))  # read to the end first: a bad row must not end a stream half way
    with current.client() as client:
        report = client.evaluation.stream_evaluate_policies(_messages(header, texts)).report
    if html is not None:
        write_for_owner(html, report.page_html.encode())
        report.page_html = ""
    if as_json:
        current.document(document(report))
    else:
        _show(current, report, [policy, *([against] if against is not None else [])], html)


def _source(policy: str, project: str) -> PolicySource:
    path = Path(policy)
    if path.is_file():
        return PolicySource(inline=policies.read(path))
    return PolicySource(policy=policy if policy.startswith(_READY) else names.policy(project, policy))


def _mapping(text: str) -> tuple[str, str]:
    yours, equals, ours = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not YOURS=OURS")
    return yours, ours


def _messages(
    header: service.StreamEvaluatePoliciesRequest.Header, texts: Iterable[service.AnnotatedText]
) -> Iterator[service.StreamEvaluatePoliciesRequest]:
    yield service.StreamEvaluatePoliciesRequest(header=header)
    batch, characters = service.StreamEvaluatePoliciesRequest.Batch(), 0
    for text in itertools.chain(texts, [None]):
        full = len(batch.sample) >= _BATCH or characters > _BATCH_CHARACTERS
        if batch.sample and (text is None or full):
            yield service.StreamEvaluatePoliciesRequest(batch=batch)
            batch, characters = service.StreamEvaluatePoliciesRequest.Batch(), 0
        if text is not None:
            batch.sample.append(text)
            characters += len(text.text)


def _show(current: Session, report: service.EvaluationReport, titles: list[str], html: Path | None) -> None:
    evaluations = [report.evaluation, *([report.against] if report.HasField("against") else [])]
    for title, evaluation in zip(titles, evaluations, strict=True):
        rows = [_row(figures) for figures in (*evaluation.types, evaluation.overall)]
        columns = ("type", "marked", "leaked characters", "leaked share", "recall", "precision", "F2")
        current.table(columns, rows, title=f"{title}, {evaluation.document_count} texts")
        current.say(f"Something leaks in {_percent(evaluation.documents_with_leak)} of the texts.")
    differences = [(d.figure, _percent(d.difference), _judged(d)) for d in report.differences if not d.entity_type]
    if differences:
        current.table(("figure", "difference", ""), differences, title=f"{titles[1]} minus {titles[0]}")
    if report.failed_count:
        current.say(f"{report.failed_count} texts could not be searched; they are in no figure.")
    if html is not None:
        current.say(f"Wrote {html}. It quotes the sample: keep it where the sample is kept.")


def _judged(difference: service.FigureDifference) -> str:
    if not difference.difference.HasField("low"):
        return "not known"
    return "certain" if difference.certain else "within chance"


def _row(figures: service.TypeFigures) -> tuple[str, ...]:
    overlap = figures.overlap
    return (
        figures.entity_type or "all",
        str(figures.gold_count),
        f"{figures.leaked_characters} of {figures.gold_characters}",
        _percent(figures.leaked_share),
        _percent(overlap.recall),
        _percent(overlap.precision),
        _percent(overlap.f2),
    )


def _percent(estimate: service.Estimate) -> str:
    if not estimate.HasField("value"):
        return "undefined"
    value = f"{100 * estimate.value:.1f} %"
    if not estimate.HasField("low"):
        return value
    return f"{value} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
