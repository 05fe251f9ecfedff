"""A labeler's shapes of one item against gold. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from labelmill_quality.average_precision.instances import AREA_ATTRIBUTE, CROWD_ATTRIBUTES
from labelmill_quality.benchmark.answers import judge_answer
from labelmill_quality.benchmark.errors import ImageSizeDiffers, ShapeTooLarge, TooManyShapes
from labelmill_quality.benchmark.judgement import Judgement, Verdict, missed, pair, spurious
from labelmill_quality.benchmark.rules import Mode, Rules
from labelmill_quality.matching.assignment import Matching
from labelmill_quality.matching.coco import coco_matching
from labelmill_quality.matching.cvat import cvat_matching
from labelmill_quality.matching.labelbox import greedy_matching
from labelmill_quality.matching.similarity import match_instances
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.outlines import rings
from labelmill_quality.shapes.raster import is_drawable
from labelmill_quality.shapes.values import Box, Mask, Polygon

Matcher = Callable[[Sequence[Instance], Sequence[Instance], Rules], Matching]
"""(gold, said) of one item and feature -> who belongs to whom; gold is left."""


def optimally(gold: Sequence[Instance], said: Sequence[Instance], rules: Rules) -> Matching:
    """The largest sum of similarities."""
    return match_instances(
        gold, said, threshold=rules.threshold, class_aware=rules.class_aware, measures=rules.measures
    )


MATCHERS: Mapping[Mode, Matcher] = {
    Mode.OPTIMAL: optimally,
    Mode.LABELBOX: lambda gold, said, _: greedy_matching(gold, said),
    Mode.CVAT: lambda gold, said, rules: cvat_matching(gold, said, threshold=rules.threshold, measures=rules.measures),
    Mode.COCO: lambda gold, said, rules: coco_matching(gold, said, threshold=rules.threshold, measures=rules.measures),
}

MOST_PAIRS = 4_000_000
"""Of gold's and a labeler's shapes of one item and feature: 2,000 each. The assignment takes some seconds then."""


def require_comparable(gold: Sequence[Instance], said: Sequence[Instance], mode: Mode) -> None:
    """Refuses what cannot be compared.

    Raises:
        TooManyShapes: More pairs than MOST_PAIRS.
        ImageSizeDiffers: Pixels would be compared with pixels of an image of another size.
        ShapeTooLarge: A polygon, or the image that it is in, is too large to be drawn.
    """
    if len(gold) * len(said) > MOST_PAIRS:
        raise TooManyShapes(f"annotations[{said[0].index}]", MOST_PAIRS)
    areas = [
        (f"{field}[{one.index}]", one.shape)
        for field, side in (("gold.annotations", gold), ("annotations", said))
        for one in side
        if isinstance(one.shape, Box | Polygon | Mask)
    ]
    if any(isinstance(shape, Mask) or (mode in _DRAWING and not _is_upright(shape)) for _, shape in areas):
        for place, shape in areas:
            if shape.size != areas[0][1].size:
                raise ImageSizeDiffers(place)
            if not isinstance(shape, Mask) and not is_drawable(rings(shape), shape.size):
                raise ShapeTooLarge(place)


_DRAWING = (Mode.CVAT, Mode.COCO)
"""Modes that compare the pixels of whatever is no upright box."""


def _is_upright(shape: Box | Polygon | Mask) -> bool:
    return isinstance(shape, Box) and shape.upright


def judge_matching(
    gold: Sequence[Instance], said: Sequence[Instance], matching: Matching, rules: Rules, labeler: str
) -> Iterator[Judgement]:
    """The verdicts on shapes that were matched (gold left), and on the attributes of those that have a partner."""
    pairs = zip(matching.left.tolist(), matching.right.tolist(), matching.similarity.tolist(), strict=True)
    for left, right, similarity in pairs:
        one, other = gold[left], said[right]
        verdict = pair(class_of(one), class_of(other), similarity)
        yield _judgement(other, one.feature, labeler, verdict, other.index, one.index)
        yield from _attributes(one, other, rules, labeler)
    for right in matching.right_alone.tolist():
        other = said[right]
        yield _judgement(other, other.feature, labeler, spurious(class_of(other)), other.index, None)
    for left in matching.left_alone.tolist():
        one = gold[left]
        yield _judgement(one, one.feature, labeler, missed(class_of(one)), None, one.index)


def class_of(instance: Instance) -> str:
    """Its class; the feature, where shapes have none."""
    return instance.class_name or instance.feature


def _attributes(gold: Instance, said: Instance, rules: Rules, labeler: str) -> Iterator[Judgement]:
    answers = dict(said.attributes)
    for name, answer in gold.attributes:
        if rules.mode is Mode.COCO and name in (*CROWD_ATTRIBUTES, AREA_ATTRIBUTE):
            continue  # notes of the data set, no questions to labelers
        feature = f"{gold.feature}.{name}"
        verdict = judge_answer(answers.get(name), answer, feature, rules)
        index = said.index if name in answers else None
        yield _judgement(said, feature, labeler, verdict, index, gold.index)


def _judgement(
    about: Instance, feature: str, labeler: str, verdict: Verdict, index: int | None, gold_index: int | None
) -> Judgement:
    create_ms = None if index is None else about.create_ms
    return Judgement(about.item, labeler, feature, verdict, index, gold_index, create_ms)
