"""The lists of names that come with the tagger."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib.resources import files

from labelmill_anonymization.risk.listed_names import ListedNames
from labelmill_anonymization.tagger.lexicon import Lexicon


class TaggerNameLists:
    """See `risk.looking.NameLists`; read at the first use."""

    def find(self, text: str) -> Iterable[tuple[int, int]]:
        """See the port."""
        return self._names.find(text)

    @cached_property
    def _names(self) -> ListedNames:
        return ListedNames(Lexicon.load(files("labelmill_anonymization.tagger").joinpath("lexicon.npz").read_bytes()))
