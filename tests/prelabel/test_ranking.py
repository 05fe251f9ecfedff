"""Active learning's scores against numbers worked out by hand, and the order they give."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labelmill_prelabel import clusters, ranking
from labelmill_prelabel.ranking import Ranked, Strategy

ROWS = np.array([[0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [1 / 3, 1 / 3, 1 / 3]])
NAMES = ["a", "b", "c"]


def scores(strategy: Strategy) -> list[float]:
    return ranking.scores(strategy, ROWS, ranking.chances(NAMES, 0)).tolist()


def test_entropy_is_in_nats_and_a_certain_class_adds_nothing():
    expected = [-(0.9 * math.log(0.9) + 0.1 * math.log(0.1)), 0.943348, math.log(3)]
    np.testing.assert_allclose(scores(Strategy.ENTROPY), expected, atol=1e-6)


def test_margin_is_one_less_the_gap():
    np.testing.assert_allclose(scores(Strategy.MARGIN), [0.2, 0.9, 1.0], atol=1e-12)


def test_least_confidence_is_one_less_the_likeliest():
    np.testing.assert_allclose(scores(Strategy.LEAST_CONFIDENCE), [0.1, 0.5, 2 / 3], atol=1e-12)


def test_a_random_rank_depends_on_seed_and_name_alone():
    together = ranking.chances(NAMES, 7)
    assert ranking.chances(["c"], 7)[0] == together[2]
    assert ranking.chances(NAMES, 8).tolist() != together.tolist()


@given(st.integers(-(2**63), 2**63 - 1))
def test_chances_are_in_the_unit_interval(seed: int):
    values = ranking.chances([str(number) for number in range(50)], seed)
    assert ((values >= 0) & (values < 1)).all()
    assert len(set(values.tolist())) == 50


def test_the_best_come_first_and_ties_are_broken_the_same_way_each_time():
    ties = ranking.chances(["x", "y", "z"], 1)
    ranked = ranking.best(np.array([0.5, 0.9, 0.5]), ties, 3)
    assert ranked[0] == Ranked(1, 0.9)
    assert [one.index for one in ranked[1:]] == sorted([0, 2], key=lambda index: -ties[index])
    assert ranking.best(np.array([0.5, 0.9, 0.5]), ties, 1) == ranked[:1]


def test_diversity_takes_the_most_uncertain_of_each_cluster_first():
    corners = np.array([[0, 0], [10, 0], [0, 10]], dtype=np.float32)
    embeddings = np.concatenate([corners[[0, 0, 0]], corners[[1]], corners[[2]]]) + 0.01
    shortlist = [Ranked(index, 1 - index / 10) for index in range(5)]
    chosen = ranking.take_turns(shortlist, embeddings, 3, seed=0)
    assert [one.index for one in chosen] == [0, 3, 4], "one of each corner, though the first corner has the top three"


def test_diversity_returns_as_many_as_asked_when_there_are_fewer_clusters():
    embeddings = np.ones((6, 3), dtype=np.float32)
    shortlist = [Ranked(index, 1.0) for index in range(6)]
    assert len(ranking.take_turns(shortlist, embeddings, 4, seed=-5)) == 4


def test_k_means_finds_separate_blobs():
    generator = np.random.default_rng(3)
    blobs = [generator.normal(centre, 0.1, size=(40, 2)) for centre in ((0, 0), (5, 5), (-5, 5))]
    labels = clusters.assign(np.concatenate(blobs).astype(np.float32), 3, seed=1)
    groups = [set(labels[start : start + 40].tolist()) for start in (0, 40, 80)]
    assert all(len(group) == 1 for group in groups)
    assert len(set.union(*groups)) == 3
