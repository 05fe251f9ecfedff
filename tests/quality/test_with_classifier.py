"""Labelers and a classifier together: CROWDLAB, and the model in which evidence multiplies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality import aggregation
from labelmill_quality.aggregation import crowdlab, with_classifier
from labelmill_quality.labels import NO_GOLD, LabelTable, make_table
from tests.quality.strategies import CLASSES, Row, rows, table_of

# Computed with cleanlab 2.9.0, get_label_quality_multiannotator: what each of four labelers said about twelve items
# (. for nothing), the classifier's probabilities of three classes, and the quality of each item's consensus.
LABELS = ["0...", "12..", "22.2", "2222", ".1.0", "2222", "2112", "000.", "010.", "..00", "1000", ".202"]
PREDICTIONS = [
    [0.021, 0.18, 0.799], [0.105, 0.726, 0.169], [0.052, 0.245, 0.703], [0.077, 0.164, 0.759],
    [0.088, 0.506, 0.406], [0.001, 0.261, 0.738], [0.107, 0.254, 0.639], [0.504, 0.2, 0.296],
    [0.599, 0.386, 0.015], [0.597, 0.296, 0.107], [0.559, 0.298, 0.143], [0.042, 0.052, 0.906],
]  # fmt: skip
CONSENSUS = [2, 1, 2, 2, 1, 2, 2, 0, 0, 0, 0, 2]
QUALITY = [
    0.688946139891435, 0.6466333879715597, 0.7340849738196111, 0.7692025868210394, 0.4653296034509766,
    0.7582600443847, 0.5523550981405836, 0.6109755166062014, 0.5889997502157701, 0.6608010794921925,
    0.5985949787383374, 0.7574011303683346,
]  # fmt: skip


def simulated(
    seed: int = 0, items: int = 400, each: int = 3, sure: float = 4.0, right: float = 0.8
) -> tuple[LabelTable, np.ndarray, np.ndarray]:
    """Twenty labelers, right from 40 to 90 %, and a classifier that is right so often and as sure as said."""
    generator = np.random.default_rng(seed)
    truth, classes = generator.integers(0, 5, items), 5
    skill = generator.uniform(0.4, 0.9, 20)
    found = []
    for item in range(items):
        for labeler in generator.choice(20, each, replace=False):
            said = truth[item] if generator.random() < skill[labeler] else generator.integers(0, classes)
            found.append((f"i{item:04d}", f"l{labeler:02d}", str(said)))
    guess = np.where(generator.random(items) < right, truth, generator.integers(0, classes, items))
    scores = generator.normal(0, 0.5, (items, classes)) + sure * np.eye(classes)[guess]
    predictions = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = make_table(*zip(*found, strict=True), class_names=[str(n) for n in range(classes)])
    return table, predictions, truth


def right(posterior: np.ndarray, truth: np.ndarray) -> float:
    return float((posterior.argmax(axis=1) == truth).mean())


def test_crowdlab_equals_cleanlabs() -> None:
    said = [(f"i{n:02d}", f"l{k}", word) for n, row in enumerate(LABELS) for k, word in enumerate(row) if word != "."]
    table = make_table(*zip(*said, strict=True), class_names=["0", "1", "2"])
    consensus = crowdlab.combine(table, np.array(PREDICTIONS))
    assert consensus.winners.tolist() == CONSENSUS
    assert consensus.posterior.max(axis=1) == pytest.approx(QUALITY, abs=1e-12)
    assert consensus.posterior.sum(axis=1) == pytest.approx(np.ones(12))


@pytest.mark.parametrize(
    ("each", "classifier"), [(each, share) for each in (2, 3, 5) for share in (0.5, 0.8, 0.95)] + [(1, 0.8), (1, 0.95)]
)
def test_together_they_are_better_than_either_and_than_crowdlab(each: int, classifier: float) -> None:
    scores = []
    for seed in range(3):
        table, predictions, truth = simulated(seed, each=each, right=classifier)
        ours = with_classifier.combine(table, predictions).consensus.posterior
        others = (predictions, aggregation.aggregate(table).posterior, crowdlab.combine(table, predictions).posterior)
        scores.append([right(posterior, truth) for posterior in (ours, *others)])
    mean = np.mean(scores, axis=0)
    assert mean[0] >= mean[1:].max() - 0.01


def test_a_classifier_that_is_certain_and_often_wrong_is_not_believed() -> None:
    """All its probabilities are 0 or 1, and a quarter of them is wrong."""
    table, predictions, truth = simulated(right=0.7, sure=100)
    found = with_classifier.combine(table, predictions)
    assert found.trust.noise > 0.1 or found.trust.temperature > 2
    assert right(found.consensus.posterior, truth) > right(crowdlab.combine(table, predictions).posterior, truth)
    assert right(found.consensus.posterior, truth) > 0.9


def test_a_classifier_that_knows_nothing_does_no_harm() -> None:
    table, predictions, truth = simulated(each=5)
    shuffled = np.random.default_rng(0).permutation(predictions)
    alone = right(aggregation.aggregate(table).posterior, truth)
    assert right(with_classifier.combine(table, shuffled).consensus.posterior, truth) > alone - 0.01


def test_its_posteriors_are_close_to_how_often_they_are_right() -> None:
    sure, hit = [], []
    for seed in range(5):
        table, predictions, truth = simulated(seed)
        posterior = with_classifier.combine(table, predictions).consensus.posterior
        sure.append(posterior.max(axis=1).mean())
        hit.append(right(posterior, truth))
    assert np.mean(sure) == pytest.approx(np.mean(hit), abs=0.03)


def test_an_item_without_prediction_is_judged_by_its_labels() -> None:
    table, predictions, truth = simulated()
    predictions[::4] = np.nan
    found = with_classifier.combine(table, predictions).consensus.posterior
    assert np.isfinite(found).all()
    labels_alone = right(aggregation.aggregate(table).posterior[::4], truth[::4])
    assert right(found[::4], truth[::4]) > labels_alone - 0.05


def test_anchored_items_keep_their_gold() -> None:
    table, predictions, truth = simulated()
    anchors = np.full(len(truth), NO_GOLD, np.int32)
    anchors[:10] = (truth[:10] + 1) % 5
    found = with_classifier.combine(table, predictions, anchors).consensus
    assert found.winners[:10].tolist() == anchors[:10].tolist()


def test_what_the_others_say_leaves_the_own_label_out() -> None:
    agreed = [(f"i{n}", labeler, "yes" if n % 2 else "no") for n in range(8) for labeler in "ab"]
    table = make_table(*zip(*agreed, ("x", "a", "yes"), ("x", "b", "no"), strict=True), class_names=["no", "yes"])
    for combine in (crowdlab.combine, lambda t, p: with_classifier.combine(t, p).consensus):
        others = combine(table, np.full((9, 2), 0.5)).others()
        assert others.winners[-2:].tolist() == [0, 1]


def predicted(table: LabelTable) -> np.ndarray:
    shares = np.random.default_rng(0).dirichlet(np.ones(len(CLASSES)), 10)
    return shares[[int(item[1:]) for item in table.items]]


def combined(table: LabelTable, predictions: np.ndarray) -> list[np.ndarray]:
    ours = with_classifier.combine(table, predictions).consensus.posterior
    return [ours, crowdlab.combine(table, predictions).posterior]


@settings(max_examples=30)
@given(rows())
def test_posteriors_are_distributions(given: list[Row]) -> None:
    table = table_of(given)
    for posterior in combined(table, predicted(table)):
        assert posterior.sum(axis=1) == pytest.approx(np.ones(len(table.items)))
        assert (posterior >= 0).all()


@settings(max_examples=30)
@given(rows(), st.permutations(range(6)))
def test_names_of_labelers_change_nothing(given: list[Row], order: list[int]) -> None:
    renamed = [(item, f"l{order[int(labeler[1:])]}", said) for item, labeler, said in given]
    one, other = table_of(given), table_of(renamed)
    for first, second in zip(combined(one, predicted(one)), combined(other, predicted(other)), strict=True):
        assert first == pytest.approx(second, abs=1e-6)


@settings(max_examples=30)
@given(rows())
def test_certain_predictions_give_no_nan(given: list[Row]) -> None:
    table = table_of(given)
    certain = np.eye(len(CLASSES))[predicted(table).argmax(axis=1)]
    assert all(np.isfinite(posterior).all() for posterior in combined(table, certain))
