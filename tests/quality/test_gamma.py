"""Gamma of annotated lines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from labelmill_quality.agreement import gamma as module
from labelmill_quality.agreement.gamma import MarkedItem, Marks, TooManyAlignments, gamma


def marks(*rows: tuple[float, float, int]) -> Marks:
    starts, ends, classes = zip(*rows, strict=True) if rows else ((), (), ())
    return Marks(np.array(starts, float), np.array(ends, float), np.array(classes, np.int64))


def some(seed: int, jitter: float, labelers: int = 3, count: int = 5) -> MarkedItem:
    generator = np.random.default_rng(seed)
    starts = np.sort(generator.random(count)) * 180
    drawn = []
    for _ in range(labelers):
        begin = starts + generator.normal(0, jitter, count)
        drawn.append(Marks(begin, begin + 12, np.arange(count) % 2))
    return MarkedItem(drawn, 200.0)


def test_perfect_agreement_is_one_and_random_marks_are_about_zero() -> None:
    assert gamma([some(seed, 0.0) for seed in range(3)], shuffles=5, replicates=50).value == pytest.approx(1)
    generator = np.random.default_rng(0)
    items = []
    for _ in range(25):
        starts = generator.random((3, 5)) * 188
        items.append(MarkedItem([Marks(begin, begin + 12, generator.integers(0, 2, 5)) for begin in starts], 200.0))
    random = gamma(items, shuffles=10, replicates=100)
    assert random.value is not None
    assert abs(random.value) < 0.12


def test_agreement_falls_as_marks_are_moved_and_has_an_interval() -> None:
    estimates = [gamma([some(seed, jitter) for seed in range(8)], shuffles=8, replicates=100) for jitter in (1, 4)]
    near, far = (estimate.value for estimate in estimates)
    assert near is not None
    assert far is not None
    assert 1 > near > far > 0.2
    assert estimates[0].lower is not None
    assert estimates[0].lower < near


def test_two_labelers_are_aligned_as_by_an_optimal_assignment() -> None:
    for seed in range(10):
        one, other = some(seed, 6.0, labelers=2, count=6).labelers
        distances = module._distances([one, other])[:6, 6:]
        padded = np.ones((12, 12))  # a mark alone costs 1
        padded[:6, :6], padded[6:, 6:] = distances, 0
        rows, columns = linear_sum_assignment(padded)
        assert module._disorder([one, other]) == pytest.approx(padded[rows, columns].sum())


def test_the_order_of_labelers_changes_nothing() -> None:
    item = some(3, 5.0)
    assert module._disorder(item.labelers) == pytest.approx(module._disorder(item.labelers[::-1]))


def test_a_different_class_costs_as_much_as_a_missing_mark() -> None:
    here = marks((0, 10, 0))
    assert module._disorder([here, marks((0, 10, 1))]) == pytest.approx(1)
    assert module._disorder([here, marks()]) == pytest.approx(1)
    assert module._disorder([here, marks((5, 15, 0))]) == pytest.approx(0.25)
    assert module._disorder([here, marks((20, 30, 0))]) == pytest.approx(2)


def test_what_nobody_marked_is_undefined() -> None:
    nothing = gamma([MarkedItem([marks(), marks()], 10.0), MarkedItem([marks((0, 5, 0))], 10.0)])
    assert nothing.value is None
    assert nothing.undefined_reason


def test_a_pile_of_marks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ALIGNMENTS", 10)
    with pytest.raises(TooManyAlignments):
        gamma([some(0, 1.0)])
