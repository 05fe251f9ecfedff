"""Erasing what jobs hold about assets.

Models stay, and those that were trained on the assets are named. What a job trains on lies in its folder until it is
over; a job that uses an asset is waited for, because nothing can be taken out of what it is reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from labelmill_training.errors import TrainingInProgress
from labelmill_training.job_folder import JobFolder
from labelmill_training.ports import Items


class Erasure:
    """Removes what jobs hold.

    Args:
        items: Which assets jobs use.
        folders: The folders of a project's jobs.
        is_over: Whether nobody works on an operation any more.
    """

    def __init__(
        self, items: Items, folders: Callable[[str], list[JobFolder]], is_over: Callable[[str], Awaitable[bool]]
    ) -> None:
        self._items = items
        self._folders = folders
        self._is_over = is_over

    async def remove_inputs(self, project: str, asset_ids: Sequence[str]) -> int:
        """Removes the inputs that jobs of a project left which are over; how many of them had left any.

        Raises:
            TrainingInProgress: A job uses one of the assets; call again when it is over.
        """
        await self._items.remember_erased(project, asset_ids)
        # The folders first: a job that has inputs by now is among the jobs that are looked at next.
        folders = [folder for folder in self._folders(project) if folder.has_inputs]
        jobs = await self._items.unfinished(project, asset_ids)
        running = {job.id: job.uses for job in jobs if not await self._is_over(job.operation)}
        removed = 0
        for folder in folders:
            if folder.path.name not in running:
                removed += await asyncio.to_thread(folder.remove_inputs)
            elif running[folder.path.name] is None:  # a version that did not record it began this job
                raise TrainingInProgress
        if any(running.values()):
            raise TrainingInProgress
        return removed
