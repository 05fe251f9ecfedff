"""Scores as the Labelbox SDK 7 computes them (labelbox/data/metrics/iou/calculation.py). Pure.

Its ways, kept as they are so that a team's numbers do not change when it moves over:

* Everything is grouped by name: shapes by their class, choices by the class chosen (so that one wrong radio button is
  two names of score 0), texts by their question. The score of an item is the plain mean over those names.
* Within a name, pairs are taken greedily, the most alike first, also those that have nothing in common; every shape
  that is left counts as 0.
* Points and lines are compared as the areas within 70 pixels of them. Polygons that cross themselves are repaired by
  buffer(0), which may drop a part.
* Masks of one name are first united, unless attributes count.
* Spans are measured from first to last character: "house" and "hous" are 0.75 alike. (The platform itself shows 0.80,
  the share of common characters: that is what the measure "iou" of this service's own mode gives.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labelmill_quality.matching.assignment import Floats, Matching
from labelmill_quality.matching.measures import DEFAULT
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.answers import (
    Answer,
    FreeText,
    MultipleChoice,
    Number,
    OrdinalChoice,
    SingleChoice,
)
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.outlines import corners
from labelmill_quality.shapes.run_lengths import MaskBatch, mask_ious, union
from labelmill_quality.shapes.values import Box, Keypoints, Mask, Polygon, Polyline, Shape, TextSpan

_REACH_PX = 70.0
_Answers = Sequence[tuple[str, Answer]]
"""Question and answer."""


def item_score(
    gold: Sequence[Instance],
    said: Sequence[Instance],
    gold_answers: _Answers = (),
    said_answers: _Answers = (),
    *,
    with_attributes: bool = False,
) -> float | None:
    """The mean over names, in [0, 1]; None where neither says anything.

    Args:
        gold: The shapes of gold.
        said: Those of the labeler.
        gold_answers: The answers of gold.
        said_answers: Those of the labeler.
        with_attributes: The score of a pair of shapes is the mean of its own and that of the answers to its attributes.
    """
    shapes = _shape_scores(gold, said, with_attributes)
    scores = [*shapes, *_answer_scores(gold_answers, said_answers)]
    return float(np.mean(scores)) if scores else None


def greedy_matching(gold: Sequence[Instance], said: Sequence[Instance]) -> Matching:
    """Who belongs to whom: by name, greedily; pairs that have nothing in common are none."""
    pairs: list[tuple[int, int, float]] = []
    for left, right in _by_name(gold, said).values():
        if not left or not right:
            continue
        alike = _similarities([gold[i].shape for i in left], [said[j].shape for j in right])
        pairs += [(left[i], right[j], float(alike[i, j])) for i, j in _greedy(alike) if alike[i, j] > 0]
    pairs.sort()
    lefts, rights = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return Matching(len(gold), len(said), lefts, rights, np.array([pair[2] for pair in pairs], np.float64))


def _shape_scores(gold: Sequence[Instance], said: Sequence[Instance], with_attributes: bool) -> list[float]:
    return [
        _name_score([gold[i] for i in left], [said[j] for j in right], with_attributes)
        for left, right in _by_name(gold, said).values()
    ]


def _by_name(gold: Sequence[Instance], said: Sequence[Instance]) -> Mapping[str, tuple[list[int], list[int]]]:
    names: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, instances in enumerate((gold, said)):
        for place, instance in enumerate(instances):
            names[instance.class_name or instance.feature][side].append(place)
    return names


def _name_score(gold: Sequence[Instance], said: Sequence[Instance], with_attributes: bool) -> float:
    if not gold or not said:
        return 0.0
    masks = [[one.shape for one in side if isinstance(one.shape, Mask)] for side in (gold, said)]
    if [len(side) for side in masks] == [len(gold), len(said)] and not with_attributes:
        united = [MaskBatch.of([union(side)]) for side in masks]
        return float(mask_ious(*united)[0, 0])
    alike = _similarities([one.shape for one in gold], [one.shape for one in said])
    pairs = _greedy(alike)
    scores = [
        _with_attributes(gold[i], said[j], float(alike[i, j])) if with_attributes else float(alike[i, j])
        for i, j in pairs
    ]
    return sum(scores) / (len(gold) + len(said) - len(pairs))


def _with_attributes(gold: Instance, said: Instance, score: float) -> float:
    answers = _answer_scores(gold.attributes, said.attributes)
    return (score + (float(np.mean(answers)) if answers else score)) / 2


def _greedy(alike: Floats) -> list[tuple[int, int]]:
    """Pairs by falling similarity; of equals the first of gold."""
    free_left, free_right = set(range(alike.shape[0])), set(range(alike.shape[1]))
    pairs: list[tuple[int, int]] = []
    for place in np.argsort(-alike, axis=None, kind="stable").tolist():
        i, j = divmod(place, alike.shape[1])
        if i in free_left and j in free_right:
            free_left.remove(i)
            free_right.remove(j)
            pairs.append((i, j))
    return pairs


@dataclass
class _Named:
    """What both sides answered under one name."""

    gold: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def _answer_scores(gold: _Answers, said: _Answers) -> list[float]:
    names: dict[tuple[str, str], _Named] = defaultdict(_Named)
    for question, answer in gold:
        for name, text in _named(question, answer):
            names[name].gold.append(text)
    for question, answer in said:
        for name, text in _named(question, answer):
            names[name].said.append(text)
    return [_answers_score(found) for found in names.values()]


def _named(question: str, answer: Answer) -> list[tuple[tuple[str, str], str]]:
    match answer:
        case SingleChoice(name) | OrdinalChoice(name):
            return [(("choice", name), name)]
        case MultipleChoice(names):
            return [(("choice", name), name) for name in sorted(names)]
        case FreeText(text):
            return [(("text", question), text)]
        case Number(value):
            return [(("text", question), repr(value))]


def _answers_score(found: _Named) -> float:
    if not found.gold or not found.said or (len(found.said) != len(found.gold) and len(found.gold) != 1):
        return 0.0
    return float(found.gold[0] == found.said[0])


def _similarities(gold: Sequence[Shape], said: Sequence[Shape]) -> Floats:
    if all(isinstance(shape, TextSpan) for shape in (*gold, *said)):
        return np.array([[_spans(one, other) for other in said] for one in gold])  # type: ignore[arg-type]
    if any(isinstance(shape, Mask) for shape in (*gold, *said)):
        return similarities(gold, said, DEFAULT)
    drawn = [_drawn(shape) for shape in (*gold, *said)]
    if any(area is None for area in drawn):
        return similarities(gold, said, DEFAULT)
    return _ious(drawn[: len(gold)], drawn[len(gold) :])


def _spans(one: TextSpan, other: TextSpan) -> float:
    """From first to last character, both included."""
    shared = min(one.end, other.end) - 1 - max(one.start, other.start)
    either = max(one.end, other.end) - 1 - min(one.start, other.start)
    if either == 0:
        return 1.0
    return max(shared, 0) / either


def _drawn(shape: Shape) -> Any:
    """The area that a shape counts as; None where it has none."""
    import shapely

    match shape:
        case Box():
            area = shapely.Polygon(corners(shape))
        case Polygon():
            area = shapely.Polygon(shape.exterior, shape.holes)
        case Polyline():
            area = shapely.LineString(shape.points).buffer(_REACH_PX)
        case Keypoints():
            area = shapely.MultiPoint(shape.points[shape.present]).buffer(_REACH_PX)
        case _:
            return None
    return area if area.is_valid else area.buffer(0)


def _ious(gold: Sequence[object], said: Sequence[object]) -> Floats:
    import shapely

    left, right = (np.array(side, object) for side in (gold, said))
    shared = shapely.area(shapely.intersection(left[:, None], right[None, :]))
    united = shapely.area(left)[:, None] + shapely.area(right)[None, :] - shared
    ious: Floats = np.divide(shared, united, out=np.zeros_like(shared), where=united > 0)
    return ious
