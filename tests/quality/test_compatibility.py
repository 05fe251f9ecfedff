"""Modes that give the numbers of other tools.

The golden values of Labelbox are what labelbox.data.metrics.iou.calculation.miou of the SDK 7.17.0 returns; those of
CVAT what the functions of cvat/apps/quality_control/quality_reports.py (commit fb0eb43) return, run on the same input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from labelmill_quality.benchmark.gold import Gold
from labelmill_quality.benchmark.groups import grouped
from labelmill_quality.benchmark.judgement import Outcome
from labelmill_quality.benchmark.rules import Mode, Rules
from labelmill_quality.benchmark.scoring import Judged, judge
from labelmill_quality.matching.cvat import cvat_matching
from labelmill_quality.matching.labelbox import item_score
from labelmill_quality.matching.measures import Measures
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.answers import Answer, FreeText, MultipleChoice, SingleChoice
from labelmill_quality.shapes.instance import Instance, Statements
from labelmill_quality.shapes.raster import rasterized
from labelmill_quality.shapes.values import ImageSize, Polygon, Shape, TextSpan, Visibility
from tests.quality.drawing import box, keypoints, mask, pixels_of, polygon, polyline


def drawn(shape: Shape, class_name: str = "c", *attributes: tuple[str, Answer]) -> Instance:
    return Instance("x", "anna", "thing", class_name, shape, attributes)


def square(left: int, top: int = 0, width: int = 10, height: int = 10) -> Shape:
    return box(left, top, width, height)


def painted(left: int) -> Shape:
    pixels = np.zeros((80, 100), bool)
    pixels[:10, left : left + 10] = True
    return mask(pixels)


@pytest.mark.parametrize(
    ("gold", "said", "expected"),
    [
        ([drawn(square(0))], [drawn(square(5))], 0.3333333333333333),
        ([drawn(square(0)), drawn(square(50))], [drawn(square(0))], 0.5),
        ([drawn(square(0), "a"), drawn(square(50), "b")], [drawn(square(0), "a")], 0.5),
        ([drawn(keypoints(p=(100, 100)))], [drawn(keypoints(p=(135, 100)))], 0.5206739470160284),
        ([drawn(keypoints(p=(100, 100)))], [drawn(keypoints(p=(240, 100)))], 0.0),
        ([drawn(polyline((0, 0), (100, 0)))], [drawn(polyline((0, 35), (100, 35)))], 0.5574831835877958),
        ([drawn(TextSpan(0, 5))], [drawn(TextSpan(0, 4))], 0.75),  # "house" and "hous"
        ([drawn(TextSpan(3, 4))], [drawn(TextSpan(3, 4))], 1.0),
        ([drawn(TextSpan(0, 4))], [drawn(TextSpan(3, 7))], 0.0),
        ([drawn(square(0)), drawn(square(50))], [drawn(square(0)), drawn(square(80))], 0.5),
        ([drawn(square(0)), drawn(square(4))], [drawn(square(3)), drawn(square(-6))], 0.5340909090909092),
        (
            [drawn(polygon([(0, 0), (10, 10), (10, 0), (0, 10)]))],
            [drawn(polygon([(0, 0), (10, 0), (10, 10), (0, 10)]))],
            0.25,
        ),
        ([drawn(painted(0)), drawn(painted(20))], [drawn(painted(0))], 0.5),
    ],
)
def test_shapes_score_as_in_labelbox(gold: list[Instance], said: list[Instance], expected: float) -> None:
    assert item_score(gold, said) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("gold", "said", "expected"),
    [
        (SingleChoice("yes"), SingleChoice("yes"), 1.0),
        (SingleChoice("yes"), SingleChoice("no"), 0.0),
        (MultipleChoice(frozenset("ab")), MultipleChoice(frozenset("bc")), 0.3333333333333333),
        (FreeText("Hi"), FreeText("hi"), 0.0),
    ],
)
def test_answers_score_as_in_labelbox(gold: Answer, said: Answer, expected: float) -> None:
    assert item_score([], [], [("q", gold)], [("q", said)]) == pytest.approx(expected)


def test_an_item_scores_as_in_labelbox() -> None:
    """A perfect box, and a wrong radio button, which is two names."""
    boxes = [drawn(square(0), "a")]
    score = item_score(boxes, boxes, [("q", SingleChoice("yes"))], [("q", SingleChoice("no"))])
    assert score == pytest.approx(0.3333333333333333)
    assert item_score([], []) is None


def test_attributes_score_as_subclasses_in_labelbox() -> None:
    red = ("colour", SingleChoice("red"))
    gold, said = (
        drawn(square(0), "a", red, ("t", FreeText("x"))),
        drawn(square(0, height=8), "a", red, ("t", FreeText("y"))),
    )
    assert item_score([gold], [said], with_attributes=True) == pytest.approx(0.65)
    bare = [drawn(square(0), "a")], [drawn(square(0, height=8), "a")]
    assert item_score(*bare, with_attributes=True) == pytest.approx(0.8)
    assert item_score([drawn(painted(0)), drawn(painted(20))], [drawn(painted(0))], with_attributes=True) == 0.5


def test_shapes_of_different_kinds_and_one_name_have_nothing_in_common() -> None:
    assert item_score([drawn(polyline((0, 0), (9, 9)))], [drawn(painted(0))]) == 0
    assert item_score([drawn(TextSpan(0, 4))], [drawn(square(0))]) == 0


def test_spans_score_as_on_labelboxs_platform_in_the_modes_of_our_own() -> None:
    assert similarities([TextSpan(0, 5)], [TextSpan(0, 4)])[0, 0] == pytest.approx(0.80)


def scored(gold: Sequence[Instance], said: Sequence[Instance], rules: Rules) -> Judged:
    known = Gold()
    known.add(Statements(gold, ()), field="gold")
    return judge(Statements(said, ()), known, (), rules)


def test_an_item_has_one_score_in_the_mode_labelbox() -> None:
    gold, said = [drawn(square(0), "a"), drawn(square(50), "b")], [drawn(square(5), "a"), drawn(square(80), "b")]
    found = scored(gold, said, Rules(mode=Mode.LABELBOX))
    assert [(score.feature, score.score) for score in found.item_scores] == [("", pytest.approx(1 / 6))]
    outcomes = sorted(judgement.verdict.outcome for judgement in found.judgements)
    assert outcomes == [Outcome.RIGHT, Outcome.SPURIOUS, Outcome.MISSED]


CVAT = Rules(mode=Mode.CVAT, threshold=0.4, bootstrap_count=100)
CVAT_GOLD = [drawn(square(0), "cat"), drawn(square(20), "dog"), drawn(square(40), "dog"), drawn(square(5), "cat")]
CVAT_SAID = [
    *(drawn(square(1), "cat"), drawn(square(20, 2), "cat"), drawn(square(46), "dog")),
    *(drawn(square(80), "cat"), drawn(square(4), "cat")),
]


def test_boxes_are_matched_as_in_cvat() -> None:
    """matches (0, 0) and (3, 4), mismatch (1, 1), unmatched 2 of gold and 2, 3 of the data set."""
    found = cvat_matching(CVAT_GOLD, CVAT_SAID, threshold=0.4, measures=Measures())
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 0), (1, 1), (3, 4)]
    assert (found.left_alone.tolist(), found.right_alone.tolist()) == ([2], [2, 3])


def test_the_figures_are_those_of_a_cvat_report() -> None:
    """Of CVAT's formulas on that matching: valid 2, total 6, data set 5, ground truth 4; for cat 2, 6, 4, 2."""
    groups = {g.class_name: g for g in grouped(scored(CVAT_GOLD, CVAT_SAID, CVAT).judgements, CVAT) if not g.labeler}
    total, cat = groups[""].figures, groups["cat"].figures
    values = [total.accuracy.value, total.precision.value, total.recall.value, total.f1.value]
    assert values == pytest.approx([2 / 6, 2 / 5, 2 / 4, 4 / 9])
    values = [cat.accuracy.value, cat.precision.value, cat.recall.value, cat.jaccard.value]
    assert values == pytest.approx([4 / 6, 2 / 4, 2 / 2, 2 / 4])
    assert groups[""].confusion is not None
    assert groups[""].confusion.counts.tolist() == [[2, 0, 0], [1, 0, 1], [1, 1, 0]]


def test_a_frame_scores_as_in_cvat() -> None:
    """Three pairs; of the three shapes without a partner the best similarity to any of the others: 1/4, 1/4, 0."""
    (score,) = scored(CVAT_GOLD, CVAT_SAID, CVAT).item_scores
    assert (score.feature, score.score) == ("", pytest.approx((9 / 11 + 9 / 11 + 8 / 12 + 1 / 4 + 1 / 4 + 0) / 6))


def cvat_similarity(gold: Shape, said: Shape) -> float:
    found = cvat_matching([drawn(gold)], [drawn(said)], threshold=1e-9, measures=Measures())
    return float(found.similarity.sum())


CORNERS = ((10, 10), (30, 10), (30, 30), (60, 30))


@pytest.mark.parametrize(
    ("gold", "said", "expected"),
    [
        (polyline((0, 0), (50, 0), (50, 40)), polyline((0, 1), (50, 2), (51, 40)), 0.7619660728692672),
        (polyline((0, 0), (50, 0)), polyline((50, 1), (20, 1), (0, 0)), 0.6184484913560279),
        (polyline((0, 0), (10, 0)), polyline((0, 50), (10, 50)), 0.0),
        (polyline(*CORNERS), polyline((11, 10), (29, 11), (31, 29), (45, 31), (59, 30)), 0.7771806368803523),
        (
            polygon([(3.3, 4.1), (40.2, 8.8), (30.1, 50.7), (10.5, 30.2)]),
            polygon([(5, 5), (45, 10), (28, 48)]),
            0.7120772946859903,
        ),
        (box(20, 20, 30, 10, 30), box(20, 20, 30, 10), 0.4668304668304668),
        (keypoints(p=(10, 10)), keypoints(p=(15, 12)), 0.9455945857988867),
    ],
)
def test_shapes_are_as_alike_as_in_cvat(gold: Shape, said: Shape, expected: float) -> None:
    assert cvat_similarity(gold, said) == pytest.approx(expected, abs=1e-9)


def test_skeletons_are_as_alike_as_in_cvat() -> None:
    """The third point of what was said is covered, so that only two of three count."""
    said = keypoints(a=(12, 10), b=(50, 13), c=(11, 42))
    said.visibility[2] = Visibility.OCCLUDED
    gold = keypoints(a=(10, 10), b=(50, 10), c=(10, 40))
    assert cvat_similarity(gold, said) == pytest.approx(0.6145365403295836, abs=1e-9)
    assert cvat_similarity(gold, keypoints(a=(60, 60), b=(90, 60), c=(60, 79))) == 0


def test_only_what_is_visible_of_areas_counts_in_cvat() -> None:
    below, above = [polygon([(left, 0), (left + 10, 0), (left + 10, 10), (left, 10)]) for left in (0, 5)]
    found = cvat_matching([drawn(below), drawn(above)], [drawn(below)], threshold=0.4, measures=Measures())
    assert found.similarity.tolist() == [0.5]


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools under numpy 2
def test_polygons_are_drawn_as_by_pycocotools() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        width, height = (int(side) for side in generator.integers(5, 60, 2))
        points = generator.uniform(-10, 70, (int(generator.integers(3, 12)), 2))
        theirs = coco_mask.decode(coco_mask.frPyObjects([points.ravel().tolist()], height, width))[:, :, 0]
        ours = pixels_of(rasterized(Polygon(points, (), ImageSize(width, height))))
        np.testing.assert_array_equal(ours, theirs.astype(bool))


def test_the_most_confident_comes_first_in_the_mode_coco() -> None:
    sure = Instance("x", "m", "thing", "c", square(2), confidence=0.9)
    near = Instance("x", "m", "thing", "c", square(0), confidence=0.4)
    found = scored([drawn(square(0))], [near, sure], Rules(mode=Mode.COCO))
    assert [(j.verdict.outcome, j.verdict.score) for j in found.judgements] == [
        (Outcome.RIGHT, pytest.approx(80 / 120)),
        (Outcome.SPURIOUS, 0),
    ]
