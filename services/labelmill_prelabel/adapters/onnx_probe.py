"""Tries an artifact in a process of its own, because a malformed graph can crash or exhaust the one that opens it.

The process sees none of our environment (no keys), has limits on memory and time, and answers with one line of JSON.
`python -m labelmill_prelabel.adapters.onnx_probe FOLDER JSON` is that process.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from labelmill_prelabel.batching import padded
from labelmill_prelabel.errors import ModelRejected
from labelmill_prelabel.ports import Array
from labelmill_prelabel.triton_config import ATTENTION_MASK, EMBEDDING, INPUT_IDS, LOGITS

_TIMEOUT_S = 120.0
_MEMORY_BYTES = 16 << 30  # of address space, of which ONNX Runtime reserves far more than it uses
_PADDING_TOLERANCE = 1e-3
_TEXTS = ("A sentence.", "Another sentence, longer than the first one, to be padded beside it.")
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT")


class OnnxProbe:
    """Tries artifacts with ONNX Runtime."""

    def __init__(self, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    async def try_encoder(self, folder: Path, max_tokens: int) -> int:
        """See ModelProbe."""
        found = await self._run(folder, {"kind": "encoder", "max_tokens": max_tokens})
        return int(found["embedding_length"])

    async def try_classifier(self, folder: Path, embedding_length: int, classes: int) -> None:
        """See ModelProbe."""
        await self._run(folder, {"kind": "classifier", "embedding_length": embedding_length, "classes": classes})

    async def _run(self, folder: Path, task: dict[str, Any]) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            str(folder),
            json.dumps(task),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it quotes the model
            env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                out, _ = await process.communicate()
        except TimeoutError:
            raise ModelRejected(f"did not answer a probe within {self._timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0 or not out:
            raise ModelRejected("ends the process that opens it")
        found: dict[str, Any] = json.loads(out)
        if "problem" in found:
            raise ModelRejected(found["problem"])
        return found


class _Problem(Exception):
    """What is wrong, in our own words: never the library's, which quote the file."""


def main(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """The probe itself; in its own process."""
    from labelmill_prelabel.adapters.onnx_runtime import open_session

    try:
        try:
            session = open_session(folder / "model.onnx")
        except Exception:
            raise _Problem("is not an ONNX file that ONNX Runtime can load") from None
        if task["kind"] == "encoder":
            return {"embedding_length": _encoder(session, folder / "tokenizer.json", task["max_tokens"])}
        _classifier(session, task["embedding_length"], task["classes"])
    except _Problem as problem:
        return {"problem": str(problem)}
    return {}


def _encoder(session: Any, tokenizer_file: Path, max_tokens: int) -> int:
    from labelmill_prelabel.adapters.tokenizers import open_tokenizer

    _check_names(session, {INPUT_IDS: "tensor(int64)", ATTENTION_MASK: "tensor(int64)"}, EMBEDDING)
    try:
        tokenizer = open_tokenizer(tokenizer_file, max_tokens)
        short, long = ([int(token) for token in tokenizer.encode(text).ids] for text in _TEXTS)
        last = max(tokenizer.get_vocab_size() - 1, 0)
    except Exception:
        raise _Problem("has a tokenizer.json that cannot be loaded") from None
    if not short or not long:
        raise _Problem("has a tokenizer that makes no tokens")
    short = [*short, last]  # a vocabulary that knows none of the words would make tokens that look like padding
    (alone,) = _answers(session, padded([short]), 1)
    together = _answers(session, padded([short, long]), 2)
    _answers(session, padded([[last] * max_tokens]), 1)  # the longest input, of the highest token
    if np.abs(together[0] - alone).max() > _PADDING_TOLERANCE:
        raise _Problem("gives another embedding when a text is padded; it must respect attention_mask")
    return len(alone)


def _answers(session: Any, batch: tuple[Array, Array], rows: int) -> Array:
    return _checked(_ran(session, dict(zip((INPUT_IDS, ATTENTION_MASK), batch, strict=True)), EMBEDDING), rows, None)


def _classifier(session: Any, embedding_length: int, classes: int) -> None:
    _check_names(session, {EMBEDDING: "tensor(float)"}, LOGITS)
    generator = np.random.default_rng(0)
    for rows in (1, 3):
        embeddings = generator.normal(size=(rows, embedding_length)).astype(np.float32)
        _checked(_ran(session, {EMBEDDING: embeddings}, LOGITS), rows, classes)


def _check_names(session: Any, inputs: dict[str, str], output: str) -> None:
    if {tensor.name: tensor.type for tensor in session.get_inputs()} != inputs:
        listed = ", ".join(f"{name} as {kind}" for name, kind in inputs.items())
        raise _Problem(f"must have exactly the inputs {listed}")
    if {tensor.name: tensor.type for tensor in session.get_outputs()}.get(output) != "tensor(float)":
        raise _Problem(f"must have the output {output} as tensor(float)")


def _ran(session: Any, inputs: dict[str, Array], output: str) -> Array:
    try:
        (array,) = session.run([output], inputs)
    except Exception:
        shapes = ", ".join(f"{name} {'x'.join(map(str, array.shape))}" for name, array in inputs.items())
        raise _Problem(f"does not answer a probe with {shapes}") from None
    result: Array = array
    return result


def _checked(array: Array, rows: int, columns: int | None) -> Array:
    if array.ndim != 2 or len(array) != rows or array.shape[1] == 0:
        raise _Problem("must answer with one row for each row asked")
    if columns is not None and array.shape[1] != columns:
        raise _Problem(f"answers with {array.shape[1]} logits for {columns} classes")
    if not np.isfinite(array).all():
        raise _Problem("answers with numbers that are not finite")
    return array


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (int(_TIMEOUT_S), int(_TIMEOUT_S)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), json.loads(sys.argv[2]))))
