"""Which projects exist, as the annotation service says; for services that keep things by project."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from labelmill.annotation.v1 import service_pb2
from labelmill_runtime.peer_errors import translated

if TYPE_CHECKING:
    from labelmill.aio import Client

_BELIEVED_S = 60.0


class PeerProjects:
    """Projects in the annotation service; found ones are believed for a minute."""

    def __init__(self, peers: Callable[[], Client], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._peers = peers
        self._clock = clock
        self._good_until: dict[str, float] = {}

    async def require(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND for a project id that does not exist."""
        if self._good_until.get(project, 0.0) > self._clock():
            return
        async with translated():
            await self._peers().projects.get_project(service_pb2.GetProjectRequest(name=f"projects/{project}"))
        self._good_until[project] = self._clock() + _BELIEVED_S
