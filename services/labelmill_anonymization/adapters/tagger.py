"""The tagger's network in ONNX Runtime, on one thread: texts in, findings out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from labelmill_anonymization.findings import Finding
from labelmill_anonymization.tagger.blocks import join
from labelmill_anonymization.tagger.decoding import spans
from labelmill_anonymization.tagger.features import describe
from labelmill_anonymization.tagger.labels import STATES
from labelmill_anonymization.tagger.lexicon import Lexicon
from labelmill_anonymization.tagger.links import links
from labelmill_anonymization.tagger.tokens import BREAK, DIGIT, LETTER, Tokens, cut

RECOGNIZER = "Tagger"
_AT_ONCE = 6_000  # characters; keeps the network's arrays in the processor's cache
_HALO = 600  # characters that a piece of a long text sees on either side


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a text, with its surroundings: `content` begins at `start`, what is its own at `begin`."""

    text: int
    start: int
    begin: int
    end: int
    content: str

    def owns(self, start: int, end: int) -> bool:
        """Whether a finding is this piece's to report: it begins here, or in a piece that could not see its end."""
        return self.begin <= start < self.end or (start == self.start and end > self.begin)


@dataclass(frozen=True, slots=True)
class _Edges:
    """What is asked of single tokens, as lists: arrays are slow one by one."""

    kind: list[int]
    start: list[int]
    end: list[int]
    text: list[int]
    offset: list[int]

    @classmethod
    def of(cls, tokens: Tokens) -> _Edges:
        kinds = tokens.classes[tokens.start]
        return cls(*(array.tolist() for array in (kinds, tokens.start, tokens.end, tokens.text, tokens.offset)))

    def trimmed(self, first: int, last: int) -> tuple[int, int] | None:
        """Begin and end of a span without line breaks at its edges; nothing if it holds no letter or digit."""
        kinds = self.kind[first : last + 1]
        if LETTER not in kinds and DIGIT not in kinds:
            return None
        while self.kind[first] == BREAK:
            first += 1
        while self.kind[last] == BREAK:
            last -= 1
        return self.start[first], self.end[last]


class Tagger:
    """Finds personal data in texts in English, German, French, Spanish and Italian; it needs not be told which."""

    def __init__(self, model: bytes | None = None, lexicon: bytes | None = None) -> None:
        """Loads the model and the lexicon: those of the package, if no others are given."""
        folder = files("labelmill_anonymization.tagger")
        model = model or folder.joinpath("model.onnx").read_bytes()
        lexicon = lexicon or folder.joinpath("lexicon.npz").read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        about = self._session.get_modelmeta().custom_metadata_map
        self._temperature, self._caution = float(about["temperature"]), float(about["caution"])
        self._lexicon = Lexicon.load(lexicon)
        self.version = f"labelmill-tagger {about['version']} {hashlib.sha256(model + lexicon).hexdigest()[:12]}"

    def tag(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Findings of each text, ordered; scores are calibrated probabilities.

        They overlap only where an address holds its parts. A text's findings do not depend on the texts beside it.
        """
        found: list[list[Finding]] = [[] for _ in texts]
        for pieces in _batches(texts):
            tokens = cut([piece.content for piece in pieces])
            edges = _Edges.of(tokens)
            for span in spans(self.logits(tokens), tokens.text, self._temperature, self._caution):
                trimmed = edges.trimmed(span.first, span.last)
                if trimmed is None:
                    continue
                index = edges.text[span.first]
                piece, shift = pieces[index], pieces[index].start - edges.offset[index]
                start, end = (edge + shift for edge in trimmed)
                if piece.owns(start, end):
                    found[piece.text].append(Finding(span.entity_type, start, end, span.score, RECOGNIZER))
        return [join(findings, text) for findings, text in zip(found, texts, strict=True)]

    def logits(self, tokens: Tokens) -> NDArray[np.float32]:
        """The network's answers: a row a token, a column a state."""
        features = describe(tokens, self._lexicon)
        if not len(tokens):
            return np.zeros((0, STATES), np.float32)
        before, after = links(tokens.text)
        (logits,) = self._session.run(
            None, {"ids": features.ids, "dense": features.dense, "before": before, "after": after}
        )
        return np.asarray(logits, np.float32)


def _batches(texts: Sequence[str]) -> Iterator[list[_Piece]]:
    batch: list[_Piece] = []
    size = 0
    for piece in _pieces(texts):
        if batch and size + len(piece.content) > _AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += len(piece.content)
    if batch:
        yield batch


def _pieces(texts: Sequence[str]) -> Iterator[_Piece]:
    for index, text in enumerate(texts):
        for begin in range(0, len(text), _AT_ONCE):
            end = min(begin + _AT_ONCE, len(text))
            start = max(begin - _HALO, 0)
            yield _Piece(index, start, begin, end, text[start : end + _HALO])
