"""`labelmill quality`: agreement, consensus and benchmark scores of a project's labels."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.private_files import write_for_owner
from labelmill.cli.progress import wait
from labelmill.cli.session import JsonOption, ProjectOption, Session, session, short
from labelmill.client import Client
from labelmill.errors import NotFound
from labelmill.quality.v1 import resources_pb2, service_pb2

app = typer.Typer(help="How good the labels are.", no_args_is_help=True, epilog=EPILOG)
_LABELER_COLUMNS = ("labeler", "labels", "benchmark accuracy", "agreement with consensus")
ReportArgument = Annotated[str | None, typer.Argument(metavar="REPORT", help="The report.", show_default="the newest")]


class Method(StrEnum):
    """How labels are aggregated."""

    AUTO = "auto"
    DAWID_SKENE = "dawid-skene"
    MAJORITY_VOTE = "majority-vote"
    WEIGHTED_MAJORITY = "weighted-majority"
    ONE_COIN = "one-coin"
    GLAD = "glad"
    MACE = "mace"
    IBCC = "ibcc"


@app.command(epilog=EPILOG)
def score(
    context: typer.Context,
    project: ProjectOption,
    feature: Annotated[str, typer.Option(help="A feature of the ontology.", show_default="all")] = "",
    method: Annotated[Method, typer.Option(help="How labels are aggregated.")] = Method.AUTO,
    annotation_filter: Annotated[str, typer.Option("--filter", help='AIP-160: batch = "round-1".')] = "",
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Scores a project's labels of one feature, or of all, and keeps the report."""
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
        _print(current, report, _parts(client, report))


@app.command(epilog=EPILOG)
def show(
    context: typer.Context, project: ProjectOption, report: ReportArgument = None, as_json: JsonOption = False
) -> None:
    """Shows a report."""
    current = session(context, as_json)
    with current.client() as client:
        name = report_name(client, project, report)
        found = client.quality.get_quality_report(service_pb2.GetQualityReportRequest(name=name))
        _print(current, found, _parts(client, found))


@app.command(epilog=EPILOG)
def consensus(
    context: typer.Context, project: ProjectOption, report: ReportArgument = None, as_json: JsonOption = False
) -> None:
    """Lists the consensus labels of a report: item, class, posterior, number of labels, one a line."""
    current = session(context, as_json)
    with current.client() as client:
        request = service_pb2.ListConsensusLabelsRequest(parent=report_of_one_feature(client, project, report))
        found = list(client.quality.list_consensus_labels(request))
    if as_json:
        current.document({"labels": [document(label) for label in found]})
        return
    for label in found:
        posterior = {p.class_name: p.probability for p in label.distribution}.get(label.class_name, 0.0)
        current.line(f"{label.item}\t{label.class_name}\t{posterior:.4f}\t{label.label_count}")


@app.command(epilog=EPILOG)
def report(
    context: typer.Context,
    project: ProjectOption,
    html: Annotated[Path, typer.Option(help="Where to write the page; only you may read it.", dir_okay=False)],
    report: ReportArgument = None,
    disputed: Annotated[int, typer.Option(help="Disputed items to show.", min=0, max=200)] = 30,
    without_content: Annotated[
        bool, typer.Option("--without-content", help="Leave out texts and pictures of items.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Writes a report as a page to look at: plots, tables, disputed items; it needs nothing else.

    Example: labelmill quality report -p reviews --html quality.html
    """
    current = session(context, as_json)
    with current.client() as client:
        name = report_name(client, project, report)
        request = service_pb2.GetQualityReportPageRequest(
            name=name, disputed_count=disputed, without_content=without_content
        )
        page = b"".join(part.html for part in client.quality.get_quality_report_page(request))
    write_for_owner(html, page)
    if as_json:
        current.document({"name": name, "path": str(html), "byte_count": len(page)})
    else:
        current.say(f"{html}: the page of {name}")


@app.command(epilog=EPILOG)
def labelers(
    context: typer.Context, project: ProjectOption, report: ReportArgument = None, as_json: JsonOption = False
) -> None:
    """Lists the labelers of a report, those who need a look first."""
    current = session(context, as_json)
    with current.client() as client:
        name = report_of_one_feature(client, project, report)
        found = client.quality.get_quality_report(service_pb2.GetQualityReportRequest(name=name))
    ordered = sorted(found.labelers, key=_need)
    if as_json:
        current.document({"name": name, "labelers": [document(labeler) for labeler in ordered]})
    else:
        current.table(_LABELER_COLUMNS, labeler_rows(ordered))


def _need(labeler: resources_pb2.LabelerQuality) -> tuple[float, str]:
    known = (e for e in (labeler.benchmark_accuracy, labeler.consensus_agreement) if e.HasField("value"))
    return (next((e.lower if e.HasField("lower") else e.value for e in known), 2.0), labeler.labeler)


def labeler_rows(labelers: Iterable[resources_pb2.LabelerQuality]) -> list[tuple[object, ...]]:
    """Labelers as rows of a table."""
    return [
        (q.labeler, q.label_count, estimate(q.benchmark_accuracy), estimate(q.consensus_agreement)) for q in labelers
    ]


def report_name(client: Client, project: str, report: str | None) -> str:
    """The full name of a report; the newest where none is given."""
    if report is not None:
        return names.quality_report(project, report)
    request = service_pb2.ListQualityReportsRequest(parent=names.project(project), page_size=1)
    newest = next(iter(client.quality.list_quality_reports(request)), None)
    if newest is None:
        raise NotFound("The project has no quality report; make one with `labelmill quality score`.")
    return newest.name


def _calibration(report: resources_pb2.QualityReport) -> str:
    if not report.HasField("calibration"):
        return "none"
    if not report.calibration.calibrated:
        return "as is usual for the method: fewer than 20 gold answers"
    return f"calibrated on {report.calibration.gold_count} gold answers, error {estimate(report.calibration.error)}"


def _parts(client: Client, report: resources_pb2.QualityReport) -> list[resources_pb2.QualityReport]:
    """The reports of the features, where one is over all of them; else itself."""
    requests = [service_pb2.GetQualityReportRequest(name=name) for name in report.feature_reports]
    return [client.quality.get_quality_report(request) for request in requests] or [report]


def report_of_one_feature(client: Client, project: str, report: str | None) -> str:
    """The name of a report, or of its only feature's; a report over several features must be told apart."""
    name = report_name(client, project, report)
    found = client.quality.get_quality_report(service_pb2.GetQualityReportRequest(name=name))
    parts = _parts(client, found)
    if len(parts) > 1:
        choices = ", ".join(f"{short(part.name)} ({part.feature})" for part in parts)
        raise typer.BadParameter(f"the report is over several features; name one of: {choices}", param_hint="REPORT")
    return parts[0].name


def estimate(value: resources_pb2.Estimate) -> str:
    """A number with its interval, or why there is none."""
    if not value.HasField("value"):
        return f"undefined ({value.undefined_reason or 'not computed'})"
    if not value.HasField("lower"):
        return f"{value.value:.3f}"
    return f"{value.value:.3f} [{value.lower:.3f}, {value.upper:.3f}]"


def _print(current: Session, report: resources_pb2.QualityReport, parts: Iterable[resources_pb2.QualityReport]) -> None:
    if current.as_json:
        current.document(document(report))
        return
    for part in parts:
        _print_feature(current, part)


def _print_feature(current: Session, report: resources_pb2.QualityReport) -> None:
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
            "probabilities": _calibration(report),
        }
    )
    current.table(_LABELER_COLUMNS, labeler_rows(report.labelers))
    classes = [
        (c.class_name, c.consensus_count, estimate(c.benchmark_recall), estimate(c.benchmark_precision))
        for c in report.classes
    ]
    current.table(("class", "items", "benchmark recall", "benchmark precision"), classes)
