"""`labelmill quality live`, `disputed` and `refit`: a project's figures as they are now."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.progress import wait
from labelmill.cli.quality import estimate, labeler_rows
from labelmill.cli.session import JsonOption, ProjectOption, Session, session
from labelmill.client import Client
from labelmill.quality.v1 import live_service_pb2 as pb

FeatureOption = Annotated[str, typer.Option(help="A feature of the ontology.")]


class Order(StrEnum):
    """What items are ordered by."""

    DISAGREEMENT = "disagreement"
    UNCERTAINTY = "uncertainty"


def add_to(app: typer.Typer) -> None:
    """Adds the commands to `labelmill quality`."""
    for command in (live, disputed, refit):
        app.command(epilog=EPILOG)(command)


def live(
    context: typer.Context,
    project: ProjectOption,
    feature: Annotated[str, typer.Option(help="A feature of the ontology.", show_default="all")] = "",
    as_json: JsonOption = False,
) -> None:
    """Shows a project's figures as they are now; from the first time on, the service keeps them current."""
    current = session(context, as_json)
    with current.client() as client:
        _refresh(client, project)
        request = pb.GetProjectQualityRequest(parent=names.project(project), feature=feature)
        found = client.live.get_project_quality(request)
    if as_json:
        current.document(document(found))
        return
    for each in found.features:
        _show(current, each)


def disputed(
    context: typer.Context,
    project: ProjectOption,
    feature: FeatureOption,
    by: Annotated[Order, typer.Option(help="What comes first.")] = Order.DISAGREEMENT,
    limit: Annotated[int, typer.Option(help="Items at most.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Lists the items on which labelers disagree most, or whose consensus is least certain."""
    current = session(context, as_json)
    with current.client() as client:
        _refresh(client, project)
        request = pb.ListItemQualitiesRequest(
            parent=names.project(project),
            feature=feature,
            order=pb.ListItemQualitiesRequest.Order.Value(f"ORDER_{by.name}"),
            min_score=1e-9,
            page_size=min(limit, 1000),
        )
        found = [item for item, _ in zip(client.live.list_item_qualities(request), range(limit), strict=False)]
    if as_json:
        current.document({"items": [document(item) for item in found]})
        return
    rows = [
        (
            item.item.rpartition("/")[2],
            item.class_name,
            f"{item.disagreement:.2f}",
            f"{item.uncertainty:.2f}",
            ", ".join(
                f"{answer.labeler}: {answer.class_name}" if answer.class_name else answer.labeler
                for answer in item.answers
            ),
        )
        for item in found
    ]
    current.table(("item", "consensus", "disagreement", "uncertainty", "answers"), rows)


def refit(context: typer.Context, project: ProjectOption, feature: FeatureOption, as_json: JsonOption = False) -> None:
    """Fits everything anew, and says what that changed; the service also does so by itself now and then."""
    current = session(context, as_json)
    with current.client() as client:
        _refresh(client, project)
        request = pb.RefitProjectQualityRequest(parent=names.project(project), feature=feature)
        found = wait(current, client.live.refit_project_quality(request), "fitting")
    if as_json:
        current.document(document(found))
        return
    current.facts(
        {
            "labels": f"{found.label_count} of {found.item_count} items",
            "items with another class now": found.changed_item_count,
            "items repaired": found.repaired_item_count,
            "mean change of posteriors": f"{found.mean_posterior_change:.4f}",
        }
    )
    rows = [
        (
            each.labeler,
            f"{each.reliability_before:.3f}" if each.HasField("reliability_before") else "new",
            f"{each.reliability:.3f}",
        )
        for each in found.labelers[:10]
    ]
    current.table(("labeler", "reliability before", "now"), rows)


def _refresh(client: Client, project: str) -> None:
    while client.live.refresh_project_quality(pb.RefreshProjectQualityRequest(parent=names.project(project))).more:
        pass


def _show(current: Session, quality: pb.FeatureQuality) -> None:
    refitted = quality.last_refit.end_time
    current.facts(
        {
            "feature": quality.feature,
            "labels": f"{quality.label_count} of {quality.item_count} items",
            "items with several labels": quality.shared_item_count,
            "disputed items": quality.disputed_item_count,
            "Krippendorff's alpha": estimate(quality.alpha),
            "mean agreement of items": estimate(quality.item_agreement),
            "benchmark accuracy": estimate(quality.benchmark_accuracy),
            "labels since the last fit": quality.labels_since_refit,
            "last fit": refitted.ToJsonString() if quality.HasField("last_refit") else "none yet",
        }
    )
    current.table(
        ("labeler", "labels", "benchmark accuracy", "agreement with consensus"), labeler_rows(quality.labelers)
    )
