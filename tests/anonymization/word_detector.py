"""A detector for tests that are not about detection: it starts at once and does as the text says."""

import os
import re
import time
from collections.abc import Sequence

from labelmill_anonymization.errors import DetectionFailed
from labelmill_anonymization.findings import Finding
from labelmill_runtime.errors import LabelmillError

_WORD = re.compile(r"(?P<PERSON>Name\w+)|(?P<LOCATION>Place\w+)|(?P<EMAIL_ADDRESS>\w+@\w+)")


class WordDetector:
    """Finds words that begin with Name or Place, and what has an @.

    A text with FAIL is not looked at; CRASH raises, quoting the text; DIE kills the worker; SLOW and NAP wait.
    """

    versions = ("words 1",)

    def detect(
        self, texts: Sequence[str], language: str, wanted: Sequence[frozenset[str]]
    ) -> list[list[Finding] | LabelmillError]:
        return [self._one(text, types) for text, types in zip(texts, wanted, strict=True)]

    def _one(self, text: str, wanted: frozenset[str]) -> list[Finding] | LabelmillError:
        if "DIE" in text:
            os._exit(3)
        if "SLOW" in text:
            time.sleep(3)
        if "NAP" in text:
            time.sleep(0.05)
        if "CRASH" in text:
            raise ValueError(f"cannot read {text!r}")
        if "FAIL" in text:
            return DetectionFailed("ValueError")
        matches = [(str(match.lastgroup), *match.span()) for match in _WORD.finditer(text)]
        return [Finding(kind, start, end, 0.9, "WordDetector") for kind, start, end in matches if kind in wanted]
