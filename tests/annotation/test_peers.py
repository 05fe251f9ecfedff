"""What this service makes of the answers, and of the silence, of storage and prelabel."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labelmill import errors as sdk
from labelmill.aio import Client
from labelmill.prelabel.v1 import resources_pb2 as prelabel_resources_pb2
from labelmill.prelabel.v1 import service_pb2 as prelabel_pb2
from labelmill.storage.v1 import resources_pb2 as storage_resources_pb2
from labelmill.storage.v1 import service_pb2 as storage_pb2
from labelmill.type.v1 import annotation_pb2
from labelmill_annotation.adapters.labelmill import KeptPredictions, StorageAssets
from labelmill_annotation.errors import AssetNotClean, AssetNotFound, StorageRefused, StorageUnavailable
from labelmill_annotation.statements import AssetFacts, ImageSize
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import sentiment


class Peer:
    """Answers with a response, an error, or not at all; remembers the request."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.request: Any = None

    async def __call__(self, request: Any) -> Any:
        self.request = request
        if self.answer is None:
            await asyncio.sleep(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def storage(peer: Peer, timeout_s: float = 1.0) -> StorageAssets:
    client = cast("Client", SimpleNamespace(storage=SimpleNamespace(batch_get_assets=peer)))
    return StorageAssets(lambda: client, timeout_s)


def prelabel(peer: Peer, timeout_s: float = 1.0) -> KeptPredictions:
    client = cast("Client", SimpleNamespace(prelabel=SimpleNamespace(batch_get_predictions=peer)))
    return KeptPredictions(lambda: client, timeout_s)


async def test_facts_are_those_of_the_clean_content() -> None:
    text, image, raw, unknown = asset_ids(4)
    response = storage_pb2.BatchGetAssetsResponse()
    clean = storage_resources_pb2.ZONE_CLEAN
    described = response.results.add().asset
    described.zone, described.clean.media_type, described.clean.text_length = clean, "text/plain", 0
    described.raw.text_length = 99
    described = response.results.add().asset
    described.zone, described.clean.media_type = clean, "image/png"
    described.clean.image_size.width_px, described.clean.image_size.height_px = 640, 480
    response.results.add().asset.zone = storage_resources_pb2.ZONE_RAW
    response.results.add().status.code = 5
    peer = Peer(response)
    facts = await storage(peer).describe("p-one", [text, image, raw, unknown])
    assert next(iter(peer.request.names)) == f"projects/p-one/assets/{text}"
    assert facts[text] == AssetFacts(text, "text/plain", text_length=0)
    assert facts[image] == AssetFacts(image, "image/png", image_size=ImageSize(640, 480))
    assert isinstance(facts[raw], AssetNotClean)
    assert isinstance(facts[unknown], AssetNotFound)


@pytest.mark.parametrize("answer", [None, sdk.Unavailable("away"), sdk.DeadlineExceeded("slow")])
async def test_silence_of_storage_is_unavailable(answer: Exception | None) -> None:
    with pytest.raises(StorageUnavailable):
        await storage(Peer(answer), 0.05).describe("p-one", asset_ids(1))


async def test_a_refusal_by_storage_is_our_own_fault() -> None:
    refusal = sdk.PermissionDenied("no", reason="PERMISSION_DENIED")
    with pytest.raises(StorageRefused) as refused:
        await storage(Peer(refusal)).describe("p-one", asset_ids(1))
    assert refused.value.metadata == {"storage_reason": "PERMISSION_DENIED"}


async def test_predictions_come_by_asset_and_failed_ones_are_left_out() -> None:
    good, bad = asset_ids(2)
    made = [
        prelabel_resources_pb2.Prediction(asset=f"projects/p-one/assets/{asset}", annotations=[sentiment()])
        for asset in (good, bad)
    ]
    made[1].status.code = 13
    found = await prelabel(Peer(prelabel_pb2.BatchGetPredictionsResponse(predictions=made))).read("p-one", [good, bad])
    assert list(found) == [good]
    assert annotation_pb2.Annotation.FromString(found[good][0]) == sentiment()


@pytest.mark.parametrize("answer", [None, sdk.Unavailable("away"), sdk.Unimplemented("not hosted")])
async def test_without_prelabel_there_are_no_predictions_and_a_warning(
    answer: Exception | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await prelabel(Peer(answer), 0.05).read("p-one", asset_ids(2)) == {}
    assert "predictions.missing" in capsys.readouterr().out
