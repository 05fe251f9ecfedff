"""What a page needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from labelmill_quality.page.contents import Shown


class CleanContents(Protocol):
    """Knows what items are: storage's clean zone, never raw content."""

    async def read(self, project: str, items: Sequence[str]) -> Mapping[str, Shown]:
        """What each item is; errors of single items come as Missing, those of storage too: a page needs no pictures."""
