"""The keys of a project, derived from one seed: hashes and pseudonyms link within a project and nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """The secrets of one project; they are never stored."""

    hash_key: bytes = field(repr=False)
    pseudonym_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, seed: bytes, project: str) -> ProjectKeys:
        """The project's keys: HKDF-SHA256 of the installation's seed, apart by project and purpose."""
        return cls(_derive(seed, project, "hash"), _derive(seed, project, "pseudonym"))


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
