"""Lease tokens: proof that a labeler was given a task, and in which lease of it. Pure.

A token is base64url(task id, fence, MAC). The MAC binds project, task, fence and labeler with the project's secret, so
any replica can check it and no labeler can use another's. The fence is new with every lease, so that a stale holder is
told apart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from labelmill_annotation.errors import LeaseInvalid
from labelmill_annotation.projects import Project

_FENCE_BYTES = 8
_MAC_BYTES = 16


def make(project: Project, task: str, fence: int, labeler: str) -> str:
    """The token of one lease."""
    body = fence.to_bytes(_FENCE_BYTES, "big") + task.encode()
    return base64.urlsafe_b64encode(_mac(project, body, labeler) + body).decode().rstrip("=")


def open_token(project: Project, token: str, task: str, labeler: str, *, field: str) -> int:
    """The fence in a token.

    Raises:
        LeaseInvalid: LEASE_INVALID if it is not a token that this labeler was given for this task.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LeaseInvalid(field) from None
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(project, body, labeler)) or body[_FENCE_BYTES:] != task.encode():
        raise LeaseInvalid(field)
    return int.from_bytes(body[:_FENCE_BYTES], "big")


def _mac(project: Project, body: bytes, labeler: str) -> bytes:
    message = b"\0".join((b"lease", project.id.encode(), labeler.encode(), body))
    return hmac.new(project.secret, message, hashlib.sha256).digest()[:_MAC_BYTES]
