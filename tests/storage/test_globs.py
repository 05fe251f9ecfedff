"""Which paths globs take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_storage.imports.globs import Globs


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ("*.txt", ["a.txt", ".txt"], ["a/b.txt", "a.txt.md", "A.TXT"]),
        ("**/*.txt", ["a.txt", "a/b.txt", "a/b/c.txt"], ["a.md", "a.txt/b"]),
        ("a/**", ["a", "a/b", "a/b/c"], ["b", "b/a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/b"], ["a/x/b/y", "b"]),
        ("**/a/**/b/**", ["a/b", "x/a/y/b/z", "a/a/b/b"], ["b/a"]),
        ("a?[0-9]/*", ["ab1/x", "ac2/y"], ["ab/x", "ab1", "ab1/x/y"]),
        ("**", ["a", "a/b"], []),
        ("caf\udce9.*", ["caf\udce9.txt"], ["caf\u00e9.txt"]),
    ],
)
def test_patterns(pattern: str, taken: list[str], left: list[str]) -> None:
    globs = Globs([pattern])
    assert [path for path in taken + left if globs.match(path)] == taken


def test_any_of_many_and_all_of_none() -> None:
    assert Globs([]).match("anything/at/all")
    assert Globs(["*.txt", "*.md"]).match("a.md")
    assert not Globs(["*.txt", "*.md"]).match("a.png")


PARTS = st.lists(st.sampled_from(["a", "b", "ab", "x.txt", "y.txt"]), min_size=1, max_size=6)
PATTERN_PARTS = st.lists(st.sampled_from(["a", "b", "*", "?", "**", "*.txt", "a*"]), min_size=1, max_size=6)


def as_expression(parts: list[str]) -> str:
    """The same in the plainest way: every ** as an optional run of whole parts."""
    single = {"*": "[^/]*", "?": "[^/]", "*.txt": "[^/]*\\.txt", "a*": "a[^/]*"}
    return "".join("(?:[^/]+/)*" if part == "**" else single.get(part, re.escape(part)) + "/" for part in parts)


@given(PATTERN_PARTS, PARTS)
def test_the_same_as_an_expression_says(pattern: list[str], path: list[str]) -> None:
    expected = re.fullmatch(as_expression(pattern), "/".join(path) + "/") is not None
    assert Globs(["/".join(pattern)]).match("/".join(path)) == expected
