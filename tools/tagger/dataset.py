"""Generated texts as arrays: a row a token, with empty rows between texts, as the network reads them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.tagger.features import describe
from labelmill_anonymization.tagger.labels import OUTSIDE, begin, inside
from labelmill_anonymization.tagger.lexicon import Lexicon
from labelmill_anonymization.tagger.links import DISTANCES
from labelmill_anonymization.tagger.tokens import Tokens, cut
from tools.tagger.generate import IGNORED, Generator, Marked
from tools.tagger.lexicon import FILE as LEXICON

UNLABELED = -1
GAP = max(DISTANCES)
"""Empty rows between texts, as many as the widest window reaches, so that no text sees another."""

_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Arrays of one length.

    Attributes:
        ids: [tokens, columns], small enough for 16 bits.
        dense: [tokens, features], half precision.
        there: 1 for tokens, 0 for gaps.
        labels: States, or `UNLABELED`.
    """

    ids: NDArray[np.int16]
    dense: NDArray[np.float16]
    there: NDArray[np.bool_]
    labels: NDArray[np.int8]


def make(seed: int, texts: int, developing: bool, processes: int | None = None) -> Rows:
    """Generates texts in several processes and describes their tokens."""
    parts = [(seed + 7919 * (1 + part), _AT_ONCE, developing) for part in range(-(-texts // _AT_ONCE))]
    if processes == 1 or len(parts) == 1:
        return join(starmap(_part, parts))
    with multiprocessing.get_context("spawn").Pool(processes or os.cpu_count()) as pool:
        return join(pool.starmap(_part, parts, chunksize=1))


def join(parts: Iterable[Rows]) -> Rows:
    """One after another."""
    listed = list(parts)
    return Rows(*(np.concatenate([getattr(part, name) for part in listed]) for name in Rows.__slots__))


def rows(texts: Iterable[Marked], lexicon: Lexicon) -> Rows:
    """Marked texts as arrays."""
    marked = list(texts)
    tokens = cut([text.text for text in marked])
    features = describe(tokens, lexicon)
    place = np.arange(len(tokens)) + (tokens.text + 1) * GAP
    size = len(tokens) + (len(marked) + 1) * GAP
    ids, dense = (
        np.zeros((size, features.ids.shape[1]), np.int16),
        np.zeros((size, features.dense.shape[1]), np.float16),
    )
    there, labels = np.zeros(size, bool), np.full(size, UNLABELED, np.int8)
    ids[place], dense[place], there[place] = features.ids, features.dense, True
    labels[place] = label(tokens, marked)
    return Rows(ids, dense, there, labels)


def label(tokens: Tokens, marked: list[Marked]) -> NDArray[np.int8]:
    """The state of each token."""
    labels = np.full(len(tokens), OUTSIDE, np.int8)
    for index, text in enumerate(marked):
        shift = tokens.offset[index]
        for start, end, entity_type in text.spans:
            first = int(np.searchsorted(tokens.end, start + shift, side="right"))
            last = int(np.searchsorted(tokens.start, end + shift, side="left"))
            if entity_type == IGNORED:
                labels[first:last] = UNLABELED
            elif last > first:
                labels[first:last] = inside(entity_type)
                labels[first] = begin(entity_type)
    return labels


def _part(seed: int, texts: int, developing: bool) -> Rows:
    generator = Generator(seed, developing)
    return rows(generator.texts(texts), Lexicon.load(LEXICON.read_bytes()))
