"""What EraseAssets takes out of prelabel."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.prelabel.v1 import service_pb2
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest, EraseAssetsResponse
from tests.prelabel.prelabel_server import ENCODER, MODEL, PARENT, Prelabel, prelabel_server
from tests.support.postgres import new_database


@pytest.fixture(params=["sqlite", "postgresql"])
async def server(request: pytest.FixtureRequest, deployed: Path, tmp_path: Path) -> AsyncIterator[Prelabel]:
    """With an encoder and a classifier."""
    if request.param == "sqlite":
        shutil.copytree(deployed, tmp_path / "data")
        async with prelabel_server(tmp_path / "data", tmp_path) as running:
            yield running
        return
    url = new_database(request.getfixturevalue("postgres_url"))
    async with prelabel_server(tmp_path / "data", tmp_path, database_url=url) as running:
        await running.deploy_encoder()
        await running.deploy_classifier()
        yield running


async def erase(server: Prelabel, *names: str, request_id: str = "") -> EraseAssetsResponse:
    return await server.client.prelabel.erase_assets(
        EraseAssetsRequest(parent=PARENT, names=names, request_id=request_id)
    )


async def predict(server: Prelabel) -> service_pb2.PredictAssetsResponse:
    operation = await server.client.prelabel.predict_assets(service_pb2.PredictAssetsRequest(model=MODEL))
    return await operation.result(timeout_s=60)


async def predicted(server: Prelabel) -> list[str]:
    listed = server.client.prelabel.list_predictions(service_pb2.ListPredictionsRequest(parent=PARENT))
    return sorted([one.asset async for one in listed])


async def reads_to_embed(server: Prelabel, *names: str) -> int:
    """How many contents had to be read to embed these assets: none of those that are remembered."""
    before = server.assets.read_count
    request = service_pb2.EmbedAssetsRequest(parent=PARENT, encoder=ENCODER, assets=names)
    await server.client.prelabel.embed_assets(request)
    return server.assets.read_count - before


async def test_predictions_and_embeddings_of_the_assets_go_and_all_others_stay(server: Prelabel) -> None:
    names = server.assets.put("good", "bad", "good bad")
    await predict(server)
    erased = await erase(server, *names[:2])
    assert dict(erased.removed_counts) == {"predictions": 2, "embeddings": 2}
    assert not erased.kept
    assert await predicted(server) == [names[2]]
    kept = await server.client.prelabel.batch_get_predictions(
        service_pb2.BatchGetPredictionsRequest(parent=PARENT, assets=names)
    )
    assert [one.asset for one in kept.predictions] == [names[2]]
    assert await reads_to_embed(server, *names) == 2


async def test_embeddings_go_for_every_encoder_version(server: Prelabel) -> None:
    [name] = server.assets.put("good")
    assert await reads_to_embed(server, name) == 1
    await server.deploy_encoder(seed=1)
    assert await reads_to_embed(server, name) == 1
    assert dict((await erase(server, name)).removed_counts)["embeddings"] == 2


async def test_another_asset_with_the_same_content_is_embedded_again(server: Prelabel) -> None:
    first, second = server.assets.put("good", "good")
    assert await reads_to_embed(server, first) == 1
    assert await reads_to_embed(server, second) == 0
    assert dict((await erase(server, first)).removed_counts)["embeddings"] == 1
    assert await reads_to_embed(server, second) == 1
    assert dict((await erase(server, second)).removed_counts)["embeddings"] == 1


async def test_erasing_again_and_erasing_the_unknown_removes_nothing(server: Prelabel) -> None:
    [name] = server.assets.put("good")
    await predict(server)
    request_id = str(uuid.uuid4())
    erased = await erase(server, name, request_id=request_id)
    assert await erase(server, name, request_id=request_id) == erased
    assert not any((await erase(server, name, f"{PARENT}/assets/unknown")).removed_counts.values())


async def test_a_job_that_saw_an_asset_before_its_erasure_keeps_nothing_of_it(server: Prelabel) -> None:
    names = server.assets.put("good", "bad")

    async def erased_meanwhile(assets: Sequence[str]) -> None:
        if names[0] in assets:
            server.assets.before_read = nothing
            await erase(server, names[0])

    async def nothing(_assets: Sequence[str]) -> None:
        return

    server.assets.before_read = erased_meanwhile
    await predict(server)
    assert await predicted(server) == [names[1]]
    assert not any((await erase(server, names[0])).removed_counts.values())


async def test_an_asset_that_comes_again_after_its_erasure_is_predicted_again(server: Prelabel) -> None:
    [name] = server.assets.put("good")
    await predict(server)
    await erase(server, name)
    assert (await predict(server)).predicted_count == 1
    assert await predicted(server) == [name]


async def test_names_of_another_project_and_other_names_are_refused(server: Prelabel) -> None:
    for name, reason in (("projects/others/assets/a", "FOREIGN_PROJECT"), (f"{PARENT}/tasks/a", "INVALID_NAME")):
        with pytest.raises(errors.InvalidArgument) as caught:
            await erase(server, name)
        assert (caught.value.reason, list(caught.value.fields)) == (reason, ["names[0]"])
