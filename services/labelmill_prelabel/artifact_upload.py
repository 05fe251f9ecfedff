"""The order of an upload's messages and its checksum: header, chunks, SHA-256, end."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from labelmill_prelabel.errors import ArtifactTooLarge, ChecksumMismatch, ModelRejected, UploadSequence
from labelmill_prelabel.models import ModelKind, ModelSpec
from labelmill_prelabel.ports import StagedArtifact

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Chunk:
    """A part of a file."""

    file_name: str
    data: bytes


@dataclass(frozen=True)
class Checksum:
    """SHA-256 of all chunk data in the order sent."""

    sha256: str


Part = ModelSpec | Chunk | Checksum


async def first_spec(parts: AsyncIterator[Part]) -> ModelSpec:
    """The header, which comes first."""
    first = await anext(parts, None)
    if not isinstance(first, ModelSpec):
        raise UploadSequence("does not begin with a header")
    return first


async def receive(spec: ModelSpec, parts: AsyncIterator[Part], staged: StagedArtifact, max_bytes: int) -> str:
    """Writes the chunks to staging and returns their SHA-256.

    Raises:
        UploadSequence: Messages in another order, or none after some point.
        ChecksumMismatch: The SHA-256 is another one.
        ArtifactTooLarge: More than `max_bytes`.
        ModelRejected: A file is missing, or one too many.
    """
    digest, size, last, checksum = hashlib.sha256(), 0, "", ""
    async for part in parts:
        if checksum:
            raise UploadSequence("goes on after its checksum")
        if isinstance(part, Checksum):
            checksum = part.sha256
        elif isinstance(part, Chunk):
            if part.file_name != last and staged.has(part.file_name):
                raise UploadSequence("goes back to an earlier file")
            size += len(part.data)
            if size > max_bytes:
                raise ArtifactTooLarge(max_bytes)
            digest.update(part.data)
            last = part.file_name
            await staged.write(part.file_name, part.data)
        else:
            raise UploadSequence("has a second header")
    if not checksum:
        raise UploadSequence("ended before its checksum")
    if digest.hexdigest() != checksum:
        raise ChecksumMismatch
    _check_files(spec, staged)
    return checksum


def _check_files(spec: ModelSpec, staged: StagedArtifact) -> None:
    if not staged.has(MODEL_FILE):
        raise ModelRejected(f"lacks {MODEL_FILE}")
    is_encoder = spec.name.kind is ModelKind.TEXT_ENCODER
    if staged.has(TOKENIZER_FILE) != is_encoder:
        raise ModelRejected(f"{'lacks' if is_encoder else 'is a classifier and has'} {TOKENIZER_FILE}")
