"""Every coefficient of agreement by its name: `agreement` computes them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.chance_corrected import Chance, Shares, corrected, influence, statistic
from labelmill_quality.agreement.conger import habits
from labelmill_quality.agreement.contingency import TableAgreement, table_agreement
from labelmill_quality.agreement.icc import Form, intraclass_correlation
from labelmill_quality.agreement.krippendorff import MATRICES, NO_PAIRS, ONE_VALUE, Metric, krippendorff_alpha
from labelmill_quality.agreement.linearized import LINEARIZED, student_interval
from labelmill_quality.agreement.pairs import pair_tables
from labelmill_quality.agreement.patterns import Patterns, pair_sums, patterns_of_table
from labelmill_quality.agreement.weights import Scheme
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, normal_interval, percentile_interval, resampling_weights
from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]

UNEQUAL = "items have unequal numbers of labels; fleiss_kappa_generalized allows that"
NOT_TWO = "not exactly two labelers have labels; conger_kappa and fleiss_kappa are for any number"
NO_SHARED = "no item has labels of both labelers"
NOT_NUMERIC = "the classes are no numbers"
LARGE_SAMPLE = "large_sample"


class Coefficient(Enum):
    """What can be computed."""

    KRIPPENDORFF_ALPHA = "krippendorff_alpha"
    PERCENT_AGREEMENT = "percent_agreement"
    COHEN_KAPPA = "cohen_kappa"
    SCOTT_PI = "scott_pi"
    FLEISS_KAPPA = "fleiss_kappa"
    FLEISS_KAPPA_GENERALIZED = "fleiss_kappa_generalized"
    CONGER_KAPPA = "conger_kappa"
    GWET_AC = "gwet_ac"
    BRENNAN_PREDIGER = "brennan_prediger"
    ICC_1_1 = "icc_1_1"
    ICC_2_1 = "icc_2_1"
    ICC_3_1 = "icc_3_1"
    ICC_1_K = "icc_1_k"
    ICC_2_K = "icc_2_k"
    ICC_3_K = "icc_3_k"


CHANCES = {
    Coefficient.PERCENT_AGREEMENT: Chance.NONE,
    Coefficient.SCOTT_PI: Chance.FLEISS,
    Coefficient.FLEISS_KAPPA: Chance.FLEISS,
    Coefficient.FLEISS_KAPPA_GENERALIZED: Chance.FLEISS,
    Coefficient.GWET_AC: Chance.GWET,
    Coefficient.BRENNAN_PREDIGER: Chance.BRENNAN_PREDIGER,
}
"""Those of p_a and p_e that ask only how many said what."""
FORMS = {Coefficient(form.value): form for form in Form}
TWO_LABELERS = (Coefficient.COHEN_KAPPA, Coefficient.SCOTT_PI)


@dataclass(frozen=True)
class Question:
    """What is asked."""

    coefficients: tuple[Coefficient, ...] = (Coefficient.KRIPPENDORFF_ALPHA,)
    metric: Metric = Metric.NOMINAL
    """The distance of Krippendorff's alpha."""
    numbers: Floats | None = None
    """(classes): what the classes are as numbers, for INTERVAL, RATIO and ICC."""
    distances: Floats | None = None
    """(classes, classes): d², for MATRICES."""
    scheme: Scheme = Scheme.IDENTITY
    """What `weights` are."""
    weights: Floats | None = None
    """(classes, classes): how much two classes agree, for kappas, AC2 and percent agreement; None: equal or not."""
    replicates: int = 1000
    """Of the bootstrap; 0 for analytic intervals, which Cohen, Conger and ICC always have."""
    seed: int = 0
    level: float = LEVEL

    def name(self, coefficient: Coefficient) -> str:
        """The method of an estimate, its weights or distance included."""
        name: str = coefficient.value
        if coefficient is Coefficient.KRIPPENDORFF_ALPHA:
            return f"{name}_{self.metric.value}"
        if coefficient in FORMS:
            return name
        plain = self.scheme is Scheme.IDENTITY
        if coefficient is Coefficient.GWET_AC:
            name += "1" if plain else "2"
        suffix = self.metric.value if self.scheme is Scheme.METRIC else self.scheme.value
        return name if plain else f"{name}_{suffix}"

    def about_one_class(self) -> Question:
        """The same about "this class or another"."""
        return replace(self, metric=Metric.NOMINAL, numbers=None, scheme=Scheme.IDENTITY, weights=None)


@dataclass(frozen=True)
class Labels:
    """A table, and what several coefficients need of it."""

    table: LabelTable

    @cached_property
    def patterns(self) -> Patterns:
        """Its items."""
        return patterns_of_table(self.table)

    @cached_property
    def pair(self) -> LabelTable | None:
        """The items that both labelers answered, where there are just two labelers."""
        if len(np.unique(self.table.labeler_codes)) != 2:
            return None
        return only_items(self.table, self.table.labels_per_item == 2)


def agreement(labels: Labels, question: Question) -> list[Estimate]:
    """An estimate for each coefficient asked for."""
    return [_coefficient(labels, question, coefficient) for coefficient in question.coefficients]


def only_items(table: LabelTable, items: npt.NDArray[np.bool_]) -> LabelTable:
    """The labels about some items; the vocabularies stay."""
    rows = items[table.item_codes]
    return replace(
        table,
        item_codes=table.item_codes[rows],
        labeler_codes=table.labeler_codes[rows],
        class_codes=table.class_codes[rows],
        weights=None if table.weights is None else table.weights[rows],
    )


def pattern_agreement(patterns: Patterns, question: Question, coefficient: Coefficient) -> Estimate:
    """A coefficient that asks only how many labelers said what, from the items' patterns."""
    if coefficient is Coefficient.KRIPPENDORFF_ALPHA:
        return krippendorff_alpha(
            patterns,
            question.metric,
            values=question.distances if question.metric in MATRICES else question.numbers,
            replicates=question.replicates,
            seed=question.seed,
            level=question.level,
        )
    name, chance, items = question.name(coefficient), CHANCES[coefficient], patterns.items
    interval_method = f"bootstrap_items_{question.replicates}" if question.replicates else LINEARIZED
    shares = Shares(patterns, _weights(question, patterns.votes.shape[1]))
    compute = statistic(shares, chance)
    value = float(compute(patterns.weights)[0]) if items else np.nan
    if not np.isfinite(value):
        reason = ONE_VALUE if (patterns.sizes >= 2).any() else NO_PAIRS
        return _undefined(question, coefficient, reason, interval_method, items)
    if items < 2:
        return Estimate(value, None, None, question.level, name, interval_method, items)
    if question.replicates:
        width = patterns.votes.shape[1]
        drawn = resampling_weights(patterns.multiplicities, question.replicates, question.seed, width)
        ends = percentile_interval(value, np.concatenate([compute(each) for each in drawn]), question.level)
    else:
        ends = student_interval(value, influence(shares, chance), patterns.multiplicities, question.level)
    return Estimate(value, *ends, question.level, name, interval_method, items)


def _coefficient(labels: Labels, question: Question, coefficient: Coefficient) -> Estimate:
    if coefficient in FORMS:
        return _icc(labels.table, question, coefficient)
    if coefficient is Coefficient.CONGER_KAPPA:
        return _conger(labels, question)
    if coefficient in TWO_LABELERS:
        return _two_labelers(labels, question, coefficient)
    if coefficient is Coefficient.FLEISS_KAPPA and len(np.unique(labels.patterns.sizes)) > 1:
        return _undefined(question, coefficient, UNEQUAL, LINEARIZED, labels.patterns.items)
    return pattern_agreement(labels.patterns, question, coefficient)


def _icc(table: LabelTable, question: Question, coefficient: Coefficient) -> Estimate:
    if question.numbers is None:
        return _undefined(question, coefficient, NOT_NUMERIC, "f_distribution", 0)
    return intraclass_correlation(table, question.numbers, FORMS[coefficient], question.level)


def _two_labelers(labels: Labels, question: Question, coefficient: Coefficient) -> Estimate:
    pair = labels.pair
    if pair is None:
        return _undefined(question, coefficient, NOT_TWO, LARGE_SAMPLE, 0)
    if not len(pair):
        return _undefined(question, coefficient, NO_SHARED, LARGE_SAMPLE, 0)
    if coefficient is Coefficient.SCOTT_PI:
        return pattern_agreement(patterns_of_table(pair), question, coefficient)
    tables = pair_tables(pair)
    found = table_agreement(tables, _weights(question, len(pair.classes)), None)
    return table_estimates(found, tables.items, question, coefficient)[0]


def table_estimates(
    found: TableAgreement, items: npt.NDArray[np.int64], question: Question, coefficient: Coefficient
) -> list[Estimate]:
    """The coefficients of contingency tables with their large-sample intervals."""
    name, level = question.name(coefficient), question.level
    estimates = []
    rows = zip(found.coefficient.tolist(), found.variance.tolist(), items.tolist(), strict=True)
    for value, variance, count in rows:
        if not np.isfinite(value):
            estimates.append(_undefined(question, coefficient, ONE_VALUE, LARGE_SAMPLE, count))
            continue
        lower, upper = normal_interval(value, variance, level) if count > 1 else (None, None)
        estimates.append(Estimate(value, lower, upper, level, name, LARGE_SAMPLE, count))
    return estimates


def _conger(labels: Labels, question: Question) -> Estimate:
    table, coefficient = labels.table, Coefficient.CONGER_KAPPA
    labeled = table.labels_per_item > 0
    items = int(labeled.sum())
    if not (table.labels_per_item >= 2).any():
        return _undefined(question, coefficient, NO_PAIRS, LINEARIZED, items)
    weights = _weights(question, len(table.classes))
    sizes = table.labels_per_item[labeled]
    agreements = (pair_sums(table.sparse_votes, weights)[labeled] - sizes) / np.maximum(sizes * (sizes - 1), 1)
    several = (sizes >= 2).astype(np.float64)
    chance = habits(table, weights)
    observed = float(agreements @ several / several.sum())
    value = float(corrected(np.array([observed]), np.array([chance.expected]))[0])
    if not np.isfinite(value):
        return _undefined(question, coefficient, ONE_VALUE, LINEARIZED, items)
    room = 1 - chance.expected
    own = items / several.sum() * (agreements - chance.expected) * several / room
    parts = own - 2 * (1 - value) * (chance.by_item[labeled] - chance.expected) / room
    ends = student_interval(value, parts, np.ones(items, np.int64), question.level)
    return Estimate(value, *ends, question.level, question.name(coefficient), LINEARIZED, items)


def _weights(question: Question, classes: int) -> Floats:
    return np.eye(classes) if question.weights is None else question.weights


def _undefined(question: Question, coefficient: Coefficient, reason: str, interval_method: str, items: int) -> Estimate:
    return Estimate.undefined(
        reason, method=question.name(coefficient), interval_method=interval_method, n=items, level=question.level
    )
