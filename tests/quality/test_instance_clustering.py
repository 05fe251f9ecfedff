"""Which shapes are one object."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from labelmill_quality.instances.clustering import Clusters, Pairs, cluster, objective

THRESHOLD = 0.4


def pairs_of(labelers: np.ndarray, similarity: np.ndarray) -> Pairs:
    first, second = np.nonzero(np.triu(labelers[:, None] != labelers[None, :], 1))
    values = similarity[first, second]
    return Pairs(first[values > 0], second[values > 0], values[values > 0])


def best_of_all(labelers: np.ndarray, similarity: np.ndarray) -> float:
    """The largest objective, by trying every clustering."""

    def place(row: int, clusters: list[list[int]]) -> float:
        if row == len(labelers):
            together = [pair for members in clusters for pair in itertools.combinations(members, 2)]
            return sum(similarity[pair] - THRESHOLD for pair in together)
        best = -np.inf
        for number in range(len(clusters) + 1):
            grown = [*map(list, clusters), []] if number == len(clusters) else [*map(list, clusters)]
            if all(labelers[member] != labelers[row] for member in grown[number]):
                grown[number].append(row)
                best = max(best, place(row + 1, grown))
        return best

    return place(0, [])


@st.composite
def scenes(draw: st.DrawFn, most_labelers: int) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(1, 8))
    labelers = np.array(draw(st.lists(st.integers(0, most_labelers - 1), min_size=count, max_size=count)))
    seed = draw(st.integers(0, 10_000))
    similarity = np.triu(np.random.default_rng(seed).random((count, count)).round(3), 1)
    return labelers, similarity


@given(scenes(2))
@settings(max_examples=60, deadline=None)
def test_two_labelers_are_matched_optimally(scene: tuple[np.ndarray, np.ndarray]) -> None:
    labelers, similarity = scene
    pairs = pairs_of(labelers, similarity)
    both = similarity + similarity.T
    gains = np.maximum(both[np.ix_(labelers == 0, labelers == 1)] - THRESHOLD, 0)
    rows, columns = linear_sum_assignment(-gains)
    assert objective(labelers, pairs, THRESHOLD, cluster(labelers, pairs, THRESHOLD)) == pytest.approx(
        gains[rows, columns].sum()
    )


@given(scenes(4))
@settings(max_examples=60, deadline=None)
def test_no_cluster_holds_two_shapes_of_one_labeler_and_none_beats_the_best(
    scene: tuple[np.ndarray, np.ndarray],
) -> None:
    labelers, similarity = scene
    pairs = pairs_of(labelers, similarity)
    clusters = cluster(labelers, pairs, THRESHOLD)
    reached, best = objective(labelers, pairs, THRESHOLD, clusters), best_of_all(labelers, similarity)
    assert sorted(clusters.members) == list(range(len(labelers)))
    assert -1e-9 <= reached <= best + 1e-9


def test_clusters_of_three_labelers_are_nearly_always_the_best_there_are() -> None:
    generator = np.random.default_rng(5)
    lost, possible, missed = 0.0, 0.0, 0
    for _ in range(60):
        labelers = generator.integers(0, 3, 7)
        similarity = np.triu(generator.random((7, 7)), 1)
        pairs = pairs_of(labelers, similarity)
        best = best_of_all(labelers, similarity)
        gap = best - objective(labelers, pairs, THRESHOLD, cluster(labelers, pairs, THRESHOLD))
        lost, possible, missed = lost + gap, possible + best, missed + (gap > 1e-9)
    assert missed <= 6  # similarities without any geometry are the hardest there are
    assert lost < 0.01 * possible


@given(scenes(4), st.permutations(range(4)))
@settings(max_examples=60, deadline=None)
def test_renaming_labelers_changes_nothing(scene: tuple[np.ndarray, np.ndarray], names: list[int]) -> None:
    labelers, similarity = scene
    renamed = np.array(names)[labelers]
    ours = cluster(labelers, pairs_of(labelers, similarity), THRESHOLD)
    theirs = cluster(renamed, pairs_of(renamed, similarity), THRESHOLD)
    assert ours.members.tolist() == theirs.members.tolist()
    assert ours.starts.tolist() == theirs.starts.tolist()


def test_a_chain_is_not_one_object() -> None:
    """a is like b, b like c, but a is nothing like c: single-link clusters would hold all three."""
    labelers = np.array([0, 1, 2])
    pairs = Pairs(np.array([0, 1]), np.array([1, 2]), np.array([0.6, 0.5]))
    clusters = cluster(labelers, pairs, THRESHOLD)
    assert [clusters.members[a:b].tolist() for a, b in itertools.pairwise(clusters.starts)] == [[0, 1], [2]]


def test_a_duplicate_stays_alone() -> None:
    labelers = np.array([0, 0, 1, 2])
    similarity = np.array([0.9, 0.8, 0.85, 0.9, 0.8])
    pairs = Pairs(np.array([0, 0, 1, 2, 1]), np.array([2, 3, 2, 3, 3]), similarity)
    assert cluster(labelers, pairs, THRESHOLD).sizes.tolist() == [3, 1]


def test_of_nothing_there_are_no_clusters() -> None:
    empty = np.zeros(0, np.int64)
    assert len(cluster(empty, Pairs(empty, empty, np.zeros(0)), THRESHOLD)) == 0
    assert len(Clusters.of(empty)) == 0
