"""Shapes that a detector gives reason to doubt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality.errors import TooManyInstances
from labelmill_quality.label_errors.shape_doubts import Wrong, doubt_shapes
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Box, ImageSize, TextSpan


def box(class_name: str, x: float, y: float = 0, *, size: float = 10, confidence: float | None = None, index: int = 0):  # type: ignore[no-untyped-def]
    return Instance(
        "asset",
        "",
        "objects",
        class_name,
        Box(x, y, size, size, 0, ImageSize(200, 100)),
        confidence=confidence,
        index=index,
    )


def found(ours: list[Instance], theirs: list[Instance]) -> list[tuple[Wrong, float]]:
    return [(issue.wrong, round(issue.score, 3)) for issue in doubt_shapes(ours, theirs)]


def test_what_the_detector_sees_as_it_is_annotated_is_not_doubted() -> None:
    assert found([box("cat", 0)], [box("cat", 1, confidence=0.99)]) == []
    assert found([box("cat", 0)], []) == []


def test_an_object_that_nobody_annotated_is_overlooked_once() -> None:
    seen = [box("cat", 0, confidence=0.95), box("cat", 50, confidence=0.96), box("cat", 51, confidence=0.99, index=2)]
    issues = doubt_shapes([box("cat", 0)], seen)
    assert [(issue.wrong, issue.given, issue.seen.index) for issue in issues] == [(Wrong.OVERLOOKED, None, 2)]
    assert issues[0].score == pytest.approx(0.01)


def test_the_same_object_with_another_class_has_the_wrong_class() -> None:
    assert found([box("cat", 0)], [box("dog", 0, confidence=0.95)]) == [(Wrong.WRONG_CLASS, 0.05)]
    # Not so where the detector sees the annotated class there, too, however unsure.
    both = [box("dog", 0, confidence=0.95), box("cat", 0, confidence=0.3)]
    assert found([box("cat", 0)], both) == []


def test_an_object_of_the_class_that_overlaps_too_little_is_badly_placed() -> None:
    assert found([box("cat", 0)], [box("cat", 5, confidence=0.95)]) == [(Wrong.BADLY_PLACED, 0.333)]
    # Not so where the prediction is another annotation's.
    assert found([box("cat", 0), box("cat", 5)], [box("cat", 5, confidence=0.95)]) == []


def test_unsure_predictions_raise_no_doubt() -> None:
    seen = [box("dog", 0, confidence=0.6), box("cat", 5, confidence=0.6), box("cat", 50, confidence=0.6)]
    assert found([box("cat", 0)], seen) == []


def test_features_and_items_are_apart_and_spans_are_shapes_too() -> None:
    ours = [Instance("a", "", "name", "person", TextSpan(0, 10), index=0)]
    theirs = [
        Instance("a", "", "place", "person", TextSpan(0, 10), confidence=0.99, index=0),
        Instance("b", "", "name", "person", TextSpan(0, 10), confidence=0.98, index=1),
        Instance("a", "", "name", "city", TextSpan(0, 10), confidence=0.97, index=2),
    ]
    issues = doubt_shapes(ours, theirs)
    assert [(issue.wrong, issue.seen.index) for issue in issues] == [
        (Wrong.OVERLOOKED, 0),
        (Wrong.OVERLOOKED, 1),
        (Wrong.WRONG_CLASS, 2),
    ]


def test_an_item_of_too_many_shapes_is_refused() -> None:
    with pytest.raises(TooManyInstances):
        doubt_shapes([box("cat", 0)] * 3000, [box("cat", 0)])


@given(st.integers(0, 2**32))
def test_the_order_of_shapes_does_not_matter_and_every_annotation_has_one_issue_at_most(seed: int) -> None:
    random = np.random.default_rng(seed)

    def drawn(count: int) -> list[Instance]:
        places = random.integers(0, 40, (count, 2))
        return [
            box("ab"[row % 2], float(x), float(y), confidence=float(random.random()) ** 0.2, index=row)
            for row, (x, y) in enumerate(places)
        ]

    ours, theirs = drawn(6), drawn(8)
    issues = doubt_shapes(ours, theirs)
    doubted = [issue.given.index for issue in issues if issue.given is not None]
    assert len(doubted) == len(set(doubted))
    assert all(0 <= issue.score <= 1 for issue in issues)
    again = doubt_shapes(ours, [theirs[place] for place in random.permutation(8)])
    assert {(issue.wrong, issue.seen.index) for issue in again if issue.wrong is Wrong.WRONG_CLASS} == {
        (issue.wrong, issue.seen.index) for issue in issues if issue.wrong is Wrong.WRONG_CLASS
    }
