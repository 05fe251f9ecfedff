"""Regular expressions of users, by RE2: time is linear in the text, whatever the pattern, so none can run away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

_VALUE = "value"
_MAX_MEMORY_BYTES = 8 * 1024 * 1024


class BadPattern(ValueError):
    """The pattern does not compile, is too large, or matches the empty text."""


def check_pattern(pattern: str) -> None:
    """Raises BadPattern."""
    try:
        compiled = _compiled(pattern, True)
    except re2.error:
        raise BadPattern from None
    if compiled.search("") is not None:
        raise BadPattern


def matches(pattern: str, text: str, *, case_sensitive: bool) -> Iterator[tuple[int, int]]:
    """(start, end) of each match in code points, or of its group `value` where there is one; never empty ones."""
    compiled = _compiled(pattern, case_sensitive)
    group = compiled.groupindex.get(_VALUE, 0)
    for match in compiled.finditer(text):
        start, end = match.span(group)
        if end > start >= 0:
            yield start, end


def matches_whole(pattern: str, text: str, *, case_sensitive: bool) -> bool:
    """Whether a pattern matches a text from end to end."""
    return _compiled(pattern, case_sensitive).fullmatch(text) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str, case_sensitive: bool) -> Any:
    options = re2.Options()
    options.log_errors = False  # they quote the pattern
    options.max_mem = _MAX_MEMORY_BYTES
    options.case_sensitive = case_sensitive
    return re2.compile(pattern, options)
