"""`labelmill quality`: agreement, consensus and benchmark scores of a project's labels."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.progress import wait
from labelmill.cli.session import JsonOption, ProjectOption, Session, session, short
from labelmill.client import Client
from labelmill.errors import NotFound
from labelmill.quality.v1 import resources_pb2, service_pb2

app = typer.Typer(help="How good the labels are.", no_args_is_help=True, epilog=EPILOG)
ReportArgument = Annotated[str | None, typer.Argument(metavar="REPORT", help="The report.", show_default="the newest")]


class Method(StrEnum):
    """How labels are aggregated."""

    DAWID_SKENE = "dawid-skene"
    MAJORITY_VOTE = "majority-vote"


@app.command(epilog=EPILOG)
def score(
    context: typer.Context,
    project: ProjectOption,
    feature: Annotated[str, typer.Option(help="The question of the ontology.")],
    method: Annotated[Method, typer.Option(help="How labels are aggregated.")] = Method.DAWID_SKENE,
    annotation_filter: Annotated[str, typer.Option("--filter", help='AIP-160: batch = "round-1".')] = "",
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Scores a project's labels of one feature and keeps the report."""
    current = session(context, as_json)
    request = service_pb2.ScoreProjectRequest(
        parent=names.project(project),
        feature=feature,
        annotation_filter=annotation_filter,
        consensus_method=resources_pb2.ConsensusMethod.Value(f"CONSENSUS_METHOD_{method.name}"),
        seed=seed,
    )
    with current.client() as client:
        report = wait(current, client.quality.score_project(request), "scoring")
    _print(current, report)


@app.command(epilog=EPILOG)
def show(
    context: typer.Context, project: ProjectOption, report: ReportArgument = None, as_json: JsonOption = False
) -> None:
    """Shows a report."""
    current = session(context, as_json)
    with current.client() as client:
        name = report_name(client, project, report)
        found = client.quality.get_quality_report(service_pb2.GetQualityReportRequest(name=name))
    _print(current, found)


@app.command(epilog=EPILOG)
def consensus(
    context: typer.Context, project: ProjectOption, report: ReportArgument = None, as_json: JsonOption = False
) -> None:
    """Lists the consensus labels of a report: item, class, posterior, number of labels, one a line."""
    current = session(context, as_json)
    with current.client() as client:
        request = service_pb2.ListConsensusLabelsRequest(parent=report_name(client, project, report))
        found = list(client.quality.list_consensus_labels(request))
    if as_json:
        current.document({"labels": [document(label) for label in found]})
        return
    for label in found:
        posterior = {p.class_name: p.probability for p in label.distribution}.get(label.class_name, 0.0)
        current.line(f"{label.item}\t{label.class_name}\t{posterior:.4f}\t{label.label_count}")


def report_name(client: Client, project: str, report: str | None) -> str:
    """The full name of a report; the newest where none is given."""
    if report is not None:
        return names.quality_report(project, report)
    request = service_pb2.ListQualityReportsRequest(parent=names.project(project), page_size=1)
    newest = next(iter(client.quality.list_quality_reports(request)), None)
    if newest is None:
        raise NotFound("The project has no quality report; make one with `labelmill quality score`.")
    return newest.name


def estimate(value: resources_pb2.Estimate) -> str:
    """A number with its interval, or why there is none."""
    if not value.HasField("value"):
        return f"undefined ({value.undefined_reason or 'not computed'})"
    return f"{value.value:.3f} [{value.lower:.3f}, {value.upper:.3f}]"


def _print(current: Session, report: resources_pb2.QualityReport) -> None:
    if current.as_json:
        current.document(document(report))
        return
    current.facts(
        {
            "report": short(report.name),
            "feature": report.feature,
            "labels": f"{report.label_count} of {report.item_count} items",
            "consensus by": resources_pb2.ConsensusMethod.Name(report.consensus_method)
            .removeprefix("CONSENSUS_METHOD_")
            .lower(),
            "Krippendorff's alpha": estimate(report.alpha),
            "benchmark accuracy": estimate(report.benchmark_accuracy),
            "consensus accuracy": estimate(report.consensus_accuracy),
        }
    )
    labelers = [
        (q.labeler, q.label_count, estimate(q.benchmark_accuracy), estimate(q.consensus_agreement))
        for q in report.labelers
    ]
    current.table(("labeler", "labels", "benchmark accuracy", "agreement with consensus"), labelers)
    classes = [
        (c.class_name, c.consensus_count, estimate(c.benchmark_recall), estimate(c.benchmark_precision))
        for c in report.classes
    ]
    current.table(("class", "items", "benchmark recall", "benchmark precision"), classes)
