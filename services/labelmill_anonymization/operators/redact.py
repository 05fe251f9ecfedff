"""redact: removes the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.operator import Protection


@dataclass(frozen=True, slots=True)
class Redact:
    """Removes the value; nothing takes its place."""

    name: ClassVar[str] = "redact"

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """Nothing."""
        return ""

    def protection(self, value: str) -> Protection:
        """Nothing is left to link."""
        return Protection.ANONYMIZED

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """None."""
        return ()
