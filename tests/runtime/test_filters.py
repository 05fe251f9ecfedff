"""The filter language: what it accepts, what it refuses, and that both databases select what it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelmill_runtime.database import Database
from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.filters import (
    MAX_DEPTH,
    MAX_LENGTH,
    And,
    Comparator,
    Comparison,
    Expression,
    Not,
    Or,
    comparisons,
    parse,
)
from labelmill_runtime.sql_filters import FilterField, where

EQ = Comparator.EQUALS
A, B, C = (Comparison(name, EQ, "1") for name in "abc")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        ("   ", None),
        ("a = 1", A),
        ("a=1", A),
        ('a = "1"', Comparison("a", EQ, "1", quoted=True)),
        ("a = '1 \\' 2'", Comparison("a", EQ, "1 ' 2", quoted=True)),
        ("a.b.c : x", Comparison("a.b.c", Comparator.HAS, "x")),
        ("a:*", Comparison("a", Comparator.HAS, "*")),
        ("a >= -1.5", Comparison("a", Comparator.GREATER_OR_EQUAL, "-1.5")),
        ("t > 2026-01-01T00:00:00Z", Comparison("t", Comparator.GREATER, "2026-01-01T00:00:00Z")),
        ("a = 1 AND b = 1", And((A, B))),
        ("a = 1 b = 1", And((A, B))),
        ("a = 1 OR b = 1", Or((A, B))),
        ("a = 1 AND b = 1 OR c = 1", And((A, Or((B, C))))),  # AIP-160: OR binds tighter
        ("(a = 1 AND b = 1) OR c = 1", Or((And((A, B)), C))),
        ("NOT a = 1", Not(A)),
        ("-a = 1", Not(A)),
        ("NOT (a = 1 OR b = 1) AND c = 1", And((Not(Or((A, B))), C))),
        ("a = AND", Comparison("a", EQ, "AND")),
    ],
)
def test_filters_parse_to_trees(text: str, tree: Expression | None) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "a", "a =", "= 1", "a = 1 AND", "OR a = 1", "(a = 1", "a = 1)", "()", "a == 1", 'a = "open', "1a = 1", "a.=1",
        "a = 1 OR OR b = 1", "NOT", "a ! 1", "-", "a = (1)", "AND = 1", "a = 1 AND NOT", "é = 1",
    ],
)  # fmt: skip
def test_broken_filters_are_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert caught.value.reason == "INVALID_FILTER"
    assert list(caught.value.fields) == ["filter"]
    assert "position" in caught.value.message or "at its end" in caught.value.message


def test_length_and_depth_are_limited() -> None:
    for text in ("a = " + "1" * MAX_LENGTH, "(" * (MAX_DEPTH + 1) + "a = 1" + ")" * (MAX_DEPTH + 1)):
        with pytest.raises(InvalidArgument):
            parse(text)
    assert parse("(" * MAX_DEPTH + "a = 1" + ")" * MAX_DEPTH) == A


@given(st.text(max_size=200))
def test_any_text_is_either_a_filter_or_refused(text: str) -> None:
    try:
        tree = parse(text)
    except InvalidArgument:
        return
    assert tree is None or list(comparisons(tree))


FIELDS = ("flag", "size", "score", "name")
_leaves = st.builds(
    Comparison,
    st.sampled_from(FIELDS),
    st.sampled_from([c for c in Comparator if c is not Comparator.HAS]),
    st.from_regex(r"[a-zA-Z0-9_%.+-]{1,8}", fullmatch=True),
    st.booleans(),
)
_trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner.filter(lambda e: not isinstance(e, Not))),
        st.builds(And, st.lists(inner.filter(lambda e: not isinstance(e, And)), min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner.filter(lambda e: not isinstance(e, Or)), min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def show(tree: Expression) -> str:
    match tree:
        case Comparison(field, comparator, value, quoted):
            return f'{field} {comparator.value} "{value}"' if quoted else f"{field} {comparator.value} {value}"
        case Not(operand):
            return f"NOT ({show(operand)})"
        case And(operands):
            return " AND ".join(f"({show(operand)})" for operand in operands)
        case Or(operands):
            return " OR ".join(f"({show(operand)})" for operand in operands)


@given(_trees)
def test_every_tree_survives_being_written_and_read(tree: Expression) -> None:
    assert parse(show(tree)) == tree


ROWS: list[dict[str, Any]] = [
    {
        "id": n,
        "flag": n % 2 == 0,
        "size": n * 10 - 20,
        "score": n / 4,
        "name": name,
        "time": datetime(2026, 1, n, tzinfo=UTC),
    }
    for n, name in enumerate(["alpha", "Beta", "100%", "a_b", "", None], start=1)
]


@pytest.fixture
async def select(database: Database) -> Callable[[str], Any]:
    """Selects ids by filter from a real table."""
    table = sa.Table(
        "things",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("flag", sa.Boolean),
        sa.Column("size", sa.BigInteger),
        sa.Column("score", sa.Float),
        sa.Column("name", sa.String(50)),
        sa.Column("time", sa.DateTime(timezone=True)),
    )
    async with database.transaction() as session:
        await (await session.connection()).run_sync(table.create)
        await session.execute(sa.insert(table), ROWS)
    columns: dict[str, Any] = {name: table.c[name] for name in ("flag", "size", "score", "name", "time")}
    columns["step"] = FilterField(table.c.id, lambda text: {"FIRST": 1, "SECOND": 2}[text])

    async def run(text: str) -> list[int]:
        condition = where(text, columns)
        query = sa.select(table.c.id).order_by(table.c.id)
        async with database.reading() as session:
            return list(await session.scalars(query if condition is None else query.where(condition)))

    return run


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("flag = true", [2, 4, 6]),
        ("-flag = TRUE", [1, 3, 5]),
        ("size > 10", [4, 5, 6]),
        ("size <= -10", [1]),
        ("score >= 0.75 AND score < 1.25", [3, 4]),
        ('name = "alpha"', [1]),
        ("name != alpha", [2, 3, 4, 5, 6]),  # also the row that has no name
        ("name : %", [3]),  # no wildcard
        ("name : _", [4]),
        ("name : *", [1, 2, 3, 4, 5]),
        ('name : "*"', []),
        ('name = ""', [5]),
        ("NOT name:*", [6]),
        ("time > 2026-01-04T00:00:00Z", [5, 6]),
        ("step = SECOND", [2]),
        ("step : FIRST OR size = 40", [1, 6]),
    ],
)
async def test_both_databases_select_what_the_filter_says(select: Any, text: str, ids: list[int]) -> None:
    assert await select(text) == ids


@pytest.mark.parametrize(
    "text",
    [
        "unknown = 1", "size = many", "size = 1e3", f"size = {2**63}", "flag = yes", "flag > true", "score = high",
        "time = yesterday", "step = THIRD", 'name = "\0"',
    ],
)  # fmt: skip
async def test_values_that_a_field_cannot_have_are_refused(select: Any, text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await select(text)
    assert caught.value.reason == "INVALID_FILTER"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(tree=_trees)
async def test_no_filter_breaks_the_database(select: Any, tree: Expression) -> None:
    try:
        ids = await select(show(tree))
    except InvalidArgument:
        return
    assert set(ids) <= {1, 2, 3, 4, 5, 6}
