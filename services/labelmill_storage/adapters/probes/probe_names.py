"""The names of rarer binary formats, by puremagic."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from labelmill_storage.contents.signatures import CHECKED

_FEWEST_BYTES = 4
"""Shorter signatures are found in any random bytes."""


def media_type(head: bytes, tail: bytes) -> str:
    """The media type of binary content that has none yet; empty for an unknown one."""
    import puremagic  # reads its table; only contents without a known signature need it

    ends = head + tail
    if not _may_be_known(ends):
        return ""
    try:
        found = puremagic.magic_string(ends)
    except (puremagic.PureError, ValueError):
        return ""
    names = (it.mime_type.lower() for it in found if len(it.byte_match) >= _FEWEST_BYTES and "/" in it.mime_type)
    # It calls relatives by a format's name whose signature is known here, and is not there.
    return next((name for name in names if name not in CHECKED), "")


def _may_be_known(content: bytes) -> bool:
    """Whether any signature is there that would count. Puremagic itself compares one by one, ten times as slowly."""
    heads, tails = _signatures()
    return any(content[start : start + length] in known for start, length, known in heads) or any(
        content[start : start + length or None] in known for start, length, known in tails
    )


@cache
def _signatures() -> tuple[list[tuple[int, int, frozenset[bytes]]], list[tuple[int, int, frozenset[bytes]]]]:
    """Puremagic's signatures by where they begin and how long they are: those at the start, those before the end."""
    from puremagic import main

    def grouped(rows: Iterable[main.PureMagic]) -> list[tuple[int, int, frozenset[bytes]]]:
        groups: dict[tuple[int, int], set[bytes]] = {}
        for row in rows:
            # A short one may be the beginning of a longer one.
            if len(row.byte_match) >= _FEWEST_BYTES or row.byte_match in main.multi_part_dict:
                groups.setdefault((row.offset, len(row.byte_match)), set()).add(row.byte_match)
        return [(*place, frozenset(known)) for place, known in groups.items()]

    return grouped(main.magic_header_array), grouped(main.magic_footer_array)
