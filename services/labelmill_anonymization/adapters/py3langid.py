"""py3langid: the language of a text, among those that are supported unless the text is clearly of another.

Naive Bayes over byte n-grams, 140 languages (Lui and Baldwin, langid.py, ACL 2012; py3langid's retrained model).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from labelmill_anonymization.entity_types import DEFAULT_LANGUAGE, LANGUAGES

_LEAST_LETTERS = 40
_SCRIPT_LETTERS = 6
_READ = 4_000
_CLEARLY = 0.99
_LATIN_END = 0x250


class LangidLanguages:
    """Identifies languages; see `detection.finders.LanguageIdentifier`."""

    @cached_property
    def _identifier(self) -> Any:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second, for policies that ask for it only

        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def identify(self, text: str) -> str:
        """English for texts too short to tell; another language only where it is all but certain."""
        start = text[:_READ]
        letters = [character for character in start if character.isalpha()]
        foreign = sum(ord(character) >= _LATIN_END for character in letters)
        if len(letters) < (_SCRIPT_LETTERS if foreign * 2 > len(letters) else _LEAST_LETTERS):
            return DEFAULT_LANGUAGE
        ranked = self._identifier.rank(start)
        told, probability = ranked[0]
        if probability >= _CLEARLY:
            return str(told)
        return next((str(code) for code, _ in ranked if code in LANGUAGES), DEFAULT_LANGUAGE)
