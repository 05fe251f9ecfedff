"""Deploying models over gRPC: what is accepted, what is refused and leaves nothing, what survives a restart."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from labelmill.errors import FailedPrecondition, InvalidArgument, LabelmillError, NotFound, PermissionDenied
from labelmill.prelabel.v1 import resources_pb2, service_pb2
from tests.prelabel import onnx_models
from tests.prelabel.prelabel_server import (
    ENCODER,
    MODEL,
    PARENT,
    Kind,
    Prelabel,
    Request,
    classifier_header,
    encoder_header,
    prelabel_server,
    upload,
)

State = resources_pb2.ServedModel


def version_folders(server: Prelabel) -> list[str]:
    models = server.data_dir / "models"
    return sorted(f"{path.parent.name}/{path.name}" for path in models.glob("*/*") if path.name.isdigit())


def staged(server: Prelabel) -> list[Path]:
    return list((server.data_dir / "models" / ".staging").iterdir())


async def test_a_deployed_model_is_described_and_lies_in_tritons_layout(prelabel: Prelabel):
    model = await prelabel.client.prelabel.get_served_model(
        service_pb2.GetServedModelRequest(parent=PARENT, name=MODEL)
    )
    assert (model.name, model.version, model.kind, model.state) == (
        MODEL, 1, Kind.KIND_EMBEDDING_CLASSIFIER, State.STATE_READY,
    )  # fmt: skip
    assert list(model.class_names) == ["positive", "negative", "neutral"]
    assert (model.feature, model.encoder, model.temperature) == ("tone", ENCODER, 2.0)
    folder = prelabel.data_dir / "models" / "project_reviews_tone"
    assert (folder / "1" / "model.onnx").read_bytes() == onnx_models.head()
    assert json.loads((folder / "1" / "labelmill.json").read_text())["artifact_sha256"] == model.artifact_sha256
    config = (folder / "config.pbtxt").read_text()
    assert 'backend: "onnxruntime"' in config
    assert "versions: [1]" in config
    assert staged(prelabel) == []


async def test_a_new_version_answers_at_once_and_the_old_files_stay(prelabel: Prelabel):
    assert await prelabel.classes("good film", "bad film") == ["positive", "negative"]
    model = await prelabel.deploy_classifier(turn=1)
    assert model.version == 2
    assert await prelabel.classes("good film", "bad film") == ["negative", "neutral"]
    assert version_folders(prelabel) == ["encoder_words/1", "project_reviews_tone/1", "project_reviews_tone/2"]


async def test_the_same_artifact_again_is_no_new_version(prelabel: Prelabel):
    again = await prelabel.deploy_encoder()
    assert again.version == 1
    assert version_folders(prelabel) == ["encoder_words/1", "project_reviews_tone/1"]
    assert (await prelabel.deploy_classifier(temperature=3.0)).version == 2, "other metadata is another version"


async def test_a_classifier_needs_its_encoder(empty: Prelabel):
    with pytest.raises(FailedPrecondition) as raised:
        await empty.deploy_classifier()
    assert raised.value.reason == "ENCODER_NOT_READY"
    assert raised.value.resource == ("ServedModel", ENCODER)
    assert version_folders(empty) == []


async def test_a_classifier_goes_on_reading_the_encoder_it_was_deployed_against(prelabel: Prelabel):
    before = await prelabel.predict("good film")
    assert (await prelabel.deploy_encoder(seed=99)).version == 2
    after = await prelabel.predict("good film")
    assert after[0].annotations[0].confidence == before[0].annotations[0].confidence
    config = (prelabel.data_dir / "models" / "encoder_words" / "config.pbtxt").read_text()
    assert "versions: [1, 2]" in config
    for seed in (100, 101, 102):
        await prelabel.deploy_encoder(seed=seed)
    config = (prelabel.data_dir / "models" / "encoder_words" / "config.pbtxt").read_text()
    assert "versions: [1, 3, 4, 5]" in config, "2 is neither read by a classifier nor recent"


async def test_a_classifier_may_insist_on_the_encoder_it_was_trained_on(prelabel: Prelabel):
    insisting = await prelabel.deploy_classifier(turn=1, encoder=f"{ENCODER}@1")
    assert (insisting.encoder, insisting.version) == (ENCODER, 2)
    assert (await prelabel.deploy_classifier(turn=1, encoder=f"{ENCODER}@1")).version == 2, "the same artifact again"
    await prelabel.deploy_encoder(seed=99)
    with pytest.raises(FailedPrecondition) as raised:
        await prelabel.deploy_classifier(turn=2, encoder=f"{ENCODER}@1")
    assert raised.value.reason == "ENCODER_CHANGED"
    assert raised.value.metadata == {"trained_on": "1", "answers": "2"}
    with pytest.raises(InvalidArgument):
        await prelabel.deploy_classifier(turn=2, encoder=f"{ENCODER}@first")


BAD_UPLOADS: dict[str, tuple[Request.Header, dict[str, bytes]]] = {
    "garbage": (classifier_header(), {"model.onnx": b"\x00\xffnot a model" * 1000}),
    "truncated": (classifier_header(), {"model.onnx": onnx_models.head()[:-20]}),
    "no file": (classifier_header(), {}),
    "a tokenizer too many": (classifier_header(), {"model.onnx": onnx_models.head(), "tokenizer.json": b"{}"}),
    "too few logits": (classifier_header(), {"model.onnx": onnx_models.head(classes=2)}),
    "another embedding length": (classifier_header(), {"model.onnx": onnx_models.head(length=5)}),
    "another output": (classifier_header(), {"model.onnx": onnx_models.head(output="scores")}),
    "an encoder as a classifier": (classifier_header(), {"model.onnx": onnx_models.encoder()}),
    "numbers that overflow": (classifier_header(), {"model.onnx": onnx_models.head(scale=3e38)}),
    "the same class twice": (classifier_header(class_names=["a", "a", "b"]), {"model.onnx": onnx_models.head()}),
    "no feature": (classifier_header(feature=""), {"model.onnx": onnx_models.head()}),
    "a bad encoder name": (classifier_header(encoder="../words"), {"model.onnx": onnx_models.head()}),
    "an encoder without tokenizer": (encoder_header("other"), {"model.onnx": onnx_models.encoder()}),
    "a broken tokenizer": (encoder_header("other"), {"model.onnx": onnx_models.encoder(), "tokenizer.json": b"{]"}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_UPLOADS)
async def test_a_model_that_cannot_work_is_refused_and_leaves_nothing(prelabel: Prelabel, case: str):
    header, files = BAD_UPLOADS[case]
    with pytest.raises(InvalidArgument) as raised:
        await prelabel.deploy(header, files)
    assert raised.value.reason == "MODEL_REJECTED"
    assert version_folders(prelabel) == ["encoder_words/1", "project_reviews_tone/1"]
    assert staged(prelabel) == []
    assert await prelabel.classes("bad film") == ["negative"]


async def test_an_encoder_that_is_moved_by_padding_is_refused(empty: Prelabel):
    files = {
        "model.onnx": onnx_models.encoder(respects_mask=False),
        "tokenizer.json": onnx_models.tokenizer(empty.scratch),
    }
    with pytest.raises(InvalidArgument, match="padded"):
        await empty.deploy(encoder_header(), files)


GOOD = onnx_models.head()
HEADER = Request(header=classifier_header())
CHUNK = Request(chunk=Request.FileChunk(file_name="model.onnx", data=GOOD))
END = list(upload(classifier_header(), {"model.onnx": GOOD}))[-1]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([HEADER, CHUNK], "UPLOAD_SEQUENCE"),
        ([HEADER, HEADER, CHUNK, END], "UPLOAD_SEQUENCE"),
        ([HEADER, CHUNK, END, CHUNK], "UPLOAD_SEQUENCE"),
        ([HEADER, CHUNK, Request(sha256="0" * 64)], "CHECKSUM_MISMATCH"),
    ],
    ids=["no checksum", "two headers", "more after the end", "another checksum"],
)
async def test_a_broken_upload_is_refused_and_leaves_nothing(prelabel: Prelabel, messages: list[Any], reason: str):
    with pytest.raises(InvalidArgument) as raised:
        await prelabel.client.prelabel.deploy_model(messages)
    assert raised.value.reason == reason
    assert version_folders(prelabel) == ["encoder_words/1", "project_reviews_tone/1"]
    assert staged(prelabel) == []


async def test_an_upload_that_is_cut_off_leaves_nothing(prelabel: Prelabel):
    sent = asyncio.Event()

    async def messages() -> Any:
        yield HEADER
        yield CHUNK
        sent.set()
        await asyncio.sleep(60)

    call = asyncio.create_task(prelabel.client.prelabel.deploy_model(messages()))
    await sent.wait()
    call.cancel()
    with pytest.raises((asyncio.CancelledError, LabelmillError)):
        await call
    async with asyncio.timeout(5):
        while staged(prelabel):
            await asyncio.sleep(0.01)
    assert version_folders(prelabel) == ["encoder_words/1", "project_reviews_tone/1"]


async def test_a_model_over_the_limit_is_refused(tmp_path: Path):
    async with prelabel_server(tmp_path / "data", tmp_path, max_artifact_bytes=1024) as server:
        with pytest.raises(LabelmillError) as raised:
            await server.deploy(encoder_header(), {"model.onnx": b"\0" * 2000, "tokenizer.json": b"{}"})
        assert raised.value.reason == "ARTIFACT_TOO_LARGE"
        assert staged(server) == []


async def test_an_encoder_is_not_one_projects_to_replace(prelabel: Prelabel):
    files = {"model.onnx": onnx_models.encoder(5), "tokenizer.json": onnx_models.tokenizer(prelabel.scratch)}
    with pytest.raises(PermissionDenied) as raised:
        await prelabel.by_role["manager"].prelabel.deploy_model(upload(encoder_header(), files))
    assert raised.value.reason == "ENCODER_IS_SHARED"


async def test_annotators_and_strangers_do_not_deploy(prelabel: Prelabel):
    for role in ("annotator", "stranger"):
        with pytest.raises(PermissionDenied):
            await prelabel.by_role[role].prelabel.deploy_model(upload(classifier_header(), {"model.onnx": GOOD}))


async def test_an_unknown_project_is_not_found(prelabel: Prelabel):
    with pytest.raises(NotFound) as raised:
        await prelabel.deploy(classifier_header(parent="projects/nowhere"), {"model.onnx": GOOD})
    assert raised.value.reason == "PROJECT_NOT_FOUND"


async def test_after_a_restart_the_same_version_answers_and_remains_are_swept(tmp_path: Path):
    data = tmp_path / "data"
    async with prelabel_server(data, tmp_path) as server:
        await server.deploy_encoder()
        await server.deploy_classifier()
        await server.deploy_classifier(turn=1)
        expected = await server.predict("so good", "bad")
    models = data / "models"
    abandoned = models / ".staging" / "abandoned"
    (abandoned / "files").mkdir(parents=True)
    (abandoned / "owner").write_text(await dead_process())
    (models / "project_reviews_tone" / "3").mkdir()  # renamed into place by a process that died before its switch
    (models / "project_reviews_tone" / "3" / "model.onnx").write_bytes(b"half")
    async with prelabel_server(data, tmp_path) as server:
        assert [one.annotations[0].confidence for one in await server.predict("so good", "bad")] == [
            one.annotations[0].confidence for one in expected
        ]
        assert staged(server) == []
        assert (await server.deploy_classifier(turn=2)).version == 4, "a number that was ever used is not used again"


async def dead_process() -> str:
    """The identity of a process that has ended."""
    code = "from labelmill_runtime.process_identity import this_process; print(this_process())"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return out.decode().strip()


async def test_models_are_listed_by_page_with_the_shared_encoders(prelabel: Prelabel):
    await prelabel.deploy(classifier_header(model_id="other"), {"model.onnx": GOOD})
    request = service_pb2.ListServedModelsRequest(parent=PARENT, page_size=2)
    names = [model.name async for model in prelabel.client.prelabel.list_served_models(request)]
    assert names == [ENCODER, f"{PARENT}/models/other", MODEL]
    others = service_pb2.ListServedModelsRequest(parent="projects/others")
    shared = [model.name async for model in prelabel.by_role["stranger"].prelabel.list_served_models(others)]
    assert shared == [ENCODER]


async def test_a_model_of_another_project_is_out_of_reach(prelabel: Prelabel):
    request = service_pb2.GetServedModelRequest(parent="projects/others", name=MODEL)
    with pytest.raises(InvalidArgument) as raised:
        await prelabel.by_role["stranger"].prelabel.get_served_model(request)
    assert raised.value.reason == "FOREIGN_PROJECT"


async def test_requests_during_switches_all_succeed(prelabel: Prelabel):
    stop = asyncio.Event()
    answers: list[list[str]] = []

    async def ask() -> None:
        while not stop.is_set():
            answers.append(await prelabel.classes("good film", "bad film"))

    askers = [asyncio.create_task(ask()) for _ in range(4)]
    for turn in (1, 2, 0, 1):
        await prelabel.deploy_classifier(turn=turn)
    stop.set()
    await asyncio.gather(*askers)
    allowed = (["positive", "negative"], ["negative", "neutral"], ["neutral", "positive"])
    assert len(answers) > 20
    assert all(answer in allowed for answer in answers)
