"""Which projects there are, as the annotation service says."""

from __future__ import annotations

from typing import Any

import pytest

from labelmill import errors
from labelmill_runtime.errors import Unavailable
from labelmill_storage.adapters.labelmill import AnnotationProjects, ProjectNotFound


class Peers:
    """A client whose annotation service knows the project "news", or fails."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.known = {"projects/news"}
        self.failure: Exception | None = None
        self.projects = self

    async def get_project(self, request: Any) -> None:
        self.calls.append(request.name)
        if self.failure is not None:
            raise self.failure
        if request.name not in self.known:
            raise errors.NotFound("There is no such project.", reason="PROJECT_NOT_FOUND")


def directory(peers: Peers, clock: list[float]) -> AnnotationProjects:
    return AnnotationProjects(lambda: peers, cache_s=60, monotonic=lambda: clock[0])  # type: ignore[arg-type, return-value]


async def test_found_project_is_remembered_for_a_minute() -> None:
    peers, clock = Peers(), [0.0]
    projects = directory(peers, clock)
    for clock[0] in (0.0, 30.0, 59.0):
        await projects.require("news")
    assert peers.calls == ["projects/news"]
    clock[0], peers.known = 61.0, set()
    with pytest.raises(ProjectNotFound):
        await projects.require("news")


async def test_missing_project_is_asked_for_each_time() -> None:
    peers = Peers()
    projects = directory(peers, [0.0])
    for _ in range(2):
        with pytest.raises(ProjectNotFound):
            await projects.require("late")
    peers.known.add("projects/late")
    await projects.require("late")
    assert len(peers.calls) == 3


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.DeadlineExceeded, errors.ResourceExhausted])
async def test_silent_annotation_service_is_unavailable(kind: type[errors.LabelmillError]) -> None:
    peers = Peers()
    peers.failure = kind("no answer")
    with pytest.raises(Unavailable) as caught:
        await directory(peers, [0.0]).require("news")
    assert caught.value.reason == "PROJECTS_UNAVAILABLE"
