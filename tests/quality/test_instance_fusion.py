"""One shape from several, for each kind of shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, Weighting
from labelmill_quality.instances.kinds import KINDS
from labelmill_quality.instances.staple import Options, Votes, staple
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.outlines import outlines
from labelmill_quality.shapes.values import (
    Box,
    Keypoints,
    Mask,
    Polygon,
    Polyline,
    Shape,
    TextSpan,
    TimeSegment,
    Visibility,
)
from tests.quality.drawing import box, keypoints, mask, polygon, polyline

RELIABILITY, EQUAL = Weighting.RELIABILITY, Weighting.EQUAL
SPREADS = (0.8, 1.0, 2.5)


def fused(objects: Sequence[Sequence[Shape]], weighting: Weighting = RELIABILITY) -> Fused:
    """The objects, each drawn by labelers 0, 1, 2 ..."""
    shapes: list[Any] = [shape for members in objects for shape in members]
    labelers = np.concatenate([np.arange(len(members)) for members in objects])
    clusters = Clusters.of(np.repeat(np.arange(len(objects)), [len(members) for members in objects]))
    fuse = next(kind.fuse for kind in KINDS if isinstance(shapes[0], kind.shape))
    return fuse(shapes, labelers, int(labelers.max()) + 1, clusters, weighting)


def disk(x: float, y: float, radius: float) -> Mask:
    down, across = np.mgrid[:80, :100]
    return mask((across - x) ** 2 + (down - y) ** 2 <= radius**2)


EXAMPLES: dict[str, Shape] = {
    "box": box(10.1, 20.7, 30.3, 17.9),
    "rotated box": box(10.1, 20.7, 30.3, 17.9, 33.3),
    "polygon": polygon([(10, 10), (60, 12), (55, 50), (30, 33), (12, 48)]),
    "polygon with a hole": polygon([(10, 10), (60, 10), (60, 60), (10, 60)], [(20, 20), (40, 20), (40, 40)]),
    "polyline": polyline((5, 5), (20, 30), (70, 35)),
    "keypoints": keypoints(nose=(10, 10), ear=(30.5, 12.25), tail=(60, 50)),
    "mask": disk(40, 40, 15),
    "span": TextSpan(12, 19),
    "segment": TimeSegment(1200.5, 1900.25, 1),
}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("members", [1, 2, 3])
def test_perfect_agreement_returns_the_very_shape(name: str, members: int) -> None:
    shape = EXAMPLES[name]
    (answer,) = fused([[shape] * members]).shapes
    if isinstance(shape, Mask):
        assert isinstance(answer, Mask)
        assert answer.counts.tolist() == shape.counts.tolist()
    elif isinstance(shape, Keypoints):
        assert isinstance(answer, Keypoints)
        assert (answer.names, answer.points.tolist()) == (shape.names, shape.points.tolist())
        assert (answer.visibility == shape.visibility).all()
    else:
        assert answer is shape or answer == shape


def jittered(shape: Shape, spread: float, generator: np.random.Generator) -> Shape:
    match shape:
        case Box():
            left, top, width, height = np.array([shape.left, shape.top, shape.width, shape.height]) + generator.normal(
                0, spread, 4
            )
            return Box(left, top, width, height, shape.rotation_degrees + generator.normal(0, spread) * 0, shape.size)
        case Polygon():
            # Smooth errors, as of hands: the whole outline is drawn wider here and tighter there.
            centre = shape.exterior.mean(axis=0)
            angle = np.arctan2(*(shape.exterior - centre).T[::-1])
            waves = generator.normal(0, spread / 1.7, (3, 2))
            wide = sum(waves[k, 0] * np.cos(k * angle) + waves[k, 1] * np.sin(k * angle) for k in range(3))
            outward = (shape.exterior - centre) / np.hypot(*(shape.exterior - centre).T)[:, None]
            return Polygon(shape.exterior + outward * np.asarray(wide)[:, None], (), shape.size)
        case Polyline():
            return Polyline(shape.points + generator.normal(0, spread, shape.points.shape), shape.size)
        case Keypoints():
            moved = shape.points + generator.normal(0, spread, shape.points.shape)
            return Keypoints(shape.names, moved, shape.visibility, shape.size)
        case TimeSegment():
            start, end = np.array([shape.start_ms, shape.end_ms]) + generator.normal(0, spread, 2)
            return TimeSegment(start, end, shape.channel)
    raise TypeError(shape)


def circle_polygon(radius: float) -> Polygon:
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return polygon(list(zip(50 + radius * np.cos(angle), 40 + radius * np.sin(angle), strict=True)))


WITH_ERRORS: dict[str, Callable[[float], Shape]] = {
    "box": lambda size: box(20, 20, 20 + size, 20),
    "rotated box": lambda size: box(20, 20, 20 + size, 12, 25),
    "polygon": lambda size: circle_polygon(12 + size),
    "polyline": lambda size: polyline((5, 5), (20, 30 + size), (70, 35)),
    "keypoints": lambda size: keypoints(nose=(10, 10), ear=(30 + size, 12), tail=(60, 50)),
    "segment": lambda size: TimeSegment(100, 120 + size),
}


@pytest.mark.parametrize("name", WITH_ERRORS)
def test_what_is_fused_is_nearer_to_the_truth_than_any_labeler_and_the_medoid(name: str) -> None:
    generator = np.random.default_rng(3)
    truths = [WITH_ERRORS[name](float(size)) for size in generator.random(150) * 10]
    drawn = [[jittered(truth, spread, generator) for spread in SPREADS] for truth in truths]
    answers = fused(drawn).shapes

    def likeness(shapes: Sequence[Shape]) -> float:
        return float(np.mean([similarities([a], [b])[0, 0] for a, b in zip(shapes, truths, strict=True)]))

    medoids = [members[int(similarities(members, members).sum(axis=0).argmax())] for members in drawn]
    ours = likeness(answers)
    assert ours > max(likeness([members[labeler] for members in drawn]) for labeler in range(3))
    assert ours > likeness(medoids)
    assert ours > likeness(fused(drawn, EQUAL).shapes)


def test_masks_fused_by_staple_are_nearer_to_the_truth_than_any_labeler_and_as_near_as_the_majority() -> None:
    generator = np.random.default_rng(4)
    drawn, truths = [], []
    for _ in range(60):
        x, y, radius = generator.random(3) * [20, 20, 6] + [40, 30, 12]
        truths.append(disk(x, y, radius))
        members = [disk(*np.array([x, y, radius]) + generator.normal(0, spread, 3)) for spread in (1, 1.2, 4)]
        drawn.append(members)

    def likeness(masks: Sequence[Shape]) -> float:
        return float(np.mean([similarities([a], [b])[0, 0] for a, b in zip(masks, truths, strict=True)]))

    result = fused(drawn)
    ours = likeness(result.shapes)
    assert ours > max(likeness([members[labeler] for members in drawn]) for labeler in range(3))
    assert ours >= likeness(fused(drawn, EQUAL).shapes) - 0.005
    assert result.pixels is not None
    assert result.pixels.specificity.argmin() == 2


def test_staple_equals_simpleitks() -> None:
    """SimpleITK 2.5.7's STAPLEImageFilter on these masks; it stops at a change of some 1e-6."""
    down, across = np.mgrid[:24, :32]
    masks = [
        (across - 15) ** 2 + (down - 12) ** 2 <= 49,
        (across - 16) ** 2 + (down - 12) ** 2 <= 64,
        (across >= 9) & (across < 22) & (down >= 5) & (down < 18),
        (across - 13) ** 2 + (down - 11) ** 2 <= 36,
    ]
    patterns, which = np.unique(np.stack([one.ravel() for one in masks], axis=1), axis=0, return_inverse=True)
    pixels = np.bincount(which.ravel()).astype(float)
    votes = Votes(
        np.zeros(len(pixels), np.int64),
        pixels,
        np.repeat(np.arange(len(pixels)), 4),
        np.tile(np.arange(4), len(pixels)),
        patterns.ravel(),
        4,
    )
    found = staple(votes, Options(pseudo_right=0, pseudo_wrong=0, max_iterations=500, tolerance=1e-9))
    assert found.sensitivity == pytest.approx([0.89937264, 0.99999971, 0.93744970, 0.62169069], abs=2e-6)
    assert found.specificity == pytest.approx([1.0, 0.94798688, 0.97726868, 0.98339137], abs=2e-6)
    assert pixels @ found.posterior == pytest.approx(165.6710, abs=1e-3)
    assert pixels[found.posterior > 0.5].sum() == 167


def test_the_mean_mode_averages_boxes_as_sagemaker_does() -> None:
    drawn = [box(0, 0, 10, 10), box(2, 0, 10, 12), box(4, 3, 10, 8)]
    (answer,) = fused([drawn], EQUAL).shapes
    assert isinstance(answer, Box)
    assert (answer.left, answer.top, answer.width, answer.height) == pytest.approx((2, 1, 10, 10))


def test_rotated_boxes_are_averaged_around_the_circle_whatever_way_they_are_written() -> None:
    drawn = [box(20, 20, 30, 10, 178), box(20, 20, 30, 10, -178), box(30, 10, 10, 30, 90)]
    (answer,) = fused([drawn], EQUAL).shapes
    assert isinstance(answer, Box)
    assert answer.rotation_degrees % 180 == pytest.approx(0, abs=1e-9)
    assert (answer.width, answer.height) == pytest.approx((30, 10))


def test_a_tiny_box_is_not_turned_inside_out_by_a_bias_that_is_taken_off() -> None:
    large = [[box(20, 20, 40, 40), box(20, 20, 40, 40), box(28, 20, 32, 40)] for _ in range(20)]
    tiny = Box(5, 5, 1, 1, 0, large[0][0].size)
    shapes = [shape for members in large for shape in members] + [tiny]
    clusters = Clusters.of(np.append(np.repeat(np.arange(20), 3), 20))
    kind = next(kind for kind in KINDS if kind.shape is Box)
    answer = kind.fuse(shapes, np.append(np.tile(np.arange(3), 20), 2), 3, clusters, RELIABILITY).shapes[20]
    assert isinstance(answer, Box)
    assert answer.width > 0
    assert answer.height > 0


def test_lines_drawn_the_other_way_are_turned_round() -> None:
    there, back = polyline((0, 0), (10, 0), (20, 10)), polyline((20, 12), (10, 2), (0, 2))
    (answer,) = fused([[there, back]], EQUAL).shapes
    assert isinstance(answer, Polyline)
    assert answer.points == pytest.approx(np.array([(0, 1), (10, 1), (20, 11)]), abs=0.1)


def test_a_labeler_who_draws_too_widely_is_corrected() -> None:
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(40):
        radius = 15 + 5 * generator.random()
        drawn.append(
            [circle_polygon(radius), circle_polygon(radius + generator.normal(0, 0.2)), circle_polygon(radius + 4)]
        )
    alone = [[circle_polygon(20.0)] * 2, [circle_polygon(20.0)]]
    result = fused(drawn + alone)
    assert result.labelers[0].bias[2] == pytest.approx(4, abs=0.3)
    areas = outlines([shape for shape in result.shapes if isinstance(shape, Polygon)])[0]
    first = outlines([members[0] for members in drawn if isinstance(members[0], Polygon)])[0]
    assert [area.area for area in areas[:40]] == pytest.approx([area.area for area in first], rel=0.03)


def test_polygons_that_touch_themselves_are_fused_as_the_area_that_they_enclose() -> None:
    bow = polygon([(10, 10), (40, 40), (40, 10), (10, 40)])
    square = polygon([(10, 10), (40, 10), (40, 40), (10, 40)])
    (answer,) = fused([[bow, square, square]]).shapes
    assert isinstance(answer, Polygon)
    (area,), (broken,) = outlines([answer])
    assert not broken
    assert area.area == pytest.approx(900, rel=0.1)


def test_the_visibility_of_a_keypoint_is_voted_on_and_absent_points_have_no_say_where_it_lies() -> None:
    seen, gone = keypoints(nose=(10, 10), ear=(30, 12)), keypoints(nose=(12, 10))
    covered = keypoints(Visibility.OCCLUDED, nose=(11, 10), ear=(34, 12))
    (answer,) = fused([[seen, gone, covered]], EQUAL).shapes
    assert isinstance(answer, Keypoints)
    assert answer.names == ("nose", "ear")
    assert answer.points == pytest.approx(np.array([(11, 10), (32, 12)]))
    assert answer.visibility.tolist() == [Visibility.VISIBLE, Visibility.VISIBLE]
    (lonely,) = fused([[seen, gone, gone]], EQUAL).shapes
    assert isinstance(lonely, Keypoints)
    assert lonely.visibility.tolist() == [Visibility.VISIBLE, Visibility.ABSENT]


def test_a_span_ends_where_a_labeler_said_and_systematic_offsets_are_understood() -> None:
    generator = np.random.default_rng(2)
    drawn, truths = [], []
    for _ in range(200):
        start = int(generator.integers(0, 300))
        end = start + int(generator.integers(5, 12))
        truths.append((start, end))
        sloppy = generator.integers(-2, 3, 2) if generator.random() < 0.7 else (0, 0)
        drawn.append(
            [
                TextSpan(start, end),
                TextSpan(start, end + 1),
                TextSpan(max(0, start + int(sloppy[0])), end + int(sloppy[1])),
            ]
        )
    result = fused(drawn)
    answers = [(shape.start, shape.end) for shape in result.shapes if isinstance(shape, TextSpan)]
    given = [{(span.start, span.end) for span in members if isinstance(span, TextSpan)} for members in drawn]
    assert all(s in {a for a, _ in g} and e in {b for _, b in g} for (s, e), g in zip(answers, given, strict=True))
    assert np.mean([answer[0] == truth[0] for answer, truth in zip(answers, truths, strict=True)]) == 1
    ends = result.labelers[1]
    assert ends.bias[1] - ends.bias[0] == pytest.approx(1, abs=0.02)
    assert ends.spread[2] > 5 * ends.spread[0] + 0.5
    assert max(len({end - truth[1]}) for (_, end), truth in zip(answers, truths, strict=True)) == 1


def test_spans_that_hardly_meet_still_give_a_span() -> None:
    (answer,) = fused([[TextSpan(0, 10), TextSpan(9, 20)]]).shapes
    assert isinstance(answer, TextSpan)
    assert answer.start < answer.end


def test_a_crowd_of_more_than_64_paints_one_mask() -> None:
    members = [disk(40 + place % 3 - 1, 40, 15) for place in range(69)]
    (answer,) = fused([members]).shapes
    assert similarities([answer], [disk(40, 40, 15)])[0, 0] > 0.995


def test_skeletons_without_a_point_that_half_of_the_labelers_see_stay_as_the_first_drew_them() -> None:
    drawn = [keypoints(nose=(10, 10)), keypoints(ear=(10, 10)), keypoints(tail=(10, 10))]
    (answer,) = fused([drawn]).shapes
    assert answer is drawn[0]
