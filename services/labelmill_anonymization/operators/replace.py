"""replace: puts a fixed text in the value's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.operator import Protection


@dataclass(frozen=True, slots=True)
class Replace:
    """Puts `new_value` in the value's place; without one, the entity type: <PERSON>."""

    name: ClassVar[str] = "replace"
    new_value: str = ""

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The fixed text."""
        return self.new_value or f"<{entity_type}>"

    def protection(self, value: str) -> Protection:
        """The same text stands for every value."""
        return Protection.ANONYMIZED

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """None."""
        return ()
