"""Labeling functions as the domain's, and what came of them as messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from labelmill.quality.v1 import resources_pb2
from labelmill.quality.v1 import weak_supervision_service_pb2 as pb
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.aggregation.consensus import pick
from labelmill_quality.convert.estimates import confusion, estimate
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.scores import CONSENSUS, Confusion
from labelmill_quality.weak_supervision import class_conditional, one_accuracy
from labelmill_quality.weak_supervision.analysis import FunctionAnalysis
from labelmill_quality.weak_supervision.errors import DuplicateItem, ThresholdMissing, WrongClassBalance
from labelmill_quality.weak_supervision.functions import LabelingFunction
from labelmill_quality.weak_supervision.label_model import AUTO, Supervision
from labelmill_quality.weak_supervision.rules import (
    Gazetteer,
    Keywords,
    Model,
    Pattern,
    Prediction,
    Rule,
    TextItem,
    Threshold,
)
from labelmill_quality.weak_supervision.votes import ABSTAIN, Floats, VoteMatrix

_MODELS = {
    pb.LABEL_MODEL_UNSPECIFIED: AUTO,
    pb.LABEL_MODEL_ONE_ACCURACY: one_accuracy.NAME,
    pb.LABEL_MODEL_CLASS_CONDITIONAL: class_conditional.NAME,
}
_NUMBERS = {name: number for number, name in _MODELS.items()}
_ROUNDING = 1e-6
_NO_FIGURE = estimate(
    Estimate.undefined(
        "functions that vote and abstain are not labelers", method="weak_supervision", interval_method=""
    )
)


def model_name(model: pb.LabelModel.ValueType) -> str:
    """The domain's name of a label model."""
    return _MODELS[model]


def functions(given: Sequence[pb.LabelingFunction]) -> list[LabelingFunction]:
    """The functions; raises ThresholdMissing."""
    return [LabelingFunction(one.function_id, _rule(one, f"functions[{row}]")) for row, one in enumerate(given)]


def items(
    given: Sequence[pb.ApplyLabelingFunctionsRequest.Item], predictions: dict[str, Sequence[Prediction]]
) -> list[TextItem]:
    """The items with what models said of each; raises DuplicateItem."""
    seen: set[str] = set()
    found = []
    for row, one in enumerate(given):
        if one.item in seen:
            raise DuplicateItem(f"items[{row}].item")
        seen.add(one.item)
        said = {model: answers[row] for model, answers in predictions.items()}
        found.append(TextItem(one.item, one.text, dict(one.numbers), said))
    return found


def balance(shares: Iterable[pb.ClassShare], classes: Sequence[str]) -> Floats | None:
    """The share of every class, None where none is given; raises WrongClassBalance."""
    rows = [(share.class_name, share.share) for share in shares]
    if not rows:
        return None
    given = dict(rows)
    if len(given) != len(rows) or given.keys() != set(classes) or abs(sum(given.values()) - 1) > _ROUNDING:
        raise WrongClassBalance
    found = np.array([given[name] for name in classes])
    return np.asarray(found / found.sum(), np.float64)


def labels(matrix: VoteMatrix, supervision: Supervision) -> list[pb.FitLabelModelResponse.Label]:
    """One label an item."""
    winners, tied = pick(supervision.posterior)
    counts = (matrix.votes != ABSTAIN).sum(axis=1)
    rows = zip(
        matrix.items, winners.tolist(), supervision.posterior.tolist(), counts.tolist(), tied.tolist(), strict=True
    )
    return [
        pb.FitLabelModelResponse.Label(
            item=item,
            class_name=matrix.classes[winner],
            distribution=_distribution(matrix.classes, posterior),
            vote_count=count,
            tied=is_tied,
        )
        for item, winner, posterior, count, is_tied in rows
    ]


def summary(matrix: VoteMatrix, supervision: Supervision) -> pb.LabelModelSummary:
    """All but the labels."""
    repeats: dict[int, list[str]] = {}
    for pair in supervision.repetitions:
        repeats.setdefault(pair.first, []).append(matrix.functions[pair.second])
        repeats.setdefault(pair.second, []).append(matrix.functions[pair.first])
    coverage = proportion(int(matrix.covered.sum()), len(matrix.items), "coverage", "there are no items")
    shares = zip(matrix.classes, supervision.balance.tolist(), strict=True)
    return pb.LabelModelSummary(
        label_model=_NUMBERS[supervision.method],
        reason=supervision.reason,
        method_version=supervision.version,
        iteration_count=supervision.iterations,
        converged=supervision.converged,
        class_balance=[pb.ClassShare(class_name=name, share=share) for name, share in shares],
        functions=[
            _analysis(one, matrix.classes, repeats.get(column, ())) for column, one in enumerate(supervision.functions)
        ],
        item_count=len(matrix.items),
        coverage=estimate(coverage),
        accuracy=estimate(supervision.accuracy),
        temperature=supervision.temperature,
    )


def report(
    name: str, feature: str, filter_text: str, matrix: VoteMatrix, supervision: Supervision
) -> resources_pb2.QualityReport:
    """The report that carries the labels of a project, but for its time and the feature's kind.

    Functions stand where labelers do. What is said of labelers and makes no sense of functions says so.
    """
    measured = [one.empirical_accuracy for one in supervision.functions if one.empirical_accuracy.value is not None]
    right = round(sum((one.value or 0.0) * one.n for one in measured))
    accuracy = proportion(right, sum(one.n for one in measured), "accuracy_on_gold", "no function voted on gold")
    confusions = sum((one.confusion for one in supervision.functions), np.zeros((len(matrix.classes),) * 2))
    winners = supervision.posterior[matrix.covered].argmax(axis=1)
    counts = np.bincount(winners, minlength=len(matrix.classes)).tolist()
    return resources_pb2.QualityReport(
        name=name,
        feature=feature,
        annotation_filter=filter_text,
        consensus_method=resources_pb2.CONSENSUS_METHOD_WEAK_SUPERVISION,
        method_version=f"{supervision.method}-{supervision.version}",
        label_count=int((matrix.votes != ABSTAIN).sum()),
        item_count=int(matrix.covered.sum()),
        alpha=_NO_FIGURE,
        benchmark_accuracy=estimate(accuracy),
        consensus_accuracy=estimate(supervision.accuracy),
        labelers=[
            resources_pb2.LabelerQuality(
                labeler=one.function,
                label_count=one.vote_count,
                benchmark_accuracy=estimate(one.empirical_accuracy),
                consensus_agreement=estimate(one.learned_accuracy),
                confusion=confusion(Confusion(one.confusion, CONSENSUS), matrix.classes),
            )
            for one in sorted(supervision.functions, key=lambda one: one.function)
        ],
        classes=[
            resources_pb2.ClassQuality(
                class_name=class_name,
                consensus_count=count,
                benchmark_recall=_NO_FIGURE,
                benchmark_precision=_NO_FIGURE,
                alpha=_NO_FIGURE,
            )
            for class_name, count in zip(matrix.classes, counts, strict=True)
        ],
        consensus_confusion=confusion(Confusion(confusions, CONSENSUS), matrix.classes),
        iteration_count=supervision.iterations,
        converged=supervision.converged,
        consensus_note=_note(supervision),
    )


def _note(supervision: Supervision) -> str:
    how = (
        "not calibrated"
        if supervision.temperature is None
        else f"calibrated: temperature {supervision.temperature:.2f}"
    )
    return f"label model {supervision.method} ({supervision.reason}); {how}"


def _rule(one: pb.LabelingFunction, field: str) -> Rule:
    kind = one.WhichOneof("rule")
    if kind == "keywords":
        rule = one.keywords
        return Keywords(
            rule.class_name, tuple(rule.keywords), rule.whole_words, rule.match_case, max(rule.least_count, 1)
        )
    if kind == "pattern":
        return Pattern(
            one.pattern.class_name, one.pattern.expression, one.pattern.match_case, f"{field}.pattern.expression"
        )
    if kind == "gazetteer":
        return Gazetteer({entry.term: entry.class_name for entry in one.gazetteer.entries})
    if kind == "threshold":
        return _threshold(one.threshold, field)
    return Model(one.model.model, dict(one.model.class_names), one.model.least_confidence)


def _threshold(rule: pb.ThresholdRule, field: str) -> Threshold:
    at_least = rule.at_least if rule.HasField("at_least") else None
    below = rule.below if rule.HasField("below") else None
    if at_least is None and below is None:
        raise ThresholdMissing(f"{field}.threshold")
    return Threshold(rule.class_name, rule.field, at_least, below)


def _analysis(one: FunctionAnalysis, classes: Sequence[str], repeated_by: Sequence[str]) -> pb.LabelingFunctionAnalysis:
    return pb.LabelingFunctionAnalysis(
        function_id=one.function,
        class_names=[classes[code] for code in one.polarity],
        vote_count=one.vote_count,
        coverage=estimate(one.coverage),
        overlap=estimate(one.overlap),
        conflict=estimate(one.conflict),
        empirical_accuracy=estimate(one.empirical_accuracy),
        learned_accuracy=estimate(one.learned_accuracy),
        repeated_by=repeated_by,
    )


def _distribution(classes: Sequence[str], posterior: Sequence[float]) -> list[annotation_pb2.ClassProbability]:
    return [
        annotation_pb2.ClassProbability(class_name=name, probability=probability)
        for name, probability in zip(classes, posterior, strict=True)
    ]
