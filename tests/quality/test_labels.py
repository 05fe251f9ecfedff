"""Rows become columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality import encoding
from labelmill_quality.errors import DuplicateGold, UnknownClass
from labelmill_quality.labels import LabelTable, gold_codes, make_table
from labelmill_quality.repeats import Repeats


def test_rows_are_ordered_by_item_then_labeler() -> None:
    table = make_table(["y", "x", "x"], ["anna", "ben", "anna"], ["no", "yes", "no"])
    assert (table.items, table.labelers, table.classes) == (("x", "y"), ("anna", "ben"), ("no", "yes"))
    assert table.item_codes.tolist() == [0, 0, 1]
    assert table.labeler_codes.tolist() == [0, 1, 0]
    assert table.class_codes.tolist() == [0, 1, 0]


def test_the_last_answer_of_a_labeler_about_an_item_counts() -> None:
    table = make_table(["x", "x", "x"], ["anna", "ben", "anna"], ["no", "no", "yes"])
    assert table.votes.tolist() == [[1, 1]]
    assert table.labels_per_item.tolist() == [2]


def test_given_classes_keep_their_order_and_unused_ones_stay() -> None:
    table = make_table(["x"], ["anna"], ["low"], class_names=["low", "middle", "high"])
    assert table.classes == ("low", "middle", "high")
    assert table.votes.tolist() == [[1, 0, 0]]


def test_an_unknown_class_is_refused_with_its_row() -> None:
    with pytest.raises(UnknownClass) as caught:
        make_table(["x", "y"], ["anna", "anna"], ["yes", "maybe"], class_names=["yes", "no"])
    assert caught.value.reason == "UNKNOWN_CLASS"
    assert list(caught.value.fields) == ["labels[1].class_name"]
    assert "maybe" not in str(caught.value)


def test_a_table_may_be_empty() -> None:
    table = make_table([], [], [], class_names=["yes", "no"], labeler_names=["anna"])
    assert (len(table), table.items, table.labelers) == (0, (), ("anna",))
    assert table.votes.shape == (0, 2)


def test_gold_is_matched_to_items() -> None:
    assert gold_codes(["x", "y", "z"], ["z", "x"], ["no", "yes"], ["no", "yes"]).tolist() == [1, -1, 0]


def test_two_gold_answers_for_one_item_are_refused() -> None:
    with pytest.raises(DuplicateGold) as caught:
        gold_codes(["x"], ["x", "x"], ["yes", "yes"], ["yes"])
    assert list(caught.value.fields) == ["gold[1].item"]


def test_gold_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(UnknownClass) as caught:
        gold_codes(["x"], ["x"], ["maybe"], ["yes"])
    assert list(caught.value.fields) == ["gold[0].class_name"]


def test_sparse_and_dense_votes_are_the_same() -> None:
    table = make_table(["x", "x", "y"], ["anna", "ben", "anna"], ["no", "no", "yes"])
    assert np.array_equal(table.sparse_votes.toarray(), table.votes)


@pytest.mark.parametrize(
    ("repeats", "counted"),
    [
        (Repeats.LAST, ["maybe"]),
        (Repeats.FIRST, ["no"]),
        (Repeats.MAJORITY, ["yes"]),  # as often as no, and later
        (Repeats.ALL, ["no", "yes", "no", "yes", "maybe"]),
    ],
)
def test_repeated_answers_follow_the_policy(repeats: Repeats, counted: list[str]) -> None:
    answers = ["no", "yes", "no", "yes", "maybe"]
    table = make_table([*"xxxxx", "x", "y"], ["anna"] * 5 + ["ben", "anna"], [*answers, "yes", "no"], repeats=repeats)
    first = (table.item_codes == 0) & (table.labeler_codes == 0)
    assert [table.classes[code] for code in table.class_codes[first]] == counted
    assert table.votes.sum(axis=1).tolist() == pytest.approx([2.0, 1.0])
    assert table.weights is None or table.weights.tolist() == pytest.approx([0.2] * 5 + [1.0, 1.0])


def test_the_first_answer_counts_where_that_is_the_policy() -> None:
    table = make_table(["x", "x"], ["anna", "anna"], ["no", "yes"], repeats=Repeats.FIRST)
    assert [table.classes[code] for code in table.class_codes] == ["no"]


ROWS = st.lists(st.tuples(*[st.text("abé\U0001f600", min_size=1, max_size=2)] * 3), max_size=40)


@given(ROWS, st.sampled_from(Repeats))
def test_arrow_columns_make_the_same_table_as_lists(rows: list[tuple[str, str, str]], repeats: Repeats) -> None:
    columns = [[row[i] for row in rows] for i in range(3)]
    middle = len(rows) // 2
    plain = [pa.chunked_array([column[:middle], column[middle:]], pa.string()) for column in columns]
    for arrow in (plain, [column.dictionary_encode() for column in plain]):
        assert same(make_table(*columns, repeats=repeats), make_table(*arrow, repeats=repeats))


def test_a_dictionary_may_hold_names_that_no_row_has() -> None:
    column = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array([2, 0], pa.int8()), ["b", "never", "a"])])
    names, codes = encoding.encode(column)
    assert (list(names), codes.tolist()) == (["a", "b"], [0, 1])


def same(one: LabelTable, other: LabelTable) -> bool:
    names = all(list(getattr(one, name)) == list(getattr(other, name)) for name in ("items", "labelers", "classes"))
    codes = ("item_codes", "labeler_codes", "class_codes")
    return names and all(getattr(one, name).tolist() == getattr(other, name).tolist() for name in codes)
