"""Tables in worker processes: reading, generalizing and writing them takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.errors import DetectionFailed, UnsupportedMediaType
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.tables.anonymize import CleanTable, anonymize_table
from labelmill_anonymization.tables.csv_file import TAB, read_csv
from labelmill_anonymization.tables.json_file import read_json, read_json_lines
from labelmill_anonymization.tables.plan import ColumnPlan
from labelmill_anonymization.tables.ports import TableSummary
from labelmill_anonymization.tables.profile import summarize
from labelmill_anonymization.tables.rules import TableRules
from labelmill_anonymization.tables.table_anonymizer import MEDIA_TYPES
from labelmill_anonymization.tables.table_file import TableFile
from labelmill_anonymization.tables.texts import CleanCell, free_texts
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.workers import WorkerPool

P = ParamSpec("P")
R = TypeVar("R")


class TableProcesses:
    """See `tables.ports.TableWork`. Processes start at the first table."""

    def __init__(self, workers: int, max_pending: int) -> None:
        self._pool = WorkerPool(workers, max_pending=max_pending)

    async def summarize(self, content: RawContent, rules: TableRules) -> TableSummary:
        """See the port."""
        return await self._call(summarized, content, rules)

    async def free_texts(self, content: RawContent, rules: TableRules, plan: Sequence[ColumnPlan]) -> list[str]:
        """See the port."""
        return await self._call(texts_of, content, rules, plan)

    async def anonymize(
        self,
        content: RawContent,
        rules: TableRules,
        plan: Sequence[ColumnPlan],
        keys: ProjectKeys,
        texts: Mapping[str, CleanCell | None],
    ) -> CleanTable:
        """See the port."""
        return await self._call(anonymized, content, rules, plan, keys, texts)

    async def close(self) -> None:
        """Ends the processes."""
        await self._pool.close()

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await self._pool.call(function, *args, **kwargs)
        except LabelmillError:
            raise
        except Exception as error:  # its message may quote cells
            raise DetectionFailed(type(error).__name__) from None


def read_table(content: RawContent, rules: TableRules) -> TableFile:
    """The table, by its media type."""
    essence = content.media_type.partition(";")[0].strip().lower()
    match essence:
        case "text/csv":
            return read_csv(content.data, rules.csv_header)
        case "text/tab-separated-values":
            return read_csv(content.data, rules.csv_header, TAB)
        case "application/json":
            return read_json(content.data)
        case "application/x-ndjson" | "application/jsonl":
            return read_json_lines(content.data)
        case "application/vnd.apache.parquet":
            from labelmill_anonymization.adapters.parquet import read_parquet  # pyarrow takes a while to load

            return read_parquet(content.data)
    raise UnsupportedMediaType(MEDIA_TYPES)


def summarized(content: RawContent, rules: TableRules) -> TableSummary:
    """Runs in a worker."""
    table = read_table(content, rules)
    return TableSummary(table.row_count, table.has_names, tuple(summarize(column) for column in table.columns))


def texts_of(content: RawContent, rules: TableRules, plan: Sequence[ColumnPlan]) -> list[str]:
    """Runs in a worker."""
    return free_texts(read_table(content, rules), plan)


def anonymized(
    content: RawContent,
    rules: TableRules,
    plan: Sequence[ColumnPlan],
    keys: ProjectKeys,
    texts: Mapping[str, CleanCell | None],
) -> CleanTable:
    """Runs in a worker."""
    return anonymize_table(read_table(content, rules), plan, rules, keys, texts)
