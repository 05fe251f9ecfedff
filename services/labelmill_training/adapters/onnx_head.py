"""A linear classifier as an ONNX graph: "embedding" [batch, length] to "logits" [batch, classes], both float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from labelmill_training.evaluation import Floats

_OPSET = 17
_IR_VERSION = 8  # what servers of the last years read
_TOLERANCE = 1e-5
_CHECKED_BATCHES = (1, 3, 32)


class HeadDiffers(Exception):
    """The ONNX graph does not compute what the classifier computes."""


def write_head(path: Path, weights: Floats, biases: Floats) -> None:
    """Writes the graph, and checks it against the same sums in double precision at three batch sizes.

    Raises:
        HeadDiffers: By more than 1e-5, relative to the size of the logits.
    """
    length, classes = weights.shape
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["embedding", "weights", "biases"], ["logits"])],
        "embedding_classifier",
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", length])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "weights"),
            numpy_helper.from_array(biases.astype(np.float32), "biases"),
        ],
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, producer_name="labelmill", opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
    _check(path, weights, biases)


def run_head(path: Path, embeddings: Floats) -> Floats:
    """The logits that the graph gives."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"embedding": embeddings.astype(np.float32)})
    return np.asarray(logits, dtype=np.float64)


def _check(path: Path, weights: Floats, biases: Floats) -> None:
    random = np.random.default_rng(0)
    for batch in _CHECKED_BATCHES:
        rows = random.normal(size=(batch, len(weights)))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        expected = rows @ weights + biases
        scale = max(1.0, float(np.abs(expected).max()))
        if not np.abs(run_head(path, rows) - expected).max() <= _TOLERANCE * scale:  # so that NaN fails, too
            raise HeadDiffers(f"at batch size {batch}")
