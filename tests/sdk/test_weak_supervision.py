"""Labeling functions in Python."""

import pytest

from labelmill.weak_supervision import LabelingFunction, labeling_function, votes


@labeling_function
def long(text: str) -> str | None:
    return "long" if len(text) > 5 else None


@labeling_function(name="short-one")
def short(text: str) -> str | None:
    return "short" if len(text) < 3 else None


def test_functions_vote_item_by_item_and_abstain() -> None:
    rows = votes([long, short], {"a": "something", "b": "some", "c": "so"})
    assert [(row.item, row.labeler, row.class_name) for row in rows] == [
        ("a", "long", "long"),
        ("c", "short-one", "short"),
    ]


def test_a_labeling_function_is_still_a_function() -> None:
    assert (long("something"), long("some")) == ("long", None)


def test_names_must_differ_and_be_such_as_the_server_takes() -> None:
    with pytest.raises(ValueError, match="same name"):
        votes([long, long], {})
    with pytest.raises(ValueError, match="must begin with a letter"):
        LabelingFunction("1st", str)
