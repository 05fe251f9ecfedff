"""Table + plan -> clean table and report. Pure; the detector has looked at the texts before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from labelmill_anonymization.contents.content import Counts
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import Protection
from labelmill_anonymization.tables.axes import make_axis, order_of
from labelmill_anonymization.tables.cells import Column, is_missing
from labelmill_anonymization.tables.errors import TableTooSmall
from labelmill_anonymization.tables.generalize import Generalized, generalize, ranks_after
from labelmill_anonymization.tables.identifiers import Totals, transform_identifiers, transform_texts
from labelmill_anonymization.tables.measure import ClassMeasure, Ints, Sensitive, classes_of, measure
from labelmill_anonymization.tables.mondrian import Conditions, split
from labelmill_anonymization.tables.plan import ColumnPlan
from labelmill_anonymization.tables.rules import Role, TableRules, Undersized
from labelmill_anonymization.tables.table_file import NewCells, TableFile, column_named
from labelmill_anonymization.tables.texts import CleanCell
from labelmill_anonymization.tables.utility import UtilityLoss, utility_loss

GENERALIZE, SUPPRESS = "generalize", "suppress"
_SUBJECT_FIELD = "policy.table_rules.subject_column"


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """See labelmill.anonymization.v1.ColumnReport."""

    name: str
    role: Role
    entity_type: str = ""
    operator_name: str = ""
    changed: int = 0
    penalty: float | None = None


@dataclass(frozen=True)
class TableReport:
    """See labelmill.anonymization.v1.TableReport."""

    row_count: int
    columns: tuple[ColumnReport, ...]
    before: ClassMeasure | None
    after: ClassMeasure | None
    utility_loss: UtilityLoss | None
    suppressed: bool


@dataclass(frozen=True)
class CleanTable:
    """The outcome for one table; everything but `data` may be told."""

    data: bytes = field(repr=False)
    report: TableReport
    entity_counts: Counts
    operator_counts: Counts
    protection: Protection
    key_ids: tuple[str, ...]


def anonymize_table(
    table: TableFile,
    plan: Sequence[ColumnPlan],
    rules: TableRules,
    keys: ProjectKeys,
    texts: Mapping[str, CleanCell | None],
) -> CleanTable:
    """Applies a plan.

    Args:
        table: As it was read.
        plan: One for each column.
        rules: k, l, t.
        keys: Of the project.
        texts: Each text of a free-text column -> what becomes of it; None: it stays. One that is missing here was not
            looked at, and raises KeyError.

    Raises:
        TableTooSmall: k or l cannot be reached.
        UnknownColumn: There is no such subject column.
    """
    work = _Work(table, plan, rules)
    subjects = column_named(table, rules.subject_column, _SUBJECT_FIELD) if rules.subject_column else None
    for index, (column, one) in enumerate(zip(table.columns, plan, strict=True)):
        if one.is_emptied:
            work.empty(index)
        elif one.role is Role.DIRECT_IDENTIFIER:
            work.replace(index, transform_identifiers(column, one, keys, work.totals, subjects))
        elif one.has_texts:
            work.replace(index, transform_texts(column, texts, work.totals))
    work.hide_rows()
    return CleanTable(
        data=table.write(work.changed),
        report=work.report(),
        entity_counts=tuple(sorted(work.totals.entities.items())),
        operator_counts=tuple(sorted(work.totals.operators.items())),
        protection=work.totals.protection,
        key_ids=tuple(sorted(work.totals.key_ids)),
    )


class _Work:
    """What has been done to a table so far."""

    def __init__(self, table: TableFile, plan: Sequence[ColumnPlan], rules: TableRules) -> None:
        self._table = table
        self._plan = plan
        self._rules = rules
        self.changed: dict[int, NewCells] = {}
        self.totals = Totals()
        self._reports = [ColumnReport(one.name, one.role, one.entity_type) for one in plan]
        self._measures: tuple[ClassMeasure | None, ClassMeasure | None] = (None, None)
        self._loss: UtilityLoss | None = None
        self._suppressed = False

    def replace(self, index: int, done: tuple[NewCells, str, int]) -> None:
        """Takes the new cells of a column, the operator's name, and how many cells changed."""
        cells, operator_name, changed = done
        if changed:
            self.changed[index] = cells
        self._note(index, operator_name, changed, None)

    def empty(self, index: int) -> None:
        """Empties a column."""
        column = self._table.columns[index]
        cells = NewCells([None], np.zeros(column.cell_count, dtype=np.int32), fills=True)
        count = sum(int(n) for value, n in zip(column.values, column.counts, strict=False) if not is_missing(value))
        if column.is_opaque:
            count = column.cell_count
        self.changed[index] = cells
        self._note(index, SUPPRESS, count, 1.0 if self._plan[index].role is Role.QUASI_IDENTIFIER else None)
        self.totals.count_operator(SUPPRESS, count)

    def hide_rows(self) -> None:
        """Generalizes the quasi-identifiers until each class of rows may be published."""
        quasi = self._indices(Role.QUASI_IDENTIFIER)
        if not quasi or not self._table.row_count:
            return
        if self._rules.k == 1 and self._rules.l_diversity is None and self._rules.t_closeness is None:
            self.totals.protect(Protection.DETECTED_ONLY)
            self._measures = (self._measured(quasi, None),) * 2
            return
        conditions = Conditions(self._rules.k, self._sensitive(), self._rules.l_diversity, self._rules.t_closeness)
        before = self._measured(quasi, None)
        if not conditions.hold(np.arange(self._table.row_count)):
            self._suppress(quasi, conditions)
            after = self._measured([], None)
        else:
            after = self._generalize(quasi, conditions)
        self._measures = before, after

    def report(self) -> TableReport:
        """What was done."""
        return TableReport(self._table.row_count, tuple(self._reports), *self._measures, self._loss, self._suppressed)

    def _generalize(self, quasi: Sequence[int], conditions: Conditions) -> ClassMeasure:
        axes = [make_axis(self._table.columns[i], self._plan[i].hierarchy) for i in quasi]
        classes = split(axes, conditions)
        made = [generalize(axis, classes) for axis in axes]
        for index, column in zip(quasi, made, strict=True):
            self.changed[index] = NewCells(column.values, column.codes, fills=True)
            self._note(index, GENERALIZE, column.changed, column.penalty)
            self.totals.count_operator(GENERALIZE, column.changed)
        after = self._measured(quasi, made)
        self._loss = utility_loss(classes, self._rules.k, [column.penalty for column in made])
        return after

    def _suppress(self, quasi: Sequence[int], conditions: Conditions) -> None:
        short = self._table.row_count < conditions.k
        if self._rules.undersized is Undersized.FAIL:
            raise TableTooSmall("k" if short else "l")
        self._suppressed = True
        for index in quasi:
            self.empty(index)
        if self._rules.l_diversity is not None and not self._is_diverse(conditions):
            for index in self._indices(Role.SENSITIVE):
                self.empty(index)

    def _is_diverse(self, conditions: Conditions) -> bool:
        alone = Conditions(1, conditions.sensitive, conditions.l_diversity, None)
        return alone.hold(np.arange(self._table.row_count))

    def _measured(self, quasi: Sequence[int], made: Sequence[Generalized] | None) -> ClassMeasure:
        """k, l and t as the cells say, made or as they were; without columns, of the table as one class."""
        columns = [self._table.columns[i] for i in quasi]
        if made is None:
            made = [Generalized(column.values, column.codes, 0, 0.0) for column in columns]
        rows = self._table.row_count
        classes: Ints = classes_of(ranks_after(made)) if made else np.zeros(rows, dtype=np.int64)
        return measure(classes, self._sensitive())

    def _sensitive(self) -> list[Sensitive]:
        """The sensitive columns as they are published."""
        columns = []
        for index in self._indices(Role.SENSITIVE):
            column = self._table.columns[index]
            if index in self.changed:
                column = Column(column.name, self.changed[index].values, self.changed[index].codes)
            columns.append(column)
        return [Sensitive(*order_of(column)) for column in columns if not column.is_opaque]

    def _indices(self, role: Role) -> list[int]:
        return [index for index, one in enumerate(self._plan) if one.role is role and not one.is_emptied]

    def _note(self, index: int, operator_name: str, changed: int, penalty: float | None) -> None:
        one = self._plan[index]
        name = operator_name if changed else ""
        self._reports[index] = ColumnReport(one.name, one.role, one.entity_type, name, changed, penalty)
