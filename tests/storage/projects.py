"""The one fake: which projects there are."""

from __future__ import annotations

from labelmill_storage.adapters.labelmill import ProjectNotFound


class KnownProjects:
    """A ProjectDirectory with a fixed list."""

    def __init__(self, projects: set[str]) -> None:
        self.projects = projects

    async def require(self, project: str) -> None:
        if project not in self.projects:
            raise ProjectNotFound(f"projects/{project}")
