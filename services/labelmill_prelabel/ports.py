"""What the domain needs from outside, by role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from labelmill_prelabel.models import ModelName, ModelVersion
from labelmill_runtime.errors import LabelmillError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Guard = Callable[[Any], Awaitable[None]]
"""Called inside a store's transaction; raises to undo it."""


class Inferencer(Protocol):
    """Runs the models of the repository."""

    async def load(self, folder: str, versions: Sequence[int]) -> None:
        """Makes exactly these versions answer. What answered before goes on until the new ones do, or if they fail.

        Raises:
            ModelRejected: The backend cannot run one of them.
            BackendUnavailable: The backend is away.
        """

    async def infer(
        self, folder: str, version: int, inputs: Mapping[str, Array], output: str, *, timeout_s: float
    ) -> Array:
        """One batch.

        Raises:
            BackendUnavailable, BackendBusy, BackendTooSlow: By what became of it.
        """

    async def ready(self) -> bool:
        """Whether it can answer at all."""

    async def close(self) -> None:
        """Ends its connections and threads."""


class Tokenizer(Protocol):
    """Turns texts into token ids by an encoder's tokenizer.json."""

    async def tokenize(self, encoder: ModelVersion, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, special tokens included, cut to the encoder's max_tokens."""


class StagedArtifact(Protocol):
    """Files on their way into the repository; gone when the block ends without `publish`."""

    folder: Path

    async def write(self, file_name: str, data: bytes) -> None:
        """Appends to a file."""

    def has(self, file_name: str) -> bool:
        """Whether any of it came."""

    async def publish(self, model: ModelVersion) -> None:
        """Moves the files to their version's place in one step; durable when it returns."""


class ModelRepository(Protocol):
    """The model repository in Triton's layout."""

    def stage(self) -> AbstractAsyncContextManager[StagedArtifact]:
        """A new staging folder."""

    async def next_version(self, folder: str) -> int:
        """A version number above every one in the folder."""

    async def discard(self, model: ModelVersion) -> None:
        """Removes a version that never answered."""

    async def write_config(self, folder: str, text: str) -> None:
        """Replaces config.pbtxt in one step."""

    async def sweep(self, known: Mapping[str, set[int]]) -> None:
        """Removes what deployments of dead processes left; `known` has each folder's versions."""


class ModelProbe(Protocol):
    """Tries an artifact where it can do no harm."""

    async def try_encoder(self, folder: Path, max_tokens: int) -> int:
        """The length of its embeddings; raises ModelRejected."""

    async def try_classifier(self, folder: Path, embedding_length: int, classes: int) -> None:
        """Raises ModelRejected."""


class ModelCatalogue(Protocol):
    """Durable knowledge of which versions there are and which one answers."""

    async def current(self, name: ModelName) -> ModelVersion | None:
        """The version that answers."""

    async def get(self, name: ModelName, version: int) -> ModelVersion | None:
        """One version."""

    async def versions(self, name: ModelName) -> list[ModelVersion]:
        """All versions of a model, newest first."""

    async def in_use(self, name: ModelName) -> set[int]:
        """Versions that must answer: the current one, the one before, and those that current classifiers read."""

    async def names(self) -> list[ModelName]:
        """Every model."""

    async def listed(self, project: str, after: str, limit: int) -> list[ModelVersion]:
        """The project's models and the encoders by name: the current version, or the newest failed one."""

    async def activate(self, model: ModelVersion) -> None:
        """Records a version and makes it the one that answers."""

    async def record_failure(self, model: ModelVersion) -> None:
        """Records a version that could not be loaded."""


class EmbeddingCache(Protocol):
    """Embeddings by content and encoder version."""

    async def read(self, encoder: ModelVersion, hashes: Sequence[str]) -> dict[str, Floats]:
        """Those that are there."""

    async def write(
        self, encoder: ModelVersion, embeddings: Mapping[str, Floats], hashes: Mapping[str, str], seen_ms: int
    ) -> None:
        """Adds some, by hash, that were computed for these assets; asset -> hash.

        Not for assets that were erased since `seen_ms`.
        """


@dataclass(frozen=True)
class AssetContent:
    """The CLEAN content of one asset, as it was at a moment."""

    asset: str
    """projects/{project}/assets/{asset}."""
    sha256: str
    media_type: str
    seen_ms: int
    """Before storage was asked; milliseconds since 1970. What was erased later is not kept."""


@dataclass(frozen=True)
class AssetPage:
    """Some assets, and where the next ones begin ("": nowhere)."""

    assets: Sequence[AssetContent]
    next_page_token: str
    total: int


class Assets(Protocol):
    """The project's CLEAN assets."""

    async def page(self, project: str, filter_text: str, page_token: str, size: int) -> AssetPage:
        """CLEAN assets that match, in the order of their creation."""

    async def describe(self, project: str, assets: Sequence[str]) -> list[AssetContent]:
        """These assets in this order; raises for one that is unknown or not CLEAN."""

    def read(self, project: str, assets: Sequence[str]) -> AsyncIterator[tuple[str, str, bytes | LabelmillError]]:
        """(asset, SHA-256, content or why there is none), in no particular order."""


class Projects(Protocol):
    """The projects there are."""

    async def require(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND."""


@dataclass(frozen=True)
class KeptPrediction:
    """What a model version said about an asset."""

    asset: str
    model: ModelVersion
    probabilities: npt.NDArray[np.float64]
    create_time_ms: int

    @property
    def position(self) -> tuple[str, str, int]:
        """Where it stands in a list."""
        return self.asset.rpartition("/")[2], str(self.model.name), self.model.version


class PredictionStore(Protocol):
    """Kept predictions."""

    async def made_by(self, model: ModelVersion, assets: Sequence[str]) -> dict[str, str]:
        """Asset -> operation, for those that this version has predicted."""

    async def save(
        self, predictions: Sequence[KeptPrediction], operation: str, seen_ms: int, guard: Guard | None = None
    ) -> None:
        """Keeps all of them or none, but those of assets that were erased since `seen_ms`."""

    async def newest(self, project: str, assets: Sequence[str]) -> dict[str, list[KeptPrediction]]:
        """The newest of each feature, by asset."""

    async def page(
        self, project: str, filter_text: str, after: Sequence[str | int | float | None] | None, limit: int
    ) -> list[KeptPrediction]:
        """Some, by position."""


class Eraser(Protocol):
    """Removes what is kept about assets."""

    async def erase(self, session: Any, project: str, asset_ids: Sequence[str]) -> Mapping[str, int]:
        """Removes predictions and embeddings, in the caller's transaction; how many of each."""

    async def scrub(self) -> None:
        """Takes what was erased out of the files of the database; after the commit."""
