"""Reads projects, answers and gold from Labelmill's annotation service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.errors import LabelmillError
from labelmill.labels import class_of
from labelmill.type.v1 import annotation_pb2, ontology_pb2
from labelmill_quality.errors import InvalidAnnotationFilter, UnknownFeature, WrongFeatureKind
from labelmill_quality.live.ports import FeatureFacts
from labelmill_quality.ports import Answer, ChoiceFeature, Statement
from labelmill_runtime import filters
from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.peer_errors import from_peer, translated

T = TypeVar("T")
_ORDINAL = ontology_pb2.Feature.KIND_ORDINAL
_CHOICES = {ontology_pb2.Feature.KIND_SINGLE_CHOICE, ontology_pb2.Feature.KIND_ORDINAL}
_PAGE_SIZE = 1000
_INVALID_FILTER = "INVALID_FILTER"


class LabelmillAnnotations:
    """The AnnotationSource of production.

    Args:
        client: Gives the client; asked at each call, because there is no server to call before this one has started.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    async def feature(self, project: str, feature: str) -> ChoiceFeature:
        """The feature; see AnnotationSource."""
        request = service_pb2.GetProjectRequest(name=f"projects/{project}")
        answer = await _asked(lambda: self._client().projects.get_project(request))
        found = next((f for f in answer.ontology.features if f.feature_name == feature), None)
        if found is None:
            raise UnknownFeature
        if found.kind not in _CHOICES:
            raise WrongFeatureKind(ontology_pb2.Feature.Kind.Name(found.kind))
        names = tuple(definition.class_name for definition in found.classes)
        return ChoiceFeature(names, ordered=found.kind == ontology_pb2.Feature.KIND_ORDINAL)

    async def features(self, project: str) -> Mapping[str, FeatureFacts]:
        """The ontology's features; see AnnotationSource."""
        request = service_pb2.GetProjectRequest(name=f"projects/{project}")
        answer = await _asked(lambda: self._client().projects.get_project(request))
        return {feature.feature_name: _facts(feature) for feature in answer.ontology.features}

    async def has_labels(self, project: str, feature: str, annotation_filter: str) -> bool:
        """Whether there are labels; see AnnotationSource."""
        text = _label_filter(feature, annotation_filter)
        request = service_pb2.ListAnnotationsRequest(parent=f"projects/{project}", page_size=1, filter=text)
        with _own_filter():
            page = await _asked(lambda: self._client().annotations.list_annotations.page(request))
        return bool(page.annotations)

    async def labels(self, project: str, feature: str, annotation_filter: str) -> AsyncIterator[Sequence[Answer]]:
        """Answers to ordinary tasks; see AnnotationSource."""
        with _own_filter():
            async for page in self._answers(project, _label_filter(feature, annotation_filter)):
                yield page

    async def benchmark_answers(self, project: str, feature: str) -> AsyncIterator[Sequence[Answer]]:
        """Answers to benchmark tasks; see AnnotationSource."""
        async for page in self._answers(project, f'kind = BENCHMARK AND feature = "{feature}"'):
            yield page

    async def gold(self, project: str, feature: str) -> dict[str, str]:
        """The gold; see AnnotationSource."""
        request = service_pb2.ListBenchmarksRequest(
            parent=f"projects/{project}", page_size=_PAGE_SIZE, filter="purpose = LABELERS"
        )
        gold: dict[str, str] = {}
        try:
            async for page in self._client().annotations.list_benchmarks.pages(request):
                gold.update(_gold(page.benchmarks, feature))
        except LabelmillError as error:
            raise from_peer(error) from error
        return gold

    async def statements(
        self, project: str, feature: str, annotation_filter: str, *, benchmark: bool
    ) -> AsyncIterator[Sequence[Statement]]:
        """Annotations of any kind; see AnnotationSource."""
        kind = "BENCHMARK" if benchmark else "LABEL"
        with _own_filter():
            async for page in self._annotations(project, _label_filter(feature, annotation_filter, kind)):
                yield [_statement(annotation) for annotation in page if annotation.provenance.human.labeler]

    async def views(self, project: str, *, benchmark: bool) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """Who saw what; see AnnotationSource."""
        text = f"state = SUBMITTED AND kind = {'BENCHMARK' if benchmark else 'LABEL'}"
        request = service_pb2.ListTasksRequest(parent=f"projects/{project}", page_size=_PAGE_SIZE, filter=text)
        async with translated():
            async for page in self._client().tasks.list_tasks.pages(request):
                yield [(task.asset, task.labeler) for task in page.tasks]

    async def gold_statements(self, project: str, feature: str) -> dict[str, tuple[bytes, ...]]:
        """The gold of any kind; see AnnotationSource."""
        request = service_pb2.ListBenchmarksRequest(
            parent=f"projects/{project}", page_size=_PAGE_SIZE, filter="purpose = LABELERS"
        )
        gold: dict[str, tuple[bytes, ...]] = {}
        async with translated():
            async for page in self._client().annotations.list_benchmarks.pages(request):
                for benchmark in page.benchmarks:
                    said = [each for each in benchmark.annotations if each.feature == feature]
                    gold[benchmark.asset] = tuple(each.SerializeToString() for each in said)
        return gold

    async def _annotations(self, project: str, text: str) -> AsyncIterator[Sequence[annotation_pb2.Annotation]]:
        request = service_pb2.ListAnnotationsRequest(parent=f"projects/{project}", page_size=_PAGE_SIZE, filter=text)
        async with translated():
            async for page in self._client().annotations.list_annotations.pages(request):
                yield page.annotations

    async def _answers(self, project: str, text: str) -> AsyncIterator[Sequence[Answer]]:
        async for page in self._annotations(project, text):
            yield [answer for annotation in page if (answer := _answer(annotation)) is not None]


def _facts(feature: ontology_pb2.Feature) -> FeatureFacts:
    names = tuple(definition.class_name for definition in feature.classes)
    return FeatureFacts(feature.feature_name, feature.kind, names, ordered=feature.kind == _ORDINAL)


def _statement(annotation: annotation_pb2.Annotation) -> Statement:
    labeler, time_ms = annotation.provenance.human.labeler, annotation.create_time.ToMilliseconds()
    return Statement(annotation.asset, labeler, time_ms, annotation.SerializeToString())


def _label_filter(feature: str, annotation_filter: str, kind: str = "LABEL") -> str:
    ours = f"kind = {kind}" + (f' AND feature = "{feature}"' if feature else "")
    with _own_filter():
        # By itself first: put in parentheses, half a filter could close ours and open its own.
        given = filters.parse(annotation_filter)
    return ours if given is None else f"{ours} AND ({annotation_filter})"


def _answer(annotation: annotation_pb2.Annotation) -> Answer | None:
    """None for what is no labeler's class: an answer from when the feature was of another kind."""
    labeler, class_name = annotation.provenance.human.labeler, class_of(annotation)
    time_ms = annotation.create_time.ToMilliseconds()
    return Answer(annotation.asset, labeler, class_name, time_ms) if labeler and class_name else None


def _gold(benchmarks: Sequence[resources_pb2.Benchmark], feature: str) -> Iterator[tuple[str, str]]:
    for benchmark in benchmarks:
        for annotation in benchmark.annotations:
            if annotation.feature == feature and class_of(annotation):
                yield benchmark.asset, class_of(annotation)


async def _asked(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except LabelmillError as error:
        raise from_peer(error) from error


@contextmanager
def _own_filter() -> Iterator[None]:
    """Complaints about the filter name the field of our own request."""
    try:
        yield
    except InvalidArgument as error:
        if error.reason != _INVALID_FILTER:
            raise
        raise InvalidAnnotationFilter(error.message, error.fields.get("filter", error.message)) from error
