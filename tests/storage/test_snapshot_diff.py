"""What changed between two lists of rows, however they come in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill.snapshots import COLUMNS
from labelmill_storage.datasets.snapshot_diff import Change, Kind, changes
from labelmill_storage.datasets.snapshots import Row

states = st.tuples(st.sampled_from(["RAW", "CLEAN"]), st.sampled_from("xy"), st.sampled_from(["", "train", "test"]))
snapshots = st.dictionaries(st.integers(0, 40), states, max_size=30)


def rows_of(found: Mapping[int, tuple[str, str, str]]) -> list[Row]:
    return [
        Row(f"{number:04}", zone, digest, 1, "text/plain", None, None, None, "", "", 0, part)
        for number, (zone, digest, part) in sorted(found.items())
    ]


async def batches(rows: Sequence[Row], sizes: Sequence[int]) -> AsyncIterator[Sequence[Row]]:
    start = 0
    for size in [*sizes, len(rows)]:
        yield rows[start : start + size]  # also empty ones
        start += size


def expected(older: Sequence[Row], newer: Sequence[Row]) -> list[Change]:
    before, after = {row.asset: row for row in older}, {row.asset: row for row in newer}
    found = []
    for name in sorted(before | after):
        old, new = before.get(name), after.get(name)
        if old is None:
            found.append(Change(Kind.ADDED, None, new))
        elif new is None:
            found.append(Change(Kind.REMOVED, old, None))
        else:
            if (old.sha256, old.zone) != (new.sha256, new.zone):
                found.append(Change(Kind.CONTENT_CHANGED, old, new))
            if old.split != new.split:
                found.append(Change(Kind.SPLIT_CHANGED, old, new))
    return found


@settings(max_examples=300, deadline=None)
@given(snapshots, snapshots, st.lists(st.integers(0, 9), max_size=8), st.lists(st.integers(0, 9), max_size=8))
async def test_a_diff_is_what_comparing_whole_snapshots_gives(
    older: Mapping[int, tuple[str, str, str]],
    newer: Mapping[int, tuple[str, str, str]],
    older_sizes: Sequence[int],
    newer_sizes: Sequence[int],
) -> None:
    before, after = rows_of(older), rows_of(newer)
    found = [batch async for batch in changes(batches(before, older_sizes), batches(after, newer_sizes), at_most=5)]
    assert all(0 < len(batch) <= 5 for batch in found)
    assert [change for batch in found for change in batch] == expected(before, after)


def test_rows_have_the_columns_that_the_content_hash_is_defined_by() -> None:
    assert tuple(field.removesuffix("_us") for field in Row._fields) == COLUMNS
