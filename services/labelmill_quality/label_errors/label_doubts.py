"""Which labels are probably wrong, by kind of label. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.label_errors import cross_validation, label_quality, multiple_choice, pruning
from labelmill_quality.label_errors.confident_joint import Counts, Floats, confident_joint
from labelmill_quality.label_errors.errors import NothingToJudgeBy
from labelmill_quality.label_errors.labeled_items import Issue, IssueType, Kind, LabeledItems, Options

_METHOD = "confident_joint"
_NO_PROBABILITIES = "there are neither probabilities nor embeddings to make them from"
GIVEN = "given"


@dataclass(frozen=True)
class Doubts:
    """What a model says of the labels."""

    issues: list[Issue]
    """Lowest score first."""
    quality: Floats | None
    """(items); None without probabilities."""
    joint: Counts | None
    """(given, true); None for MULTIPLE and without probabilities."""
    error_rate: Estimate
    class_error_rates: list[Estimate]
    """Of the labels of each class."""
    model_agreement: Estimate
    probabilities_from: str


def doubt(items: LabeledItems, options: Options) -> Doubts:
    """Judges labels by probabilities: those given, else those of a logistic regression on the embeddings."""
    probabilities, source = _probabilities(items, options)
    if probabilities is None:
        nothing = _undefined(_NO_PROBABILITIES)
        return Doubts([], None, None, nothing, [nothing] * len(items.classes), nothing, "")
    if options.kind is Kind.MULTIPLE:
        return _multiple(items, probabilities, options, source)
    return _single(items, probabilities, options, source)


def _probabilities(items: LabeledItems, options: Options) -> tuple[Floats | None, str]:
    if items.probabilities is not None:
        return items.probabilities, GIVEN
    if items.embeddings is None:
        if items.texts is None and items.hashes is None:
            message = "There are no probabilities, embeddings, texts or image hashes: nothing tells of errors."
            raise NothingToJudgeBy(message, "items[0].probabilities")
        return None, ""
    if options.kind is Kind.TOKENS:
        return None, ""
    if options.kind is Kind.SINGLE:
        found = cross_validation.out_of_fold(
            items.embeddings, items.labels, len(items.classes), folds=options.folds, seed=options.seed
        )
        return found, cross_validation.NAME
    columns = [
        cross_validation.out_of_fold(
            items.embeddings, items.given[:, one].astype(np.int32), 2, folds=options.folds, seed=options.seed
        )[:, 1]
        for one in range(len(items.classes))
    ]
    return np.stack(columns, axis=1), cross_validation.NAME


def _single(items: LabeledItems, probabilities: Floats, options: Options, source: str) -> Doubts:
    labels = items.labels
    joint = confident_joint(labels, probabilities)
    wrong = np.flatnonzero(pruning.find_errors(labels, probabilities, joint, options.method))
    scores = label_quality.SCORES[options.score](labels, probabilities)
    likeliest = probabilities.argmax(axis=1)
    first = np.cumsum(items.counts) - items.counts
    tokens = options.kind is Kind.TOKENS
    issues = [
        Issue(
            int(items.item_of_label[place]),
            IssueType.LABEL_ERROR,
            float(scores[place]),
            _reason(items, int(labels[place]), int(likeliest[place]), probabilities[place]),
            int(labels[place]),
            int(likeliest[place]),
            token=int(place - first[items.item_of_label[place]]) if tokens else None,
        )
        for place in wrong[np.argsort(scores[wrong], kind="stable")].tolist()
    ]
    quality = np.ones(len(items.items))
    np.minimum.at(quality, items.item_of_label, scores)
    total = int(joint.counts.sum())
    return Doubts(
        issues,
        quality,
        joint.counts,
        _share(total - int(np.trace(joint.counts)), total),
        [_share(int(row.sum() - row[one]), int(row.sum())) for one, row in enumerate(joint.counts)],
        proportion(int((likeliest == labels).sum()), len(labels), "model_agreement", "there are no labels"),
        source,
    )


def _multiple(items: LabeledItems, probabilities: Floats, options: Options, source: str) -> Doubts:
    scores = multiple_choice.score_classes(items.given, probabilities, options.score)
    wrong = np.argwhere(multiple_choice.find_errors(items.given, probabilities, options.method))
    order = np.argsort(scores[wrong[:, 0], wrong[:, 1]], kind="stable")
    issues = []
    for item, one in wrong[order].tolist():
        has, share = bool(items.given[item, one]), float(probabilities[item, one])
        verb = "has" if has else "lacks"
        reason = f'the item {verb} the class "{items.classes[one]}", whose probability is {share:.2f}'
        suggested = None if has else one
        issues.append(
            Issue(item, IssueType.LABEL_ERROR, float(scores[item, one]), reason, one if has else None, suggested)
        )
    shares = multiple_choice.noise_counts(items.given, probabilities)
    n = len(items.items)
    return Doubts(
        issues,
        multiple_choice.score_items(scores),
        None,
        _share(float(shares.sum() * n), n * len(items.classes)),
        [_share(float(share * n), n) for share in shares],
        proportion(
            int(((probabilities >= 0.5) == items.given).sum()), items.given.size, "model_agreement", "no labels"
        ),
        source,
    )


def _reason(items: LabeledItems, label: int, likeliest: int, probabilities: Floats) -> str:
    own, other = float(probabilities[label]), float(probabilities[likeliest])
    given, better = items.classes[label], items.classes[likeliest]
    return f'the probability of its class "{given}" is {own:.2f}, that of "{better}" {other:.2f}'


def _share(wrong: float, labels: int) -> Estimate:
    return proportion(wrong, labels, _METHOD, "the class has no labels")


def _undefined(reason: str) -> Estimate:
    return Estimate.undefined(reason, method=_METHOD, interval_method="wilson")
