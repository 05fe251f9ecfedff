"""The filter language of List methods: a subset of AIP-160. Pure: text in, tree out.

    zone = CLEAN AND (size_bytes > 1000 OR name : "scan") AND NOT labels.split = "test" AND -done = true

Comparisons: = != < <= > >= and `:` (contains; `field:*` means present). As in AIP-160, OR binds tighter than AND, and
two restrictions side by side mean AND. Field names may have dots; values are words or quoted strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from labelmill_runtime.errors import InvalidArgument

MAX_LENGTH = 10_000
MAX_DEPTH = 32


class Comparator(Enum):
    """How a field is compared with a value."""

    EQUALS = "="
    DIFFERS = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Comparison:
    """field comparator value; `quoted` tells "*" the string from * the wildcard."""

    field: str
    comparator: Comparator
    value: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    operands: tuple[Expression, ...]


Expression = Comparison | Not | And | Or

_TOKEN = re.compile(
    r"""\s+
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<operator>!=|<=|>=|=|<|>|:)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<word>[^\s"'!=<>:()]+)""",
    re.VERBOSE | re.DOTALL,
)
# Inside a value, colons are part of the word: create_time > 2026-01-01T00:00:00Z
_VALUE = re.compile(r"""\s*(?P<word>[^\s"'!=<>()]+)""")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KEYWORDS = frozenset({"AND", "OR", "NOT"})


def parse(text: str) -> Expression | None:
    """The tree of a filter; None for an empty filter.

    Raises:
        InvalidArgument: INVALID_FILTER; the message gives the position, never the text.
    """
    if len(text) > MAX_LENGTH:
        raise invalid_filter(f"is longer than {MAX_LENGTH} characters")
    parser = _Parser(text)
    if parser.kind is None:
        return None
    expression = parser.conjunction(0)
    if parser.kind is not None:
        raise parser.unexpected()
    return expression


def comparisons(expression: Expression | None) -> Iterator[Comparison]:
    """Every comparison in a tree."""
    match expression:
        case Comparison():
            yield expression
        case Not(operand):
            yield from comparisons(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from comparisons(operand)


def invalid_filter(problem: str) -> InvalidArgument:
    """The error for a filter that cannot be used."""
    return InvalidArgument("INVALID_FILTER", f"filter {problem}.", fields={"filter": problem})


class _Parser:
    """Recursive descent with one token of lookahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._start = 0
        self.kind: str | None = None
        self.value = ""
        self._advance()

    def conjunction(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise invalid_filter(f"is nested deeper than {MAX_DEPTH} levels")
        operands = [self._disjunction(depth)]
        while self.kind in ("word", "open") and self.value != "OR":
            if self.value == "AND":
                self._advance()
            operands.append(self._disjunction(depth))
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def unexpected(self) -> InvalidArgument:
        where = f"at position {self._start}" if self.kind is not None else "at its end"
        return invalid_filter(f"has a syntax error {where}")

    def _disjunction(self, depth: int) -> Expression:
        operands = [self._term(depth)]
        while self.kind == "word" and self.value == "OR":
            self._advance()
            operands.append(self._term(depth))
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _term(self, depth: int) -> Expression:
        if self.kind == "word" and self.value == "NOT":
            self._advance()
            return Not(self._simple(depth))
        if self.kind == "word" and self.value.startswith("-"):
            if self.value == "-":
                self._advance()
            else:
                self.value = self.value[1:]
            return Not(self._simple(depth))
        return self._simple(depth)

    def _simple(self, depth: int) -> Expression:
        if self.kind == "open":
            self._advance()
            inner = self.conjunction(depth + 1)
            if self.kind != "close":
                raise self.unexpected()
            self._advance()
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        if self.kind != "word" or self.value in _KEYWORDS or not _FIELD.fullmatch(self.value):
            raise self.unexpected()
        field = self.value
        self._advance()
        if self.kind != "operator":
            raise self.unexpected()
        comparator = Comparator(self.value)
        self._advance_to_value()
        if self.kind not in ("word", "string"):
            raise self.unexpected()
        value, quoted = self.value, self.kind == "string"
        self._advance()
        return Comparison(field, comparator, value, quoted)

    def _advance_to_value(self) -> None:
        word = _VALUE.match(self._text, self._end)
        if word is None:
            self._advance()
            return
        self.kind, self.value = "word", word.group("word")
        self._start, self._end = word.start("word"), word.end()

    def _advance(self) -> None:
        while self._end < len(self._text):
            token = _TOKEN.match(self._text, self._end)
            if token is None:
                raise invalid_filter(f"has a syntax error at position {self._end}")
            self._start, self._end = token.span()
            if token.lastgroup is not None:
                self.kind, self.value = token.lastgroup, token.group()
                if self.kind == "string":
                    self.value = _ESCAPE.sub(r"\1", self.value[1:-1])
                return
        self.kind, self.value = None, ""
