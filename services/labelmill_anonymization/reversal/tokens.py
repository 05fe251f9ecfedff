"""Tokens: <TYPE:key id:value under AES-SIV>. They say which key reads them, and are read by nothing else.

AES-256-SIV (RFC 5297) is deterministic and authenticated: equal values give equal tokens under one key, and a token
that was altered, or moved to another project or type (which are associated data), does not open.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from labelmill_anonymization.keys import DataKey

_VERSION = b"labelmill-token-v1"
_TOKEN = re.compile(r"<([A-Z][A-Z0-9_]{0,62}):([0-9a-f]{16}):([A-Za-z0-9_-]{22,})>")


class NotAuthentic(ValueError):
    """The token was altered, or made for something else."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token in a text; code points, end exclusive."""

    start: int
    end: int
    entity_type: str
    key_id: str
    sealed: str


def seal(value: str, entity_type: str, project: str, key: DataKey) -> str:
    """The token of a value."""
    content = value.encode("utf-8", "surrogatepass")
    sealed = _cipher(key.secret).encrypt(content, _associated(project, entity_type))
    return f"<{entity_type}:{key.key_id}:{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}>"


def unseal(token: Token, project: str, key: DataKey) -> str:
    """The value of a token; raises NotAuthentic."""
    try:
        sealed = base64.b64decode(token.sealed + "=" * (-len(token.sealed) % 4), altchars=b"-_", validate=True)
        content = _cipher(key.secret).decrypt(sealed, _associated(project, token.entity_type))
    except (InvalidTag, ValueError):
        raise NotAuthentic from None
    return content.decode("utf-8", "surrogatepass")


def tokens_in(text: str) -> Iterator[Token]:
    """What has the form of a token, in order."""
    for match in _TOKEN.finditer(text):
        yield Token(match.start(), match.end(), *match.groups())


def _associated(project: str, entity_type: str) -> list[bytes]:
    return [_VERSION, project.encode(), entity_type.encode()]


@lru_cache(maxsize=1024)
def _cipher(secret: bytes) -> AESSIV:
    info = b"labelmill/anonymization/v1/siv"
    return AESSIV(HKDF(algorithm=SHA256(), length=64, salt=None, info=info).derive(secret))
