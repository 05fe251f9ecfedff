"""Shapes of labelers or models as columns, and their average precision. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelmill_quality.average_precision.columns import (
    BoxLikeness,
    Codes,
    DetectionColumns,
    Floats,
    GoldColumns,
    KeypointLikeness,
    Likeness,
    MaskLikeness,
)
from labelmill_quality.average_precision.evaluation import BOXES, KEYPOINTS, Design, Evaluation, evaluate
from labelmill_quality.matching.areas import as_mask
from labelmill_quality.matching.coco import ranked
from labelmill_quality.matching.measures import Measures
from labelmill_quality.matching.points import by_name
from labelmill_quality.shapes.answers import Answer, Number, OrdinalChoice, SingleChoice
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.run_lengths import MaskBatch
from labelmill_quality.shapes.values import Box, Keypoints, Mask, Polygon

CROWD_ATTRIBUTES = ("iscrowd", "is_crowd")
"""A gold shape with one of these attributes, answered 1, "1", "true" or "yes", stands for many."""
AREA_ATTRIBUTE = "area"
"""A gold shape with this attribute has this area in pixels: COCO's files have that of the outline beside each box."""
_YES = {"1", "true", "yes"}


@dataclass(frozen=True)
class SourceEvaluation:
    """The evaluation of one source's shapes of one feature."""

    classes: tuple[str, ...]
    evaluation: Evaluation
    detections: int
    unranked: int
    """Shapes without a confidence, which counted as 1."""


def evaluate_instances(
    gold: Sequence[Instance],
    said: Sequence[Instance],
    items: Sequence[str],
    measures: Measures,
    resamples: Sequence[Floats] = (),
) -> SourceEvaluation | None:
    """Average precision of shapes; None where they have none (lines, spans).

    Upright boxes are compared as boxes. Rotated ones, polygons and masks are compared as pixels, and their areas are
    those of the pixels; a keypoint shape's area is that of the box around its points (the image's where that is 0).
    Gold may say its areas by an attribute.

    Args:
        gold: What is there.
        said: What was found; the most confident come first.
        items: The images, in order; all shapes are of these.
        measures: For the sigmas of keypoints.
        resamples: Bootstrap weights (items,).
    """
    design = _design(gold, said)
    if design is None:
        return None
    likeness, areas = _compared(gold, said, measures)
    images = {item: code for code, item in enumerate(items)}
    names = tuple(sorted({one.class_name for one in (*gold, *said)}))
    codes = {name: code for code, name in enumerate(names)}
    of_gold, of_said = ((_codes(side, images, codes)) for side in (gold, said))
    crowd = np.array([_is_crowd(one) for one in gold], bool)
    gold_areas = np.array([_area(one, area) for one, area in zip(gold, areas[0].tolist(), strict=True)], np.float64)
    if isinstance(likeness, KeypointLikeness):
        likeness = replace(likeness, areas=gold_areas)
    evaluation = evaluate(
        GoldColumns(*of_gold, gold_areas, crowd),
        DetectionColumns(*of_said, areas[1], np.array([ranked(one) for one in said], np.float64)),
        likeness,
        classes=len(names),
        design=design,
        resamples=resamples,
    )
    return SourceEvaluation(names, evaluation, len(said), sum(one.confidence is None for one in said))


def _design(gold: Sequence[Instance], said: Sequence[Instance]) -> Design | None:
    shapes = [one.shape for one in (*gold, *said)]
    if shapes and all(isinstance(shape, Keypoints) for shape in shapes):
        return KEYPOINTS
    if shapes and all(isinstance(shape, Box | Polygon | Mask) for shape in shapes):
        return BOXES
    return None


def _codes(side: Sequence[Instance], images: dict[str, int], classes: dict[str, int]) -> tuple[Codes, Codes]:
    return (
        np.array([images[one.item] for one in side], np.int64),
        np.array([classes[one.class_name] for one in side], np.int64),
    )


def _compared(
    gold: Sequence[Instance], said: Sequence[Instance], measures: Measures
) -> tuple[Likeness, tuple[Floats, Floats]]:
    """How the shapes are compared, and the areas of both sides."""
    sides = [[one.shape for one in side] for side in (gold, said)]
    if all(isinstance(shape, Keypoints) for side in sides for shape in side):
        first, second = ([shape for shape in side if isinstance(shape, Keypoints)] for side in sides)
        return _keypoints(first, second, measures)
    boxes = [[shape for shape in side if isinstance(shape, Box) and shape.upright] for side in sides]
    if [len(side) for side in boxes] == [len(side) for side in sides]:
        columns = [np.array([(b.left, b.top, b.width, b.height) for b in side]).reshape(-1, 4) for side in boxes]
        return BoxLikeness(*columns), (columns[0][:, 2:].prod(axis=1), columns[1][:, 2:].prod(axis=1))
    areas = [[shape for shape in side if isinstance(shape, Box | Polygon | Mask)] for side in sides]
    there, found = (MaskBatch.of([as_mask(shape, shape.size) for shape in side]) for side in areas)
    return MaskLikeness(there, found), (there.areas.astype(np.float64), found.areas.astype(np.float64))


def _keypoints(
    gold: Sequence[Keypoints], said: Sequence[Keypoints], measures: Measures
) -> tuple[Likeness, tuple[Floats, Floats]]:
    names = sorted({name for shape in (*gold, *said) for name in shape.names})
    (there, seen, sides), (points, found, found_sides) = (by_name(side, names) for side in (gold, said))
    images = np.array([float(shape.size.pixels) for shape in gold])
    areas = np.where(sides.prod(axis=1) > 0, sides.prod(axis=1), images), found_sides.prod(axis=1)
    known = measures.keypoint_sigmas or {}
    sigmas = np.array([known.get(name, measures.oks_sigma) for name in names], np.float64)
    return KeypointLikeness(there, seen, areas[0], np.where(found[..., None], points, np.inf), sigmas), areas


def _area(instance: Instance, measured: float) -> float:
    """The area that gold says of itself, else the measured one."""
    for name, answer in instance.attributes:
        if name == AREA_ATTRIBUTE and isinstance(answer, Number):
            return answer.value
    return measured


def _is_crowd(instance: Instance) -> bool:
    return any(name in CROWD_ATTRIBUTES and _affirms(answer) for name, answer in instance.attributes)


def _affirms(answer: Answer) -> bool:
    match answer:
        case Number(value):
            return value == 1
        case SingleChoice(name) | OrdinalChoice(name):
            return name.lower() in _YES
    return False
