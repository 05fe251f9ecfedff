"""mask: covers characters of the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.operator import Protection


@dataclass(frozen=True, slots=True)
class Mask:
    """Covers `character_count` code points (0: all) from the start or the end; the length stays."""

    name: ClassVar[str] = "mask"
    masking_character: str = "*"
    character_count: int = 0
    from_end: bool = False

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The value with characters covered."""
        covered = self._covered(value)
        cover = self.masking_character * covered
        return value[: len(value) - covered] + cover if self.from_end else cover + value[covered:]

    def protection(self, value: str) -> Protection:
        """A value that can be read in part is not protected."""
        return Protection.ANONYMIZED if self._covered(value) == len(value) else Protection.DETECTED_ONLY

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """None."""
        return ()

    def _covered(self, value: str) -> int:
        return min(self.character_count or len(value), len(value))
