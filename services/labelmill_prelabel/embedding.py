"""Texts and contents to embeddings: tokenize, batch, encode, and remember by content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_prelabel.batching import MicroBatcher, TokenIds, padded
from labelmill_prelabel.errors import EmptyText, NotText
from labelmill_prelabel.models import ModelVersion
from labelmill_prelabel.ports import AssetContent, Assets, EmbeddingCache, Floats, Inferencer, Tokenizer
from labelmill_prelabel.triton_config import ATTENTION_MASK, EMBEDDING, INPUT_IDS
from labelmill_runtime.errors import LabelmillError

CHUNK = 256
"""Texts that one caller has waiting at a time, so that a long job leaves room for the others."""


@dataclass(frozen=True)
class BatchLimits:
    """How texts are batched."""

    batch_size: int
    parallel: int
    max_waiting: int


class Embedder:
    """Embeds with any encoder of the repository."""

    def __init__(
        self, tokenizer: Tokenizer, inferencer: Inferencer, cache: EmbeddingCache, limits: BatchLimits
    ) -> None:
        self._tokenizer = tokenizer
        self._inferencer = inferencer
        self._cache = cache
        self._limits = limits
        self._batchers: dict[tuple[str, int], MicroBatcher] = {}

    async def embed_texts(self, encoder: ModelVersion, texts: Sequence[str], timeout_s: float) -> Floats:
        """One row a text; nothing is remembered."""
        rows = [np.empty((0, encoder.embedding_length), dtype=np.float32)]
        for start in range(0, len(texts), CHUNK):
            tokens = await self._tokenizer.tokenize(encoder, texts[start : start + CHUNK])
            rows.append(await self._batcher(encoder).submit(tokens, timeout_s))
        return np.concatenate(rows)

    async def embed_contents(
        self, encoder: ModelVersion, assets: Assets, project: str, contents: Sequence[AssetContent], timeout_s: float
    ) -> Mapping[str, Floats | LabelmillError]:
        """Asset -> its embedding, or why there is none; known contents are neither read nor computed."""
        known = await self._cache.read(encoder, [content.sha256 for content in contents])
        answers: dict[str, Floats | LabelmillError] = {}
        unread: list[str] = []
        for content in dict.fromkeys(contents):
            if content.sha256 in known:
                answers[content.asset] = known[content.sha256]
            elif not content.media_type.startswith("text/"):
                answers[content.asset] = NotText(content.asset)
            else:
                unread.append(content.asset)
        texts: dict[str, str] = {}  # by hash: the same content is computed once
        hashes: dict[str, str] = {}
        async for asset, sha256, found in assets.read(project, unread):
            text = found if isinstance(found, LabelmillError) else _text(asset, found)
            if isinstance(text, LabelmillError):
                answers[asset] = text
            else:
                hashes[asset], texts[sha256] = sha256, text
        if texts:
            rows = await self.embed_texts(encoder, list(texts.values()), timeout_s)
            fresh = dict(zip(texts, rows, strict=True))
            await self._cache.write(encoder, fresh, hashes, min(content.seen_ms for content in contents))
            answers.update({asset: fresh[sha256] for asset, sha256 in hashes.items()})
        return answers

    def _batcher(self, encoder: ModelVersion) -> MicroBatcher:
        key = (encoder.folder, encoder.version)
        if key not in self._batchers:

            async def run(batch: list[TokenIds], timeout_s: float) -> Floats:
                ids, mask = padded(batch)
                inputs = {INPUT_IDS: ids, ATTENTION_MASK: mask}
                return await self._inferencer.infer(*key, inputs, EMBEDDING, timeout_s=timeout_s)

            limits = self._limits
            self._batchers[key] = MicroBatcher(
                run, batch_size=limits.batch_size, parallel=limits.parallel, max_waiting=limits.max_waiting
            )
        return self._batchers[key]


def _text(asset: str, content: bytes) -> str | LabelmillError:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return NotText(asset)
    return text if text.strip() else EmptyText()
