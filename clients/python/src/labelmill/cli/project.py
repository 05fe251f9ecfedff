"""`labelmill project`: labelling efforts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import Parse, ParseError

from labelmill import labels, names
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.session import JsonOption, session, short
from labelmill.type.v1 import ontology_pb2

app = typer.Typer(help="Labelling efforts: ontology and quality plan.", no_args_is_help=True, epilog=EPILOG)
ProjectArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")]
_CLASSES = "as NAME=CLASS,CLASS,...; may be repeated."


@app.command(epilog=EPILOG)
def create(
    context: typer.Context,
    project: ProjectArgument,
    single_choice: Annotated[list[str] | None, typer.Option(help=f"A question with one answer, {_CLASSES}")] = None,
    multiple_choice: Annotated[list[str] | None, typer.Option(help=f"A question with several, {_CLASSES}")] = None,
    ordinal: Annotated[list[str] | None, typer.Option(help=f"A question with ordered answers, {_CLASSES}")] = None,
    ontology: Annotated[
        Path | None, typer.Option(help="Instead: a file with an Ontology as JSON.", exists=True, dir_okay=False)
    ] = None,
    display_name: Annotated[str, typer.Option(help="What people read.")] = "",
    labels_per_asset: Annotated[int, typer.Option(help="Labels for each asset in the overlap.", min=1, max=100)] = 1,
    overlap_share: Annotated[float, typer.Option(help="Share of assets in the overlap.", min=0, max=1)] = 1.0,
    benchmark_share: Annotated[float, typer.Option(help="Share of tasks that are benchmarks.", min=0, max=1)] = 0.0,
    lease_seconds: Annotated[int, typer.Option(help="How long a lease lasts.", min=1, max=86400)] = 600,
    as_json: JsonOption = False,
) -> None:
    """Creates a project.

    Example: labelmill project create reviews --single-choice sentiment=negative,neutral,positive --labels-per-asset 3
    """
    current = session(context, as_json)
    features = [
        *_features(labels.single_choice_feature, single_choice),
        *_features(labels.multiple_choice_feature, multiple_choice),
        *_features(labels.ordinal_feature, ordinal),
    ]
    if (ontology is None) == (not features):
        raise typer.BadParameter("give either --ontology or at least one question")
    wanted = resources_pb2.Project(display_name=display_name)
    wanted.ontology.CopyFrom(_read(ontology) if ontology else labels.ontology(*features))
    plan = wanted.quality_plan
    plan.labels_per_asset, plan.overlap_share, plan.benchmark_share = labels_per_asset, overlap_share, benchmark_share
    plan.lease_duration.FromSeconds(lease_seconds)
    with current.client() as client:
        request = service_pb2.CreateProjectRequest(project_id=project, project=wanted)
        created = client.projects.create_project(request)
    if as_json:
        current.document(document(created))
    else:
        current.say(f"Created {created.name}.")


@app.command("list", epilog=EPILOG)
def list_projects(context: typer.Context, as_json: JsonOption = False) -> None:
    """Lists the projects that you have a role on."""
    current = session(context, as_json)
    with current.client() as client:
        projects = list(client.projects.list_projects(service_pb2.ListProjectsRequest()))
    if as_json:
        current.document({"projects": [document(project) for project in projects]})
        return
    rows = [(short(p.name), p.display_name, ", ".join(f.feature_name for f in p.ontology.features)) for p in projects]
    current.table(("project", "name", "features"), rows)


@app.command(epilog=EPILOG)
def show(context: typer.Context, project: ProjectArgument, as_json: JsonOption = False) -> None:
    """Shows a project's ontology and quality plan."""
    current = session(context, as_json)
    with current.client() as client:
        found = client.projects.get_project(service_pb2.GetProjectRequest(name=names.project(project)))
    if as_json:
        current.document(document(found))
        return
    plan = found.quality_plan
    share = plan.overlap_share if plan.HasField("overlap_share") else 1.0
    current.facts(
        {
            "project": short(found.name),
            "name": found.display_name,
            "created": found.create_time.ToJsonString(),
            "ontology version": found.ontology_version,
            "labels per asset": f"{max(1, plan.labels_per_asset)} for {share:.0%} of assets, 1 for the others",
            "benchmarks": f"{plan.benchmark_share:.0%} of tasks",
        }
    )
    kinds = ontology_pb2.Feature.Kind
    rows = [
        (f.feature_name, kinds.Name(f.kind).removeprefix("KIND_").lower(), ", ".join(c.class_name for c in f.classes))
        for f in found.ontology.features
    ]
    current.table(("feature", "kind", "classes"), rows)


def _features(
    make: Callable[[str, Iterable[str]], ontology_pb2.Feature], given: list[str] | None
) -> Iterable[ontology_pb2.Feature]:
    for text in given or ():
        name, equals, classes = text.partition("=")
        if not equals or not classes:
            raise typer.BadParameter(f"{text!r} is not NAME=CLASS,CLASS,...")
        yield make(name.strip(), [part.strip() for part in classes.split(",")])


def _read(path: Path) -> ontology_pb2.Ontology:
    try:
        return Parse(path.read_text(encoding="utf-8"), ontology_pb2.Ontology())
    except (ParseError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} is no Ontology in protobuf's JSON form: {error}") from None
