"""The keys that operators work with: one set for a project and, where one is given, a data subject.

Two kinds. The *linking* secret makes hashes, pseudonyms and date shifts: equal values stay equal within a project and
nowhere else; nothing that it makes can be read again. *Encryption* keys make tokens that can be read again, and only as
long as their key exists. `keyring` keeps, wraps, rotates and destroys both.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEED_BYTES = 32
FIRST_LINKING_KEY = "1"
"""The id of the linking key that is derived from the installation's seed."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that makes tokens which can be read again."""

    key_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """The secrets of one project, for texts about one data subject; they are never stored."""

    hash_key: bytes = field(repr=False)
    pseudonym_key: bytes = field(repr=False)
    project: str = ""
    linking_id: str = FIRST_LINKING_KEY
    encryption: DataKey | None = None
    """The project's; None where nothing is to be encrypted."""
    subject: str = field(default="", repr=False)
    """Whom the content is about, as the caller's own id; "": not said, the project stands for them all."""
    subject_encryption: DataKey | None = None
    """The subject's own; its destruction makes this subject's tokens unreadable and nobody else's."""

    @classmethod
    def derive(cls, seed: bytes, project: str, linking_id: str = FIRST_LINKING_KEY) -> ProjectKeys:
        """The project's linking keys: HKDF-SHA256 of a secret, apart by project and purpose.

        Args:
            seed: The installation's seed (for the first linking key) or a linking key of the project, 32 bytes or more.
            project: The project's id.
            linking_id: The id of that secret.
        """
        return cls(_derive(seed, project, "hash"), _derive(seed, project, "pseudonym"), project, linking_id)

    def about(self, subject: str) -> ProjectKeys:
        """The same keys for contents about a subject, without an encryption key of its own."""
        return replace(self, subject=subject, subject_encryption=None)

    def purpose_key(self, purpose: str, context: str = "") -> bytes:
        """32 bytes for a purpose of the pseudonym key, such as "date-shift"; apart from all digests of values.

        Purposes are lower-case words with hyphens: no entity type looks like that.
        """
        message = purpose.encode() + b"\0" + context.encode("utf-8", "surrogatepass")
        return hmac.new(self.pseudonym_key, message, hashlib.sha256).digest()


def keyed_digest(key: bytes, entity_type: str, value: str) -> bytes:
    """HMAC-SHA256 of a value, apart by entity type; spelling variants of one value count as the same."""
    message = entity_type.encode() + b"\0" + normalized(value).encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).digest()


def normalized(value: str) -> str:
    """The value without the accidents of its spelling: compatibility forms, case, spaces."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _derive(seed: bytes, project: str, purpose: str) -> bytes:
    if len(seed) < SEED_BYTES:
        raise ValueError(f"The seed has fewer than {SEED_BYTES} bytes.")
    info = f"labelmill/anonymization/v1/{purpose}/{project}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(seed)
