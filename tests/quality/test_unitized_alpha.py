"""Agreement on stretches of lines, and on shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from labelmill_quality.agreement.krippendorff import krippendorff_alpha
from labelmill_quality.agreement.unitized import Lines, line_alpha
from labelmill_quality.instances.agreement import (
    Resampling,
    classes_alpha,
    shape_distance,
    shapes_alpha,
    stretches_alpha,
)
from labelmill_quality.instances.consensus import Options
from labelmill_quality.instances.errors import WrongShapes
from labelmill_quality.instances.seen import Seen
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Shape, TextSpan, TimeSegment
from tests.quality.drawing import box

Marked = list[tuple[int, int, int, int, int]]
"""item, labeler, class, start, end."""
LENGTH, LABELERS, ITEMS = 12, 3, 2


def lines_of(marked: Marked) -> Lines:
    items, labelers, classes, starts, ends = (np.array([row[i] for row in marked], np.int64) for i in range(5))
    return Lines(
        items,
        labelers,
        classes,
        starts.astype(float),
        ends.astype(float),
        np.full(ITEMS, float(LENGTH)),
        np.full(ITEMS, LABELERS, np.int64),
        3,
    )


def alpha_of_characters(marked: Marked) -> float | None:
    """Every code point as an item, the set of classes on it as what a labeler says."""
    said: dict[tuple[int, int, int], frozenset[int]] = {}
    for item, labeler, name, start, end in marked:
        for place in range(start, end):
            said[item, place, labeler] = said.get((item, place, labeler), frozenset()) | {name}
    values: dict[frozenset[int], int] = {}
    votes = sparse.lil_matrix((ITEMS * LENGTH, 9))
    for item in range(ITEMS):
        for place in range(LENGTH):
            for labeler in range(LABELERS):
                value = said.get((item, place, labeler), frozenset())
                votes[item * LENGTH + place, values.setdefault(value, len(values))] += 1
    return krippendorff_alpha(votes.tocsr(), replicates=2).value


marks = st.lists(
    st.tuples(
        st.integers(0, ITEMS - 1),
        st.integers(0, LABELERS - 1),
        st.integers(0, 2),
        st.integers(0, LENGTH - 1),
        st.integers(1, LENGTH),
    ).filter(lambda row: row[3] < row[4]),
    min_size=1,
    max_size=12,
)


@given(marks)
@settings(max_examples=80, deadline=None)
def test_the_sweep_over_boundaries_equals_alpha_over_code_points(marked: Marked) -> None:
    estimate, points = line_alpha(lines_of(marked), replicates=2)
    assert points == ITEMS * LENGTH
    expected = alpha_of_characters(marked)
    if expected is None:
        assert estimate.value is None
    else:
        assert estimate.value == pytest.approx(expected, abs=1e-9)


def test_without_classes_only_coverage_counts() -> None:
    marked = [(0, 0, 0, 2, 6), (0, 1, 1, 2, 6), (0, 2, 2, 2, 6)]
    assert line_alpha(lines_of(marked), classes=False, replicates=50)[0].value == pytest.approx(1)
    different = line_alpha(lines_of(marked), replicates=50)[0].value
    assert different is not None
    assert different < 1


def test_random_spans_agree_about_as_much_as_chance() -> None:
    generator = np.random.default_rng(0)
    drawn = []
    for item in range(150):
        for labeler in ("anna", "ben", "cleo"):
            starts = generator.integers(0, 90, 6).tolist()
            drawn += [Instance(f"{item}", labeler, "f", "x", TextSpan(start, start + 5)) for start in starts]
    seen = Seen.of((one.item, one.labeler) for one in drawn)
    lengths = {one.item: 100.0 for one in drawn}
    estimate, _ = stretches_alpha(drawn, seen, lengths, Resampling(200), classes=True)
    assert estimate.value is not None
    assert estimate.lower is not None
    assert estimate.upper is not None
    assert abs(estimate.value) < 0.03
    assert estimate.lower < estimate.value < estimate.upper


def test_what_nobody_marked_is_undefined_and_says_why() -> None:
    drawn = [Instance("i", "anna", "f", "x", TextSpan(0, 5)), Instance("i", "ben", "f", "x", TextSpan(0, 5))]
    seen = Seen.of((one.item, one.labeler) for one in drawn)
    everywhere, _ = stretches_alpha(drawn, seen, {}, Resampling(10), classes=True)
    assert everywhere.value is None
    assert "only one thing" in everywhere.undefined_reason
    alone, _ = stretches_alpha(drawn[:1], Seen.of([("i", "anna")]), {"i": 9.0}, Resampling(10), classes=True)
    assert alone.value is None


def test_a_labeler_who_marked_nothing_disagrees_with_those_who_did() -> None:
    drawn = [Instance("i", who, "f", "x", TextSpan(2, 5)) for who in ("anna", "ben")]
    both = Seen.of([("i", "anna"), ("i", "ben")])
    three = Seen.of([("i", "anna"), ("i", "ben"), ("i", "cleo")])
    agreed, _ = stretches_alpha(drawn, both, {"i": 10.0}, Resampling(10), classes=True)
    disputed, _ = stretches_alpha(drawn, three, {"i": 10.0}, Resampling(10), classes=True)
    assert agreed.value == pytest.approx(1)
    assert disputed.value is not None
    assert disputed.value < 0.7


def test_segments_of_different_channels_do_not_overlap() -> None:
    drawn = [
        Instance("i", "anna", "f", "x", TimeSegment(0, 50, 0)),
        Instance("i", "ben", "f", "x", TimeSegment(0, 50, 1)),
    ]
    seen = Seen.of((one.item, one.labeler) for one in drawn)
    estimate, points = stretches_alpha(drawn, seen, {"i": 100.0}, Resampling(10), classes=True)
    assert estimate.value is not None
    assert estimate.value < 0
    assert points == 200


def test_boxes_lie_in_no_line() -> None:
    drawn = [Instance("i", "anna", "f", "x", box(0, 0, 5, 5), index=4)]
    with pytest.raises(WrongShapes):
        stretches_alpha(drawn, Seen.of([("i", "anna")]), {}, Resampling(10), classes=True)


def test_two_lists_of_shapes_are_as_far_apart_as_their_matching_says() -> None:
    one, other = box(0, 0, 10, 10), box(5, 0, 10, 10)
    assert shape_distance([one], [one]) == 0
    assert shape_distance([one], [other]) == pytest.approx(2 / 3)
    assert shape_distance([one], [one, other]) == pytest.approx(1 / 2)
    assert shape_distance([one], []) == 1
    assert shape_distance([], []) == 0


def boxes(jitter: float, seed: int = 0) -> list[Instance]:
    generator = np.random.default_rng(seed)
    drawn = []
    for item in range(25):
        places = generator.random((2, 2)) * 50
        for labeler in ("anna", "ben"):
            for x, y in places + generator.normal(0, jitter, (2, 2)):
                shape: Shape = box(float(x), float(y), 20, 20)
                drawn.append(Instance(f"{item}", labeler, "f", "car" if x < 25 else "bus", shape))
    return drawn


def test_agreement_on_shapes_falls_as_hands_shake() -> None:
    values = []
    for jitter in (0.0, 3.0, 60.0):
        drawn = boxes(jitter)
        seen = Seen.of((one.item, one.labeler) for one in drawn)
        estimate, items = shapes_alpha(drawn, seen, Resampling(100))
        assert items == 25
        values.append(estimate.value)
    assert values[0] == pytest.approx(1)
    assert 0.95 > values[1] > 0.4
    assert abs(values[2]) < 0.2


def test_agreement_on_classes_is_about_objects_that_several_drew() -> None:
    drawn = boxes(0.0)
    seen = Seen.of((one.item, one.labeler) for one in drawn)
    estimate, objects = classes_alpha(drawn, seen, Options(), Resampling(50))
    assert (estimate.value, objects) == (pytest.approx(1), 50)
