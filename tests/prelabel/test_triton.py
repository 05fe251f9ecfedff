"""Prelabel on a real Triton server: the same answers, switches without a failed call, Triton dying and coming back.

One server for all tests, since a model takes it seconds to load; each test leaves it answering.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from labelmill.aio import Retry
from labelmill.errors import Unavailable
from labelmill_prelabel.adapters.triton import TritonInferencer
from labelmill_prelabel.errors import BackendBusy, BackendTooSlow, BackendUnavailable, ModelRejected
from labelmill_runtime.errors import LabelmillError
from tests.prelabel.prelabel_server import Prelabel, prelabel_server
from tests.support.triton import TritonServer, missing_library

pytestmark = [
    pytest.mark.skipif(missing_library() is not None, reason=str(missing_library())),
    pytest.mark.asyncio(loop_scope="module"),
]

TEXTS = ["good film", "the plot was very bad", "so so", "good bad so", "not " * 30 + "good"]


@dataclass
class OnTriton:
    """Prelabel and the Triton that it uses."""

    prelabel: Prelabel
    triton: TritonServer

    def folder(self, model: str) -> Path:
        return self.prelabel.data_dir / "models" / model


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("triton")


@pytest.fixture(scope="module")
def triton(work: Path) -> Iterator[TritonServer]:
    with TritonServer(work / "data" / "models", work) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(triton: TritonServer, work: Path) -> AsyncIterator[OnTriton]:
    """An encoder and a classifier, deployed through prelabel onto Triton."""
    settings = {"backend": "triton", "triton_address": triton.address, "threads": 1}
    async with prelabel_server(work / "data", work, retry=Retry(max_attempts=1), **settings) as server:
        await server.deploy_encoder()
        await server.deploy_classifier()
        yield OnTriton(server, triton)


@pytest_asyncio.fixture(loop_scope="module")
async def inferencer(triton: TritonServer) -> AsyncIterator[TritonInferencer]:
    made = TritonInferencer(triton.address)
    yield made
    await made.close()


def distributions(predictions: Any) -> np.ndarray:
    return np.array([[p.probability for p in one.annotations[0].classification.distribution] for one in predictions])


async def test_triton_and_onnx_runtime_give_the_same_probabilities(served: OnTriton, tmp_path: Path):
    through_triton = distributions(await served.prelabel.predict(*TEXTS))
    async with prelabel_server(tmp_path / "embedded", tmp_path) as embedded:
        await embedded.deploy_encoder()
        await embedded.deploy_classifier()
        np.testing.assert_allclose(distributions(await embedded.predict(*TEXTS)), through_triton, atol=1e-4)
        theirs = embedded.data_dir / "models" / "encoder_words" / "1" / "model.onnx"
        assert (served.folder("encoder_words") / "1" / "model.onnx").read_bytes() == theirs.read_bytes()


async def test_requests_during_a_switch_all_succeed(served: OnTriton):
    stop = asyncio.Event()
    answers: list[list[str]] = []

    async def ask() -> None:
        while not stop.is_set():
            answers.append(await served.prelabel.classes("good film", "bad film"))

    askers = [asyncio.create_task(ask()) for _ in range(4)]
    for turn in (1, 2):
        await served.prelabel.deploy_classifier(turn=turn)
    assert await served.prelabel.classes("good film", "bad film") == ["neutral", "positive"]
    stop.set()
    await asyncio.gather(*askers)
    allowed = (["positive", "negative"], ["negative", "neutral"], ["neutral", "positive"])
    assert len(answers) > 20
    assert all(answer in allowed for answer in answers)


async def test_what_triton_cannot_load_fails_and_the_version_before_answers(
    served: OnTriton, inferencer: TritonInferencer
):
    before = await served.prelabel.classes(*TEXTS)
    folder = served.folder("project_reviews_tone")
    (folder / "99").mkdir()
    (folder / "99" / "model.onnx").write_bytes(b"nothing that loads")
    config = (folder / "config.pbtxt").read_text()
    (folder / "config.pbtxt").write_text(config.replace("versions: [", "versions: [99, "))
    with pytest.raises(ModelRejected):
        await inferencer.load("project_reviews_tone", [99])
    assert await served.prelabel.classes(*TEXTS) == before
    (folder / "config.pbtxt").write_text(config)
    shutil.rmtree(folder / "99")


async def outcomes(inferencer: TritonInferencer, count: int, timeout_s: float) -> list[type]:
    async def one() -> type:
        try:
            ids = np.ones((1, 4), dtype=np.int64)
            inputs = {"input_ids": ids, "attention_mask": ids}
            await inferencer.infer("encoder_words", 1, inputs, "embedding", timeout_s=timeout_s)
        except LabelmillError as error:
            return type(error)
        return type(None)

    return await asyncio.gather(*(one() for _ in range(count)))


async def test_a_full_queue_and_a_late_answer_are_told_apart(served: OnTriton, inferencer: TritonInferencer):
    """Triton says UNAVAILABLE for both, and for its own absence."""
    folder = served.folder("encoder_words")
    config = (folder / "config.pbtxt").read_text()
    slow = config.replace("max_queue_size: 256", "max_queue_size: 4").replace("max_batch_size: 16", "max_batch_size: 1")
    (folder / "config.pbtxt").write_text(slow)
    try:
        await inferencer.load("encoder_words", [1])
        full = await outcomes(inferencer, 200, 10.0)
        assert set(full) == {type(None), BackendBusy}
        (folder / "config.pbtxt").write_text(config.replace("max_batch_size: 16", "max_batch_size: 1"))
        await inferencer.load("encoder_words", [1])
        late = await outcomes(inferencer, 200, 0.02)
        assert BackendTooSlow in late
        assert BackendUnavailable not in late
    finally:
        (folder / "config.pbtxt").write_text(config)
        await inferencer.load("encoder_words", [1])


async def test_a_killed_triton_is_unavailable_and_works_again_when_it_is_back(
    served: OnTriton, inferencer: TritonInferencer
):
    assert await inferencer.ready()
    version = (await served.prelabel.deploy_classifier(turn=2)).version  # as it is, whatever tests ran before
    before = await served.prelabel.classes(*TEXTS)
    served.triton.kill()
    assert not await inferencer.ready()
    with pytest.raises(Unavailable) as raised:
        await served.prelabel.predict("good")
    assert raised.value.reason == "BACKEND_UNAVAILABLE"
    with pytest.raises(Unavailable):
        await served.prelabel.deploy_classifier(turn=1)
    await asyncio.to_thread(served.triton.start)
    async with asyncio.timeout(30):
        while True:
            try:
                assert await served.prelabel.classes(*TEXTS) == before
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    again = await served.prelabel.deploy_classifier(turn=1)
    assert again.version == version + 1, "the failed deployment left nothing"
