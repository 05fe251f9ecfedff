"""Shapes: inside the image, with an area, with counts that add up."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from labelmill_annotation.geometry import SLACK_PX, area, corners, violations
from labelmill_annotation.statements import Box, ImageSize, Keypoint, Keypoints, Mask, Polygon, Polyline

SIZE = ImageSize(640, 480)
sizes = st.builds(ImageSize, st.integers(1, 300), st.integers(1, 300))
inside = st.tuples(st.floats(0, 640), st.floats(0, 480))


@given(left=st.floats(0, 600), top=st.floats(0, 440), width=st.floats(0.1, 40), height=st.floats(0.1, 40))
def test_an_upright_box_in_the_image_is_fine(left: float, top: float, width: float, height: float) -> None:
    assert list(violations(Box(left, top, width, height, 0, SIZE))) == []


@given(left=st.floats(-700, 700), top=st.floats(-500, 500), width=st.floats(0.1, 700), height=st.floats(0.1, 500))
def test_a_box_is_refused_exactly_when_it_leaves_the_image(
    left: float, top: float, width: float, height: float
) -> None:
    leaves = (
        left < -SLACK_PX
        or top < -SLACK_PX
        or left + width > SIZE.width + SLACK_PX
        or top + height > SIZE.height + SLACK_PX
    )
    margin = min(abs(value) for value in (left, top, left + width - SIZE.width, top + height - SIZE.height))
    if margin > 2 * SLACK_PX:
        assert bool(list(violations(Box(left, top, width, height, 0, SIZE)))) is leaves


@given(st.floats(-360, 360), st.floats(1, 100), st.floats(1, 100))
def test_rotation_keeps_size_and_centre(degrees: float, width: float, height: float) -> None:
    ring = corners(Box(100, 100, width, height, degrees, SIZE))
    assert abs(area(ring) - width * height) < 1e-6 * width * height
    assert abs(sum(x for x, _ in ring) / 4 - (100 + width / 2)) < 1e-9
    assert abs(sum(y for _, y in ring) / 4 - (100 + height / 2)) < 1e-9


def test_a_quarter_turn_is_clockwise_on_screen() -> None:
    first, second, *_ = corners(Box(100, 100, 40, 20, 90, SIZE))
    assert abs(first[0] - 130) < 1e-9
    assert abs(first[1] - 90) < 1e-9
    assert abs(second[1] - 130) < 1e-9


@given(sizes, st.data())
def test_a_mask_whose_runs_cover_the_image_is_fine_and_any_other_is_not(size: ImageSize, data: st.DataObject) -> None:
    pixels = size.width * size.height
    cuts = sorted(data.draw(st.sets(st.integers(0, pixels), max_size=20)))
    edges = [0, *cuts, pixels]
    counts = [after - before for before, after in pairwise(edges)]
    found = list(violations(Mask(counts, size)))
    assert bool(found) is (sum(counts[1::2]) == 0)
    wrong = [*counts, data.draw(st.integers(1, 1000))]
    assert [path for path, _ in violations(Mask(wrong, size))] == ["counts"]


@given(st.lists(inside, min_size=3, max_size=20, unique=True))
def test_a_polygon_in_the_image_is_refused_only_for_lack_of_area(points: list[tuple[float, float]]) -> None:
    found = list(violations(Polygon(points, [], SIZE)))
    assert bool(found) is (area(points) <= 0)


def test_polygons_that_make_no_sense_name_the_part() -> None:
    square = [(10.0, 10.0), (100.0, 10.0), (100.0, 100.0), (10.0, 100.0)]
    hole = [(20.0, 20.0), (30.0, 20.0), (30.0, 30.0)]
    assert list(violations(Polygon(square, [hole], SIZE))) == []
    flat = [(10.0, 10.0), (20.0, 20.0), (30.0, 30.0)]
    far = [(200.0, 20.0), (230.0, 20.0), (230.0, 30.0)]
    out = [(10.0, 10.0), (900.0, 10.0), (100.0, 100.0)]
    assert [path for path, _ in violations(Polygon(flat, [], SIZE))] == ["exterior"]
    assert [path for path, _ in violations(Polygon(square, [hole, far], SIZE))] == ["holes[1]"]
    assert [path for path, _ in violations(Polygon(out, [], SIZE))] == ["exterior.points[1]"]
    assert [path for path, _ in violations(Polygon(square[:2], [], SIZE))] == ["exterior.points"]


def test_lines_and_keypoints() -> None:
    assert list(violations(Polyline([(0.0, 0.0), (640.0, 480.0)], SIZE))) == []
    assert [path for path, _ in violations(Polyline([(1.0, 1.0), (1.0, 1.0)], SIZE))] == ["points"]
    elbow, absent = Keypoint("elbow", (10.0, 10.0), False), Keypoint("knee", (-1.0, -1.0), True)
    assert list(violations(Keypoints([elbow, absent], SIZE))) == []
    outside = Keypoint("knee", (-1.0, -1.0), False)
    assert [p for p, _ in violations(Keypoints([elbow, outside, elbow], SIZE))] == [
        "keypoints[1].point",
        "keypoints[2].keypoint_name",
    ]
