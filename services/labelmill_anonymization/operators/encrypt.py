"""encrypt: puts a token in the value's place that Reidentify can read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.key_scope import KeyScope, encryption_key
from labelmill_anonymization.operators.operator import Protection
from labelmill_anonymization.reversal.tokens import seal


@dataclass(frozen=True, slots=True)
class Encrypt:
    """The value under AES-SIV, with key id and type beside it; see `reversal.tokens`."""

    name: ClassVar[str] = "encrypt"
    scope: KeyScope = KeyScope.PROJECT

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The token."""
        return seal(value, entity_type, keys.project, encryption_key(keys, self.scope))

    def protection(self, value: str) -> Protection:
        """Whoever holds the key can read it."""
        return Protection.PSEUDONYMIZED

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """The encryption key."""
        return (encryption_key(keys, self.scope).key_id,)
