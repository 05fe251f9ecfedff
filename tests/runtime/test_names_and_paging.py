"""Resource names and page tokens."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_runtime import names
from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.ids import ulid
from labelmill_runtime.paging import PageTokens, page_size

ASSET = "projects/{project}/assets/{asset}"


def test_names_are_taken_apart_and_put_together() -> None:
    assert names.parse(ASSET, "projects/p-1/assets/a.b_c") == {"project": "p-1", "asset": "a.b_c"}
    assert names.format(ASSET, project="p-1", asset="a.b_c") == "projects/p-1/assets/a.b_c"
    assert names.project_of("projects/p-1/assets/a") == names.project_of("projects/p-1") == "p-1"


def test_ids_of_listed_names_come_once_each_and_a_wrong_name_is_pointed_at() -> None:
    listed = ["projects/p/assets/b", "projects/p/assets/a", "projects/p/assets/b"]
    assert names.ids_of(ASSET, listed, "p") == ["b", "a"]
    for wrong, reason in (("projects/q/assets/a", "FOREIGN_PROJECT"), ("projects/p/tasks/a", "INVALID_NAME")):
        with pytest.raises(InvalidArgument) as caught:
            names.ids_of(ASSET, [*listed, wrong], "p")
        assert (caught.value.reason, list(caught.value.fields)) == (reason, ["names[3]"])


@pytest.mark.parametrize(
    "name",
    [
        "", "projects/p", "projects/p/assets/", "projects//assets/a", "projects/p/assets/a/b", "projects/P/assets/a",
        "projects/p/assets/..", "projects/p/assets/a\n", "projects/p/assets/a\0", "projects/p/assets/ä",
        "projects/p/assets/%2e", " projects/p/assets/a", "projects/p/assets/" + "a" * 129, "projects/-/assets/a",
        "projects/*/assets/a", "projects/p/Assets/a", "projects/p/assets/a\u202e",
    ],
)  # fmt: skip
def test_everything_else_is_no_name(name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        names.parse(ASSET, name, field="asset")
    assert caught.value.reason == "INVALID_NAME"
    assert list(caught.value.fields) == ["asset"]
    assert not names.matches(ASSET, name)


def test_unfit_parts_are_not_put_together() -> None:
    with pytest.raises(InvalidArgument):
        names.format(ASSET, project="p", asset="a/b")


def test_a_name_of_another_project_is_refused() -> None:
    names.require_project("projects/p/assets/a", "p")
    with pytest.raises(InvalidArgument) as caught:
        names.require_project("projects/q/assets/a", "p", field="assets[0]")
    assert caught.value.reason == "FOREIGN_PROJECT"


@given(st.text(max_size=60))
def test_the_project_of_any_text_is_legal_or_refused(text: str) -> None:
    try:
        project = names.project_of(text)
    except InvalidArgument:
        return
    assert names.PROJECT_ID.fullmatch(project)


def test_ulids_sort_by_time_and_never_repeat() -> None:
    assert ulid(1) < ulid(2) < ulid(10**12) < ulid()
    assert len({ulid(5) for _ in range(1000)}) == 1000
    assert names.matches(ASSET, f"projects/p/assets/{ulid()}")


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
def test_page_sizes(asked: int, given_: int) -> None:
    assert page_size(asked) == given_


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        page_size(-1)


TOKENS = PageTokens(b"key")
_cursors = st.lists(st.one_of(st.text(), st.integers(), st.none(), st.floats(allow_nan=False)), max_size=4)


@given(cursor=_cursors, parent=st.text(), filter_=st.text(), order=st.text())
def test_tokens_return_what_was_put_in(
    cursor: list[str | int | float | None], parent: str, filter_: str, order: str
) -> None:
    token = TOKENS.encode(cursor, parent=parent, filter=filter_, order_by=order)
    assert TOKENS.decode(token, parent=parent, filter=filter_, order_by=order) == cursor


def test_the_first_page_has_no_cursor() -> None:
    assert TOKENS.decode("", parent="p") is None


@given(position=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_no_altered_token_is_accepted(position: int, flip: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(_padded(TOKENS.encode(["a", 1], parent="p"))))
    raw[position % len(raw)] ^= flip
    with pytest.raises(InvalidArgument) as caught:
        TOKENS.decode(base64.urlsafe_b64encode(raw).decode().rstrip("="), parent="p")
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


@given(st.text(min_size=1, max_size=80))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(InvalidArgument):
        TOKENS.decode(text, parent="p")


def test_a_token_is_good_for_its_own_list_only() -> None:
    token = TOKENS.encode(["a"], parent="p", filter="f", order_by="o")
    for other in ({"parent": "q", "filter": "f", "order_by": "o"}, {"parent": "p"}, {"parent": "p", "filter": "fo"}):
        with pytest.raises(InvalidArgument):
            TOKENS.decode(token, **other)
    with pytest.raises(InvalidArgument):
        PageTokens(b"another key").decode(token, parent="p", filter="f", order_by="o")


def _padded(token: str) -> str:
    return token + "=" * (-len(token) % 4)
