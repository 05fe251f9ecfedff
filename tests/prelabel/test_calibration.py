"""Logits to probabilities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelmill_prelabel.calibration import probabilities


def test_temperature_flattens_and_keeps_the_order():
    logits = np.array([[2.0, 1.0, 0.0]])
    sharp, flat = probabilities(logits, 1.0)[0], probabilities(logits, 4.0)[0]
    np.testing.assert_allclose(sharp, np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum())
    np.testing.assert_allclose(flat, np.exp([0.5, 0.25, 0]) / np.exp([0.5, 0.25, 0]).sum())
    assert sharp.max() > flat.max()
    assert list(np.argsort(sharp)) == list(np.argsort(flat))


@given(arrays(np.float32, (4, 3), elements=st.floats(-(2.0**99), 2.0**99, width=32)), st.floats(0.01, 100))
def test_rows_sum_to_one_whatever_the_logits(logits: np.ndarray, temperature: float):
    rows = probabilities(logits, temperature)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1.0)
