"""The names of rarer binary formats, by puremagic."""

from __future__ import annotations

from labelmill_storage.contents.signatures import CHECKED

_FEWEST_BYTES = 4
"""Shorter signatures are found in any random bytes."""


def media_type(head: bytes, tail: bytes) -> str:
    """The media type of binary content that has none yet; empty for an unknown one."""
    import puremagic  # reads its table; only contents without a known signature need it

    try:
        found = puremagic.magic_string(head + tail)
    except (puremagic.PureError, ValueError):
        return ""
    names = (it.mime_type.lower() for it in found if len(it.byte_match) >= _FEWEST_BYTES and "/" in it.mime_type)
    # It calls relatives by a format's name whose signature is known here, and is not there.
    return next((name for name in names if name not in CHECKED), "")
