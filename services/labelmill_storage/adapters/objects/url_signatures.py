"""Signatures of the URLs that the local store serves. Pure.

What a URL allows is all in its query, and a keyed hash over it proves that this service said so: nothing is kept.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from labelmill_storage.assets import Zone

_PURPOSE = b"labelmill object url v1\0"


@dataclass(frozen=True, slots=True)
class Permit:
    """What the holder of a URL may do until when."""

    method: str
    zone: Zone
    path: str
    """GET: the object's; PUT: the upload's handle."""
    expires_s: int
    """Since 1970."""
    size_bytes: int = 0
    """PUT: how large the content is, neither more nor less."""
    media_type: str = ""
    """GET: what the answer says it is."""

    def query(self, key: bytes) -> str:
        """The query of the URL that proves it."""
        said = {"expires": self.expires_s, "bytes": self.size_bytes, "type": self.media_type}
        return urlencode({**said, "signature": self._signature(key)})

    def _signature(self, key: bytes) -> str:
        parts = (self.method, self.zone.name, self.path, self.expires_s, self.size_bytes, self.media_type)
        # A length before each part: no two permits give the same bytes.
        signed = b"".join(b"%d:%s" % (len(part), part) for part in (str(part).encode() for part in parts))
        return hmac.digest(key, _PURPOSE + signed, "sha256").hex()


def permit_of(key: bytes, method: str, zone: str, path: str, query: Mapping[str, str], now_s: float) -> Permit | None:
    """The permit that a request proves; None when it proves none, or one that has expired."""
    try:
        said = int(query["expires"]), int(query["bytes"]), query["type"]
        permit = Permit(method, Zone[zone.upper()], path, *said)
        signature = query["signature"].encode()
    except (KeyError, ValueError):
        return None
    if not hmac.compare_digest(permit._signature(key).encode(), signature) or permit.expires_s <= now_s:
        return None
    return permit
