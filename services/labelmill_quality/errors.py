"""What can be wrong with a request for a score."""

from __future__ import annotations

from labelmill_runtime.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound


class UnknownClass(InvalidArgument):
    """A label's class is not among the given ones."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "UNKNOWN_CLASS",
            "A label has a class that is not in class_names.",
            metadata={"field": field},
            fields={field: "must be one of class_names"},
        )


class ClassOrderMissing(InvalidArgument):
    """An ordinal distance or consensus needs the order of the classes."""

    def __init__(self) -> None:
        super().__init__(
            "CLASS_ORDER_MISSING",
            "What depends on the order of the classes needs class_names, lowest class first.",
            fields={"class_names": "must hold the classes in their order"},
        )


class ClassNotNumeric(InvalidArgument):
    """Interval and ratio distances and ICC need numbers."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "CLASS_NOT_NUMERIC",
            "This needs class names that are finite decimal numbers.",
            metadata={"field": field},
            fields={field: "must be a finite decimal number"},
        )


class ClassNegative(InvalidArgument):
    """A ratio distance needs numbers with a true zero."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "CLASS_NEGATIVE",
            "METRIC_RATIO needs class names that are numbers of at least 0.",
            metadata={"field": field},
            fields={field: "must be at least 0"},
        )


class BadWeights(InvalidArgument):
    """Weights or distances between classes that cannot be used."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(
            "BAD_WEIGHTS",
            "The weights or distances between classes cannot be used.",
            metadata={"field": field},
            fields={field: problem},
        )


class MetricNotApplicable(InvalidArgument):
    """A distance or weights between answers of another kind."""

    def __init__(self, field: str, kind: str) -> None:
        super().__init__(
            "METRIC_NOT_APPLICABLE",
            "The metric or the weights are not for answers of this kind.",
            metadata={"field": field, "answer": kind},
            fields={field: f"must be for answers of the kind {kind}"},
        )


class AnswerTimeMissing(InvalidArgument):
    """Figures over time need to know when every answer was given."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "ANSWER_TIME_MISSING",
            "Figures over time need the answer_time of every label.",
            metadata={"field": field},
            fields={field: "must be set"},
        )


class TooManyWindows(InvalidArgument):
    """More stretches of time than one answer may have."""

    def __init__(self, *, windows: int, limit: int) -> None:
        super().__init__(
            "TOO_MANY_WINDOWS",
            "The labels lie in more stretches of time than one answer may have.",
            metadata={"windows": str(windows), "window_limit": str(limit)},
            fields={"window_ms": "must be larger"},
        )


class NoClasses(InvalidArgument):
    """Every answer is the empty set, and nobody says which classes there are."""

    def __init__(self) -> None:
        super().__init__(
            "NO_CLASSES",
            "No label names a class, and class_names is empty.",
            fields={"class_names": "must hold the classes, since no label has one"},
        )


class DuplicateGold(InvalidArgument):
    """Two different gold answers for one item."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "DUPLICATE_GOLD",
            "An item has two gold answers.",
            metadata={"field": field},
            fields={field: "must name an item that no other gold row names"},
        )


class InvalidAnnotation(InvalidArgument):
    """A shape or an answer makes no sense by itself."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(
            "INVALID_ANNOTATION",
            "An annotation's shape or answer makes no sense.",
            metadata={"field": field},
            fields={field: problem},
        )


class TooManyCells(InvalidArgument):
    """The tables that the answer needs do not fit."""

    def __init__(self, *, items: int, labelers: int, classes: int, limit: int) -> None:
        super().__init__(
            "TOO_MANY_CELLS",
            "The answer needs larger tables (such as items x classes) than one call may ask for.",
            metadata={
                "items": str(items),
                "labelers": str(labelers),
                "classes": str(classes),
                "cell_limit": str(limit),
            },
            fields={"class_names": "must be fewer for so many items and labelers"},
        )


class WrongAnswerKind(InvalidArgument):
    """A row's answer is of a kind that the call does not take."""

    def __init__(self, field: str, wanted: str) -> None:
        super().__init__(
            "WRONG_ANSWER_KIND",
            "An answer is of another kind than this call takes.",
            metadata={"field": field, "wanted": wanted},
            fields={field: f"must be {wanted}"},
        )


class RepeatsNotWeighed(InvalidArgument):
    """The method counts labels, it cannot count parts of them."""

    def __init__(self, method: str) -> None:
        super().__init__(
            "REPEATS_NOT_WEIGHED",
            "This method cannot count every one of several answers with a part of its weight.",
            metadata={"method": method},
            fields={"repeat_policy": "must not be REPEAT_POLICY_ALL with this method"},
        )


class MethodMissing(InvalidArgument):
    """A method of the contract that this server does not have."""

    def __init__(self, method: str) -> None:
        super().__init__(
            "CONSENSUS_METHOD_MISSING",
            "This server does not have that method of aggregation.",
            metadata={"method": method},
            fields={"method": "must be a method that the server has"},
        )


class UnknownFeature(InvalidArgument):
    """The ontology has no such feature."""

    def __init__(self) -> None:
        super().__init__(
            "UNKNOWN_FEATURE",
            "The project's ontology has no feature of that name.",
            fields={"feature": "must be a feature of the project's ontology"},
        )


class WrongFeatureKind(InvalidArgument):
    """The feature's answers are of a kind that cannot be scored here."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            "WRONG_FEATURE_KIND",
            "This cannot be done with a feature of that kind.",
            metadata={"kind": kind},
            fields={"feature": "must be of another kind"},
        )


class NoLabels(FailedPrecondition):
    """Nothing to score."""

    def __init__(self, project: str) -> None:
        super().__init__(
            "NO_LABELS",
            "The project has no labels of this feature that the filter lets through.",
            resource=("Project", f"projects/{project}"),
        )


class ReportNotFound(NotFound):
    """There is no such report."""

    def __init__(self, name: str) -> None:
        super().__init__("QUALITY_REPORT_NOT_FOUND", "There is no such report.", resource=("QualityReport", name))


class InvalidAnnotationFilter(InvalidArgument):
    """The filter over annotations cannot be understood."""

    def __init__(self, message: str, problem: str) -> None:
        super().__init__("INVALID_FILTER", message, fields={"annotation_filter": problem})


class AnswerTooLarge(InvalidArgument):
    """The answer does not fit into one message."""

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(
            "ANSWER_TOO_LARGE",
            "The answer is larger than one message may be; send fewer items, labelers or classes in a call.",
            metadata={"answer_bytes": str(size), "limit_bytes": str(limit)},
            fields={"labels": "must have fewer items, labelers or classes"},
        )


class NotANumber(InvalidArgument):
    """A number is not finite, or larger than squares of it could be."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "NOT_A_NUMBER",
            "A value is not a finite number of magnitude 1e15 at most.",
            metadata={"field": field},
            fields={field: "must be finite and between -1e15 and 1e15"},
        )


class NotWatched(FailedPrecondition):
    """Nobody has asked for the project's figures to be kept current."""

    def __init__(self, project: str) -> None:
        super().__init__(
            "NOT_WATCHED",
            "The project's figures are not kept current yet; call RefreshProjectQuality.",
            resource=("Project", f"projects/{project}"),
        )


class FeatureNotWatched(NotFound):
    """Nobody has answered a feature of that name yet."""

    def __init__(self, project: str) -> None:
        super().__init__(
            "FEATURE_NOT_WATCHED",
            "The project has no answers to a feature of that name, as far as its figures are current.",
            resource=("Project", f"projects/{project}"),
        )


class FiguresBusy(Aborted):
    """The project's figures were written by others again and again."""

    def __init__(self, project: str) -> None:
        super().__init__(
            "FIGURES_BUSY",
            "The project's figures are being written by others; try again.",
            resource=("Project", f"projects/{project}"),
        )


class MixedShapes(InvalidArgument):
    """A feature's annotations have shapes of several kinds."""

    def __init__(self, feature: str, field: str) -> None:
        super().__init__(
            "MIXED_SHAPES",
            "Annotations of one feature must have shapes of one kind.",
            metadata={"feature": feature, "field": field},
            fields={field: "must have a shape of the kind of the feature's first annotation"},
        )


class TooManyInstances(InvalidArgument):
    """More shapes on one item than can be compared with one another."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "TOO_MANY_INSTANCES",
            "An item has more annotations of one feature than can be compared pair by pair.",
            metadata={"limit": str(limit)},
            fields={"annotations": f"must hold at most {limit} of one item and feature"},
        )


class TextsTooLong(InvalidArgument):
    """Texts that would take too long to align."""

    def __init__(self, *, units: int, limit: int) -> None:
        super().__init__(
            "TEXTS_TOO_LONG",
            "A text has too many words or characters, or all texts about the same items have.",
            metadata={"units": str(units), "limit": str(limit)},
            fields={"labels": "must have shorter texts, or fewer answers about each item"},
        )


class DuplicatePrediction(InvalidArgument):
    """Two predictions for one item."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "DUPLICATE_PREDICTION",
            "An item has two predictions.",
            metadata={"field": field},
            fields={field: "must name an item that no other prediction names"},
        )


class BadDistribution(InvalidArgument):
    """Probabilities that are none."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "BAD_DISTRIBUTION",
            "A prediction's probabilities are no distribution over the classes.",
            metadata={"field": field},
            fields={field: "must be probabilities of different classes that sum to 1 within 0.01"},
        )


class PredictionMissing(InvalidArgument):
    """CROWDLAB averages a prediction into every item."""

    def __init__(self) -> None:
        super().__init__(
            "PREDICTION_MISSING",
            "An item with labels has no prediction; METHOD_CROWDLAB needs one for each.",
            fields={"predictions": "must name every item that has labels"},
        )


class UnknownLabeler(InvalidArgument):
    """The labeler gave none of the labels."""

    def __init__(self) -> None:
        super().__init__(
            "UNKNOWN_LABELER",
            "The labeler gave none of the labels.",
            fields={"labeler": "must be the labeler of a label"},
        )


class PlanTooLarge(InvalidArgument):
    """Too much to simulate."""

    def __init__(self) -> None:
        super().__init__(
            "PLAN_TOO_LARGE",
            "So many items, labels of an item and classes take too long to plan in one call.",
            fields={"max_labels_per_item": "must be smaller, or the labels about fewer items"},
        )
