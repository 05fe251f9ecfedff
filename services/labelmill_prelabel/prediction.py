"""Class probabilities for texts and assets: the encoder's embedding, the classifier's logits, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_prelabel import calibration
from labelmill_prelabel.embedding import Embedder
from labelmill_prelabel.errors import EmptyText, EncoderNotReady, ModelNotFound, TextTooLong
from labelmill_prelabel.models import ModelKind, ModelName, ModelVersion
from labelmill_prelabel.ports import AssetContent, Assets, Floats, Inferencer, ModelCatalogue
from labelmill_prelabel.triton_config import EMBEDDING, LOGITS
from labelmill_runtime.errors import LabelmillError

MAX_TEXT_LENGTH = 100_000
"""Code points of one text."""
HEAD_BATCH = 1024
"""Embeddings that a classifier gets at once."""

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Served:
    """A classifier with the encoder version that it reads."""

    model: ModelVersion
    encoder: ModelVersion


class Predictor:
    """Predicts with any classifier of the repository."""

    def __init__(self, catalogue: ModelCatalogue, embedder: Embedder, inferencer: Inferencer) -> None:
        self._catalogue = catalogue
        self._embedder = embedder
        self._inferencer = inferencer

    async def find(self, name: ModelName, version: int | None = None) -> Served:
        """The classifier that answers, or a version of it.

        Raises:
            ModelNotFound: There is none.
            EncoderNotReady: Its encoder is gone.
        """
        found = self._catalogue.current(name) if version is None else self._catalogue.get(name, version)
        model = await found
        if model is None or name.kind is not ModelKind.EMBEDDING_CLASSIFIER:
            raise ModelNotFound(str(name))
        encoder = await self._catalogue.get(model.spec.encoder_name, model.encoder_version)
        if encoder is None:
            raise EncoderNotReady(model.spec.encoder)
        return Served(model, encoder)

    async def predict_texts(
        self, served: Served, texts: Sequence[str], timeout_s: float
    ) -> list[Probabilities | LabelmillError]:
        """The probabilities of each text, or what is wrong with it."""
        problems = [_problem(text) for text in texts]
        good = [text for text, problem in zip(texts, problems, strict=True) if problem is None]
        embeddings = await self._embedder.embed_texts(served.encoder, good, timeout_s)
        rows = iter(await self.classify(served.model, embeddings, timeout_s))
        return [next(rows) if problem is None else problem for problem in problems]

    async def predict_contents(
        self, served: Served, assets: Assets, project: str, contents: Sequence[AssetContent], timeout_s: float
    ) -> Mapping[str, Probabilities | LabelmillError]:
        """Asset -> its probabilities, or why there are none."""
        embedded = await self._embedder.embed_contents(served.encoder, assets, project, contents, timeout_s)
        good = {asset: row for asset, row in embedded.items() if not isinstance(row, LabelmillError)}
        failed = {asset: row for asset, row in embedded.items() if isinstance(row, LabelmillError)}
        if not good:
            return failed
        rows = await self.classify(served.model, np.stack(list(good.values())), timeout_s)
        return {**failed, **dict(zip(good, rows, strict=True))}

    async def classify(self, model: ModelVersion, embeddings: Floats, timeout_s: float) -> Probabilities:
        """One row of probabilities for each embedding."""
        rows = [np.empty((0, len(model.spec.class_names)))]
        for start in range(0, len(embeddings), HEAD_BATCH):
            inputs = {EMBEDDING: np.ascontiguousarray(embeddings[start : start + HEAD_BATCH])}
            logits = await self._inferencer.infer(model.folder, model.version, inputs, LOGITS, timeout_s=timeout_s)
            rows.append(calibration.probabilities(logits, model.spec.temperature))
        return np.concatenate(rows)


def _problem(text: str) -> LabelmillError | None:
    if not text.strip():
        return EmptyText()
    return TextTooLong(MAX_TEXT_LENGTH) if len(text) > MAX_TEXT_LENGTH else None
