"""Which assets a request of the life cycle means. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_runtime.errors import InvalidArgument

EVERYTHING = "*"
"""The filter that all assets of a project match."""


@dataclass(frozen=True, slots=True)
class Selected:
    """Assets by id, by filter, or by data subject: one of the three."""

    asset_ids: Sequence[str] = ()
    filter_text: str = ""
    subject_hash: str = ""


def selected(
    asset_ids: Sequence[str], filter_text: str = "", subject_hash: str = "", *, by_filter: bool = False
) -> Selected:
    """The selection, if it is one.

    Args:
        asset_ids: By id; the same id twice counts once.
        filter_text: By AIP-160 filter.
        subject_hash: By the keyed hash of a data subject.
        by_filter: Whether a filter is possible at all, for the message.

    Raises:
        InvalidArgument: INVALID_SELECTION unless exactly one of them is given.
    """
    if sum(map(bool, (asset_ids, filter_text.strip(), subject_hash))) != 1:
        ways = "asset_names, filter and subject" if by_filter else "asset_names and subject"
        message = f"Exactly one of {ways} must be given."
        raise InvalidArgument("INVALID_SELECTION", message, fields={"asset_names": f"exactly one of {ways}"})
    return Selected(tuple(dict.fromkeys(asset_ids)), filter_text.strip(), subject_hash)
