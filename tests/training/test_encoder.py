"""The sentence encoder that travels with the package, as prelabel will serve it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from labelmill_training.encoder import EMBEDDING_LENGTH, exported


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("encoder")
    command = [sys.executable, "-m", "labelmill_training.encoder", str(target)]
    subprocess.run(command, check=True, timeout=120, env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9"})
    return target


def embed(folder: Path, texts: list[str]) -> np.ndarray:
    files = exported(folder)
    assert files is not None
    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(texts)
    session = onnxruntime.InferenceSession(files.model, providers=["CPUExecutionProvider"])
    feed = {
        "input_ids": np.array([e.ids for e in encoded], dtype=np.int64),
        "attention_mask": np.array([e.attention_mask for e in encoded], dtype=np.int64),
    }
    (embedding,) = session.run(["embedding"], feed)
    return np.asarray(embedding)


def test_exported_encoder_puts_sentences_of_one_meaning_close_together(folder: Path) -> None:
    food, meal, engine = embed(
        folder, ["The food was wonderful.", "A delicious meal!", "The engine has six cylinders."]
    )
    assert food.shape == (EMBEDDING_LENGTH,)
    assert food @ meal > food @ engine + 0.4


def test_embeddings_have_length_one_and_do_not_depend_on_padding(folder: Path) -> None:
    alone = embed(folder, ["Short."])
    beside_longer = embed(folder, ["Short.", "A much longer sentence, which makes the batch pad its neighbour out."])
    assert np.linalg.norm(beside_longer, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert np.abs(alone[0] - beside_longer[0]).max() < 1e-5


def test_folder_without_a_finished_export_counts_as_not_exported(tmp_path: Path) -> None:
    (tmp_path / "model.part").write_bytes(b"half")
    assert exported(tmp_path) is None
