"""`labelmill train`: jobs, model versions, promotion."""

from __future__ import annotations

from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.progress import wait
from labelmill.cli.quality import estimate, report_of_one_feature
from labelmill.cli.session import JsonOption, ProjectOption, session, short
from labelmill.training.v1 import resources_pb2, service_pb2

app = typer.Typer(help="From labels to a served model.", no_args_is_help=True, epilog=EPILOG)


@app.command(epilog=EPILOG)
def run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="The model that gets a new version; made with its first.")],
    project: ProjectOption,
    report: Annotated[
        str | None, typer.Option(help="The quality report to learn from.", show_default="the newest")
    ] = None,
    min_posterior: Annotated[float, typer.Option(help="Leave out less certain labels.", min=0, max=1)] = 0.0,
    l2_penalty: Annotated[float, typer.Option(help="0: chosen by cross-validation.", min=0)] = 0.0,
    balance_classes: Annotated[bool, typer.Option(help="Weight classes by inverse frequency.")] = False,
    hard_labels: Annotated[bool, typer.Option(help="Learn from the likeliest class alone.")] = False,
    encoder: Annotated[str, typer.Option(help="encoders/{encoder}.", show_default="the built-in one")] = "",
    seed: Annotated[int, typer.Option(help="Of whatever is drawn by chance.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Trains a classifier on consensus labels, and evaluates it on gold that was held out."""
    current = session(context, as_json)
    recipe = resources_pb2.FrozenEmbeddingClassifier(
        encoder=encoder, l2_penalty=l2_penalty, balance_classes=balance_classes, hard_labels=hard_labels
    )
    with current.client() as client:
        labels = resources_pb2.LabelSource(
            quality_report=report_of_one_feature(client, project, report), min_posterior=min_posterior
        )
        job = resources_pb2.TrainingJob(
            model=names.model(project, model),
            recipe=resources_pb2.Recipe(frozen_embedding_classifier=recipe, seed=seed),
            labels=labels,
        )
        request = service_pb2.CreateTrainingJobRequest(parent=names.project(project), training_job=job)
        done = wait(current, client.training.create_training_job(request), "training")
        version = client.training.get_model_version(service_pb2.GetModelVersionRequest(name=done.model_version))
    if as_json:
        current.document({"training_job": document(done), "model_version": document(version)})
        return
    evaluation, lineage = version.evaluation, version.lineage
    current.facts(
        {
            "model version": version.name,
            "trained on": f"{lineage.training_item_count} items",
            "evaluated on": f"{lineage.evaluation_item_count} items",
            "accuracy": estimate(evaluation.accuracy),
            "macro F1": estimate(evaluation.macro_f1),
            "log loss": estimate(evaluation.log_loss),
            "calibration error": estimate(evaluation.calibration_error),
            "majority class": f"{evaluation.majority_class_accuracy:.3f}",
        }
    )
    current.say(f"Put it into service with: labelmill train promote {version.name}")


@app.command(epilog=EPILOG)
def models(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists a project's models and their versions."""
    current = session(context, as_json)
    with current.client() as client:
        found = [
            (model, list(client.training.list_model_versions(_versions_of(model))))
            for model in client.training.list_models(service_pb2.ListModelsRequest(parent=names.project(project)))
        ]
    if as_json:
        current.document({"models": [document(m) | {"versions": [document(v) for v in vs]} for m, vs in found]})
        return
    rows = [
        (
            short(model.name),
            short(version.name),
            model.feature,
            estimate(version.evaluation.accuracy),
            "yes" if version.promoted else "",
            version.create_time.ToJsonString(),
        )
        for model, versions in found
        for version in versions
    ]
    current.table(("model", "version", "feature", "accuracy", "served", "made"), rows)


@app.command(epilog=EPILOG)
def promote(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="projects/{project}/models/{model}/versions/{version}.")],
    min_accuracy: Annotated[float, typer.Option(help="Refuse below this on held-out gold.", min=0, max=1)] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Puts a model version into service, without a restart. Exit code 6 if its accuracy is too low."""
    current = session(context, as_json)
    with current.client() as client:
        request = service_pb2.PromoteModelVersionRequest(name=version, min_accuracy=min_accuracy)
        promoted = client.training.promote_model_version(request)
    if as_json:
        current.document(document(promoted))
    else:
        current.say(f"{promoted.name} is served.")


def _versions_of(model: resources_pb2.Model) -> service_pb2.ListModelVersionsRequest:
    return service_pb2.ListModelVersionsRequest(parent=model.name)
