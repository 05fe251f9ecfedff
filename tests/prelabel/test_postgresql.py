"""The whole of prelabel on PostgreSQL; the other tests run on SQLite."""

from pathlib import Path

import pytest

from labelmill.prelabel.v1 import service_pb2
from tests.prelabel.prelabel_server import ENCODER, MODEL, PARENT, prelabel_server
from tests.support.postgres import new_database


async def test_deploying_predicting_listing_and_ranking_work_on_postgresql(tmp_path: Path, postgres_url: str):
    async with prelabel_server(tmp_path / "data", tmp_path, database_url=new_database(postgres_url)) as server:
        await server.deploy_encoder()
        await server.deploy_classifier()
        assert (await server.deploy_classifier(turn=1)).version == 2
        names = server.assets.put("good", "bad", "good bad", "so")
        api = server.client.prelabel
        for predicted, skipped in ((4, 0), (0, 4)):
            operation = await api.predict_assets(service_pb2.PredictAssetsRequest(model=MODEL))
            result = await operation.result(timeout_s=60)
            assert (result.predicted_count, result.skipped_count) == (predicted, skipped)
        listed = service_pb2.ListPredictionsRequest(parent=PARENT, page_size=3, filter="confidence > 0.5")
        assert names[0] in [one.asset async for one in api.list_predictions(listed)]
        kept = await api.batch_get_predictions(service_pb2.BatchGetPredictionsRequest(parent=PARENT, assets=names))
        assert [one.asset for one in kept.predictions] == names
        models = [one.name async for one in api.list_served_models(service_pb2.ListServedModelsRequest(parent=PARENT))]
        assert models == [ENCODER, MODEL]
        request = service_pb2.RankAssetsRequest(model=MODEL, strategy="STRATEGY_DIVERSE_MARGIN", limit=2)
        ranking = await (await api.rank_assets(request)).result(timeout_s=60)
        assert len(ranking.assets) == 2
        assert ranking.assets[0].score == pytest.approx(max(one.score for one in ranking.assets))
