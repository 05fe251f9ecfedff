"""What a job's server and its worker process hand each other: files in one folder, each whole or absent.

inputs.npz and spec.json are written by the server, model.onnx and result.json by the worker, result.json last. So what
is in the folder says which stages are done, after any crash. inputs.npz goes when the job is over.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from labelmill_training.evaluation import Evaluation, Floats, Ints

INPUTS, SPEC, MODEL, RESULT, LOG = "inputs.npz", "spec.json", "model.onnx", "result.json", "worker.log"


@dataclass(frozen=True)
class Spec:
    """How to train, and where the items came from."""

    recipe: str
    l2_penalty: float
    balance_classes: bool
    hard_labels: bool
    seed: int
    feature: str
    class_names: tuple[str, ...]
    encoder: str
    """With its version, such as encoders/minilm-l6-v2@1."""
    training_set_sha256: str


@dataclass(frozen=True)
class Inputs:
    """The items as numbers, without their names."""

    embeddings: NDArray[np.float32]
    targets: Floats
    evaluation_embeddings: NDArray[np.float32]
    gold: Ints


@dataclass(frozen=True)
class Result:
    """What the worker made."""

    artifact_sha256: str
    artifact_size_bytes: int
    temperature: float
    l2_penalty: float
    evaluation: Evaluation
    training_item_count: int
    evaluation_item_count: int
    library_versions: tuple[str, ...]


_SPEC: TypeAdapter[Spec] = TypeAdapter(Spec)
_RESULT: TypeAdapter[Result] = TypeAdapter(Result)


@dataclass(frozen=True)
class JobFolder:
    """The folder of one job."""

    path: Path

    @property
    def model(self) -> Path:
        """The artifact."""
        return self.path / MODEL

    @property
    def log(self) -> Path:
        """What the worker wrote to its standard error."""
        return self.path / LOG

    def write_inputs(self, spec: Spec, inputs: Inputs) -> None:
        """Stores what to train on; the spec last, because its presence says that both are there."""
        self.path.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, **vars(inputs))
        write_whole(self.path / INPUTS, buffer.getvalue())
        write_whole(self.path / SPEC, _SPEC.dump_json(spec, indent=1))

    def spec(self) -> Spec | None:
        """How to train; None before `write_inputs`."""
        path = self.path / SPEC
        return _SPEC.validate_json(path.read_bytes()) if path.is_file() else None

    def inputs(self) -> Inputs:
        """What to train on."""
        with np.load(self.path / INPUTS, allow_pickle=False) as arrays:
            return Inputs(**{name: arrays[name] for name in Inputs.__dataclass_fields__})

    @property
    def has_inputs(self) -> bool:
        """Whether what was trained on is here."""
        return (self.path / INPUTS).exists()

    def remove_inputs(self) -> bool:
        """Removes what was trained on, and what a crash left of writing it; whether there was any."""
        found = list(self.path.glob(f"{INPUTS}*"))
        for path in found:
            path.unlink(missing_ok=True)
        if found:
            to_disk(self.path)
        return bool(found)

    def write_result(self, result: Result) -> None:
        """Stores the outcome, after the model is on disk."""
        to_disk(self.model)
        write_whole(self.path / RESULT, _RESULT.dump_json(result, indent=1))

    def result(self) -> Result | None:
        """The outcome, if the worker came to its end and the model is what it was then."""
        path = self.path / RESULT
        if not path.is_file():
            return None
        result = _RESULT.validate_json(path.read_bytes())
        return result if self.artifact(result.artifact_sha256) is not None else None

    def artifact(self, sha256: str) -> bytes | None:
        """The model's bytes, if they have this checksum."""
        if not self.model.is_file():
            return None
        content = self.model.read_bytes()
        return content if hashlib.sha256(content).hexdigest() == sha256 else None


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is on disk and whole, or not there."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    to_disk(part)
    part.replace(path)
    to_disk(path.parent)


def to_disk(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
