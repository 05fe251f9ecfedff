"""hash: puts a keyed hash in the value's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys, keyed_digest
from labelmill_anonymization.operators.operator import Protection


@dataclass(frozen=True, slots=True)
class Hash:
    """HMAC-SHA256 under the project's key and the entity type, cut to `length` hex digits.

    A plain hash of a name or a phone number can be found by trying them all; without the key this one cannot.
    """

    name: ClassVar[str] = "hash"
    length: int = 16

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The hash."""
        return keyed_digest(keys.hash_key, entity_type, value).hex()[: self.length]

    def protection(self, value: str) -> Protection:
        """Whoever holds the key can link equal values and try guesses."""
        return Protection.PSEUDONYMIZED
