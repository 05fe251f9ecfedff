"""The vectors that spaCy's recognizer makes of tokens, for all texts of a batch at once.

A vector is made in two steps: what a word is by itself (four hashed embeddings, mixed by a maxout layer), then four
layers in which each token sees its neighbours. The first depends on nothing but the word, so it is remembered; the
second is done in plain NumPy, without the steps that only training needs. The weights and the formulas are spaCy's
(Honnibal et al., thinc: HashEmbed, Maxout, LayerNorm, expand_window, residual).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from spacy.tokens import Doc

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_KEPT_WORDS = 20_000
"""Words whose vectors are remembered: 8 MB. When there are more, all are forgotten."""
_LEAST_VARIANCE = np.float32(1e-8)  # thinc's


class TokenVectors:
    """Makes the vectors of tokens."""

    def __init__(self, tok2vec: Any) -> None:
        """Takes the layers of a `tok2vec` such as `en_core_web_sm` has in its recognizer."""
        (words, context), self._linear = tok2vec.layers[0].layers, tok2vec.layers[2]
        self._features: list[int | str] = words.layers[0].attrs["columns"]
        self._embed, self._mix = words.layers[2].layers[0], words.layers[3].layers[0]
        self._gap: int = context.attrs["pad"]
        self._windows = [_Window(residual.layers[0]) for residual in context.layers[0].layers]
        self._rows: dict[tuple[int, ...], int] = {}
        self._table = np.empty((_KEPT_WORDS, self._windows[0].width), np.float32)

    def of(self, docs: Sequence[Doc]) -> Floats:
        """(tokens of all texts, width); every text has a token."""
        lengths = [len(doc) for doc in docs]
        text_of_token = np.repeat(np.arange(len(docs)), lengths)
        rows = np.arange(len(text_of_token)) + (text_of_token + 1) * self._gap
        padded = np.zeros((len(rows) + (len(docs) + 1) * self._gap, self._table.shape[1]), np.float32)
        padded[rows] = self._words(np.concatenate([doc.to_array(self._features) for doc in docs]))
        for window in self._windows:
            window.add_to(padded)
        vectors: Floats = self._linear.predict(padded[rows])
        return vectors

    def _words(self, features: npt.NDArray[np.uint64]) -> Floats:
        """What each word is by itself."""
        words = list(map(tuple, features.tolist()))
        fresh = {word for word in words if word not in self._rows}
        if len(self._rows) + len(fresh) > _KEPT_WORDS:
            self._rows.clear()
            fresh = set(words)
        if len(fresh) > _KEPT_WORDS:
            return self._made(features)
        if fresh:
            first = len(self._rows)
            self._table[first : first + len(fresh)] = self._made(np.array(list(fresh), np.uint64))
            self._rows.update(zip(fresh, range(first, first + len(fresh)), strict=True))
        return self._table[[self._rows[word] for word in words]]

    def _made(self, features: npt.NDArray[np.uint64]) -> Floats:
        made: Floats = self._mix.predict(self._embed.predict(features))
        return made


class _Window:
    """One layer: maxout over a token and its neighbours, normalized, added to the token."""

    def __init__(self, layer: Any) -> None:
        maxout, norm = _named(layer, "maxout"), _named(layer, "layernorm")
        weights = maxout.get_param("W")  # width, pieces, 3 * width
        self.width, self._pieces, _ = weights.shape
        # One piece after the other, so that the largest of them is found in whole rows.
        self._weights = np.ascontiguousarray(weights.transpose(1, 0, 2).reshape(-1, weights.shape[2]).T)
        self._bias = np.ascontiguousarray(maxout.get_param("b").T.reshape(-1))
        self._scale, self._shift = norm.get_param("G"), norm.get_param("b")

    def add_to(self, vectors: Floats) -> None:
        """Adds what the layer makes of rows (with empty ones at both ends) to them."""
        width = self.width
        seen = np.zeros((len(vectors), 3 * width), np.float32)
        seen[1:, :width] = vectors[:-1]
        seen[:, width : 2 * width] = vectors
        seen[:-1, 2 * width :] = vectors[1:]
        pieces = seen @ self._weights
        pieces += self._bias
        best = pieces[:, :width]
        for piece in range(1, self._pieces):
            best = np.maximum(best, pieces[:, piece * width : (piece + 1) * width])
        best -= best.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", best, best) / np.float32(width) + _LEAST_VARIANCE
        best *= (1 / np.sqrt(variance))[:, None]
        best *= self._scale
        best += self._shift
        vectors += best


def _named(layer: Any, name: str) -> Any:
    return next(found for found in layer.walk() if found.name == name)
