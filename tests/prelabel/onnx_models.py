"""Tiny models: an encoder that averages word vectors, and linear heads on it. What they answer can be told by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS = ("[UNK]", "good", "bad", "so", "the", "film", "was", "very", "not", "plot")
LENGTH = 4
OPSET = 17
IR_VERSION = 8

Vectors = npt.NDArray[np.float32]


def word_vectors(seed: int = 0) -> Vectors:
    """good, bad and so each have an axis; every other word is a little noise on the fourth."""
    vectors = np.random.default_rng(seed).normal(scale=0.05, size=(len(WORDS), LENGTH)).astype(np.float32)
    for axis, word in enumerate(("good", "bad", "so")):
        vectors[WORDS.index(word)] = np.eye(LENGTH, dtype=np.float32)[axis]
    vectors[:, 3] += 0.1
    return vectors


def embed(text: str, seed: int = 0) -> Vectors:
    """What the encoder answers, computed here."""
    ids = [WORDS.index(word) if word in WORDS else 0 for word in text.split()]
    mean = word_vectors(seed)[ids].mean(axis=0)
    result: Vectors = mean / np.linalg.norm(mean)
    return result


def encoder(seed: int = 0, *, respects_mask: bool = True) -> bytes:
    """Word vectors, masked mean, L2 normalisation."""
    mask = "attention_mask" if respects_mask else "ones"
    nodes = [
        helper.make_node("Gather", ["vectors", "input_ids"], ["words"]),
        helper.make_node("Mul", ["attention_mask", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "one"], ["ones"]),
        helper.make_node("Cast", [mask], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["columns"]),
        helper.make_node("Mul", ["words", "columns"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "middle"], ["sums"], keepdims=0),
        helper.make_node("ReduceSum", ["columns", "middle"], ["counts"], keepdims=0),
        helper.make_node("Div", ["sums", "counts"], ["mean"]),
        helper.make_node("LpNormalization", ["mean"], ["embedding"], axis=-1, p=2),
    ]
    constants = [
        numpy_helper.from_array(word_vectors(seed), "vectors"),
        numpy_helper.from_array(np.array(0, dtype=np.int64), "zero"),
        numpy_helper.from_array(np.array(1, dtype=np.int64), "one"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "last"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "middle"),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", LENGTH])
    return _model(nodes, inputs, [output], constants)


def head(classes: int = 3, *, scale: float = 4.0, turn: int = 0, length: int = LENGTH, output: str = "logits") -> bytes:
    """Logit i is the embedding's number i + turn, scaled: class 0 is "good", 1 "bad", 2 "so" for turn 0."""
    weights = np.roll(np.eye(length, dtype=np.float32)[:, :classes] * scale, turn, axis=1)
    node = helper.make_node("MatMul", ["embedding", "weights"], [output])
    inputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", length])]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", classes])]
    return _model([node], inputs, outputs, [numpy_helper.from_array(weights, "weights")])


def tokenizer(folder: Path) -> bytes:
    """Splits at white space; knows WORDS."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token=WORDS[0]))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    path = folder / "words.json"
    made.save(str(path))
    json.loads(path.read_text())
    return path.read_bytes()


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto],
) -> bytes:
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
