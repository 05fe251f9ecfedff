"""Labelers with known faults, drawing boxes on images whose objects are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_quality.instances.aggregate import Plan, aggregate
from labelmill_quality.instances.consensus import FeatureConsensus, Options
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Box, ImageSize, Shape

SIZE = ImageSize(1000, 1000)


@dataclass(frozen=True)
class Faults:
    """What is wrong with one labeler."""

    spread: float = 2.0
    """Standard deviation of every edge, in pixels."""
    bias: tuple[float, float, float, float] = (0, 0, 0, 0)
    """Of left, top, right, bottom, in pixels."""
    sensitivity: float = 0.9
    false_per_item: float = 0.1
    right_class: float = 0.95


@dataclass(frozen=True)
class Drawing:
    """What was drawn, and what is true."""

    instances: list[Instance]
    views: list[tuple[str, str]]
    truths: list[Instance]

    def consensus(self, options: Options | None = None, known: Collection[str] = ()) -> FeatureConsensus:
        """The consensus about the only feature; all is known about the `known` items."""
        gold = [truth for truth in self.truths if truth.item in known]
        (outcome,) = aggregate(self.instances, self.views, Plan(options or Options()), gold, frozenset(known))
        assert isinstance(outcome, FeatureConsensus)
        return outcome


def drawing(labelers: Sequence[Faults], *, items: int, objects: float = 6.0, seed: int = 0) -> Drawing:
    """Every labeler draws on every item."""
    generator = np.random.default_rng(seed)
    classes = ["bus", "car", "van"]
    instances: list[Instance] = []
    views, truths = [], []
    for number in range(items):
        item = f"image-{number:05d}"
        true = [_somewhere(generator) for _ in range(generator.poisson(objects))]
        names = [classes[generator.integers(3)] for _ in true]
        truths += [Instance(item, "", "vehicle", name, box) for name, box in zip(names, true, strict=True)]
        for place, faults in enumerate(labelers):
            labeler = f"labeler-{place}"
            views.append((item, labeler))
            drawn = [
                (_jittered(box, faults, generator), name if generator.random() < faults.right_class else "bus")
                for box, name in zip(true, names, strict=True)
                if generator.random() < faults.sensitivity
            ]
            drawn += [(_somewhere(generator), "car") for _ in range(generator.poisson(faults.false_per_item))]
            for box, name in drawn:
                instances.append(Instance(item, labeler, "vehicle", name, box, index=len(instances)))
    return Drawing(instances, views, truths)


def edges(shape: Shape) -> np.ndarray:
    """left, top, right, bottom."""
    assert isinstance(shape, Box)
    return np.array([shape.left, shape.top, shape.left + shape.width, shape.top + shape.height])


def _somewhere(generator: np.random.Generator) -> Box:
    left, top = generator.random(2) * 850
    width, height = np.clip(np.exp(generator.normal(4.2, 0.4, 2)), 25, 140)
    return Box(left, top, float(width), float(height), 0.0, SIZE)


def _jittered(box: Box, faults: Faults, generator: np.random.Generator) -> Box:
    left, top, right, bottom = edges(box) + generator.normal(0, faults.spread, 4) + faults.bias
    return Box(left, top, max(right - left, 2.0), max(bottom - top, 2.0), 0.0, SIZE)
