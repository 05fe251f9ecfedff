"""What was found about labelers, classes and items as messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import labelers_service_pb2 as pb
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.resources import method_number
from labelmill_quality.labelers.analysis import Analysis
from labelmill_quality.labelers.bias import ClassBias
from labelmill_quality.labelers.reliability import confusion_posterior
from labelmill_quality.labelers.spammers import SpammerScores, mean_ranks
from labelmill_quality.labelers.times import TimeScores


def analysis(found: Analysis, method: str, *, items: int, pairs: int) -> pb.AnalyzeLabelersResponse:
    """Everything, with at most so many items and pairs of labelers."""
    return pb.AnalyzeLabelersResponse(
        labelers=_labelers(found),
        classes=_classes(found),
        confused_classes=_confused(found),
        items=_items(found, items),
        similarities=_similarities(found, pairs),
        compared_pair_count=found.similarities.tested,
        method=method_number(method),
        method_version=found.consensus.version,
        note=found.consensus.note,
    )


def _labelers(found: Analysis) -> Iterator[pb.LabelerAnalysis]:
    table, classes, counts = found.table, found.table.classes, found.references.counts
    given = np.bincount(table.labeler_codes, minlength=len(table.labelers)).tolist()
    ranks = mean_ranks(found.spammers)
    for code, labeler in enumerate(table.labelers):
        yield pb.LabelerAnalysis(
            labeler=labeler,
            label_count=given[code],
            compared_count=int(counts[code].sum()),
            gold_accuracy=estimate(found.gold_accuracies[code]),
            agreement_with_others=estimate(found.others[code]),
            reliability=estimate(found.reliabilities[code]),
            confusion=_confusion(counts[code], classes),
            biases=[_bias(each, classes) for each in found.biases[code]],
            spammer_scores=_spammer(found.spammers[code]),
            times=_times(found.times[code]),
            spammer_rank=_number(ranks[code]),
        )


def _confusion(counts: npt.NDArray[np.float64], classes: Sequence[str]) -> pb.ConfusionPosterior:
    """Only the classes that occur: the others say nothing, and would be many."""
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    posterior = confusion_posterior(counts[np.ix_(used, used)])
    return pb.ConfusionPosterior(
        class_names=[classes[code] for code in used.tolist()],
        counts=posterior.counts.ravel(),
        means=posterior.mean.ravel(),
        lowers=posterior.lower.ravel(),
        uppers=posterior.upper.ravel(),
        confidence_level=posterior.level,
    )


def _bias(value: ClassBias, classes: Sequence[str]) -> pb.ClassBias:
    return pb.ClassBias(
        class_name=classes[value.class_code],
        said_share=value.said_share,
        reference_share=value.reference_share,
        difference=estimate(value.difference),
    )


def _spammer(scores: SpammerScores) -> pb.SpammerScores:
    return pb.SpammerScores(
        raykar_yu=estimate(scores.raykar_yu),
        kappa_with_reference=estimate(scores.kappa_with_reference),
        agreement_with_reference=estimate(scores.agreement_with_reference),
        answer_entropy=estimate(scores.answer_entropy),
        mutual_information=estimate(scores.mutual_information),
        independence_p_value=scores.independence_p_value,
    )


def _times(scores: TimeScores) -> pb.LabelerTimes:
    return pb.LabelerTimes(
        timed_count=scores.timed_count,
        median_ms=scores.median_ms,
        z=scores.z,
        z_undefined_reason=scores.z_missing_reason,
        fastest_share=estimate(scores.fastest),
        hurried_disagreement=estimate(scores.hurried_disagreement),
        unhurried_disagreement=estimate(scores.unhurried_disagreement),
    )


def _classes(found: Analysis) -> Iterator[pb.ClassAnalysis]:
    counts = np.bincount(found.consensus.winners, minlength=len(found.table.classes)).tolist()
    rows = zip(found.table.classes, counts, found.difficulties, found.alphas, strict=True)
    for name, count, difficulty, alpha in rows:
        yield pb.ClassAnalysis(
            class_name=name,
            consensus_count=count,
            recall=estimate(difficulty.recall),
            precision=estimate(difficulty.precision),
            confusion_entropy=estimate(difficulty.confusion_entropy),
            alpha=estimate(alpha),
        )


def _confused(found: Analysis) -> Iterator[pb.ConfusedClasses]:
    for pair in found.confused:
        yield pb.ConfusedClasses(
            first_class=found.table.classes[pair.first],
            second_class=found.table.classes[pair.second],
            label_count=pair.count,
            first_as_second=estimate(pair.first_as_second),
            second_as_first=estimate(pair.second_as_first),
        )


def _items(found: Analysis, count: int) -> Iterator[pb.ItemAnalysis]:
    table, scores = found.table, found.items
    for item in scores.disputed()[:count].tolist():
        runner_up = int(scores.runners_up[item])
        yield pb.ItemAnalysis(
            item=table.items[item],
            label_count=int(table.labels_per_item[item]),
            class_name=table.classes[scores.winners[item]],
            next_class_name=table.classes[runner_up] if runner_up >= 0 else "",
            margin=scores.margin[item],
            entropy=scores.entropy[item],
            disagreement=_number(scores.disagreement[item]),
            difficulty=_number(scores.difficulty[item]),
        )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _similarities(found: Analysis, count: int) -> Iterator[pb.LabelerSimilarity]:
    table, pairs = found.table, found.similarities
    for row in range(min(count, pairs.tested)):
        yield pb.LabelerSimilarity(
            first_labeler=table.labelers[pairs.first[row]],
            second_labeler=table.labelers[pairs.second[row]],
            item_count=pairs.items[row],
            agreed_count=pairs.agreed[row],
            expected_agreed_count=pairs.expected_agreed[row],
            shared_error_count=pairs.shared_errors[row],
            expected_shared_error_count=pairs.expected_shared_errors[row],
            z=pairs.z[row],
            p_value=pairs.p_values[row],
            q_value=pairs.q_values[row],
        )
