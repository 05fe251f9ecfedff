"""The worker process of one job: `python -m labelmill_training.worker FOLDER`.

Reads inputs.npz and spec.json, trains, exports, evaluates the exported artifact, writes model.onnx and result.json.
Each line on standard output is a JSON object with the stage and how far it is. Running it again does no harm.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are imported

from labelmill_training.adapters import onnx_head
from labelmill_training.evaluation import evaluate
from labelmill_training.job_folder import Inputs, JobFolder, Result, Spec
from labelmill_training.lifeline import end_with_parent

_LIBRARIES = ("torch", "onnx", "onnxruntime", "numpy")


def main() -> None:
    """Runs the job in the folder named on the command line."""
    end_with_parent()
    _say("starting", 0, 0)
    work(JobFolder(Path(sys.argv[1])))
    os._exit(0)  # all is on disk, and torch takes a while to leave


def work(folder: JobFolder) -> Result:
    """Trains, exports and evaluates; leaves the result in the folder."""
    spec, inputs = folder.spec(), folder.inputs()
    if spec is None:
        raise FileNotFoundError("the job folder holds no spec")
    result = _train(folder, spec, inputs)
    folder.write_result(result)
    return result


def _train(folder: JobFolder, spec: Spec, inputs: Inputs) -> Result:
    from labelmill_training.recipes import frozen_embedding_classifier as recipe

    settings = recipe.Settings(spec.l2_penalty, spec.balance_classes, spec.hard_labels, spec.seed)
    embeddings = inputs.embeddings.astype("float64")
    fitted = recipe.train(embeddings, inputs.targets, settings, lambda done, total: _say("training", done, total))
    part = folder.model.with_suffix(".part")
    onnx_head.write_head(part, fitted.weights, fitted.biases)
    part.replace(folder.model)
    _say("evaluating", 0, len(inputs.gold))
    evaluation = evaluate(
        onnx_head.run_head(folder.model, inputs.evaluation_embeddings.astype("float64")),
        inputs.gold,
        temperature=fitted.temperature,
        majority_class=int(inputs.targets.sum(axis=0).argmax()),
        seed=spec.seed,
    )
    artifact = folder.model.read_bytes()
    return Result(
        hashlib.sha256(artifact).hexdigest(),
        len(artifact),
        fitted.temperature,
        fitted.l2_penalty,
        evaluation,
        len(inputs.targets),
        len(inputs.gold),
        tuple(f"{library} {version(library)}" for library in _LIBRARIES),
    )


def _say(stage: str, done: int, total: int) -> None:
    sys.stdout.write(json.dumps({"stage": stage, "done": done, "total": total}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
