"""Filters as SQL conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, DateTime, Float, Integer, Numeric, and_, not_, or_

from labelmill_runtime.filters import And, Comparator, Comparison, Expression, Not, Or, invalid_filter, parse

_INT64 = 2**63


@dataclass(frozen=True)
class FilterField:
    """A column whose filter values are written differently from what is stored (enum names, timestamps, names).

    `convert` turns the text into the stored value and raises ValueError for one that cannot be.
    """

    column: ColumnElement[Any]
    convert: Callable[[str], object]


Columns = Mapping[str, ColumnElement[Any] | FilterField]


def where(text: str, columns: Columns) -> ColumnElement[bool] | None:
    """The condition for a filter text; None for an empty one."""
    expression = parse(text)
    return None if expression is None else compile(expression, columns)


def compile(expression: Expression, columns: Columns) -> ColumnElement[bool]:  # noqa: A001 - the verb of this module
    """The condition for a parsed filter.

    Raises:
        InvalidArgument: INVALID_FILTER for an unknown field, or a value or comparison that its type does not have.
    """
    match expression:
        case And(operands):
            return and_(*(compile(operand, columns) for operand in operands))
        case Or(operands):
            return or_(*(compile(operand, columns) for operand in operands))
        case Not(operand):
            return not_(compile(operand, columns))
        case Comparison():
            return _comparison(expression, columns)


def _comparison(comparison: Comparison, columns: Columns) -> ColumnElement[bool]:
    known = columns.get(comparison.field)
    if known is None:
        raise invalid_filter(f"names an unknown field; known are {', '.join(sorted(columns))}")
    column = known.column if isinstance(known, FilterField) else known
    if comparison.comparator is Comparator.HAS:
        return _has(column, comparison, known)
    value = _value(comparison, known)
    match comparison.comparator:
        case Comparator.EQUALS:
            return column.is_not_distinct_from(value)
        case Comparator.DIFFERS:
            return column.is_distinct_from(value)
    if isinstance(column.type, Boolean):
        raise invalid_filter(f"compares {comparison.field}, which is true or false, by size")
    match comparison.comparator:
        case Comparator.LESS:
            return column < value
        case Comparator.LESS_OR_EQUAL:
            return column <= value
        case Comparator.GREATER:
            return column > value
        case _:
            return column >= value


def _has(column: ColumnElement[Any], comparison: Comparison, known: object) -> ColumnElement[bool]:
    if comparison.value == "*" and not comparison.quoted:
        return column.is_not(None)
    if column.type.python_type is str and not isinstance(known, FilterField):
        return and_(column.is_not(None), column.contains(comparison.value, autoescape=True))
    return column.is_not_distinct_from(_value(comparison, known))


def _value(comparison: Comparison, known: object) -> object:
    try:
        if "\0" in comparison.value:
            raise ValueError  # PostgreSQL has no such character
        if isinstance(known, FilterField):
            return known.convert(comparison.value)
        assert isinstance(known, ColumnElement)
        return _typed(comparison.value, known)
    except (ValueError, KeyError, OverflowError):
        raise invalid_filter(f"has a value that {comparison.field} cannot have") from None


def _typed(text: str, column: ColumnElement[Any]) -> object:
    if isinstance(column.type, Boolean):
        return {"true": True, "false": False}[text.lower()]
    if isinstance(column.type, Integer):
        number = int(text)
        if not -_INT64 <= number < _INT64:
            raise ValueError
        return number
    if isinstance(column.type, Float | Numeric):
        return float(text)
    if isinstance(column.type, DateTime):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return text
