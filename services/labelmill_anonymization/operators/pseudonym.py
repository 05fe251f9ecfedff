"""pseudonym: puts an invented value of the same kind in the value's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys, keyed_digest, normalized
from labelmill_anonymization.operators.operator import Protection
from labelmill_anonymization.pseudonyms.kinds import invent
from labelmill_anonymization.pseudonyms.name_lists import DEFAULT_LOCALE


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """An invented value, chosen by the project's key: equal values get equal pseudonyms, in this project only.

    See `pseudonyms` for how different values get different ones. Where a type has no inventor, or the value not the
    form of its type, the pseudonym is the type with 64 bits of a keyed digest.
    """

    name: ClassVar[str] = "pseudonym"
    locale: str = ""
    """Of names that tell none; "": that of the policy's language, which the policy fills in."""

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The pseudonym; never the value itself, nor a text that contains it."""
        invented = invent(value, entity_type, keys, self.locale or DEFAULT_LOCALE)
        if invented is not None and normalized(value) not in normalized(invented):
            return invented
        return f"<{entity_type}_{keyed_digest(keys.pseudonym_key, entity_type, value).hex()[:16]}>"

    def protection(self, value: str) -> Protection:
        """Whoever holds the key can link equal values and try guesses."""
        return Protection.PSEUDONYMIZED

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """The project's linking key."""
        return (keys.linking_id,)
