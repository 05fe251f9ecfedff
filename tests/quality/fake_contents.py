"""What items are, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labelmill_quality.page.contents import Missing, Shown


@dataclass
class FakeContents:
    """A CleanContents."""

    known: dict[str, Shown] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def read(self, project: str, items: Sequence[str]) -> Mapping[str, Shown]:
        self.asked += items
        return {item: self.known.get(item, Missing("It cannot be shown.")) for item in items}
