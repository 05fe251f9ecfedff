"""Writes the network as an ONNX file: the same sums, tables and weights kept in half precision.

In training, empty rows part the texts; here columns of zeros and ones do, which cost less than computing empty rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from labelmill_anonymization.tagger.features import COLUMNS, DENSE
from labelmill_anonymization.tagger.labels import STATES
from labelmill_anonymization.tagger.links import DISTANCES
from tools.tagger.network import DILATIONS, Network

_OPSET = 20
_IR = 10


def export(network: Network, about: Mapping[str, str]) -> bytes:
    """The network as ONNX; `about` becomes its metadata."""
    graph = _Graph({name: value.detach().cpu().numpy() for name, value in network.state_dict().items()})
    parts = []
    for name in network.tables:
        part = graph.row(f"tables.{name}.weight", COLUMNS.index(name))
        if name == "word":
            part = graph.add("Add", part, graph.row("tables.word.weight", COLUMNS.index("other_word")))
        parts.append(part)
    hidden = graph.linear("enter", graph.add("Concat", *parts, "dense", axis=1))
    for index, dilation in enumerate(DILATIONS):
        hidden = graph.block(f"blocks.{index}", hidden, dilation)
    graph.linear("leave", graph.norm("norm", hidden), output="logits")
    return graph.model(about)


class _Graph:
    """A graph in the making; every method adds nodes and returns the name of their result."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def weight(self, name: str, transposed: bool = False) -> str:
        value = self._weights[name]
        half = self.constant(name, (value.T if transposed else value).astype(np.float16))
        return self.add("Cast", half, to=TensorProto.FLOAT)

    def row(self, table: str, column: int) -> str:
        half = self.constant(table, self._weights[table].astype(np.float16))
        ids = self.add("Gather", "ids", self.constant(f"column_{column}", np.array(column, np.int64)), axis=1)
        return self.add("Cast", self.add("Gather", half, ids, axis=0), to=TensorProto.FLOAT)

    def linear(self, name: str, value: str, output: str = "") -> str:
        product = self.add("MatMul", value, self.weight(f"{name}.weight", transposed=True))
        return self.add("Add", product, self.weight(f"{name}.bias"), output=output)

    def norm(self, name: str, value: str) -> str:
        return self.add(
            "LayerNormalization",
            value,
            self.weight(f"{name}.weight"),
            self.weight(f"{name}.bias"),
            axis=-1,
            epsilon=1e-5,
        )

    def block(self, name: str, hidden: str, dilation: int) -> str:
        normed = self.norm(f"{name}.norm", hidden)
        pads = self.constant(f"pads_{dilation}", np.array([dilation, 0, dilation, 0], np.int64))
        padded = self.add("Pad", normed, pads)
        zero = self.constant("zero", np.array([0], np.int64))
        far = self.constant(f"at_{2 * dilation}", np.array([2 * dilation], np.int64))
        minus_far = self.constant(f"at_minus_{2 * dilation}", np.array([-2 * dilation], np.int64))
        end = self.constant("end", np.array([np.iinfo(np.int64).max], np.int64))
        before = self.add("Mul", self.add("Slice", padded, zero, minus_far, zero), self.link("before", dilation))
        after = self.add("Mul", self.add("Slice", padded, far, end, zero), self.link("after", dilation))
        window = self.linear(f"{name}.window", self.add("Concat", before, normed, after, axis=1))
        return self.add("Add", hidden, self.linear(f"{name}.mix", self.add("Relu", window)))

    def link(self, side: str, dilation: int) -> str:
        """A column of 1 where the row so far away is of the same text, else 0."""
        column = self.constant(f"link_{dilation}", np.array([DISTANCES.index(dilation)], np.int64))
        return self.add("Gather", side, column, axis=1)

    def model(self, about: Mapping[str, str]) -> bytes:
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT32, ["tokens", len(COLUMNS)]),
            helper.make_tensor_value_info("dense", TensorProto.FLOAT, ["tokens", DENSE]),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, ["tokens", len(DISTANCES)]),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, ["tokens", len(DISTANCES)]),
        ]
        outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["tokens", STATES])]
        graph = helper.make_graph(self._nodes, "tagger", inputs, outputs, list(self._constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        helper.set_model_props(model, dict(about))
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()
