"""Rows become columns."""

from __future__ import annotations

import numpy as np
import pytest

from labelmill_quality.errors import DuplicateGold, UnknownClass
from labelmill_quality.labels import gold_codes, make_table


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
