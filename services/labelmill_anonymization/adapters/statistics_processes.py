"""Released statistics in worker processes: OpenDP is a large library, and tables take seconds to read."""

from __future__ import annotations

from labelmill_anonymization.adapters.table_processes import read_table
from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.statistics.ports import Noisy
from labelmill_anonymization.statistics.price import Price
from labelmill_anonymization.statistics.statistic import Figure, TableData
from labelmill_anonymization.statistics.units import Numbers, from_table
from labelmill_anonymization.tables.rules import TableRules
from labelmill_runtime.workers import WorkerPool


class StatisticsProcesses:
    """See `statistics.ports.Mechanisms`. Processes start at the first release."""

    def __init__(self, workers: int, max_pending: int) -> None:
        self._pool = WorkerPool(workers, max_pending=max_pending)

    async def numbers(self, content: RawContent, data: TableData, figure: Figure) -> Numbers:
        """See the port."""
        return await self._pool.call(numbers_of, content, data, figure)

    async def release(self, numbers: Numbers, figure: Figure, price: Price) -> Noisy:
        """See the port."""
        return await self._pool.call(released, numbers, figure, price)

    async def close(self) -> None:
        """Ends the processes."""
        await self._pool.close()


def numbers_of(content: RawContent, data: TableData, figure: Figure) -> Numbers:
    """Runs in a worker."""
    return from_table(read_table(content, TableRules()), data, figure)


def released(numbers: Numbers, figure: Figure, price: Price) -> Noisy:
    """Runs in a worker, which alone loads OpenDP."""
    from labelmill_anonymization.adapters.opendp_noise import noisy

    return noisy(numbers, figure, price)
