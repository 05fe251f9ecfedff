"""config.pbtxt: what Triton must know of a model folder. Pure. The embedded backend leaves it unread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_prelabel.models import ModelKind, ModelVersion

INPUT_IDS = "input_ids"
ATTENTION_MASK = "attention_mask"
EMBEDDING = "embedding"
LOGITS = "logits"


@dataclass(frozen=True)
class TritonTuning:
    """How Triton runs the models."""

    instances: int = 2
    """Instances of each model, one thread each: more threads would spin while they wait and starve their neighbours."""
    device: str = "KIND_CPU"
    """Triton's instance kind."""
    queue_size: int = 256
    """Requests that may wait; more are refused at once."""
    queue_timeout_s: float = 30.0
    """How long a request may wait; a caller's own deadline may be shorter. What has timed out is not computed."""


def render(model: ModelVersion, versions: Sequence[int], tuning: TritonTuning, max_batch_size: int) -> str:
    """The text of config.pbtxt for a model folder in which exactly `versions` are to answer."""
    inputs, outputs = _tensors(model)
    return f"""name: {json.dumps(model.folder)}
backend: "onnxruntime"
default_model_filename: "model.onnx"
max_batch_size: {max_batch_size}
{_listed("input", inputs)}
{_listed("output", outputs)}
version_policy {{ specific {{ versions: [{", ".join(map(str, sorted(versions)))}] }} }}
instance_group [ {{ count: {tuning.instances} kind: {tuning.device} }} ]
dynamic_batching {{
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: {int(tuning.queue_timeout_s * 1e6)}
    allow_timeout_override: true
    max_queue_size: {tuning.queue_size}
  }}
}}
parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
parameters {{ key: "inter_op_thread_count" value {{ string_value: "1" }} }}
"""


def _tensors(model: ModelVersion) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
    if model.name.kind is ModelKind.TEXT_ENCODER:
        inputs = [(INPUT_IDS, "TYPE_INT64", -1), (ATTENTION_MASK, "TYPE_INT64", -1)]
        return inputs, [(EMBEDDING, "TYPE_FP32", model.embedding_length)]
    return (
        [(EMBEDDING, "TYPE_FP32", model.embedding_length)],
        [(LOGITS, "TYPE_FP32", len(model.spec.class_names))],
    )


def _listed(key: str, tensors: Sequence[tuple[str, str, int]]) -> str:
    items = ",\n".join(f'  {{ name: "{name}" data_type: {kind} dims: [{length}] }}' for name, kind, length in tensors)
    return f"{key} [\n{items}\n]"
