"""The language of text, by py3langid.

Naive Bayes over byte n-grams, 140 languages (Lui and Baldwin, langid.py, ACL 2012; py3langid's retrained model, whose
probabilities are tempered by the length of the text). The least confidence is a choice made on English sentences and
tweets (ICWSM 2014): higher, and many sentences would get no language; lower, and tweets would get wrong ones.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_CHARACTERS = 1000
"""More text makes the answer no surer; the cost grows with it."""
_FEWEST_BYTES = 20
_CONFIDENCE = 0.5
_VARIETIES = {"yue": "zh", "wuu": "zh", "ary": "ar", "arz": "ar"}
"""The model's codes for what ISO 639-1 has one code for; others of three letters have none."""
_TAG = re.compile(r"<[^<>]{0,400}>")


def language(media_type: str, head: bytes) -> str:
    """The ISO 639-1 code of a text, by its first bytes; empty where it is too short or the answer not sure enough."""
    text = head[: 4 * _CHARACTERS].decode("utf-8", "ignore")
    if media_type == "text/html":
        text = _TAG.sub(" ", text)
    text = text[:_CHARACTERS].strip()
    if len(text.encode()) < _FEWEST_BYTES:
        return ""
    code, confidence = identifier().classify(text)
    code = _VARIETIES.get(code, code)
    return code if confidence >= _CONFIDENCE and len(code) == 2 else ""


@cache
def identifier() -> Any:
    """The py3langid.langid.LanguageIdentifier, loaded at the first call."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # takes numpy along, which the start need not wait for

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
