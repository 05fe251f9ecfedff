"""What can go wrong in training, by name."""

from __future__ import annotations

from labelmill_runtime.errors import (
    DataLoss,
    FailedPrecondition,
    Internal,
    NotFound,
    Unavailable,
)


class TrainingJobNotFound(NotFound):
    """There is no such job."""

    def __init__(self, name: str) -> None:
        super().__init__("TRAINING_JOB_NOT_FOUND", "There is no such training job.", resource=("TrainingJob", name))


class ModelNotFound(NotFound):
    """There is no such model."""

    def __init__(self, name: str) -> None:
        super().__init__("MODEL_NOT_FOUND", "There is no such model.", resource=("Model", name))


class ModelVersionNotFound(NotFound):
    """There is no such version."""

    def __init__(self, name: str) -> None:
        super().__init__("MODEL_VERSION_NOT_FOUND", "There is no such model version.", resource=("ModelVersion", name))


class EncoderNotFound(NotFound):
    """Prelabel serves no such encoder, and it is not the built-in one."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "ENCODER_NOT_FOUND",
            "Prelabel serves no such encoder, and it is not the built-in one.",
            resource=("ServedModel", name),
            fields={"training_job.recipe.frozen_embedding_classifier.encoder": "is not served"},
        )


class UnknownFeature(FailedPrecondition):
    """The report's feature is not one that a classifier can answer."""

    def __init__(self, feature: str) -> None:
        super().__init__(
            "FEATURE_NOT_CLASSIFIABLE",
            "The report's feature is not a single choice or ordinal feature of the current ontology.",
            metadata={"feature": feature},
        )


class OntologyChanged(FailedPrecondition):
    """The labels hold classes that the ontology no longer has."""

    def __init__(self, class_count: int) -> None:
        super().__init__(
            "ONTOLOGY_CHANGED",
            "The labels hold classes that the ontology no longer has; score the project again.",
            metadata={"unknown_class_count": str(class_count)},
        )


class ModelFeatureMismatch(FailedPrecondition):
    """The model answers another feature."""

    def __init__(self, model: str, feature: str) -> None:
        super().__init__(
            "MODEL_FEATURE_MISMATCH",
            "The model answers another feature than the report's; train into another model.",
            metadata={"model_feature": feature},
            resource=("Model", model),
        )


class NotEnoughLabels(FailedPrecondition):
    """Too few labels to train on."""

    def __init__(self, items: int, classes: int, *, least_items: int, least_classes: int) -> None:
        super().__init__(
            "NOT_ENOUGH_LABELS",
            f"There are {items} items in {classes} classes to train on; "
            f"at least {least_items} items in {least_classes} classes are needed.",
            metadata={"item_count": str(items), "class_count": str(classes)},
        )


class NoEvaluationGold(FailedPrecondition):
    """Nothing to evaluate on."""

    def __init__(self) -> None:
        super().__init__(
            "NO_EVALUATION_GOLD",
            "There are no benchmarks held out for evaluation with gold for the feature (and within the filter).",
        )


class GateClosed(FailedPrecondition):
    """The version is not good enough to be served."""

    def __init__(self, accuracy: float | None, least: float) -> None:
        shown = "undefined" if accuracy is None else f"{accuracy:.4f}"
        super().__init__(
            "GATE_CLOSED",
            f"The version's accuracy on held-out gold is {shown}, below the gate of {least:.4f}.",
            metadata={"accuracy": shown, "min_accuracy": f"{least:.4f}"},
        )


class ModelRejected(FailedPrecondition):
    """Prelabel could not load the version; the one before goes on answering."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "MODEL_REJECTED",
            "Prelabel could not bring the version into service; the version before goes on answering.",
            resource=("ModelVersion", name),
        )


class ArtifactDamaged(DataLoss):
    """The stored artifact is gone or not what was registered."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "ARTIFACT_DAMAGED", "The stored artifact does not match its checksum.", resource=("ModelVersion", name)
        )


class TrainingCrashed(Internal):
    """The worker process failed; its log stays in the job's folder."""

    def __init__(self, exit_status: int) -> None:
        super().__init__("TRAINING_CRASHED", "The training process failed.", metadata={"exit_status": str(exit_status)})


class TrainingInProgress(Unavailable):
    """What a job is trained on cannot be erased before it is over."""

    def __init__(self) -> None:
        message = "A training job uses some of these assets; they can be erased when it is over."
        super().__init__("TRAINING_IN_PROGRESS", message, retry_after_s=10)
