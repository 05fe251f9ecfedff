"""hash: puts a salted hash in the value's place, the salt being a secret of the project.

That is a keyed hash, and HMAC is how one is made (RFC 2104). There is no operator with a salt that anybody may know:
with the salt beside them, hashes of names and phone numbers are found by trying them all.
"""

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

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """The project's linking key."""
        return (keys.linking_id,)
