"""What changed in Labelmill's annotation service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.adapters.labelmill import LabelmillAnnotations
from labelmill_quality.convert.likeness import encoded
from labelmill_quality.live.answers import Change, Said
from labelmill_quality.live.ports import ChangePage, FeatureFacts
from labelmill_runtime.peer_errors import translated

_PAGE_SIZE = 1000
_LABELS = {resources_pb2.Task.KIND_LABEL, resources_pb2.Task.KIND_BENCHMARK}


class LabelmillChanges:
    """The ChangeSource of production.

    Args:
        client: Gives the client; asked at each call, because there is no server to call before this one has started.
        annotations: Reads the ontology and gold.
    """

    def __init__(self, client: Callable[[], Client], annotations: LabelmillAnnotations) -> None:
        self._client = client
        self._annotations = annotations

    async def features(self, project: str) -> Mapping[str, FeatureFacts]:
        """The ontology's features; see ChangeSource."""
        return await self._annotations.features(project)

    async def changes(self, project: str, start_ms: int, token: str) -> ChangePage:
        """A page of changes; see ChangeSource."""
        request = service_pb2.ListAnnotationChangesRequest(
            parent=f"projects/{project}", page_size=_PAGE_SIZE, page_token=token
        )
        request.start_time.FromMilliseconds(start_ms)
        async with translated():
            page = await self._client().annotations.list_annotation_changes.page(request)
        changes = (
            _change(each.annotation, benchmark=each.task_kind == resources_pb2.Task.KIND_BENCHMARK)
            for each in page.changes
            if each.task_kind in _LABELS
        )
        return ChangePage([change for change in changes if change is not None], page.next_page_token)

    async def answers(self, project: str, feature: str, *, benchmark: bool) -> AsyncIterator[Sequence[Change]]:
        """All answers to a feature; see ChangeSource."""
        kind = "BENCHMARK" if benchmark else "LABEL"
        request = service_pb2.ListAnnotationsRequest(
            parent=f"projects/{project}", page_size=_PAGE_SIZE, filter=f'kind = {kind} AND feature = "{feature}"'
        )
        async with translated():
            async for page in self._client().annotations.list_annotations.pages(request):
                changes = (_change(annotation, benchmark=benchmark) for annotation in page.annotations)
                yield [change for change in changes if change is not None]

    async def gold(self, project: str, feature: str) -> dict[str, str]:
        """The gold; see ChangeSource."""
        return await self._annotations.gold(project, feature)


def _change(annotation: annotation_pb2.Annotation, *, benchmark: bool) -> Change | None:
    """None for what no labeler said."""
    labeler, answer = annotation.provenance.human.labeler, annotation.classification
    value = answer.single or answer.ordinal or encoded(annotation)
    said = Said(
        annotation.name.rpartition("/")[2],
        annotation.version,
        labeler,
        benchmark,
        value,
        annotation.create_time.ToMilliseconds(),
    )
    return Change(annotation.feature, annotation.asset, said, annotation.withdrawn) if labeler else None
