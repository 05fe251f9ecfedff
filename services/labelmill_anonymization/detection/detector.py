"""Looks for personal data in texts: models for names, rules and finders for whatever has a form.

A recognizer that fails or runs out of time fails its text, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from labelmill_anonymization.detection.agreement import settle
from labelmill_anonymization.detection.finders import Asked, EntityModel, Finder, LanguageIdentifier, Prefilter
from labelmill_anonymization.detection.rules import CASED, RecognizerTimeout, RuleSet
from labelmill_anonymization.entity_types import AUTO, LANGUAGES
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout, UnsupportedLanguage
from labelmill_anonymization.findings import Finding
from labelmill_runtime.errors import LabelmillError

Found = list[Finding] | LabelmillError


class TextDetector:
    """Finds personal data; see `ports.Detector`.

    Args:
        rules: Patterns.
        finders: Searches that need more than one pattern.
        models: Each is asked about the texts in its languages.
        languages: Tells the language of a text where the policy leaves it open.
        make_prefilter: Makes the prefilter of (pattern, flags).
        versions: Of what the rules were taken from.
    """

    def __init__(
        self,
        rules: RuleSet,
        finders: Sequence[Finder],
        models: Sequence[Asked],
        languages: LanguageIdentifier,
        make_prefilter: Callable[[Sequence[tuple[str, int]]], Prefilter],
        versions: Sequence[str] = (),
    ) -> None:
        self._rules = rules
        self._finders = tuple(finders)
        self._models = tuple(models)
        self._languages = languages
        first = [rule.prefilter for rule in rules.rules] + [(finder.hint, CASED) for finder in finders]
        second = {i: more for i, rule in enumerate(rules.rules) if (more := rule.second_prefilter) is not None}
        self._prefilter = make_prefilter([*first, *second.values()])
        self._second = {index: len(first) + place for place, index in enumerate(second)}
        self._versions = (*(asked.model.version for asked in models), *versions)

    @property
    def versions(self) -> tuple[str, ...]:
        """See `ports.Detector`."""
        return self._versions

    @property
    def types(self) -> frozenset[str]:
        """Every type that is looked for."""
        of_models = [asked.types for asked in self._models]
        return self._rules.types.union(*of_models, {finder.entity_type for finder in self._finders})

    def detect(self, texts: Sequence[str], language: str, wanted: Sequence[frozenset[str]]) -> list[Found]:
        """See `ports.Detector`."""
        spoken = [self._language(text, language) for text in texts]
        named = self._by_models(texts, spoken, wanted)
        return [
            found if isinstance(found, LabelmillError) else self._complete(text, types, found)
            for text, types, found in zip(texts, wanted, named, strict=True)
        ]

    def _language(self, text: str, language: str) -> str | LabelmillError:
        if language != AUTO:
            return language
        try:
            told = self._languages.identify(text)
        except Exception as error:
            return _failure(error)
        return told if told in LANGUAGES else UnsupportedLanguage("text", LANGUAGES)

    def _by_models(
        self, texts: Sequence[str], spoken: Sequence[str | LabelmillError], wanted: Sequence[frozenset[str]]
    ) -> list[Found]:
        """What the models find, or the error of a text."""
        found: list[Found] = [language if isinstance(language, LabelmillError) else [] for language in spoken]
        for asked in self._models:
            chosen = [
                i
                for i, language in enumerate(spoken)
                if language in asked.languages and not asked.types.isdisjoint(wanted[i])
            ]
            for i, more in zip(chosen, self._ask(asked.model, [texts[i] for i in chosen]), strict=True):
                before = found[i]
                if isinstance(before, list):
                    found[i] = more if isinstance(more, LabelmillError) else before + _of(asked.types, more)
        return found

    def _ask(self, model: EntityModel, texts: Sequence[str]) -> list[Found]:
        try:
            return [*model.tag(texts)] if texts else []
        except Exception as error:
            if len(texts) == 1:
                return [_failure(error)]
            # One of them is to blame; the others must not pay for it.
            return [found for text in texts for found in self._ask(model, [text])]

    def _complete(self, text: str, wanted: frozenset[str], named: list[Finding]) -> Found:
        try:
            return settle(text, [*named, *self._matches(text, wanted)], wanted)
        except Exception as error:  # nothing may pass that was not looked at; messages may quote the text
            return _failure(error)

    def _matches(self, text: str, wanted: frozenset[str]) -> Iterator[Finding]:
        count = len(self._rules.rules)
        candidates = dict.fromkeys(self._prefilter.candidates(text))
        rules = [i for i in candidates if i < count and self._second.get(i, i) in candidates]
        yield from self._rules.findings(text, rules, wanted)
        for finder in (self._finders[i - count] for i in candidates if count <= i < count + len(self._finders)):
            if finder.entity_type in wanted:
                yield from finder.findings(text)


def _failure(error: Exception) -> LabelmillError:
    return DetectionTimeout() if isinstance(error, RecognizerTimeout) else DetectionFailed(type(error).__name__)


def _of(types: frozenset[str], findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.entity_type in types]
