"""Predictions for texts sent along and for assets, over gRPC."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from google.rpc import code_pb2

from labelmill.errors import Cancelled, FailedPrecondition, InvalidArgument, LabelmillError, NotFound, PermissionDenied
from labelmill.prelabel.v1 import service_pb2
from labelmill_prelabel import asset_prediction
from labelmill_prelabel.calibration import probabilities
from tests.prelabel import onnx_models
from tests.prelabel.prelabel_server import CLASSES, ENCODER, MODEL, PARENT, Prelabel, prelabel_server
from tests.prelabel.project_assets import AssetShelf

StreamRequest = service_pb2.StreamPredictTextsRequest


def expected(text: str, temperature: float = 2.0) -> np.ndarray:
    """By hand: the embedding's first three numbers, times four, over the temperature."""
    return probabilities(onnx_models.embed(text)[None, :3] * 4.0, temperature)[0]


async def test_a_prediction_is_calibrated_and_says_where_it_comes_from(prelabel: Prelabel):
    (one,) = await prelabel.predict("the film was very good")
    annotation = one.annotations[0]
    assert one.status.code == code_pb2.OK
    assert annotation.feature == "tone"
    assert annotation.classification.single == "positive"
    got = {p.class_name: p.probability for p in annotation.classification.distribution}
    assert got == pytest.approx(dict(zip(CLASSES, expected("the film was very good"), strict=True)), abs=1e-6)
    assert annotation.confidence == got["positive"]
    source = annotation.provenance.model
    assert source.model_version == "projects/reviews/models/tone/versions/7"
    assert source.calibration == "temperature"
    assert len(source.artifact_sha256) == 64


async def test_texts_of_all_lengths_are_answered_in_order(prelabel: Prelabel):
    texts = [" ".join(["good", "bad", "so"][number % 3 :] + ["film"] * (number * 7 % 40)) for number in range(300)]
    for text, one in zip(texts, await prelabel.predict(*texts), strict=True):
        assert [p.probability for p in one.annotations[0].classification.distribution] == pytest.approx(
            expected(text).tolist(), abs=1e-5
        )


async def test_an_empty_text_fails_alone(prelabel: Prelabel):
    answers = await prelabel.predict("good", " \n", "bad")
    assert [one.status.code for one in answers] == [code_pb2.OK, code_pb2.INVALID_ARGUMENT, code_pb2.OK]
    assert not answers[1].annotations
    assert "EMPTY_TEXT" in str(answers[1].status.details[0].value)


async def test_a_model_that_does_not_exist_is_not_found(prelabel: Prelabel):
    missing = f"{PARENT}/models/missing"
    with pytest.raises(NotFound) as raised:
        await prelabel.predict("good", model=missing)
    assert raised.value.reason == "MODEL_NOT_FOUND"
    assert raised.value.resource == ("ServedModel", missing)
    for start in (
        prelabel.client.prelabel.predict_assets(service_pb2.PredictAssetsRequest(model=missing)),
        prelabel.client.prelabel.rank_assets(
            service_pb2.RankAssetsRequest(model=missing, strategy="STRATEGY_MARGIN", limit=1)
        ),
    ):
        with pytest.raises(NotFound):
            await start


async def test_annotators_and_strangers_get_no_predictions(prelabel: Prelabel):
    for role in ("annotator", "stranger"):
        with pytest.raises(PermissionDenied):
            await prelabel.by_role[role].prelabel.predict_texts(
                service_pb2.PredictTextsRequest(model=MODEL, texts=["good"])
            )


async def test_each_item_of_a_stream_has_an_answer_of_its_own(prelabel: Prelabel):
    async def messages() -> AsyncIterator[StreamRequest]:
        for number in range(12):
            items = [StreamRequest.Item(item_id=f"{number}-{word}", text=word) for word in ("good", "", "bad")]
            yield StreamRequest(model=MODEL, items=items)

    classes, failed = {}, []
    async for response in prelabel.client.prelabel.stream_predict_texts(messages()):
        for result in response.results:
            if result.prediction.status.code:
                failed.append(result.item_id)
            else:
                classes[result.item_id] = result.prediction.annotations[0].classification.single
    assert classes == {
        f"{number}-{word}": kind for number in range(12) for word, kind in (("good", "positive"), ("bad", "negative"))
    }
    assert sorted(failed) == sorted(f"{number}-" for number in range(12))


async def test_a_stream_answers_before_its_client_has_sent_everything(prelabel: Prelabel):
    answered = asyncio.Event()

    async def messages() -> AsyncIterator[StreamRequest]:
        yield StreamRequest(model=MODEL, items=[StreamRequest.Item(item_id="1", text="good")])
        async with asyncio.timeout(10):
            await answered.wait()
        yield StreamRequest(model=MODEL, items=[StreamRequest.Item(item_id="2", text="bad")])

    seen = []
    async for response in prelabel.client.prelabel.stream_predict_texts(messages()):
        seen += [result.item_id for result in response.results]
        answered.set()
    assert seen == ["1", "2"]


async def test_a_text_too_long_for_a_stream_fails_alone(prelabel: Prelabel):
    items = [StreamRequest.Item(item_id="long", text="a" * 100_001), StreamRequest.Item(item_id="short", text="good")]
    stream = prelabel.client.prelabel.stream_predict_texts([StreamRequest(model=MODEL, items=items)])
    results = [result async for response in stream for result in response.results]
    assert [result.prediction.status.code for result in results] == [code_pb2.INVALID_ARGUMENT, code_pb2.OK]


async def test_a_stream_is_for_one_model(prelabel: Prelabel):
    item = StreamRequest.Item(item_id="1", text="good")
    messages = [StreamRequest(model=model, items=[item]) for model in (MODEL, "projects/others/models/tone")]
    with pytest.raises(InvalidArgument) as raised:
        async for _ in prelabel.client.prelabel.stream_predict_texts(messages):
            pass
    assert raised.value.reason == "MODEL_CHANGED"


async def test_concurrent_callers_get_their_own_answers(prelabel: Prelabel):
    answers = await asyncio.gather(*(prelabel.classes(word) for word in ("good", "bad", "so") * 20))
    assert answers == [["positive"], ["negative"], ["neutral"]] * 20


async def predict_assets(server: Prelabel, **fields: str) -> service_pb2.PredictAssetsResponse:
    request = service_pb2.PredictAssetsRequest(model=MODEL, **fields)
    operation = await server.client.prelabel.predict_assets(request)
    return await operation.result(timeout_s=60)


async def test_assets_are_predicted_once_by_each_version(prelabel: Prelabel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asset_prediction, "PAGE", 7)
    names = prelabel.assets.put(*["good film", "bad film", "so so"] * 10)
    broken = prelabel.assets.put(b"\xff\xfe", "")
    picture = prelabel.assets.put(b"GIF89a", media_type="image/gif")
    operation = await prelabel.client.prelabel.predict_assets(service_pb2.PredictAssetsRequest(model=MODEL))
    result = await operation.result(timeout_s=60)
    assert (result.predicted_count, result.skipped_count, result.failed_count) == (30, 0, 3)
    metadata = operation.metadata()
    assert (metadata.progress.total_count, metadata.progress.done_count, metadata.model_version) == (33, 33, 1)
    assert {one.item for one in metadata.progress.partial_failures} == {*broken, *picture}

    again = await predict_assets(prelabel)
    assert (again.predicted_count, again.skipped_count, again.failed_count) == (0, 30, 3)

    await prelabel.deploy_classifier(turn=1)
    read_before = prelabel.assets.read_count
    third = await predict_assets(prelabel)
    assert third.predicted_count == 30
    assert prelabel.assets.read_count - read_before == 2, "embeddings are remembered; only what failed is read again"
    request = service_pb2.BatchGetPredictionsRequest(parent=PARENT, assets=[names[0], *picture])
    (newest,) = (await prelabel.client.prelabel.batch_get_predictions(request)).predictions
    assert newest.asset == names[0]
    assert [one.classification.single for one in newest.annotations] == ["negative"], "of version 2"


async def test_equal_contents_are_computed_once(prelabel: Prelabel):
    prelabel.assets.put(*["good film"] * 5)
    assert (await predict_assets(prelabel)).predicted_count == 5


async def test_the_filter_goes_to_storage_and_a_bad_one_is_refused_at_once(prelabel: Prelabel):
    prelabel.assets.put("good")
    await predict_assets(prelabel, filter='labels.set = "a"')
    assert prelabel.assets.filters == ['labels.set = "a"']
    with pytest.raises(InvalidArgument) as raised:
        await predict_assets(prelabel, filter="labels.set = = (")
    assert raised.value.reason == "INVALID_FILTER"


async def test_the_same_request_id_starts_one_operation(prelabel: Prelabel):
    prelabel.assets.put("good")
    request = service_pb2.PredictAssetsRequest(model=MODEL, request_id=str(uuid.uuid4()))
    first = await prelabel.client.prelabel.predict_assets(request)
    second = await prelabel.client.prelabel.predict_assets(request)
    assert first.name == second.name


async def test_a_prediction_that_was_interrupted_goes_on_where_it_stopped(
    tmp_path: Path, deployed: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asset_prediction, "PAGE", 5)
    shelf = AssetShelf()
    shelf.put(*["good film", "bad film"] * 20)
    pages = 0
    held = asyncio.Event()

    async def hold_at_the_fourth() -> None:
        nonlocal pages
        pages += 1
        if pages == 4:
            held.set()
            await asyncio.sleep(0.3)  # meanwhile the server is told to stop

    shelf.before_page = hold_at_the_fourth
    data = tmp_path / "data"
    shutil.copytree(deployed, data)
    async with prelabel_server(data, tmp_path, shelf) as server:
        operation = await server.client.prelabel.predict_assets(service_pb2.PredictAssetsRequest(model=MODEL))
        name = operation.name
        await held.wait()
    async with prelabel_server(data, tmp_path, shelf) as server:
        resumed = await server.client.operation(name)
        result = await resumed.result(timeout_s=60)
        assert isinstance(result, service_pb2.PredictAssetsResponse)
        assert (result.predicted_count, result.skipped_count) == (40, 0)
        assert pages == 8, "no page is done twice"
        listed = service_pb2.ListPredictionsRequest(parent=PARENT)
        assert len([one async for one in server.client.prelabel.list_predictions(listed)]) == 40


async def test_a_cancelled_prediction_ends_and_keeps_what_it_has(prelabel: Prelabel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asset_prediction, "PAGE", 5)
    prelabel.assets.put(*["good film"] * 50)
    at_second = asyncio.Event()
    go_on = asyncio.Event()

    async def wait_at_the_second() -> None:
        if at_second.is_set():
            await go_on.wait()
        elif len(prelabel.assets.filters) == 1:
            at_second.set()
            await go_on.wait()

    prelabel.assets.before_page = wait_at_the_second
    operation = await prelabel.client.prelabel.predict_assets(service_pb2.PredictAssetsRequest(model=MODEL))
    await at_second.wait()
    await operation.cancel()
    go_on.set()
    with pytest.raises(Cancelled):
        await operation.result(timeout_s=30)
    listed = service_pb2.ListPredictionsRequest(parent=PARENT)
    assert 5 <= len([one async for one in prelabel.client.prelabel.list_predictions(listed)]) <= 10


async def test_predictions_are_listed_by_filter_and_page(prelabel: Prelabel):
    names = prelabel.assets.put("good", "bad", "so", "good so", "the film was")
    await predict_assets(prelabel)

    async def listed(filter_text: str, size: int = 2) -> list[str]:
        request = service_pb2.ListPredictionsRequest(parent=PARENT, filter=filter_text, page_size=size)
        return [one.asset async for one in prelabel.client.prelabel.list_predictions(request)]

    assert await listed("") == sorted(names)
    assert await listed(f'model = "{MODEL}" AND model_version = 1 AND feature = tone') == sorted(names)
    assert await listed("model_version = 2") == []
    assert await listed(f'asset = "{names[2]}"') == [names[2]]
    unsure = await listed("confidence < 0.5")
    assert names[4] in unsure
    assert names[0] not in unsure
    for bad in ("mood = good", "asset = projects/others/assets/1", "model_version = one"):
        with pytest.raises(InvalidArgument) as raised:
            await listed(bad)
        assert raised.value.reason == "INVALID_FILTER"
    request = service_pb2.ListPredictionsRequest(parent=PARENT, page_token="forged")
    with pytest.raises(InvalidArgument) as raised:
        await prelabel.client.prelabel.list_predictions.page(request)
    assert raised.value.reason == "INVALID_PAGE_TOKEN"


async def test_assets_of_another_project_are_refused(prelabel: Prelabel):
    foreign = "projects/others/assets/" + "0" * 32
    with pytest.raises(InvalidArgument) as raised:
        await prelabel.client.prelabel.batch_get_predictions(
            service_pb2.BatchGetPredictionsRequest(parent=PARENT, assets=[foreign])
        )
    assert raised.value.reason == "FOREIGN_PROJECT"


async def embed(server: Prelabel, assets: list[str], encoder: str = ENCODER) -> service_pb2.EmbedAssetsResponse:
    request = service_pb2.EmbedAssetsRequest(parent=PARENT, encoder=encoder, assets=assets)
    return await server.client.prelabel.embed_assets(request)


async def test_assets_are_embedded_in_the_order_asked_for(prelabel: Prelabel):
    names = prelabel.assets.put("good film", "bad", "so the plot")
    asked = [names[2], names[0], names[2], names[1]]
    for _ in range(2):  # computed, then remembered
        response = await embed(prelabel, asked)
        rows = np.frombuffer(response.embeddings, dtype="<f4").reshape(-1, response.embedding_length)
        wanted = [onnx_models.embed(text) for text in ("so the plot", "good film", "so the plot", "bad")]
        np.testing.assert_allclose(rows, wanted, atol=1e-6)
        assert response.encoder_version == 1
    assert prelabel.assets.read_count == 3


async def test_an_asset_that_is_not_text_or_not_there_cannot_be_embedded(prelabel: Prelabel):
    picture = prelabel.assets.put(b"GIF89a", media_type="image/gif")
    with pytest.raises(FailedPrecondition) as raised:
        await embed(prelabel, picture)
    assert raised.value.reason == "NOT_TEXT"
    with pytest.raises(NotFound):
        await embed(prelabel, [f"{PARENT}/assets/{'0' * 32}"])
    with pytest.raises(NotFound) as missing:
        await embed(prelabel, prelabel.assets.put("good"), "encoders/missing")
    assert missing.value.reason == "MODEL_NOT_FOUND"


async def test_nothing_that_was_sent_is_logged_or_told_in_errors(
    prelabel: Prelabel, capsys: pytest.CaptureFixture[str]
):
    secret = "Jane-Doe-of-Elm-Street"
    await prelabel.predict(f"good {secret}")
    with pytest.raises(LabelmillError) as raised:
        await prelabel.predict(secret * 6000)
    assert secret not in str(raised.value)
    out, err = capsys.readouterr()
    assert secret not in out + err
