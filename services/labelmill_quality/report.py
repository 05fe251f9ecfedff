"""The quality of a project's labels of one feature: everything that a report says, computed in one go. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from labelmill_quality import aggregation
from labelmill_quality.aggregation.calibration import calibrate
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.agreement.breakdown import PairScores, by_pair
from labelmill_quality.agreement.coefficients import Coefficient, Question
from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.agreement.weights import Scheme, scheme_weights
from labelmill_quality.benchmark import BenchmarkScore, consensus_accuracy, score_benchmark
from labelmill_quality.classes import class_alphas, class_difficulties
from labelmill_quality.estimate import Estimate
from labelmill_quality.labelers import agreement_with_others, consensus_confusions
from labelmill_quality.labelers.reference import References, references
from labelmill_quality.labelers.spammers import SpammerScores, spammer_scores
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable, gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.periods import Period, latest_answers, over_time
from labelmill_quality.scores import BENCHMARK, CONSENSUS, ClassScore, Confusion, LabelerScore

Floats = npt.NDArray[np.float64]

LEAST_SHARED = 10
"""Items that two labelers must share to be compared as a pair."""
MOST_PAIRS = 500
"""Pairs in a report."""


@dataclass(frozen=True)
class Answers:
    """Rows of answers, column by column, in the order in which they were given."""

    items: list[str] = field(default_factory=list)
    labelers: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)

    def add(self, item: str, labeler: str, class_name: str, time_ms: int = 0) -> None:
        """Appends one answer."""
        self.items.append(item)
        self.labelers.append(labeler)
        self.classes.append(class_name)
        self.times_ms.append(time_ms)

    def add_about(self, items: Container[str], others: Answers) -> None:
        """Appends those of other answers that are about some items."""
        for row in zip(others.items, others.labelers, others.classes, others.times_ms, strict=True):
            if row[0] in items:
                self.add(*row)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Evidence:
    """What a report is made from."""

    labels: Answers
    """Answers to tasks of kind LABEL."""
    benchmark_answers: Answers
    """Answers to tasks of kind BENCHMARK, and the labels about items with gold."""
    gold: dict[str, str]
    """Item -> its gold class."""
    class_names: tuple[str, ...]
    """The ontology's classes, in order."""
    ordered: bool
    """The classes are ordered: the feature is ordinal."""

    def all_classes(self) -> list[str]:
        """The ontology's classes, then those of answers given under an older ontology, by name: none is dropped."""
        used = {*self.labels.classes, *self.benchmark_answers.classes, *self.gold.values()}
        return [*self.class_names, *sorted(used.difference(self.class_names))]


@dataclass(frozen=True)
class Plan:
    """How a report is made."""

    method: str = aggregation.DEFAULT
    replicates: int = 1000
    seed: int = 0
    cell_limit: int = 50_000_000


@dataclass(frozen=True)
class Report:
    """What came of it; the table and the consensus are those of the labels."""

    table: LabelTable
    consensus: Consensus
    alpha: Estimate
    benchmark_accuracy: Estimate
    consensus_accuracy: Estimate
    labelers: tuple[LabelerScore, ...]
    classes: tuple[ClassScore, ...]
    benchmark_confusion: Confusion
    consensus_confusion: Confusion
    periods: tuple[Period, ...]
    pairs: PairScores
    disagreement: Floats
    """(items): the probability that two of their labelers said different things."""


def make_report(evidence: Evidence, plan: Plan) -> Report:
    """Scores labels, labelers and classes.

    Answers to benchmark tasks never count as labels. The accuracy of the consensus is that of the same method, with
    what it learned about the labelers from their labels, on the benchmark items: gold plays no part in it. What the
    method says about these items also tells how far to trust it: that calibrates the probabilities of all others.
    """
    classes = evidence.all_classes()
    table = _table(evidence.labels, classes, evidence.benchmark_answers.labelers)
    answers = _table(evidence.benchmark_answers, classes, evidence.labels.labelers)
    for each in (table, answers):
        require_room(each, plan.cell_limit)
    model = aggregation.fit_of(plan.method, ordered=evidence.ordered)(table, None)
    consensus, on_gold = (replace(model.apply(each), ordered=evidence.ordered) for each in (table, answers))
    gold = gold_codes(answers.items, list(evidence.gold), list(evidence.gold.values()), classes)
    benchmark = score_benchmark(answers, gold)
    confusions = consensus_confusions(table, consensus.posterior)
    metric = Metric.ORDINAL if evidence.ordered else Metric.NOMINAL
    known = gold_codes(table.items, list(evidence.gold), list(evidence.gold.values()), classes)
    compared = references(table, consensus, known)
    latest = latest_answers(table, evidence.labels.items, evidence.labels.times_ms)
    return Report(
        table,
        _calibrated(consensus, table, on_gold, answers, gold, plan.method),
        krippendorff_alpha(table.sparse_votes, metric, replicates=plan.replicates, seed=plan.seed),
        benchmark.accuracy(),
        consensus_accuracy(on_gold.winners, answers.labels_per_item, gold),
        tuple(labeler_scores(table, consensus, confusions, benchmark, spammer_scores(compared, seed=plan.seed))),
        tuple(_class_scores(table, consensus, benchmark, compared, plan)),
        Confusion(benchmark.confusion, BENCHMARK),
        Confusion(confusions.sum(axis=0), CONSENSUS),
        tuple(over_time(table, latest, metric, replicates=plan.replicates, seed=plan.seed)),
        _pairs(table, ordered=evidence.ordered),
        disagreements(table),
    )


def _calibrated(
    consensus: Consensus, table: LabelTable, on_gold: Consensus, answers: LabelTable, gold: Codes, method: str
) -> Consensus:
    """The consensus with probabilities for posteriors, by what the method said about items with gold."""
    known = gold != NO_GOLD
    calibration = calibrate(method, on_gold.posterior[known], answers.labels_per_item[known].astype(float), gold[known])
    probabilities = calibration.apply(consensus.posterior, table.labels_per_item.astype(float))
    return replace(consensus, posterior=probabilities, calibration=calibration)


def _pairs(table: LabelTable, *, ordered: bool) -> PairScores:
    weights = scheme_weights(Scheme.LINEAR, np.arange(len(table.classes), dtype=np.float64)) if ordered else None
    scheme = Scheme.LINEAR if ordered else Scheme.IDENTITY
    question = Question((Coefficient.COHEN_KAPPA,), scheme=scheme, weights=weights)
    return by_pair(table, question, LEAST_SHARED).most_shared(MOST_PAIRS)


def disagreements(table: LabelTable) -> Floats:
    """(items): the probability that two different labelers of an item said different things; 0 for one labeler."""
    votes, counts = table.sparse_votes, table.labels_per_item.astype(np.float64)
    same = np.asarray(votes.multiply(votes).sum(axis=1)).ravel() - counts
    pairs = counts * (counts - 1)
    return np.where(pairs > 0, 1 - same / np.maximum(pairs, 1), 0.0)


def labeler_scores(
    table: LabelTable,
    consensus: Consensus,
    confusions: Floats,
    benchmark: BenchmarkScore | None,
    spammers: Sequence[SpammerScores] | None = None,
) -> list[LabelerScore]:
    """One score for each labeler of the table; their confusion is with the benchmark where they answered one."""
    label_counts = np.bincount(table.labeler_codes, minlength=len(table.labelers))
    agreements = agreement_with_others(table, consensus)
    benchmark = benchmark or score_benchmark(table, np.full(len(table.items), -1, np.int32))
    accuracies, answered = benchmark.labeler_accuracies(), benchmark.answers_per_labeler
    return [
        LabelerScore(
            labeler,
            int(label_counts[code]),
            accuracies[code],
            agreements[code],
            Confusion(benchmark.labeler_confusions[code], BENCHMARK)
            if answered[code]
            else Confusion(confusions[code], CONSENSUS),
            None if spammers is None else spammers[code],
        )
        for code, labeler in enumerate(table.labelers)
    ]


def _class_scores(
    table: LabelTable, consensus: Consensus, benchmark: BenchmarkScore, compared: References, plan: Plan
) -> list[ClassScore]:
    counts = np.bincount(consensus.winners, minlength=len(table.classes))
    rows = zip(
        table.classes,
        counts.tolist(),
        benchmark.recalls(),
        benchmark.precisions(),
        class_alphas(table, replicates=plan.replicates, seed=plan.seed),
        class_difficulties(compared.counts.sum(axis=0), seed=plan.seed),
        strict=True,
    )
    return [
        ClassScore(name, count, recall, precision, alpha, difficulty.confusion_entropy)
        for name, count, recall, precision, alpha, difficulty in rows
    ]


def _table(answers: Answers, classes: Sequence[str], labelers: Sequence[str]) -> LabelTable:
    return make_table(answers.items, answers.labelers, answers.classes, class_names=classes, labeler_names=labelers)
