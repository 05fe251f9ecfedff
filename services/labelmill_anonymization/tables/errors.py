"""The errors of tables. They name columns by position and rows by number, and never a value."""

from __future__ import annotations

from labelmill_anonymization.errors import ContentMalformed
from labelmill_runtime.errors import FailedPrecondition, InvalidArgument


class RowMalformed(ContentMalformed):
    """A row cannot be read. Rows are counted from 1, the header of a CSV file included."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(f"row {row} {problem}")
        self.metadata["row"] = str(row)


class _ColumnError(InvalidArgument):
    def __init__(self, reason: str, message: str, column: int) -> None:
        super().__init__(reason, message, metadata={"column": str(column)})


class ColumnWithoutRule(_ColumnError):
    """No rule names the column, and the policy wants one for each."""

    def __init__(self, column: int) -> None:
        super().__init__("COLUMN_WITHOUT_RULE", f"No rule of the policy names column {column} of the table.", column)


class ColumnNamePersonal(_ColumnError):
    """The name of a column looks like personal data; it is not repeated here."""

    def __init__(self, column: int) -> None:
        message = f"The name of column {column} looks like personal data; if it is not, name the column in a rule."
        super().__init__("COLUMN_NAME_PERSONAL", message, column)


class ColumnNotScalar(_ColumnError):
    """A quasi-identifier with other than one cell for each row."""

    def __init__(self, column: int) -> None:
        message = f"Column {column} lies inside of a list, so it cannot be a quasi-identifier or sensitive."
        super().__init__("COLUMN_NOT_SCALAR", message, column)


class ColumnUnreadable(_ColumnError):
    """Cells of bytes, lists or structures, which nobody here can look into."""

    def __init__(self, column: int) -> None:
        message = (
            f"The cells of column {column} cannot be looked into; a rule must call it INSENSITIVE or SENSITIVE to keep "
            "it, or DIRECT_IDENTIFIER to empty it."
        )
        super().__init__("COLUMN_UNREADABLE", message, column)


class UnknownColumn(InvalidArgument):
    """The table has no such column, or it has other than one cell for each row."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "UNKNOWN_COLUMN",
            "The table has no such column with one cell for each row.",
            fields={field: "is not a column of the table"},
        )


class TableTooSmall(FailedPrecondition):
    """The whole table as one class does not have k rows or l values."""

    def __init__(self, wanted: str) -> None:
        super().__init__(
            "TABLE_TOO_SMALL",
            f"The table cannot reach the {wanted} that the policy asks for, not even as one class.",
            metadata={"wanted": wanted},
        )
