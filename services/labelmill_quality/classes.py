"""How well labelers agree on each class. Pure."""

from __future__ import annotations

from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.agreement.patterns import patterns_of_table
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import LabelTable


def class_alphas(table: LabelTable, *, replicates: int = 1000, seed: int = 0) -> list[Estimate]:
    """For each class, nominal alpha of "this class or any other"."""
    return [
        krippendorff_alpha(patterns, Metric.NOMINAL, replicates=replicates, seed=seed)
        for patterns in patterns_of_table(table).each_against_rest()
    ]
