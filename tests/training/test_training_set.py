"""What a job trains on and evaluates on."""

from __future__ import annotations

import numpy as np
import pytest

from labelmill_training.errors import NoEvaluationGold, NotEnoughLabels, OntologyChanged
from labelmill_training.training_set import GoldLabel, LabelledSet, SoftLabel, choose

CLASSES = ("no", "yes")


def labels(count: int, share: float = 0.9) -> list[SoftLabel]:
    return [
        SoftLabel(f"a{number:03}", {CLASSES[number % 2]: share, CLASSES[1 - number % 2]: 1 - share})
        for number in range(count)
    ]


GOLD = [GoldLabel("g1", "yes"), GoldLabel("g0", "no")]


def chosen(items: list[SoftLabel], *, held_out: tuple[str, ...] = (), min_posterior: float = 0.0) -> LabelledSet:
    return choose(CLASSES, items, GOLD, held_out=held_out, min_posterior=min_posterior)


def test_targets_are_the_posteriors_in_the_order_of_the_classes() -> None:
    found = chosen(labels(12))
    assert found.training_assets[:2] == ("a000", "a001")
    assert found.targets[:2] == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]))
    assert (found.evaluation_assets, found.gold.tolist()) == (("g0", "g1"), [0, 1])


def test_held_out_and_evaluated_assets_are_left_out() -> None:
    items = [*labels(12), SoftLabel("g0", {"no": 1.0})]
    found = chosen(items, held_out=("a003",))
    assert "a003" not in found.training_assets
    assert "g0" not in found.training_assets
    assert len(found.training_assets) == 11


def test_doubtful_labels_can_be_left_out() -> None:
    doubtful = [SoftLabel(f"d{number}", {"no": 0.55, "yes": 0.45}) for number in range(5)]
    assert len(chosen([*labels(10), *doubtful]).training_assets) == 15
    assert len(chosen([*labels(10), *doubtful], min_posterior=0.6).training_assets) == 10


@pytest.mark.parametrize("items", [[], labels(9), [SoftLabel(f"a{n}", {"no": 1.0}) for n in range(50)]])
def test_too_few_items_or_classes_are_refused(items: list[SoftLabel]) -> None:
    with pytest.raises(NotEnoughLabels):
        chosen(items)


def test_nothing_to_evaluate_on_is_refused() -> None:
    with pytest.raises(NoEvaluationGold):
        choose(CLASSES, labels(20), [], held_out=(), min_posterior=0.0)


def test_classes_that_the_ontology_lost_are_refused() -> None:
    with pytest.raises(OntologyChanged) as refused:
        chosen([*labels(20), SoftLabel("x", {"maybe": 1.0})])
    assert refused.value.metadata == {"unknown_class_count": "1"}


def test_hash_depends_on_names_targets_and_encoder_but_not_on_order() -> None:
    hashes = [
        chosen(labels(12)).sha256("encoders/e@1"),
        chosen(labels(12)[::-1]).sha256("encoders/e@1"),
        chosen(labels(12)).sha256("encoders/e@2"),
        chosen(labels(12, 0.8)).sha256("encoders/e@1"),
        chosen(labels(13)).sha256("encoders/e@1"),
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4
