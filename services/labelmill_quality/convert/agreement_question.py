"""What is asked about agreement: from the request to the domain's question, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill_quality.agreement.coefficients import FORMS, Coefficient, Question
from labelmill_quality.agreement.distances import edit_distances, numeric_values, set_distances
from labelmill_quality.agreement.krippendorff import MATRICES, Metric
from labelmill_quality.agreement.weights import (
    Scheme,
    custom_distances,
    custom_weights,
    distance_weights,
    scheme_weights,
)
from labelmill_quality.convert.compared_answers import CLASS, NUMBER, SETS, TEXT
from labelmill_quality.convert.labels import repeats
from labelmill_quality.errors import ClassNegative, ClassOrderMissing, MetricNotApplicable, RepeatsNotWeighed
from labelmill_quality.repeats import Repeats

Floats = npt.NDArray[np.float64]

_Request = pb.ComputeAgreementRequest

_METRICS = {
    _Request.METRIC_NOMINAL: Metric.NOMINAL,
    _Request.METRIC_ORDINAL: Metric.ORDINAL,
    _Request.METRIC_INTERVAL: Metric.INTERVAL,
    _Request.METRIC_RATIO: Metric.RATIO,
    _Request.METRIC_CUSTOM: Metric.CUSTOM,
    _Request.METRIC_JACCARD: Metric.JACCARD,
    _Request.METRIC_MASI: Metric.MASI,
    _Request.METRIC_EDIT: Metric.EDIT,
}
_APPLICABLE = {
    CLASS: (Metric.NOMINAL, Metric.ORDINAL, Metric.INTERVAL, Metric.RATIO, Metric.CUSTOM),
    NUMBER: (Metric.INTERVAL, Metric.NOMINAL, Metric.ORDINAL, Metric.RATIO),
    SETS: (Metric.JACCARD, Metric.MASI, Metric.NOMINAL),
    TEXT: (Metric.EDIT, Metric.NOMINAL),
}
"""The metrics of each kind of answer, its default first."""
_SCHEMES = {
    pb.AGREEMENT_WEIGHTS_UNSPECIFIED: Scheme.IDENTITY,
    **{
        number: Scheme(name.removeprefix("AGREEMENT_WEIGHTS_").lower())
        for name, number in pb.AgreementWeights.items()
        if number
    },
}
_COEFFICIENTS = {
    number: Coefficient(name.removeprefix("AGREEMENT_COEFFICIENT_").lower())
    for name, number in pb.AgreementCoefficient.items()
    if number
}
_DEFAULT_REPLICATES = 1000
_NUMERIC = (Metric.INTERVAL, Metric.RATIO)


@dataclass(frozen=True)
class Asked:
    """A request's question, but for what depends on the labels."""

    request: pb.ComputeAgreementRequest
    kind: str
    metric: Metric
    scheme: Scheme
    coefficients: tuple[Coefficient, ...]
    repeats: Repeats

    @property
    def needs_numbers(self) -> bool:
        """Whether class names must be numbers."""
        numeric = self.metric in _NUMERIC or not FORMS.keys().isdisjoint(self.coefficients)
        return self.kind == CLASS and numeric

    @property
    def needs_squares(self) -> bool:
        """Whether a (classes, classes) table is needed: alpha may do without, the others always have weights."""
        alone = {Coefficient.KRIPPENDORFF_ALPHA}.issuperset(self.coefficients)
        return self.metric in MATRICES or self.metric is Metric.RATIO or not alone

    def require_ratio(self, values: Sequence[float] | Floats, field: str) -> None:
        """Refuses numbers below 0 where the metric is ratio.

        Raises:
            ClassNegative: One is.
        """
        negative = np.flatnonzero(np.asarray(values) < 0)
        if self.metric is Metric.RATIO and len(negative):
            raise ClassNegative(field.format(index=negative[0]))

    def numbers(self, said: Sequence[str], said_field: str) -> dict[str, float]:
        """What class names are as numbers; checked row by row where there is no list, so that errors point at the row.

        Args:
            said: Class names, row by row.
            said_field: The path to one of them, with {index}.

        Raises:
            ClassNotNumeric: One is no number.
            ClassNegative: One is below 0, and the metric is ratio.
        """
        given = self.request.class_names or said
        field = "class_names[{index}]" if self.request.class_names else said_field
        values = numeric_values(given, field)
        self.require_ratio(values, field)
        return dict(zip(given, values.tolist(), strict=True))

    def question(
        self, classes: Sequence[str], numbers: Floats | None, members: npt.NDArray[np.bool_] | None
    ) -> Question:
        """The whole question.

        Args:
            classes: The classes, in order.
            numbers: What they are as numbers, if they are.
            members: Of sets: what each holds.

        Raises:
            BadWeights: A matrix makes no sense.
        """
        distances = self._distances(classes, members)
        analytic = self.request.interval == _Request.INTERVAL_ANALYTIC
        return Question(
            self.coefficients,
            self.metric,
            numbers,
            distances,
            self.scheme,
            self._weights(len(classes), numbers, distances),
            replicates=0 if analytic else self.request.bootstrap_count or _DEFAULT_REPLICATES,
            seed=self.request.seed,
        )

    def _distances(self, classes: Sequence[str], members: npt.NDArray[np.bool_] | None) -> Floats | None:
        if self.metric is Metric.CUSTOM:
            return custom_distances(np.array(self.request.distance_matrix), len(classes), "distance_matrix")
        if members is not None and self.metric in (Metric.JACCARD, Metric.MASI):
            return set_distances(members, masi=self.metric is Metric.MASI)
        return edit_distances(classes) if self.metric is Metric.EDIT else None

    def _weights(self, classes: int, numbers: Floats | None, distances: Floats | None) -> Floats | None:
        if self.scheme is Scheme.CUSTOM:
            return custom_weights(np.array(self.request.weight_matrix), classes, "weight_matrix")
        if self.scheme is Scheme.METRIC and distances is not None:
            return distance_weights(distances)
        if self.scheme is Scheme.IDENTITY:
            return None
        places = numbers if numbers is not None and self.metric in _NUMERIC else np.arange(float(classes))
        return scheme_weights(self.scheme, places)


def asked(request: pb.ComputeAgreementRequest, kind: str) -> Asked:
    """What is asked of answers of a kind.

    Raises:
        MetricNotApplicable: The metric or the weights are for another kind of answers.
        ClassOrderMissing: The order of classes would be that of the alphabet, or the rows of a matrix nobody's.
        RepeatsNotWeighed: All of several answers would count.
    """
    applicable = _APPLICABLE[kind]
    metric = _METRICS.get(request.metric, applicable[0])
    if metric not in applicable:
        raise MetricNotApplicable("metric", kind)
    scheme = _SCHEMES[request.weights]
    if (kind in (SETS, TEXT) and scheme not in (Scheme.IDENTITY, Scheme.METRIC)) or (
        scheme is Scheme.METRIC and metric not in MATRICES
    ):
        raise MetricNotApplicable("weights", kind)
    by_rank = scheme is not Scheme.IDENTITY and (metric not in _NUMERIC or scheme in (Scheme.ORDINAL, Scheme.CUSTOM))
    if kind == CLASS and not request.class_names and (by_rank or metric in (Metric.ORDINAL, Metric.CUSTOM)):
        raise ClassOrderMissing
    policy = repeats(request.repeat_policy)
    if policy is Repeats.ALL:
        raise RepeatsNotWeighed("agreement")
    names = tuple(_COEFFICIENTS[number] for number in request.coefficients)
    return Asked(request, kind, metric, scheme, names, policy)
