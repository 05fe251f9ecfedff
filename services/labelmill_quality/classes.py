"""How well labelers agree on each class. Pure."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import LabelTable


def class_alphas(table: LabelTable, *, replicates: int = 1000, seed: int = 0) -> list[Estimate]:
    """For each class, nominal alpha of "this class or any other"."""
    votes = table.sparse_votes.tocsc()
    totals = table.labels_per_item.astype(np.float64)
    estimates = []
    for column in range(len(table.classes)):
        this = votes[:, [column]].toarray().ravel()
        binary = sparse.csr_matrix(np.column_stack([this, totals - this]))
        estimates.append(krippendorff_alpha(binary, Metric.NOMINAL, replicates=replicates, seed=seed))
    return estimates
