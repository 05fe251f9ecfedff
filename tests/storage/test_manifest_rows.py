"""Rows of manifests, whatever they hold: each is an item, and none looks like another."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from labelmill_storage.imports.manifest_rows import Place, Row, Rows
from labelmill_storage.imports.sources import Manifest

MANIFEST = Manifest("/in/rows.jsonl", label_columns=("set",))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["text", "uri", "external_id", "set", "subject", "media_type", "other"])


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=7), max_size=8))
def test_every_row_becomes_one_item_that_can_be_kept(rows: list[dict[str, Any]]) -> None:
    read = Rows(MANIFEST)
    items = [read.item(Row(number, values)) for number, values in enumerate(rows, start=1)]
    assert len({item.identity for item in items}) == len(rows)
    for item in items:
        kept = [item.key, item.external_id, item.media_type, item.subject, *item.labels.values()]
        assert not any("\0" in text for text in kept)
        "".join(kept).encode()  # proper Unicode
        assert (item.fault is None) == (item.place is not None)
        if isinstance(item.place, Place) and not item.place.bucket:
            assert not item.place.path.startswith("/")
            assert ".." not in item.place.path.split("/")


@given(st.dictionaries(NAMES, VALUES, max_size=7), st.dictionaries(NAMES, VALUES, max_size=7))
def test_a_fingerprint_changes_with_what_counts(one: dict[str, Any], other: dict[str, Any]) -> None:
    def counted(values: dict[str, Any]) -> str:
        return repr([values.get(name) for name in sorted(MANIFEST.columns)])

    same = Rows(MANIFEST).item(Row(1, one)).fingerprint == Rows(MANIFEST).item(Row(1, other)).fingerprint
    assert same == (counted(one) == counted(other))
