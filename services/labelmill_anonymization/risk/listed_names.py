"""Words that look like names because they are in lists of names, whatever a model thinks of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labelmill_anonymization.tagger.features import word_hashes
from labelmill_anonymization.tagger.lexicon import BITS, Known, Lexicon
from labelmill_anonymization.tagger.tokens import LETTER, UPPER, cut

_NAMES = Known.GIVEN_NAME | Known.SURNAME | Known.CITY
_ORDINARY = Known.FREQUENT | Known.COMMON | Known.COUNTRY | Known.CALENDAR | Known.NATIONALITY | Known.STREET_WORD
_SHORTEST = 3
Place = tuple[int, int]


class ListedNames:
    """Finds capitalized words of at least three letters that are names or cities and nothing else."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def find(self, text: str) -> Iterator[Place]:
        """(start, end) of each, in code points."""
        tokens = cut([text])
        if not len(tokens):
            return
        known = self._lexicon.look_up(word_hashes(tokens), np.zeros(len(tokens), np.bool_))[:, :BITS] > 0
        is_name, is_ordinary = known[:, _columns(_NAMES)].any(axis=1), known[:, _columns(_ORDINARY)].any(axis=1)
        begins = tokens.codes[tokens.start]
        capital = UPPER[np.minimum(begins, len(UPPER) - 1)] & (tokens.classes[tokens.start] == LETTER)
        long_enough = tokens.end - tokens.start >= _SHORTEST
        for i in np.flatnonzero(is_name & ~is_ordinary & capital & long_enough):
            yield int(tokens.start[i]), int(tokens.end[i])


def _columns(wanted: Known) -> list[int]:
    return [index for index, one in enumerate(Known) if one in wanted]
