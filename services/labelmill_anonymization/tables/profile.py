"""What a column looks like, and the role that is proposed for it, with the reasons and without any value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from labelmill_anonymization.findings import Finding
from labelmill_anonymization.tables.cells import Column, Kind, is_missing, kind_of, text_of
from labelmill_anonymization.tables.column_names import meaning, says_identity
from labelmill_anonymization.tables.rules import ColumnRule, Role

SAMPLE_VALUES = 60
_SAMPLE_CHARACTERS = 400
_WHOLE = 0.8
_MOST = 0.5
_ENOUGH_TO_BE_UNIQUE = 20
_LONG_NUMBER = 7
_QUASI_TYPES = frozenset({"LOCATION", "DATE_TIME", "AGE", "NRP", "POSTAL_CODE"})
_NOT_A_ROLE = frozenset({"ORGANIZATION", "TITLE"})


class Evidence(IntEnum):
    """Why a role is proposed; the contract's numbers."""

    RULE = 1
    NAME = 2
    FINDINGS = 3
    UNIQUE = 4
    TEXT = 5
    PLAIN = 6
    OPAQUE = 7


@dataclass(frozen=True, slots=True)
class Summary:
    """A column without its cells. The sample holds values and stays in this process and its workers."""

    name: str
    kind: Kind
    cell_count: int
    missing_count: int
    distinct_count: int
    is_scalar: bool
    keys: tuple[str, ...]
    """What the name is made of: in JSON the keys of the path, elsewhere the name."""
    has_long_numbers: bool
    sample: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundType:
    """How many sampled cells a recognizer takes for something."""

    entity_type: str
    whole_share: float
    share: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """The role of a column, and why."""

    role: Role
    entity_type: str
    evidence: tuple[Evidence, ...]
    found: tuple[FoundType, ...] = ()


def summarize(column: Column) -> Summary:
    """What can be told of a column by looking at it once."""
    kind = kind_of(column)
    counts = column.counts
    present = [i for i, value in enumerate(column.values) if not is_missing(value)]
    step = max(1, len(present) // SAMPLE_VALUES)
    sample = [text_of(column.values[i])[:_SAMPLE_CHARACTERS] for i in present[::step][:SAMPLE_VALUES]]
    return Summary(
        name=column.name,
        kind=kind,
        cell_count=column.cell_count,
        missing_count=column.cell_count - int(counts[present].sum()) if not column.is_opaque else 0,
        distinct_count=len(present),
        is_scalar=column.is_scalar,
        keys=column.keys or (column.name,),
        has_long_numbers=kind is Kind.NUMBER and any(_digits(text) >= _LONG_NUMBER for text in sample),
        sample=tuple(sample),
    )


def propose(summary: Summary, rule: ColumnRule | None, found: Mapping[str, Sequence[Finding]]) -> Proposal:
    """The role of a column.

    A rule decides; then the name, unless most of the sampled cells are direct identifiers; then what most of them are
    as a whole, or whether the cells are keys.
    Text of no clear role is FREE_TEXT, so that every cell of it is looked at; only short numbers, truth values and
    empty columns pass as INSENSITIVE.

    Args:
        summary: The column.
        rule: The policy's rule for it.
        found: Sampled text -> what recognizers find in it.
    """
    types = found_types(summary.sample, found)
    if rule is not None:
        return Proposal(rule.role, rule.entity_type or _type_of(summary, types, rule.role), (Evidence.RULE,), types)
    if summary.kind is Kind.OPAQUE:
        return Proposal(Role.FREE_TEXT, "", (Evidence.OPAQUE,))
    by_name = meaning(summary.name)
    whole = next((found for found in types if found.whole_share >= _MOST), None)
    is_direct = whole is not None and whole.entity_type not in _QUASI_TYPES | _NOT_A_ROLE
    if by_name is not None and (by_name[0] is Role.DIRECT_IDENTIFIER or not is_direct):
        agrees = (Evidence.FINDINGS,) if whole is not None and whole.entity_type == by_name[1] else ()
        return Proposal(*by_name, (Evidence.NAME, *agrees), types)
    if whole is not None and is_direct:
        return Proposal(Role.DIRECT_IDENTIFIER, whole.entity_type, (Evidence.FINDINGS,), types)
    if _is_unique(summary) and says_identity(summary.name):
        return Proposal(Role.DIRECT_IDENTIFIER, "ACCOUNT_NUMBER", (Evidence.NAME, Evidence.UNIQUE), types)
    if _is_unique(summary) and _looks_like_keys(summary):
        return Proposal(Role.DIRECT_IDENTIFIER, "ACCOUNT_NUMBER", (Evidence.UNIQUE,), types)
    if whole is not None and whole.entity_type in _QUASI_TYPES:
        return Proposal(Role.QUASI_IDENTIFIER, whole.entity_type, (Evidence.FINDINGS,), types)
    if summary.kind is Kind.DATE:
        return Proposal(Role.QUASI_IDENTIFIER, "DATE_TIME", (Evidence.FINDINGS,), types)
    if summary.kind is Kind.TEXT or summary.has_long_numbers:
        return Proposal(Role.FREE_TEXT, "", (Evidence.TEXT,), types)
    return Proposal(Role.INSENSITIVE, "", (Evidence.PLAIN,), types)


def found_types(sample: Sequence[str], found: Mapping[str, Sequence[Finding]]) -> tuple[FoundType, ...]:
    """Shares of the sampled cells by entity type, the most frequent first."""
    whole: dict[str, int] = {}
    somewhere: dict[str, int] = {}
    for text in sample:
        findings = found.get(text, ())
        for entity_type in {finding.entity_type for finding in findings}:
            somewhere[entity_type] = somewhere.get(entity_type, 0) + 1
            covered = sum(finding.length for finding in findings if finding.entity_type == entity_type)
            whole[entity_type] = whole.get(entity_type, 0) + (covered >= _WHOLE * len(text.strip()))
    shares = [
        FoundType(entity_type, whole[entity_type] / len(sample), count / len(sample))
        for entity_type, count in somewhere.items()
    ]
    return tuple(sorted(shares, key=lambda one: (-one.whole_share, -one.share, one.entity_type)))


def _type_of(summary: Summary, types: Sequence[FoundType], role: Role) -> str:
    if role is not Role.DIRECT_IDENTIFIER:
        return ""
    by_name = meaning(summary.name)
    if by_name is not None and by_name[1]:
        return by_name[1]
    return types[0].entity_type if types and types[0].whole_share >= _MOST else "ACCOUNT_NUMBER"


def _is_unique(summary: Summary) -> bool:
    return summary.missing_count == 0 and summary.distinct_count == summary.cell_count >= _ENOUGH_TO_BE_UNIQUE


def _looks_like_keys(summary: Summary) -> bool:
    """Codes of one word each, or long numbers."""
    words = summary.kind is Kind.TEXT and not any(" " in text.strip() for text in summary.sample)
    return words or summary.has_long_numbers


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)
