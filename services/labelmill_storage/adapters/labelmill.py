"""Other Labelmill services, through the SDK."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from labelmill.annotation.v1 import service_pb2
from labelmill_runtime.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from labelmill.aio import Client

_TIMEOUT_S = 10.0


class ProjectNotFound(NotFound):
    """There is no such project."""

    def __init__(self, name: str) -> None:
        super().__init__("PROJECT_NOT_FOUND", "There is no such project.", resource=("labelmill.io/Project", name))


class AnnotationProjects:
    """The projects that the annotation service knows; one that was found is remembered for a while."""

    def __init__(
        self, peers: Callable[[], Client], *, cache_s: float = 60.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._peers = peers
        self._cache_s = cache_s
        self._monotonic = monotonic
        self._known_until: dict[str, float] = {}

    async def require(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND for a project that does not exist."""
        if self._known_until.get(project, float("-inf")) > self._monotonic():
            return
        from labelmill import errors

        name = f"projects/{project}"
        try:
            await self._peers().projects.get_project(service_pb2.GetProjectRequest(name=name))
        except errors.NotFound:
            self._known_until.pop(project, None)
            raise ProjectNotFound(name) from None
        except (errors.Unavailable, errors.DeadlineExceeded, errors.ResourceExhausted):
            message = "The annotation service, which knows the projects, cannot be asked right now."
            raise Unavailable("PROJECTS_UNAVAILABLE", message, retry_after_s=1) from None
        self._known_until[project] = self._monotonic() + self._cache_s
