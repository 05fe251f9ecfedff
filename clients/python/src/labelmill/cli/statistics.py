"""`labelmill privacy-budget` and `labelmill release`: statistics that may be published."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import statistics_service_pb2 as pb
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.session import JsonOption, ProjectOption, Session, session, short
from labelmill.cli.table import content_of

budget_app = typer.Typer(help="How much may be learned about one person.", no_args_is_help=True, epilog=EPILOG)
release_app = typer.Typer(
    help="Counts and averages with noise, paid from the budget.", no_args_is_help=True, epilog=EPILOG
)


class Figure(StrEnum):
    """What is told."""

    COUNT = "count"
    HISTOGRAM = "histogram"
    SUM = "sum"
    MEAN = "mean"
    QUANTILE = "quantile"


@budget_app.command(epilog=EPILOG)
def show(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Shows what may be spent and what was."""
    current = session(context, as_json)
    with current.client() as client:
        budget = client.statistics.get_privacy_budget(pb.GetPrivacyBudgetRequest(name=_budget(project)))
    _show_budget(current, budget)


@budget_app.command("set", epilog=EPILOG)
def set_total(
    context: typer.Context,
    project: ProjectOption,
    epsilon: Annotated[float, typer.Option(help="The most that may be spent.", min=0, max=1000)],
    delta: Annotated[float, typer.Option(help="The most that may be spent.", min=0, max=0.01)] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Sets the totals; for privacy officers."""
    current = session(context, as_json)
    wanted = pb.PrivacyBudget(name=_budget(project), epsilon_total=epsilon, delta_total=delta)
    with current.client() as client:
        budget = client.statistics.update_privacy_budget(pb.UpdatePrivacyBudgetRequest(privacy_budget=wanted))
    _show_budget(current, budget)


@release_app.command(epilog=EPILOG)
def make(
    context: typer.Context,
    figure: Annotated[Figure, typer.Argument(help="What is to be told.")],
    project: ProjectOption,
    epsilon: Annotated[float, typer.Option(help="The price; less means more noise.", min=1e-4, max=100)],
    delta: Annotated[float, typer.Option(help="Above 0: Gaussian noise, for counts and histograms.")] = 0.0,
    file: Annotated[
        Path | None, typer.Option(help="Of a table that is sent along.", exists=True, dir_okay=False)
    ] = None,
    asset: Annotated[str | None, typer.Option(help="Of a table that is an asset: its id or name.")] = None,
    column: Annotated[str, typer.Option(help="The table's column.")] = "",
    subject_column: Annotated[str, typer.Option(help="The table's column that says whose row it is.")] = "",
    asset_label: Annotated[str, typer.Option(help="Of all assets, by this label.")] = "",
    feature: Annotated[str, typer.Option(help="Of all assets, by labelers' answers to this feature.")] = "",
    entities: Annotated[bool, typer.Option("--entities", help="Of all assets, by what was found in them.")] = False,
    max_contributions: Annotated[int, typer.Option(help="Rows or assets of one person at most.")] = 1,
    value: Annotated[str, typer.Option(help="count: only units of this value.")] = "",
    category: Annotated[list[str] | None, typer.Option(help="histogram: a category; may be repeated.")] = None,
    edge: Annotated[list[float] | None, typer.Option(help="histogram of numbers: an edge; repeated.")] = None,
    lower: Annotated[float, typer.Option(help="sum, mean, quantile: lower values count as this.")] = 0.0,
    upper: Annotated[float, typer.Option(help="sum, mean, quantile: higher values count as this.")] = 0.0,
    fraction: Annotated[float, typer.Option(help="quantile: 0.5 is the median.")] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Tells a figure with noise and spends from the budget. Without a table: of assets, by media type.

    Example: labelmill release make mean -p reviews --epsilon 0.5 --file people.csv --column age --lower 0 --upper 100
    """
    statistic = pb.Statistic()
    if file is not None or asset is not None:
        statistic.table.CopyFrom(_table(project, file, asset))
        statistic.table.column, statistic.table.subject_column = column, subject_column
        statistic.table.max_contributions = max_contributions
    elif feature:
        statistic.labels.CopyFrom(pb.LabelData(feature=feature, max_contributions=max_contributions))
    elif entities:
        statistic.entities.CopyFrom(pb.EntityData(max_contributions=max_contributions))
    else:
        statistic.assets.CopyFrom(_assets(asset_label, max_contributions))
    bounds = pb.Bounds(lower=lower, upper=upper)
    match figure:
        case Figure.COUNT:
            statistic.count.CopyFrom(pb.CountFigure(value=value))
        case Figure.HISTOGRAM:
            statistic.histogram.CopyFrom(pb.HistogramFigure(categories=category or (), edges=edge or ()))
        case Figure.SUM:
            statistic.sum.CopyFrom(pb.SumFigure(bounds=bounds))
        case Figure.MEAN:
            statistic.mean.CopyFrom(pb.MeanFigure(bounds=bounds))
        case Figure.QUANTILE:
            statistic.quantile.CopyFrom(pb.QuantileFigure(fraction=fraction, bounds=bounds))
    request = pb.ReleaseStatisticRequest(
        parent=names.project(project), statistic=statistic, epsilon=epsilon, delta=delta
    )
    current = session(context, as_json)
    with current.client() as client:
        _show_release(current, client.statistics.release_statistic(request))


@release_app.command("list", epilog=EPILOG)
def list_releases(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists what was released and what it cost, in the order of spending."""
    current = session(context, as_json)
    with current.client() as client:
        found = list(client.statistics.list_releases(pb.ListReleasesRequest(parent=names.project(project))))
    if as_json:
        current.document({"releases": [document(release) for release in found]})
        return
    rows = [
        (
            short(release.name),
            release.create_time.ToJsonString(),
            f"{release.statistic.WhichOneof('figure')} of {release.statistic.WhichOneof('data')}",
            f"{release.epsilon:g}",
            f"{release.delta:g}",
            release.principal,
        )
        for release in found
    ]
    current.table(("release", "when", "what", "epsilon", "delta", "who"), rows)


def _assets(label: str, contributions: int) -> pb.AssetData:
    of = pb.AssetData.PROPERTY_LABEL if label else pb.AssetData.PROPERTY_MEDIA_TYPE
    return pb.AssetData(property=of, label_key=label, max_contributions=contributions)


def _table(project: str, file: Path | None, asset: str | None) -> pb.TableData:
    if file is not None and asset is not None:
        raise typer.BadParameter("--file and --asset exclude each other")
    if file is not None:
        return pb.TableData(content=content_of(file))
    return pb.TableData(asset=asset if asset and "/" in asset else names.asset(project, asset or ""))


def _show_release(current: Session, release: pb.Release) -> None:
    if current.as_json:
        current.document(document(release))
        return
    rows = [
        (v.label, f"{v.value:g}", f"{v.lower:g} .. {v.upper:g}" if v.HasField("lower") else "") for v in release.values
    ]
    current.table(("", "value", f"{release.confidence_level:.0%} interval of the noise"), rows)
    price = f"epsilon {release.epsilon:g}" + (f", delta {release.delta:g}" if release.delta else "")
    current.say(f"Spent {price}: {release.mechanism}, one {release.unit} at most {release.max_contributions} times.")


def _budget(project: str) -> str:
    return f"{names.project(project)}/privacyBudget"


def _show_budget(current: Session, budget: pb.PrivacyBudget) -> None:
    if current.as_json:
        current.document(document(budget))
        return
    rows = [
        ("epsilon", budget.epsilon_total, budget.epsilon_spent),
        ("delta", budget.delta_total, budget.delta_spent),
    ]
    told = [(name, f"{total:g}", f"{spent:g}", f"{total - spent:g}") for name, total, spent in rows]
    current.table(("", "total", "spent", "left"), told)
