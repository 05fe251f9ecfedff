"""The names of rarer binary formats, by puremagic."""

from __future__ import annotations

import puremagic

_FEWEST_BYTES = 4
"""Shorter signatures are found in any random bytes."""


def media_type(head: bytes, tail: bytes) -> str:
    """The media type of binary content that has none yet; empty for an unknown one."""
    try:
        found = puremagic.magic_string(head + tail)
    except (puremagic.PureError, ValueError):
        return ""
    sure = (it for it in found if len(it.byte_match) >= _FEWEST_BYTES and "/" in it.mime_type)
    return next((it.mime_type.lower() for it in sure), "")
