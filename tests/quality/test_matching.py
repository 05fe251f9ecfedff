"""How alike shapes are, and who belongs to whom."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from labelmill_quality.matching.assignment import Matching, match
from labelmill_quality.matching.boxes import BoxGroups, corners_of, match_groups
from labelmill_quality.matching.measures import BoxMeasure, Measures, StretchMeasure
from labelmill_quality.matching.similarity import match_instances, similarities
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.raster import rasterized
from labelmill_quality.shapes.values import Box, Keypoints, Shape, TextSpan, TimeSegment, Visibility
from tests.quality import drawing
from tests.quality.drawing import box, keypoints, mask, pixels_of, polygon, polyline, unhurried

lists = st.one_of(
    *(st.lists(kind, min_size=1, max_size=4) for kind in (drawing.boxes, drawing.polylines, drawing.masks)),
    *(st.lists(kind, min_size=1, max_size=4) for kind in (drawing.spans, drawing.segments, drawing.skeletons)),
)
all_measures = st.sampled_from(
    [
        Measures(),
        Measures(box=BoxMeasure.GIOU),
        Measures(stretch=StretchMeasure.EXACT),
        Measures(stretch=StretchMeasure.BOUNDARY, boundary_tolerance=1),
    ]
)
weights = st.lists(
    st.lists(st.sampled_from([0, 0, 0.25, 0.5, 0.75, 1]), min_size=4, max_size=4), min_size=1, max_size=7
)


def alike(one: Shape, other: Shape, measures: Measures | None = None) -> float:
    return float(similarities([one], [other], measures or Measures())[0, 0])


@unhurried
@given(lists, lists, all_measures)
def test_similarity_is_symmetric_and_in_range(left: list[Shape], right: list[Shape], measures: Measures) -> None:
    values = similarities(left, right, measures)
    np.testing.assert_allclose(values, similarities(right, left, measures).T, atol=1e-9)
    assert ((values >= 0) & (values <= 1)).all()


@unhurried
@given(lists, all_measures)
def test_a_shape_is_wholly_like_itself(shapes: list[Shape], measures: Measures) -> None:
    np.testing.assert_allclose(similarities(shapes, shapes, measures).diagonal(), 1, atol=1e-9)


SQUARE = polygon([(0, 0), (10, 0), (10, 10), (0, 10)])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (box(0, 0, 10, 10), box(5, 0, 10, 10), 1 / 3),
        (box(0, 0, 10, 10), box(10, 0, 10, 10), 0),
        (box(0, 0, 10, 10), SQUARE, 1),
        (box(0, 0, 10, 4, 90), box(3, -3, 4, 10), 1),
        (box(0, 0, 10, 10, 45), box(0, 0, 10, 10), math.sqrt(2) / 2),
        (SQUARE, polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [(0, 0), (5, 0), (5, 10), (0, 10)]), 0.5),
        (SQUARE, polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), 0.5),  # crosses itself
        (mask(np.pad(np.ones((10, 10), bool), ((0, 70), (0, 90)))), SQUARE, 1),
        (TextSpan(0, 4), TextSpan(2, 6), 1 / 3),
        (TextSpan(0, 4), TextSpan(4, 6), 0),
        (TimeSegment(0, 4), TimeSegment(2, 4), 0.5),
        (TimeSegment(0, 4, 1), TimeSegment(0, 4, 2), 0),
        (polyline((0, 0), (10, 0)), polyline((10, 0), (0, 0)), 1),
        (polyline((0, 0), (10, 0)), box(0, 0, 10, 1), 0),
    ],
)
def test_known_similarities(one: Shape, other: Shape, expected: float) -> None:
    assert alike(one, other) == pytest.approx(expected)


def test_generalized_iou_tells_near_from_far() -> None:
    """Two unit squares with a gap of one: the hull is 3 wide, 1/3 of it empty, so GIoU is -1/3."""
    measures = Measures(box=BoxMeasure.GIOU)
    assert alike(box(0, 0, 1, 1), box(2, 0, 1, 1), measures) == pytest.approx(1 / 3)
    assert alike(box(0, 0, 1, 1), box(8, 0, 1, 1), measures) < 1 / 3


def test_spans_by_their_ends() -> None:
    exact, near = (
        Measures(stretch=StretchMeasure.EXACT),
        Measures(stretch=StretchMeasure.BOUNDARY, boundary_tolerance=1),
    )
    assert [alike(TextSpan(0, 4), TextSpan(0, end), exact) for end in (4, 5)] == [1, 0]
    assert [alike(TextSpan(0, 4), TextSpan(0, end), near) for end in (4, 5, 6)] == [1, 1, 0.5]


def test_keypoints_are_compared_by_name() -> None:
    """All three are 5 px off; the boxes of the points are 40 x 30."""
    one = keypoints(a=(0, 0), b=(40, 0), c=(0, 30))
    expected = math.exp(-(5**2) / (2 * 1200 * (2 * 0.09) ** 2))
    assert alike(one, keypoints(c=(3, 34), a=(3, 4), b=(43, 4))) == pytest.approx(expected)
    assert alike(one, keypoints(x=(0, 0), y=(40, 0), z=(0, 30))) == 0
    assert alike(keypoints(a=(0, 0)), keypoints(b=(0, 0))) == 0


def test_keypoints_that_are_absent_do_not_count_for_their_place() -> None:
    one = keypoints(a=(0, 0), b=(40, 30))
    both = np.array([Visibility.VISIBLE, Visibility.VISIBLE, Visibility.ABSENT], np.uint8)
    other = Keypoints(("a", "b", "c"), np.array([(0, 0), (40, 30), (99, 9.0)]), both, one.size)
    assert alike(one, other) == 1


@unhurried
@given(drawing.polygons)
def test_a_polygon_is_drawn_inside_its_bounds(shape: Shape) -> None:
    pixels = pixels_of(rasterized(shape))  # type: ignore[arg-type]
    rows, columns = np.nonzero(pixels)
    if len(rows):
        left, top = shape.exterior.min(axis=0)  # type: ignore[union-attr]
        right, bottom = shape.exterior.max(axis=0)  # type: ignore[union-attr]
        assert left - 1 <= columns.min() <= columns.max() <= right + 1
        assert top - 1 <= rows.min() <= rows.max() <= bottom + 1


def test_a_hole_is_not_drawn() -> None:
    drawn = rasterized(polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [(2, 2), (4, 2), (4, 4), (2, 4)]))
    pixels = pixels_of(drawn)
    assert (pixels.sum(), pixels[2:4, 2:4].any()) == (96, False)


@unhurried
@given(weights)
def test_the_assignment_is_optimal(rows: list[list[float]]) -> None:
    for table in (np.array(rows), np.array(rows).T.copy()):
        found = match(table, threshold=0.25)
        assert found.similarity.sum() == pytest.approx(table[linear_sum_assignment(-table)].sum())
        assert len(set(found.left.tolist())) == len(set(found.right.tolist())) == len(found.left)
        assert (found.similarity >= 0.25).all()


@pytest.mark.parametrize("shape", [(30, 40), (40, 30), (60, 60)])
def test_large_assignments_are_optimal_too(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        table = generator.random(shape) * (generator.random(shape) < 0.3)
        found = match(table, threshold=1e-9)
        assert found.similarity.sum() == pytest.approx(table[linear_sum_assignment(-table)].sum())


@unhurried
@given(weights, st.randoms(use_true_random=False))
def test_the_order_changes_nothing(rows: list[list[float]], chance) -> None:  # type: ignore[no-untyped-def]
    table = np.array(rows)
    order = chance.sample(range(len(table)), len(table))
    assert match(table[order], threshold=0.5).score == pytest.approx(match(table, threshold=0.5).score)


def test_less_alike_than_the_threshold_is_no_pair() -> None:
    found = match(np.array([[0.49, 0.0], [0.0, 0.5]]), threshold=0.5)
    assert (found.left.tolist(), found.left_alone.tolist(), found.right_alone.tolist()) == ([1], [0], [0])


def test_the_class_decides_between_equals_or_altogether() -> None:
    table, same = np.array([[0.8, 0.8]]), np.array([[False, True]])
    assert match(table, threshold=0.5, same_class=same).right.tolist() == [1]
    better = np.array([[0.9, 0.6]])
    assert match(better, threshold=0.5, same_class=same).right.tolist() == [0]
    assert match(better, threshold=0.5, same_class=same, class_aware=True).right.tolist() == [1]


def test_what_finds_no_partner_counts_as_nothing() -> None:
    nothing = np.array([], np.int64)
    assert Matching(0, 0, nothing, nothing, np.array([])).score is None
    assert match(np.ones((1, 5)), threshold=0.5).score == pytest.approx(1 / 5)
    assert match(np.ones((0, 2)), threshold=0.5).score == 0
    assert match(np.eye(3), threshold=0.5).score == 1


@unhurried
@given(st.lists(st.tuples(*[st.lists(drawing.upright_boxes, max_size=5)] * 2), min_size=1, max_size=4), st.booleans())
def test_many_items_at_once_are_matched_like_one_after_another(
    items: list[tuple[list[Box], list[Box]]], class_aware: bool
) -> None:
    sides = [[boxes[side] for boxes in items] for side in (0, 1)]
    groups = [columnar(side) for side in sides]
    partners, similarity = match_groups(*groups, threshold=0.1, class_aware=class_aware)
    for item, (left, right) in enumerate(zip(*sides, strict=True)):
        one = match_instances(instances(left), instances(right), threshold=0.1, class_aware=class_aware)
        here = slice(*groups[0].offsets[item : item + 2])
        expected = np.full(len(left), -1)
        expected[one.left] = one.right + groups[1].offsets[item]
        assert partners[here].tolist() == expected.tolist()
        assert similarity[here].sum() == pytest.approx(one.similarity.sum())


def instances(boxes: Sequence[Box]) -> list[Instance]:
    return [Instance("i", "", "f", f"c{index % 2}", shape) for index, shape in enumerate(boxes)]


def columnar(items: Sequence[Sequence[Box]]) -> BoxGroups:
    flat = list(itertools.chain.from_iterable(items))
    offsets = np.concatenate([[0], np.cumsum([len(boxes) for boxes in items])]).astype(np.int64)
    classes = np.concatenate([np.arange(len(boxes)) % 2 for boxes in items]).astype(np.int64)
    return BoxGroups(corners_of(flat), offsets, classes)
