"""Looks for changes in the background, project by project, as each is due."""

from __future__ import annotations

import asyncio

import structlog

from labelmill_quality.operations.keeping import KeepingCurrent
from labelmill_quality.operations.refitting import RefitPlan
from labelmill_runtime import faults
from labelmill_runtime.errors import LabelmillError


class Following:
    """One task that refreshes what is due; a project whose refresh fails is tried again when it is due again."""

    def __init__(self, keeping: KeepingCurrent, plan: RefitPlan, *, every_s: float) -> None:
        self._keeping = keeping
        self._plan = plan
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Ends; a refresh that is cut off leaves no trace."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            if not await self._once():
                await asyncio.sleep(self._every_s)

    async def _once(self) -> bool:
        """Whether there was anything to do."""
        try:
            project = await self._keeping.refresh_due()
            if project is not None:
                await self._plan.start_due(project)
        except LabelmillError as error:
            structlog.get_logger().warning("quality.refresh_failed", reason=error.reason)
            return False
        except Exception as error:  # a bug about one project must not end all further rounds
            structlog.get_logger().error("quality.refresh_failed", **faults.describe(error))
            return False
        return project is not None
