"""What can be wrong with labels in bulk. Positions are told, contents never."""

from __future__ import annotations

from labelmill_runtime.errors import FailedPrecondition, InvalidArgument, PermissionDenied, ResourceExhausted


class StreamSequence(InvalidArgument):
    """Messages of a stream in an order that has no meaning."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            "STREAM_SEQUENCE", "The messages of the stream are not in their order.", fields={"part": problem}
        )


class ColumnMissing(InvalidArgument):
    """A table without a column that is needed."""

    def __init__(self, column: str) -> None:
        super().__init__(
            "COLUMN_MISSING",
            "The table has no such column.",
            metadata={"column": column},
            fields={f"columns.{column}": "must name a column of the table"},
        )


class CellRefused(InvalidArgument):
    """A cell that is no item, labeler or answer."""

    def __init__(self, column: str, row: int, problem: str) -> None:
        super().__init__(
            "CELL_REFUSED",
            "A cell of the table cannot be used.",
            metadata={"column": column, "row": str(row)},
            fields={f"{column}[{row}]": problem},
        )


class ContentMalformed(InvalidArgument):
    """Bytes that are not what they are said to be."""

    def __init__(self, media_type: str) -> None:
        super().__init__(
            "CONTENT_MALFORMED",
            "The content cannot be read as what it is said to be.",
            metadata={"media_type": media_type},
            fields={"source": f"must be whole and valid {media_type}"},
        )


class UnsupportedMediaType(InvalidArgument):
    """An asset that is no table."""

    def __init__(self, media_type: str, known: str) -> None:
        super().__init__(
            "UNSUPPORTED_MEDIA_TYPE",
            "The asset is no table that labels can be read from.",
            metadata={"media_type": media_type},
            fields={"source": f"must be of one of the types {known}"},
        )


class TooManyRows(InvalidArgument):
    """More labels than one call may bring."""

    def __init__(self, limit: int, field: str = "rows") -> None:
        super().__init__(
            "TOO_MANY_ROWS",
            "There are more labels, or more gold, than one call may bring.",
            metadata={"limit": str(limit)},
            fields={field: f"must be at most {limit}"},
        )


class NoRows(InvalidArgument):
    """A stream or a table without a label."""

    def __init__(self) -> None:
        super().__init__("NO_LABELS", "There are no labels to aggregate.", fields={"rows": "must not be empty"})


class RawForbidden(PermissionDenied):
    """RAW for somebody who is no service."""

    def __init__(self) -> None:
        super().__init__("RAW_FORBIDDEN", "Only services may have labels read from the RAW zone.")


class ProjectForbidden(PermissionDenied):
    """An asset of a project in which the caller may not do that."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "PERMISSION_DENIED",
            "The caller holds none of the roles that are needed in that project.",
            metadata={"field": field},
        )


class AssetNotClean(FailedPrecondition):
    """CLEAN content of an asset that has none."""

    def __init__(self, name: str) -> None:
        super().__init__("NOT_CLEAN", "The asset has not been admitted to the CLEAN zone.", resource=("Asset", name))


class SpoolFull(ResourceExhausted):
    """More bytes than one call may bring."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "SPOOL_FULL", "The labels take more bytes than one call may bring.", metadata={"limit_bytes": str(limit)}
        )
