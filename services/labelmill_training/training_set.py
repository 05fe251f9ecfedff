"""What a job trains on and evaluates on: chosen from the labels, checked, and named by a hash. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_training.errors import NoEvaluationGold, NotEnoughLabels, OntologyChanged
from labelmill_training.evaluation import Floats, Ints

LEAST_ITEMS = 10
LEAST_CLASSES = 2


@dataclass(frozen=True)
class SoftLabel:
    """What the labelers say about one asset, taken together."""

    asset: str
    distribution: Mapping[str, float]
    """The posterior of each class."""


@dataclass(frozen=True)
class GoldLabel:
    """The known answer of one asset."""

    asset: str
    class_name: str


@dataclass(frozen=True)
class LabelledSet:
    """The items of a job. Training and evaluation share no asset."""

    class_names: tuple[str, ...]
    training_assets: tuple[str, ...]
    targets: Floats
    """One row an asset trained on, one column a class; rows sum to 1."""
    evaluation_assets: tuple[str, ...]
    gold: Ints
    """The class index of each asset evaluated on."""

    def sha256(self, encoder: str) -> str:
        """The same names, targets and encoder give the same hash, in whatever order they came."""
        digest = hashlib.sha256("\t".join((encoder, *self.class_names)).encode() + b"\n")
        for asset, row in sorted(zip(self.training_assets, self.targets.tolist(), strict=True)):
            digest.update(f"{asset}\t{','.join(f'{value:.9f}' for value in row)}\n".encode())
        return digest.hexdigest()


def choose(
    class_names: Sequence[str],
    labels: Iterable[SoftLabel],
    gold: Iterable[GoldLabel],
    *,
    held_out: Iterable[str],
    min_posterior: float,
) -> LabelledSet:
    """Chooses what to train on and what to evaluate on.

    Args:
        class_names: The classes in the order of the model's outputs.
        labels: The consensus; items below `min_posterior` are left out.
        gold: What to evaluate on.
        held_out: Assets never to train on, evaluated on or not.
        min_posterior: The least probability that the likeliest class must have.

    Raises:
        OntologyChanged: Labels or gold hold a class that is not in `class_names`.
        NoEvaluationGold: There is nothing to evaluate on.
        NotEnoughLabels: Fewer than 10 items, or all of one class.
    """
    index = {name: position for position, name in enumerate(class_names)}
    answers = {item.asset: item.class_name for item in gold}
    if not answers:
        raise NoEvaluationGold
    excluded = set(held_out) | answers.keys()
    kept = {label.asset: label.distribution for label in labels if label.asset not in excluded}
    _require_known(index, [name for row in kept.values() for name, share in row.items() if share > 0])
    _require_known(index, answers.values())
    assets = sorted(
        asset for asset, row in kept.items() if max(row.values(), default=0.0) >= min_posterior and any(row.values())
    )
    targets = np.zeros((len(assets), len(class_names)))
    for position, asset in enumerate(assets):
        for name, share in kept[asset].items():
            if share > 0:
                targets[position, index[name]] = share
    _require_enough(targets)
    held = sorted(answers)
    return LabelledSet(
        tuple(class_names),
        tuple(assets),
        targets / targets.sum(axis=1, keepdims=True),
        tuple(held),
        np.array([index[answers[asset]] for asset in held], dtype=np.int64),
    )


def _require_known(index: Mapping[str, int], names: Iterable[str]) -> None:
    unknown = set(names) - index.keys()
    if unknown:
        raise OntologyChanged(len(unknown))


def _require_enough(targets: Floats) -> None:
    items = len(targets)
    classes = len(np.unique(targets.argmax(axis=1))) if items else 0
    if items < LEAST_ITEMS or classes < LEAST_CLASSES:
        raise NotEnoughLabels(items, classes, least_items=LEAST_ITEMS, least_classes=LEAST_CLASSES)
