"""Hugging Face `tokenizers`: text to token ids, in a thread (it releases the GIL)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer as HuggingFaceTokenizer

from labelmill_prelabel.models import ModelVersion

_LENGTH_PER_TOKEN = 40
"""Code points beyond which a text is cut before tokenizing: far more than max_tokens can take in."""


class Tokenizers:
    """The tokenizers of the encoders in a model repository."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: dict[tuple[str, int], HuggingFaceTokenizer] = {}

    async def tokenize(self, encoder: ModelVersion, texts: Sequence[str]) -> list[list[int]]:
        """See Tokenizer."""
        return await asyncio.to_thread(self._tokenize, encoder, texts)

    def _tokenize(self, encoder: ModelVersion, texts: Sequence[str]) -> list[list[int]]:
        key = (encoder.folder, encoder.version)
        if key not in self._open:
            path = self._root / encoder.folder / str(encoder.version) / "tokenizer.json"
            self._open[key] = open_tokenizer(path, encoder.spec.max_tokens)
        longest = encoder.spec.max_tokens * _LENGTH_PER_TOKEN
        encodings = self._open[key].encode_batch_fast([text[:longest] for text in texts])
        # A text of nothing that the tokenizer knows still needs an input; the encoder masks no token of it.
        return [encoding.ids or [0] for encoding in encodings]


def open_tokenizer(path: Path, max_tokens: int) -> HuggingFaceTokenizer:
    """A tokenizer that cuts at `max_tokens` and does not pad."""
    tokenizer = HuggingFaceTokenizer.from_file(str(path))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer
