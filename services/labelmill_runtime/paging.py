"""Page sizes and page tokens. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from labelmill_runtime.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
_MAC_BYTES = 16

Cursor = Sequence[str | int | float | None]


def page_size(asked: int) -> int:
    """The page size to use: 0 means 50, more than 1000 means 1000."""
    if asked < 0:
        raise InvalidArgument(
            "INVALID_PAGE_SIZE", "page_size is negative.", fields={"page_size": "must not be negative"}
        )
    return min(asked, MAX_PAGE_SIZE) or DEFAULT_PAGE_SIZE


class PageTokens:
    """Makes and reads page tokens: opaque, authenticated, and good only for the list request that made them."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"labelmill page token" + key).digest()

    def encode(self, cursor: Cursor, *, parent: str, filter: str = "", order_by: str = "") -> str:  # noqa: A002
        """The token that continues after `cursor` (the sort key of the last row of the page)."""
        body = json.dumps(list(cursor), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(body, parent, filter, order_by) + body).decode().rstrip("=")

    def decode(
        self,
        token: str,
        *,
        parent: str,
        filter: str = "",  # noqa: A002
        order_by: str = "",
    ) -> list[str | int | float | None] | None:
        """The cursor in a token; None for the empty token of a first page.

        Raises:
            InvalidArgument: INVALID_PAGE_TOKEN for a token that was altered or made for another list request.
        """
        if not token:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise _invalid_token() from error
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, parent, filter, order_by)):
            raise _invalid_token()
        cursor: list[str | int | float | None] = json.loads(body)
        return cursor

    def _mac(self, body: bytes, parent: str, filter: str, order_by: str) -> bytes:  # noqa: A002
        bound = json.dumps([parent, filter, order_by]).encode()
        return hmac.new(self._key, len(bound).to_bytes(8, "big") + bound + body, hashlib.sha256).digest()[:_MAC_BYTES]


def _invalid_token() -> InvalidArgument:
    return InvalidArgument(
        "INVALID_PAGE_TOKEN",
        "page_token was not made by this list request (same parent, filter and order_by).",
        fields={"page_token": "must be the next_page_token of the same list request"},
    )
