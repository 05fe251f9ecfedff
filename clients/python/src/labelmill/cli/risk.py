"""`labelmill anonymize risk`: what may be left in CLEAN."""

from __future__ import annotations

from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import risk_service_pb2 as service
from labelmill.cli.documents import document
from labelmill.cli.exits import Exit
from labelmill.cli.progress import wait
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, Session, session, short

_SHOWN = 20


def risk(
    context: typer.Context,
    project: ProjectOption,
    sample: Annotated[int, typer.Option(help="How many texts to look at.", min=1, max=5000)] = 300,
    seed: Annotated[int, typer.Option(help="Of the drawing.", min=0)] = 0,
    confidence: Annotated[float, typer.Option(help="Of the bounds.", min=0.5, max=0.999)] = 0.95,
    recall: Annotated[
        str | None, typer.Option(help="FOUND/MARKED, as `evaluate` measured it: also estimates what no look can see.")
    ] = None,
    asset_filter: FilterOption = "",
    fail_above: Annotated[
        float | None, typer.Option(help="Exit with an error where the bound is above this share.", min=0, max=1)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Looks a second time at a random sample of the clean texts, and bounds the share with anything left in them.

    Example: labelmill anonymize risk -p reviews --sample 300 --recall 941/978
    """
    current = session(context, as_json)
    request = service.EstimateRiskRequest(
        parent=names.project(project),
        filter=asset_filter,
        sample_size=sample,
        seed=seed,
        confidence_level=confidence,
        recall=_recall(recall),
    )
    with current.client() as client:
        operation = client.risk.estimate_risk(request)
        report = wait(current, operation, "looking again")
    if as_json:
        current.document(document(report) | {"operation": operation.name})
    else:
        _show(current, report)
    if fail_above is not None and report.upper_bound > fail_above:
        raise typer.Exit(Exit.FAILED)


def _recall(text: str | None) -> service.MeasuredRecall | None:
    if text is None:
        return None
    found, _, marked = text.partition("/")
    try:
        return service.MeasuredRecall(found_count=int(found), gold_count=int(marked))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not FOUND/MARKED, such as 941/978") from None


def _show(current: Session, report: service.EstimateRiskResponse) -> None:
    level = f"{100 * report.confidence_level:g} %"
    current.facts(
        {
            "texts": f"{report.sample_count} of {report.population_count} looked at",
            "suspected": f"{report.suspected_count} ({report.failed_count} could not be searched)",
            "upper bound": f"{100 * report.upper_bound:.2f} % of the texts ({report.upper_bound_count}) at {level}",
            "for texts to come": f"{100 * report.upper_bound_future:.2f} %",
            "listed names only": report.weakly_suspected_count - report.suspected_count,
            "not examined": report.not_examined_count,
        }
    )
    if report.HasField("missed_count"):
        missed = report.missed_count
        current.facts({"missed values": f"{missed.value:.0f} [{missed.low:.0f}, {missed.high:.0f}] by the recall"})
    rows = [
        (short(one.asset), f"{one.span.start}-{one.span.end}", one.entity_type, _source(one.source))
        for one in report.suspicions[:_SHOWN]
    ]
    if rows:
        current.table(("asset", "at", "type", "because"), rows)
    if len(report.suspicions) > _SHOWN:
        current.say(f"... and {len(report.suspicions) - _SHOWN} more; --json has up to 1000")
    for limit in report.limits:
        current.say(limit)


def _source(source: service.Suspicion.Source.ValueType) -> str:
    return service.Suspicion.Source.Name(source).removeprefix("SOURCE_").replace("_", " ").lower()
