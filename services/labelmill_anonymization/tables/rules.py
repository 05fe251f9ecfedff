"""What a policy says about tables; see labelmill.anonymization.v1.TableRules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from labelmill_anonymization.operators import Operator

DEFAULT_K = 5


class Role(IntEnum):
    """What a column says about a person; the contract's numbers."""

    DIRECT_IDENTIFIER = 1
    QUASI_IDENTIFIER = 2
    SENSITIVE = 3
    INSENSITIVE = 4
    FREE_TEXT = 5


class Unlisted(IntEnum):
    """What happens to columns that no rule names."""

    INFER = 1
    FREE_TEXT = 2
    REFUSE = 3


class Undersized(IntEnum):
    """What happens where k or l cannot be reached."""

    FAIL = 1
    SUPPRESS = 2


class CsvHeader(IntEnum):
    """Whether a CSV file begins with the names of its columns."""

    DETECT = 1
    PRESENT = 2
    ABSENT = 3


class Diversity(IntEnum):
    """How the variety of sensitive values is counted."""

    DISTINCT = 1
    ENTROPY = 2


@dataclass(frozen=True, slots=True)
class LDiversity:
    """Rows of one class have at least `l` sensitive values, counted in this way."""

    kind: Diversity
    l: float  # noqa: E741 - its name in the literature


@dataclass(frozen=True, slots=True)
class Branches:
    """A hierarchy: value -> its groups from the narrowest to the widest."""

    groups: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Prefix:
    """Values are generalized by leaving out characters from the end."""


Hierarchy = Branches | Prefix


@dataclass(frozen=True)
class ColumnRule:
    """What is known of the columns whose name fits `column`, which may hold * and ?."""

    column: str
    role: Role
    entity_type: str = ""
    operator: Operator | None = None
    hierarchy: Hierarchy | None = None

    def fits(self, name: str) -> bool:
        """Whether the rule is about the column."""
        return self._pattern.fullmatch(name) is not None

    @property
    def is_exact(self) -> bool:
        """Whether it names one column, so that whoever wrote it has seen the name."""
        return "*" not in self.column and "?" not in self.column

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # Not fnmatch: its brackets stand for sets, ours for lists in JSON.
        parts = re.split(r"([*?])", self.column)
        wild = {"*": ".*", "?": "."}
        return re.compile("".join(wild.get(part) or re.escape(part) for part in parts), re.DOTALL)


@dataclass(frozen=True, slots=True)
class TableRules:
    """How tables are treated."""

    k: int = DEFAULT_K
    columns: tuple[ColumnRule, ...] = field(default=())
    unlisted: Unlisted = Unlisted.INFER
    l_diversity: LDiversity | None = None
    t_closeness: float | None = None
    undersized: Undersized = Undersized.FAIL
    csv_header: CsvHeader = CsvHeader.DETECT
    subject_column: str = ""
    """Says whose row it is; "": the whole table is about one subject."""

    def rule_for(self, name: str) -> ColumnRule | None:
        """The first rule about a column."""
        return next((rule for rule in self.columns if rule.fits(name)), None)
