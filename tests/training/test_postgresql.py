"""The registry on a real PostgreSQL behaves as on SQLite."""

from __future__ import annotations

import asyncio
from pathlib import Path

from labelmill.training.v1 import service_pb2
from tests.training.conftest import MODEL, PARENT, serving
from tests.training.fakes import FakeTrainer


async def test_jobs_and_promotions_at_once_agree_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    async with serving(tmp_path / "data", trainer=FakeTrainer(), database_url=postgres_url) as training:
        calls = training.client.training
        jobs = await asyncio.gather(*(training.train() for _ in range(3)))
        assert sorted(job.model_version for job in jobs) == [f"{MODEL}/versions/{number}" for number in (1, 2, 3)]
        await asyncio.gather(
            *(
                calls.promote_model_version(service_pb2.PromoteModelVersionRequest(name=job.model_version))
                for job in jobs * 2
            )
        )
        page = await calls.list_models.page(service_pb2.ListModelsRequest(parent=PARENT))
        assert page.models[0].promoted_version == training.models.deployed[-1].model_version
        request = service_pb2.ListModelVersionsRequest(parent=MODEL, page_size=2)
        assert [version.name[-1] async for version in calls.list_model_versions(request)] == ["3", "2", "1"]
