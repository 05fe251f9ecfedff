"""Questions about agreement and their answers as messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill_quality.agreement.breakdown import PairScores, Window
from labelmill_quality.agreement.coefficients import FORMS, Coefficient, Question
from labelmill_quality.agreement.distances import numeric_values
from labelmill_quality.agreement.krippendorff import Metric
from labelmill_quality.agreement.weights import Scheme, custom_distances, custom_weights, scheme_weights
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.labels import repeats as repeat_policy
from labelmill_quality.errors import ClassNegative, ClassOrderMissing, RepeatsNotWeighed, WrongAnswerKind
from labelmill_quality.estimate import Estimate
from labelmill_quality.repeats import Repeats
from labelmill_quality.report import Answers

Floats = npt.NDArray[np.float64]

_Request = pb.ComputeAgreementRequest

METRICS = {
    _Request.METRIC_UNSPECIFIED: Metric.NOMINAL,
    _Request.METRIC_NOMINAL: Metric.NOMINAL,
    _Request.METRIC_ORDINAL: Metric.ORDINAL,
    _Request.METRIC_INTERVAL: Metric.INTERVAL,
    _Request.METRIC_RATIO: Metric.RATIO,
    _Request.METRIC_CUSTOM: Metric.CUSTOM,
}
_SCHEMES = {
    pb.AGREEMENT_WEIGHTS_UNSPECIFIED: Scheme.IDENTITY,
    pb.AGREEMENT_WEIGHTS_IDENTITY: Scheme.IDENTITY,
    pb.AGREEMENT_WEIGHTS_LINEAR: Scheme.LINEAR,
    pb.AGREEMENT_WEIGHTS_QUADRATIC: Scheme.QUADRATIC,
    pb.AGREEMENT_WEIGHTS_RADICAL: Scheme.RADICAL,
    pb.AGREEMENT_WEIGHTS_ORDINAL: Scheme.ORDINAL,
    pb.AGREEMENT_WEIGHTS_CUSTOM: Scheme.CUSTOM,
}
_COEFFICIENTS = {
    number: Coefficient(name.removeprefix("AGREEMENT_COEFFICIENT_").lower())
    for name, number in pb.AgreementCoefficient.items()
    if number
}
_DEFAULT_REPLICATES = 1000
_NUMERIC = (Metric.INTERVAL, Metric.RATIO)


def coefficients(request: _Request) -> tuple[Coefficient, ...]:
    """Those asked for."""
    return tuple(_COEFFICIENTS[number] for number in request.coefficients)


def has_numbers(request: _Request) -> bool:
    """Whether answers are numbers, as the first one is."""
    return bool(request.labels) and request.labels[0].HasField("number")


def number_answers(request: _Request) -> tuple[Answers, dict[str, float]]:
    """Rows whose answers are numbers, as columns, each number a class; and the classes' numbers, rising.

    Raises:
        WrongAnswerKind: An answer is no number, or there are class_names.
        ClassNegative: One is below 0, and the metric is ratio.
    """
    if request.class_names:
        raise WrongAnswerKind("labels[0].number", "class_name, as there are class_names")
    columns, numbers = Answers(), set[float]()
    for place, row in enumerate(request.labels):
        if not row.HasField("number"):
            raise WrongAnswerKind(f"labels[{place}].{row.WhichOneof('answer')}", "number, as the first answer is")
        number = row.number + 0.0  # there is one zero
        numbers.add(number)
        columns.add(row.item, row.labeler, repr(number))
    _require_ratio(request, [row.number for row in request.labels], "labels[{index}].number")
    return columns, {repr(number): number for number in sorted(numbers)}


def repeats(request: _Request) -> Repeats:
    """What counts where a labeler answered an item several times.

    Raises:
        RepeatsNotWeighed: All answers would.
    """
    policy = repeat_policy(request.repeat_policy)
    if policy is Repeats.ALL:
        raise RepeatsNotWeighed("agreement")
    return policy


def require_order(request: _Request) -> None:
    """Refuses to take the order of classes, or the rows of a matrix, from the alphabet.

    Raises:
        ClassOrderMissing: The request needs class_names and has none.
    """
    metric, scheme = METRICS[request.metric], _SCHEMES[request.weights]
    by_rank = scheme is not Scheme.IDENTITY and (metric not in _NUMERIC or scheme in (Scheme.ORDINAL, Scheme.CUSTOM))
    if not request.class_names and not has_numbers(request) and (by_rank or metric in (Metric.ORDINAL, Metric.CUSTOM)):
        raise ClassOrderMissing


def needs_numbers(request: _Request) -> bool:
    """Whether class names must be numbers."""
    return (
        has_numbers(request)
        or METRICS[request.metric] in _NUMERIC
        or not FORMS.keys().isdisjoint(coefficients(request))
    )


def checked_numbers(
    request: _Request, said: Sequence[str], said_field: str = "labels[{index}].class_name"
) -> dict[str, float]:
    """What class names are as numbers; checked row by row where there is no list, so that the error points at the row.

    Args:
        request: The request.
        said: Class names, row by row.
        said_field: The path to one of them, with {index}.

    Raises:
        ClassNotNumeric: One is no number.
        ClassNegative: One is below 0, and the metric is ratio.
    """
    given = request.class_names or said
    field = "class_names[{index}]" if request.class_names else said_field
    values = numeric_values(given, field)
    _require_ratio(request, values, field)
    return dict(zip(given, values.tolist(), strict=True))


def _require_ratio(request: _Request, values: Sequence[float] | Floats, field: str) -> None:
    negative = np.flatnonzero(np.asarray(values) < 0)
    if METRICS[request.metric] is Metric.RATIO and len(negative):
        raise ClassNegative(field.format(index=negative[0]))


def needs_squares(request: _Request) -> bool:
    """Whether a (classes, classes) table is needed: alpha takes it from its metric, the others always have weights."""
    alpha = {pb.AGREEMENT_COEFFICIENT_KRIPPENDORFF_ALPHA}
    return METRICS[request.metric] in (Metric.RATIO, Metric.CUSTOM) or not alpha.issuperset(request.coefficients)


def question(request: _Request, classes: int, numbers: Floats | None) -> Question:
    """What is asked.

    Args:
        request: The request.
        classes: How many classes there are.
        numbers: What the classes are as numbers, if they must be.

    Raises:
        BadWeights: A matrix makes no sense.
    """
    metric, scheme = METRICS[request.metric], _SCHEMES[request.weights]
    places = numbers if numbers is not None and metric in _NUMERIC else np.arange(float(classes))
    weights = distances = None
    if scheme is Scheme.CUSTOM:
        weights = custom_weights(np.array(request.weight_matrix), classes, "weight_matrix")
    elif scheme is not Scheme.IDENTITY:
        weights = scheme_weights(scheme, places)
    if metric is Metric.CUSTOM:
        distances = custom_distances(np.array(request.distance_matrix), classes, "distance_matrix")
    analytic = request.interval == _Request.INTERVAL_ANALYTIC
    return Question(
        coefficients(request),
        metric,
        numbers,
        distances,
        scheme,
        weights,
        replicates=0 if analytic else request.bootstrap_count or _DEFAULT_REPLICATES,
        seed=request.seed,
    )


def class_agreements(
    classes: Sequence[str], label_counts: Sequence[int], rows: Sequence[Sequence[Estimate]]
) -> list[pb.ClassAgreement]:
    """The classes' coefficients."""
    return [
        pb.ClassAgreement(class_name=name, label_count=count, coefficients=map(estimate, row))
        for name, count, row in zip(classes, label_counts, rows, strict=True)
    ]


def pair_agreements(scores: PairScores, labelers: Sequence[str]) -> list[pb.PairAgreement]:
    """The pairs' coefficients."""
    pairs = zip(scores.first.tolist(), scores.second.tolist(), scores.agreed, strict=True)
    return [
        pb.PairAgreement(
            first_labeler=labelers[first],
            second_labeler=labelers[second],
            agreement=estimate(agreed),
            coefficients=[estimate(column[place]) for column in scores.estimates],
        )
        for place, (first, second, agreed) in enumerate(pairs)
    ]


def window(value: Window) -> pb.AgreementWindow:
    """A stretch of time."""
    message = pb.AgreementWindow(label_count=value.label_count, coefficients=map(estimate, value.estimates))
    message.start_time.FromMilliseconds(value.start_ms)
    message.end_time.FromMilliseconds(value.end_ms)
    return message
