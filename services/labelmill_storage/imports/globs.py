"""Which paths below a folder a list of globs takes. Pure.

`*` and `?` stay within one part of a path, `**` as a part of its own takes any number of parts, none included.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence


class Globs:
    """Matches relative paths; takes all where there is no glob.

    No pattern makes it slow: the time grows with the product of the lengths of pattern and path.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [tuple(_part(part) for part in pattern.split("/") if part) for pattern in patterns]

    def match(self, path: str) -> bool:
        """Whether any of them takes a path such as "letters/1.txt"."""
        if not self._patterns:
            return True
        parts = path.split("/")
        return any(_matches(pattern, parts) for pattern in self._patterns)


_Part = re.Pattern[str] | None
"""None stands for `**`."""


def _part(text: str) -> _Part:
    # fnmatch's expressions are atomic: they never go back over what a star took, which could take for ever.
    return None if text == "**" else re.compile(fnmatch.translate(text))


def _matches(pattern: Sequence[_Part], parts: Sequence[str]) -> bool:
    at, taken = 0, 0
    star, retry = -1, 0  # the last ** and how many parts were left to it
    while taken < len(parts):
        part = pattern[at] if at < len(pattern) else _NEVER
        if part is None:
            star, retry, at = at, taken, at + 1
        elif part.match(parts[taken]):
            at, taken = at + 1, taken + 1
        elif star >= 0:
            retry += 1
            at, taken = star + 1, retry
        else:
            return False
    return all(part is None for part in pattern[at:])


_NEVER = re.compile(r"(?!)")
