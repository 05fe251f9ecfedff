"""keep: leaves the value, but counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.operator import Protection


@dataclass(frozen=True, slots=True)
class Keep:
    """Leaves the value as it is."""

    name: ClassVar[str] = "keep"

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The value itself."""
        return value

    def protection(self, value: str) -> Protection:
        """It was found, no more."""
        return Protection.DETECTED_ONLY

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """None."""
        return ()
