"""RankAssets over gRPC: what is left out, what comes first, and that asking again gives the same."""

from __future__ import annotations

import pytest

from labelmill.errors import InvalidArgument
from labelmill.prelabel.v1 import service_pb2
from tests.prelabel.prelabel_server import MODEL, Prelabel

TEXTS = ["good", "bad", "so", "good bad", "good bad so", "good bad bad bad", "so so so good"]


async def rank(server: Prelabel, strategy: str, limit: int = 3, **fields: object) -> service_pb2.RankAssetsResponse:
    request = service_pb2.RankAssetsRequest(model=MODEL, strategy=strategy, limit=limit, **fields)
    operation = await server.client.prelabel.rank_assets(request)
    return await operation.result(timeout_s=60)


def texts(server: Prelabel, response: service_pb2.RankAssetsResponse) -> list[str]:
    return [server.assets.contents[one.asset][0].decode() for one in response.assets]


@pytest.mark.parametrize(
    ("strategy", "first"),
    [
        ("STRATEGY_ENTROPY", ["good bad so"]),
        ("STRATEGY_LEAST_CONFIDENCE", ["good bad so"]),
        ("STRATEGY_MARGIN", ["good bad", "good bad so"]),
    ],
)
async def test_what_the_model_is_least_sure_of_comes_first(prelabel: Prelabel, strategy: str, first: list[str]):
    prelabel.assets.put(*TEXTS)
    response = await rank(prelabel, strategy, limit=7)
    assert set(texts(prelabel, response)[: len(first)]) == set(first)
    scores = [one.score for one in response.assets]
    assert scores == sorted(scores, reverse=True)
    assert (response.candidate_count, response.model_version) == (7, 1)


async def test_excluded_and_unreadable_assets_are_left_out(prelabel: Prelabel):
    names = prelabel.assets.put(*TEXTS)
    prelabel.assets.put(b"\xff")
    response = await rank(prelabel, "STRATEGY_MARGIN", limit=10, excluded_assets=names[3:5])
    assert {one.asset for one in response.assets} == {*names[:3], *names[5:]}
    assert response.candidate_count == 5


async def test_diversity_brings_other_kinds_than_the_most_uncertain_one(prelabel: Prelabel):
    prelabel.assets.put(*["good bad"] * 6, "good so", "bad so", "good", "bad", "so")
    plain = texts(prelabel, await rank(prelabel, "STRATEGY_MARGIN", limit=4))
    diverse = texts(prelabel, await rank(prelabel, "STRATEGY_DIVERSE_MARGIN", limit=4, seed=3))
    assert len(set(diverse)) == 4
    assert len(set(diverse)) > len(set(plain))


async def test_a_ranking_is_the_same_when_asked_again_and_another_for_another_seed(prelabel: Prelabel):
    prelabel.assets.put(*[f"good {number}" for number in range(40)])
    for strategy in ("STRATEGY_RANDOM", "STRATEGY_DIVERSE_MARGIN"):
        first = await rank(prelabel, strategy, limit=10, seed=5)
        again = await rank(prelabel, strategy, limit=10, seed=5)
        assert list(first.assets) == list(again.assets)
    other = await rank(prelabel, "STRATEGY_RANDOM", limit=10, seed=6)
    first = await rank(prelabel, "STRATEGY_RANDOM", limit=10, seed=5)
    assert [one.asset for one in other.assets] != [one.asset for one in first.assets]


async def test_a_random_rank_reads_no_content(prelabel: Prelabel):
    prelabel.assets.put(*TEXTS)
    assert len((await rank(prelabel, "STRATEGY_RANDOM", limit=100)).assets) == 7
    assert prelabel.assets.read_count == 0


async def test_nothing_to_rank_is_an_empty_ranking(prelabel: Prelabel):
    response = await rank(prelabel, "STRATEGY_ENTROPY")
    assert (len(response.assets), response.candidate_count) == (0, 0)


async def test_no_strategy_is_refused(prelabel: Prelabel):
    with pytest.raises(InvalidArgument):
        await rank(prelabel, "STRATEGY_UNSPECIFIED")
