"""`labelmill prelabel`: served models, their predictions, and what to label next."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.progress import wait
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, session, short
from labelmill.prelabel.v1 import resources_pb2, service_pb2

app = typer.Typer(help="Served models, predictions, and what to label next.", no_args_is_help=True, epilog=EPILOG)
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="The model's id.")]


class Strategy(StrEnum):
    """How to tell what a label would teach."""

    ENTROPY = "entropy"
    MARGIN = "margin"
    LEAST_CONFIDENCE = "least-confidence"
    DIVERSE_MARGIN = "diverse-margin"
    RANDOM = "random"


@app.command(epilog=EPILOG)
def models(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists the models that answer for a project."""
    current = session(context, as_json)
    with current.client() as client:
        request = service_pb2.ListServedModelsRequest(parent=names.project(project))
        found = list(client.prelabel.list_served_models(request))
    if as_json:
        current.document({"models": [document(model) for model in found]})
        return
    kinds, states = resources_pb2.ServedModel.Kind, resources_pb2.ServedModel.State
    rows = [
        (
            short(m.name),
            m.version,
            kinds.Name(m.kind).removeprefix("KIND_").lower(),
            states.Name(m.state).removeprefix("STATE_").lower(),
            m.feature,
            ", ".join(m.class_names),
        )
        for m in found
    ]
    current.table(("model", "version", "kind", "state", "feature", "classes"), rows)


@app.command(epilog=EPILOG)
def run(
    context: typer.Context,
    model: ModelArgument,
    project: ProjectOption,
    asset_filter: FilterOption = "",
    as_json: JsonOption = False,
) -> None:
    """Predicts for a project's clean assets and keeps the predictions."""
    current = session(context, as_json)
    request = service_pb2.PredictAssetsRequest(model=names.model(project, model), filter=asset_filter)
    with current.client() as client:
        operation = client.prelabel.predict_assets(request)
        response = wait(current, operation, "predicting")
    if as_json:
        current.document(document(response) | {"operation": operation.name})
    else:
        current.say(
            f"{response.predicted_count} predicted, {response.skipped_count} skipped, {response.failed_count} failed."
        )
    if response.failed_count:
        raise typer.Exit(Exit.FAILED)


@app.command(epilog=EPILOG)
def rank(
    context: typer.Context,
    model: ModelArgument,
    project: ProjectOption,
    limit: Annotated[int, typer.Option(help="How many assets.", min=1, max=10000)] = 50,
    strategy: Annotated[Strategy, typer.Option(help="How.")] = Strategy.DIVERSE_MARGIN,
    asset_filter: FilterOption = "",
    exclude: Annotated[
        typer.FileText | None, typer.Option(help="File with names of assets to leave out, one a line; - is stdin.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of whatever is drawn by chance.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Ranks a project's clean assets by what a label would teach, best first; one name and score a line.

    Example: labelmill prelabel rank sentiment -p reviews | cut -f1 | labelmill task create -p reviews --assets -
    """
    current = session(context, as_json)
    request = service_pb2.RankAssetsRequest(
        model=names.model(project, model),
        strategy=service_pb2.RankAssetsRequest.Strategy.Value(f"STRATEGY_{strategy.name}"),
        filter=asset_filter,
        excluded_assets=[line.strip() for line in exclude if line.strip()] if exclude else [],
        limit=limit,
        seed=seed,
    )
    with current.client() as client:
        response = wait(current, client.prelabel.rank_assets(request), "ranking")
    if as_json:
        current.document(document(response))
        return
    for ranked in response.assets:
        current.line(f"{ranked.asset}\t{ranked.score:.6f}")
