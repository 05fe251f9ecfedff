"""encrypt_format: encrypts letters and digits among themselves, so that the value's form stays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.key_scope import KeyScope, encryption_key
from labelmill_anonymization.operators.operator import Protection
from labelmill_anonymization.reversal.format_preserving import encipher, format_key
from labelmill_anonymization.reversal.tokens import seal


class Fallback(IntEnum):
    """What happens to a value that FF1 cannot take; the contract's numbers."""

    REPLACE = 1
    ENCRYPT = 2


@dataclass(frozen=True, slots=True)
class EncryptFormat:
    """FF1 with project and type as tweak; see `reversal.format_preserving`."""

    name: ClassVar[str] = "encrypt_format"
    scope: KeyScope = KeyScope.PROJECT
    fallback: Fallback = Fallback.REPLACE

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """A value of the same form, or what the fallback makes; never the value."""
        key = encryption_key(keys, self.scope)
        enciphered = encipher(value, format_key(key.secret), format_tweak(keys.project, entity_type))
        if enciphered is not None:
            return enciphered
        return seal(value, entity_type, keys.project, key) if self.fallback is Fallback.ENCRYPT else f"<{entity_type}>"

    def protection(self, value: str) -> Protection:
        """Whoever holds the key can read it."""
        return Protection.PSEUDONYMIZED

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """The encryption key."""
        return (encryption_key(keys, self.scope).key_id,)


def format_tweak(project: str, entity_type: str) -> bytes:
    """What an enciphered value is bound to."""
    return f"{project}|{entity_type}".encode()
