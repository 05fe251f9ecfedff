"""What an operator is."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Protocol

from labelmill_anonymization.keys import ProjectKeys


class Protection(IntEnum):
    """How well an output protects; higher is weaker, so that the level of many values is their maximum."""

    ANONYMIZED = 1
    PSEUDONYMIZED = 2
    DETECTED_ONLY = 3


class Operator(Protocol):
    """Transforms a found value. Operators are frozen dataclasses: their fields are the parameters."""

    name: ClassVar[str]
    """The name in findings, such as "mask"."""

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """What takes the value's place."""

    def protection(self, value: str) -> Protection:
        """How well the value is protected afterwards."""

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """The keys by which outputs can be linked or read again."""
