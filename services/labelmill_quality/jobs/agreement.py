"""Answers ComputeAgreement."""

from __future__ import annotations

import numpy as np

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill_quality.agreement.distances import numeric_values
from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.labels import answers
from labelmill_quality.errors import ClassOrderMissing
from labelmill_quality.labels import make_table

_METRICS = {
    pb.ComputeAgreementRequest.METRIC_UNSPECIFIED: Metric.NOMINAL,
    pb.ComputeAgreementRequest.METRIC_NOMINAL: Metric.NOMINAL,
    pb.ComputeAgreementRequest.METRIC_ORDINAL: Metric.ORDINAL,
    pb.ComputeAgreementRequest.METRIC_INTERVAL: Metric.INTERVAL,
}
_DEFAULT_REPLICATES = 1000


def compute_agreement(body: bytes) -> bytes:
    """Answers ComputeAgreement."""
    request = pb.ComputeAgreementRequest.FromString(body)
    metric = _METRICS[request.metric]
    if metric is Metric.ORDINAL and not request.class_names:
        raise ClassOrderMissing
    rows = answers(request.labels)
    values = None
    if metric is Metric.INTERVAL:
        # Checked row by row where there is no list, so that the error can point at the row.
        given = request.class_names or rows.classes
        field = "class_names[{index}]" if request.class_names else "labels[{index}].class_name"
        numbers = dict(zip(given, numeric_values(given, field).tolist(), strict=True))
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=request.class_names or None)
    if metric is Metric.INTERVAL:
        values = np.array([numbers[name] for name in table.classes])
    replicates = request.bootstrap_count or _DEFAULT_REPLICATES
    alpha = krippendorff_alpha(table.sparse_votes, metric, values=values, replicates=replicates, seed=request.seed)
    return pb.ComputeAgreementResponse(alpha=estimate(alpha)).SerializeToString()
