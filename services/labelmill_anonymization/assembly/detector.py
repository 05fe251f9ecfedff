"""The detector with its real parts: our rules, Presidio's, spaCy's entities, the tagger, Hyperscan if it is there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from labelmill_anonymization.adapters.presidio import presidio_rules, presidio_version
from labelmill_anonymization.adapters.py3langid import LangidLanguages
from labelmill_anonymization.adapters.spacy_entities import SpacyEntities
from labelmill_anonymization.adapters.tagger import Tagger
from labelmill_anonymization.detection.catalogue import RULES, finders
from labelmill_anonymization.detection.detector import TextDetector
from labelmill_anonymization.detection.finders import Asked, EveryPattern, Prefilter
from labelmill_anonymization.detection.rules import RuleSet
from labelmill_anonymization.entity_types import LANGUAGES
from labelmill_anonymization.tagger.labels import TYPES

_FOUND_BY_FORM = frozenset({"EMAIL_ADDRESS", "IP_ADDRESS", "URL", "US_SSN"})
"""What the tagger knows, too, but patterns know better."""


def text_detector(*, with_models: bool = True) -> TextDetector:
    """What a worker process loads; without models, what has a form is still found."""
    return TextDetector(
        rules=RuleSet([*presidio_rules(), *RULES]),
        finders=finders(),
        models=_models() if with_models else (),
        languages=LangidLanguages(),
        make_prefilter=_prefilter,
        versions=(presidio_version(),),
    )


def _models() -> tuple[Asked, ...]:
    return (
        Asked(SpacyEntities(), SpacyEntities.types, frozenset({"en"})),
        Asked(Tagger(), frozenset(TYPES) - _FOUND_BY_FORM, frozenset(LANGUAGES)),
    )


def _prefilter(patterns: Sequence[tuple[str, int]]) -> Prefilter:
    if find_spec("hyperscan") is None:  # there is no wheel for this platform
        return EveryPattern(len(patterns))
    from labelmill_anonymization.adapters.hyperscan import HyperscanPrefilter

    return HyperscanPrefilter(patterns)
