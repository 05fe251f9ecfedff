"""Triton's `onnxruntime` backend as a Python-based backend, for installations that lack the native one.

Triton runs this file for every model whose config.pbtxt says `backend: "onnxruntime"` when the folder
`<backend-directory>/onnxruntime` holds it instead of libtriton_onnxruntime.so. It needs `onnxruntime` and `numpy`
in the environment of Triton's Python stub. CPU only; the model repository is the same for both backends.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """One instance of one version of a model."""

    def initialize(self, args):
        """Loads <model folder>/<version>/<default_model_filename>."""
        config = json.loads(args["model_config"])
        version_folder = Path(args["model_repository"]) / args["model_version"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _integer(config, "intra_op_thread_count")
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves the neighbours
        path = version_folder / (config.get("default_model_filename") or "model.onnx")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._inputs = [tensor["name"] for tensor in config["input"]]
        self._outputs = [tensor["name"] for tensor in config["output"]]

    def execute(self, requests):
        """Runs the requests that Triton batched together in one go and hands each its rows."""
        inputs = [
            {name: pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}
            for request in requests
        ]
        try:
            joined = {name: np.concatenate([one[name] for one in inputs]) for name in self._inputs}
            arrays = self._session.run(self._outputs, joined)
        except Exception as error:
            failure = pb_utils.TritonError(f"inference failed: {type(error).__name__}")
            return [pb_utils.InferenceResponse(error=failure) for _ in requests]
        ends = np.cumsum([len(one[self._inputs[0]]) for one in inputs])[:-1]
        parts = zip(*(np.split(array, ends) for array in arrays), strict=True)
        return [pb_utils.InferenceResponse(list(map(pb_utils.Tensor, self._outputs, rows))) for rows in parts]


def _integer(config, key):
    return int(config.get("parameters", {}).get(key, {}).get("string_value", "1"))
