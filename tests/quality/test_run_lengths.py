"""Masks on run lengths: the same as on pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality.shapes.run_lengths import MaskBatch, common, majority, mask_ious, union, voted
from labelmill_quality.shapes.values import ImageSize, Mask
from tests.quality.drawing import mask, pixel_arrays, pixels_of, unhurried

some_arrays = st.lists(pixel_arrays, min_size=1, max_size=5)


def split(value: Mask) -> Mask:
    """The same pixels with runs of length 0 in between, as some tools write them."""
    counts = [part for count in value.counts.tolist() for part in (count // 2, 0, count - count // 2)]
    return Mask(np.array(counts, np.uint32), value.size)


@unhurried
@given(some_arrays)
def test_a_majority_is_that_of_the_pixels(arrays: list[np.ndarray]) -> None:
    votes = np.sum(arrays, axis=0)
    expected = votes * 2 > len(arrays)
    for masks in ([mask(array) for array in arrays], [split(mask(array)) for array in arrays]):
        found = majority(masks)
        np.testing.assert_array_equal(pixels_of(found), expected)
        assert int(found.counts.sum()) == found.size.pixels
    np.testing.assert_array_equal(pixels_of(union(masks)), votes > 0)
    np.testing.assert_array_equal(pixels_of(common(masks)), votes == len(arrays))


@unhurried
@given(some_arrays, st.lists(st.integers(1, 9), min_size=5, max_size=5))
def test_weights_count(arrays: list[np.ndarray], weights: list[int]) -> None:
    weighing = np.array(weights[: len(arrays)])
    weight = np.tensordot(weighing, np.array(arrays), 1)
    masks = [mask(array) for array in arrays]
    np.testing.assert_array_equal(pixels_of(majority(masks, weights=weighing)), weight * 2 > weighing.sum())
    np.testing.assert_array_equal(pixels_of(voted(masks, 5, weighing)), weight >= 5)


@unhurried
@given(some_arrays, some_arrays)
def test_overlaps_areas_and_bounds_are_those_of_the_pixels(left: list[np.ndarray], right: list[np.ndarray]) -> None:
    batches = [MaskBatch.of([mask(array) for array in arrays]) for arrays in (left, right)]
    ious = mask_ious(*batches)
    for i, one in enumerate(left):
        rows, columns = np.nonzero(one)
        bounds = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else [0, 0, 0, 0]
        assert (batches[0].areas[i], batches[0].bounds[i].tolist()) == (one.sum(), bounds)
        for j, other in enumerate(right):
            assert ious[i, j] == pytest.approx((one & other).sum() / max((one | other).sum(), 1))


def test_a_majority_is_one_run_after_another_without_gaps() -> None:
    found = majority([Mask(np.array([2, 3, 0, 4, 1], np.uint32), ImageSize(5, 2))])
    assert found.counts.tolist() == [2, 7, 1]


def test_half_is_no_majority() -> None:
    full, empty = mask(np.ones((2, 2), bool)), mask(np.zeros((2, 2), bool))
    assert majority([full, empty]).counts.tolist() == [4]


def test_masks_of_different_images_have_nothing_in_common() -> None:
    small, large = mask(np.ones((2, 2), bool)), mask(np.ones((3, 2), bool))
    with pytest.raises(ValueError, match="one size"):
        majority([small, large])
    with pytest.raises(ValueError, match="one size"):
        mask_ious(MaskBatch.of([small]), MaskBatch.of([large]))
