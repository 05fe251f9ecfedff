"""A classifier beside the labelers: accuracy of the consensus, and how well its quality score finds wrong ones.

Items are scikit-learn's digits. Thirty simulated labelers, right from 20 to 95 % of the time, half of whose errors go
to classes that they prefer to confuse. The classifier (logistic regression on 64 pixels, or a tree of depth 8, which is
certain and often wrong) learns from majority votes, out of fold. Ours beside CROWDLAB, our own implementation, which a
test holds equal to cleanlab's (which refuses one label an item); the mean of ten draws. The pseudo-counts of ours were
chosen on draws like these.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.quality.figure import Figure, better, faster, timed
from labelmill_quality.aggregation import crowdlab, dawid_skene, with_classifier
from labelmill_quality.labels import Floats, LabelTable

LABELERS, CLASSES = 30, 10
FIRST_SEED = 100
"""Away from the draws that the pseudo-counts were chosen on."""


@dataclass(frozen=True)
class Outcome:
    """How a posterior fares."""

    accuracy: float
    """Percent."""
    auroc: float
    """Percent of pairs of a right and a wrong consensus in which the wrong one has the lower score."""


def figures(*, quick: bool) -> Iterator[Figure]:
    """Accuracy and scores, by labels an item and classifier; then speed."""
    draws = 2 if quick else 10
    for classifier in ("logistic", "tree"):
        for each in (2, 3, 5) if classifier == "logistic" else (2, 3):
            runs = [run(classifier, each, FIRST_SEED + seed) for seed in range(draws)]
            mean = {name: average([outcomes[name] for outcomes in runs]) for name in runs[0]}
            what = f"digits, {each} labels, {classifier}"
            yield better(f"{what}: accuracy, ours / CROWDLAB", mean["ours"].accuracy, mean["crowdlab"].accuracy)
            yield better(f"{what}: ours / Dawid-Skene", mean["ours"].accuracy, mean["dawid_skene"].accuracy)
            yield better(f"{what}: ours / classifier", mean["ours"].accuracy, mean["classifier"].accuracy)
            yield better(
                f"{what}: AUROC of errors, ours / CROWDLAB", mean["ours"].auroc, mean["crowdlab"].auroc, unit="%"
            )
    items = 20_000 if quick else 200_000
    table, predictions = large(items)
    _, seconds = timed(lambda: with_classifier.combine(table, predictions), rounds=1)
    yield faster(f"with classifier, {len(table):.0e} labels (peer: our limit)", seconds, 30 * items / 200_000)


def run(classifier: str, each: int, seed: int) -> dict[str, Outcome]:
    """One draw of labels, and what everybody makes of it."""
    from sklearn.datasets import load_digits

    images, truth = load_digits(return_X_y=True)
    table = simulated(truth, each, seed)
    predictions = out_of_fold(classifier, images / 16, table.votes, seed)
    found = {
        "ours": with_classifier.combine(table, predictions).consensus.posterior,
        "crowdlab": crowdlab.combine(table, predictions).posterior,
        "dawid_skene": dawid_skene.fit(table).apply(table).posterior,
        "classifier": predictions,
    }
    return {name: outcome(posterior, truth) for name, posterior in found.items()}


def outcome(posterior: Floats, truth: Any) -> Outcome:
    """How a posterior fares."""
    from sklearn.metrics import roc_auc_score

    right = posterior.argmax(axis=1) == truth
    return Outcome(float(100 * right.mean()), float(100 * roc_auc_score(right, posterior.max(axis=1))))


def average(outcomes: list[Outcome]) -> Outcome:
    """The mean of draws."""
    return Outcome(*(float(np.mean([getattr(each, name) for each in outcomes])) for name in ("accuracy", "auroc")))


def simulated(truth: Any, each: int, seed: int) -> LabelTable:
    """Labels of labelers with confusions of their own."""
    generator = np.random.default_rng(seed)
    skill = generator.beta(4, 2, (LABELERS, 1)) + generator.normal(0, 0.1, (LABELERS, CLASSES))
    right = np.clip(skill, 0.15, 0.99)[:, :, None]
    diagonal = np.eye(CLASSES)
    preferred = generator.dirichlet(np.full(CLASSES, 0.3), (LABELERS, CLASSES)) * (1 - diagonal) + 1e-12
    preferred /= preferred.sum(axis=2, keepdims=True)
    confusion = right * diagonal + (1 - right) * (0.5 * preferred + 0.5 * (1 - diagonal) / (CLASSES - 1))
    labelers = np.sort(np.array([generator.choice(LABELERS, each, replace=False) for _ in truth]), axis=1).ravel()
    items = np.repeat(np.arange(len(truth)), each)
    chance = generator.random(len(items))
    said = (confusion[labelers, truth[items]].cumsum(axis=1) < chance[:, None]).sum(axis=1).clip(0, CLASSES - 1)
    return table_of(items, labelers, said, len(truth), LABELERS)


def table_of(items: Any, labelers: Any, said: Any, item_count: int, labeler_count: int) -> LabelTable:
    """Codes as a table."""
    names = [f"i{n}" for n in range(item_count)], [f"l{n}" for n in range(labeler_count)]
    codes = (np.asarray(column, np.int32) for column in (items, labelers, said))
    return LabelTable(*names, tuple(str(n) for n in range(CLASSES)), *codes)


def out_of_fold(classifier: str, images: Floats, votes: Floats, seed: int) -> Floats:
    """Probabilities of a classifier that learned from the majority's classes of other items."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    learned = (votes + np.random.default_rng(seed).random(votes.shape) * 1e-6).argmax(axis=1)
    model = LogisticRegression(max_iter=200) if classifier == "logistic" else DecisionTreeClassifier(max_depth=8)
    predictions = np.zeros((len(images), CLASSES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folds = KFold(5, shuffle=True, random_state=seed)
        found = cross_val_predict(model, images, learned, cv=folds, method="predict_proba")
    predictions[:, np.unique(learned)] = found
    return predictions


def large(items: int) -> tuple[LabelTable, Floats]:
    """Five labels an item by a thousand labelers who are right three times of four, and a classifier as good."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, CLASSES, items)
    rows = np.repeat(np.arange(items), 5)
    labelers = (generator.integers(0, 1000, items)[rows] + np.tile(np.arange(5), items) * 7) % 1000
    order = np.lexsort((labelers, rows))
    said = np.where(generator.random(len(rows)) < 0.75, truth[rows], generator.integers(0, CLASSES, len(rows)))
    guess = np.where(generator.random(items) < 0.75, truth, generator.integers(0, CLASSES, items))
    scores = np.exp(generator.normal(0, 0.5, (items, CLASSES)) + 3 * np.eye(CLASSES)[guess])
    table = table_of(rows[order], labelers[order], said[order], items, 1000)
    return table, scores / scores.sum(axis=1, keepdims=True)
