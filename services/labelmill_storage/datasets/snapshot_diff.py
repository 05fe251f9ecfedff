"""What changed from one snapshot to another. Pure: both are read side by side, a batch of each in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from labelmill_storage.datasets.snapshots import Row


class Kind(IntEnum):
    """What happened to an asset; the numbers are those of DiffSnapshotsResponse.Change.Kind."""

    ADDED = 1
    REMOVED = 2
    CONTENT_CHANGED = 3
    SPLIT_CHANGED = 4


@dataclass(frozen=True, slots=True)
class Change:
    """One change; an asset with another content and in another part has two."""

    kind: Kind
    before: Row | None
    after: Row | None


async def changes(
    older: AsyncIterator[Sequence[Row]], newer: AsyncIterator[Sequence[Row]], *, at_most: int
) -> AsyncIterator[list[Change]]:
    """The changes in the order of asset names, in batches.

    Args:
        older: The rows of the older snapshot, in the order of asset names.
        newer: Those of the newer one.
        at_most: The size of a batch.
    """
    left, right = _Stream(older), _Stream(newer)
    found: list[Change] = []
    while await left.fill() | await right.fill():
        # Up to the end of one of the batches, nothing has to be awaited.
        found += _merge(left, right)
        while len(found) >= at_most:
            yield found[:at_most]
            found = found[at_most:]
    if found:
        yield found


class _Stream:
    """Rows that come in batches."""

    def __init__(self, batches: AsyncIterator[Sequence[Row]]) -> None:
        self._batches = batches
        self.rows: Sequence[Row] = ()
        self.at = 0
        self.ended = False

    async def fill(self) -> bool:
        """Sees to it that there are rows; False at the end."""
        while self.at == len(self.rows) and not self.ended:
            batch = await anext(self._batches, None)
            self.ended = batch is None
            self.rows, self.at = batch or (), 0
        return self.at < len(self.rows)


def _merge(left: _Stream, right: _Stream) -> list[Change]:
    found: list[Change] = []
    while True:
        before = left.rows[left.at] if left.at < len(left.rows) else None
        after = right.rows[right.at] if right.at < len(right.rows) else None
        if (before is None and not left.ended) or (after is None and not right.ended) or before is after is None:
            return found
        if after is None or (before is not None and before.asset < after.asset):
            found.append(Change(Kind.REMOVED, before, None))
            left.at += 1
        elif before is None or after.asset < before.asset:
            found.append(Change(Kind.ADDED, None, after))
            right.at += 1
        else:
            found += _differences(before, after)
            left.at += 1
            right.at += 1


def _differences(before: Row, after: Row) -> list[Change]:
    found = []
    if (before.sha256, before.zone) != (after.sha256, after.zone):
        found.append(Change(Kind.CONTENT_CHANGED, before, after))
    if before.split != after.split:
        found.append(Change(Kind.SPLIT_CHANGED, before, after))
    return found
