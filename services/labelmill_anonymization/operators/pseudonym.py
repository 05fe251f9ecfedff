"""pseudonym: puts an invented value of the same kind in the value's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.inventions import invent
from labelmill_anonymization.keys import ProjectKeys, keyed_digest, normalized
from labelmill_anonymization.operators.operator import Protection

_TRIES = 8


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """An invented value, chosen by the project's key: equal values get equal pseudonyms, in this project only."""

    name: ClassVar[str] = "pseudonym"
    locale: str = "en_US"

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The pseudonym; never the value itself, nor a text that contains it."""
        digest = keyed_digest(keys.pseudonym_key, entity_type, value)
        original = normalized(value)
        for attempt in range(_TRIES):
            invented = invent(entity_type, value, int.from_bytes(digest) + attempt, self.locale)
            if invented is not None and original not in normalized(invented):
                return invented
        return f"<{entity_type}_{digest.hex()[:8]}>"

    def protection(self, value: str) -> Protection:
        """Whoever holds the key can link equal values and try guesses."""
        return Protection.PSEUDONYMIZED
