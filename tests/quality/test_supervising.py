"""SuperviseProject: what is read, what fails, and what a second run after a crash does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from labelmill.quality.v1 import labels_pb2 as labels_pb
from labelmill.quality.v1 import weak_supervision_service_pb2 as pb
from labelmill_quality.operations.supervising import ModelAnswers, ProjectSupervision
from labelmill_quality.ports import NewLabels, StoredReport
from labelmill_quality.weak_supervision.errors import ModelNotYours, NoVotes, VotesMissing
from labelmill_quality.weak_supervision.ports import TextPage
from labelmill_quality.weak_supervision.rules import Prediction, TextItem
from labelmill_runtime.errors import FailedPrecondition, LabelmillError
from labelmill_runtime.principal import Grant, Principal, Role
from tests.quality.fakes import FEATURE, PROJECT, FakeAnnotations

MODEL = "projects/p-two/models/mood"
OWNER = Principal("owner", (Grant(Role.OWNER, "*"),))
MANAGER = Principal("manager", (Grant(Role.MANAGER, PROJECT),))


def asset(number: int) -> str:
    return f"projects/{PROJECT}/assets/{number:032x}"


class Unreadable(FailedPrecondition):
    def __init__(self) -> None:
        super().__init__("UNREADABLE", "It cannot be read.")


@dataclass
class Texts:
    """A TextSource: pages of two texts, the last of them with an asset that cannot be read."""

    texts: Sequence[str]
    pages_read: int = 0

    async def require_filter(self, project: str, filter_text: str) -> None:
        pass

    async def pages(self, project: str, filter_text: str) -> AsyncIterator[TextPage]:
        total = len(self.texts) + 1
        for start in range(0, len(self.texts), 2):
            self.pages_read += 1
            numbered = list(enumerate(self.texts))[start : start + 2]
            failed = [(asset(99), Unreadable())] if start + 2 >= len(self.texts) else []
            yield TextPage([TextItem(asset(number), text) for number, text in numbered], list(failed), total)


class Models:
    """TextModels: says "positive" but of texts about rain, of which it says nothing."""

    async def predict(self, model: str, texts: Sequence[str]) -> list[Prediction | LabelmillError]:
        return [Unreadable() if "rain" in text else Prediction("positive", 0.9) for text in texts]


@dataclass
class Store:
    """A ReportStore that remembers."""

    reports: dict[str, StoredReport] = field(default_factory=dict)
    labels: dict[str, NewLabels] = field(default_factory=dict)

    async def add(
        self, report: StoredReport, new: NewLabels, began_ms: int, hold: Callable[[Any], Awaitable[None]]
    ) -> None:
        self.reports[report.report], self.labels[report.report] = report, new

    async def find(self, project: str, report: str) -> StoredReport | None:
        return self.reports.get(report)


class Inline:
    """Workers that are no processes."""

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


@dataclass
class Context:
    """What an operation has in hand."""

    project: str = PROJECT
    name: str = f"projects/{PROJECT}/operations/quality-01abc"
    principal: Principal = OWNER
    metadata: pb.SuperviseProjectMetadata = field(default_factory=pb.SuperviseProjectMetadata)
    checkpoint: dict[str, Any] = field(default_factory=dict)

    async def progress(self, metadata: pb.SuperviseProjectMetadata, checkpoint: dict[str, Any] | None = None) -> None:
        self.metadata, self.checkpoint = metadata, checkpoint or self.checkpoint

    async def hold(self, session: Any) -> None:
        pass


TEXTS = ["lovely day", "lovely but dull", "dull", "rain", "nothing to say"]
FUNCTIONS = [
    pb.LabelingFunction(function_id="lovely", keywords=pb.KeywordRule(class_name="positive", keywords=["lovely"])),
    pb.LabelingFunction(function_id="dull", keywords=pb.KeywordRule(class_name="negative", keywords=["dull", "rain"])),
]
ASKING = pb.LabelingFunction(function_id="model", model=pb.ModelRule(model=MODEL))


def supervision(texts: Texts, store: Store) -> ProjectSupervision:
    return ProjectSupervision(
        FakeAnnotations(),
        texts,
        ModelAnswers(Models()),
        store,
        Inline(),
        cell_limit=10_000,
        now_ms=lambda: 1000,  # type: ignore[arg-type]
    )


def request(*functions: pb.LabelingFunction, **changes: Any) -> pb.SuperviseProjectRequest:
    return pb.SuperviseProjectRequest(parent=f"projects/{PROJECT}", feature=FEATURE, functions=functions, **changes)


async def test_texts_with_votes_are_labeled_and_what_cannot_be_read_has_failed() -> None:
    store, context = Store(), Context()
    answer = await supervision(Texts(TEXTS), store).run(context, request(*FUNCTIONS))  # type: ignore[arg-type]
    labels = store.labels["01abc"].labels
    assert list(labels.items) == [asset(number) for number in range(4)]
    assert labels.label_counts.tolist() == [1, 2, 1, 1]
    assert answer.quality_report.item_count == 4
    assert (answer.summary.item_count, answer.summary.coverage.value) == (5, pytest.approx(0.8))
    progress = context.metadata.progress
    assert (progress.total_count, progress.done_count, progress.failed_count) == (6, 6, 1)
    assert [failure.item for failure in progress.partial_failures] == [asset(99)]


async def test_a_text_of_which_a_model_could_say_nothing_has_failed_and_gets_no_label() -> None:
    store, context = Store(), Context()
    await supervision(Texts(TEXTS), store).run(context, request(*FUNCTIONS, ASKING))  # type: ignore[arg-type]
    assert asset(3) not in store.labels["01abc"].labels.items
    assert {failure.item for failure in context.metadata.progress.partial_failures} == {asset(3), asset(99)}


async def test_votes_that_were_sent_count_where_the_text_was_read() -> None:
    votes = [labels_pb.LabelRow(item=asset(n), labeler="own", class_name="neutral") for n in (4, 99, 1000)]
    store = Store()
    answer = await supervision(Texts(TEXTS), store).run(Context(), request(votes=votes))  # type: ignore[arg-type]
    assert list(store.labels["01abc"].labels.items) == [asset(4)]
    assert [one.function_id for one in answer.summary.functions] == ["own"]


async def test_a_run_after_the_report_was_kept_reads_nothing_and_answers_the_same() -> None:
    texts, store, context = Texts(TEXTS), Store(), Context()
    first = await supervision(texts, store).run(context, request(*FUNCTIONS))  # type: ignore[arg-type]
    read = texts.pages_read
    assert await supervision(texts, store).run(context, request(*FUNCTIONS)) == first  # type: ignore[arg-type]
    assert texts.pages_read == read


async def test_without_a_vote_there_is_nothing_to_keep() -> None:
    store = Store()
    with pytest.raises(NoVotes):
        await supervision(Texts(["nothing"]), store).run(Context(), request(*FUNCTIONS))  # type: ignore[arg-type]
    assert not store.reports


async def test_a_model_is_asked_only_for_who_may_ask_it() -> None:
    checking = supervision(Texts(TEXTS), Store())
    await checking.check(request(ASKING), OWNER)
    with pytest.raises(ModelNotYours):
        await checking.check(request(ASKING), MANAGER)
    with pytest.raises(VotesMissing):
        await checking.check(request(), OWNER)


async def test_gold_keeps_its_class_and_measures_the_functions() -> None:
    source = FakeAnnotations(truth={asset(0): "positive", asset(2): "positive", asset(77): "negative"})
    store = Store()
    measured = ProjectSupervision(
        source,
        Texts(TEXTS),
        ModelAnswers(Models()),
        store,
        Inline(),
        cell_limit=10_000,  # type: ignore[arg-type]
    )
    answer = await measured.run(Context(), request(*FUNCTIONS))  # type: ignore[arg-type]
    lovely, dull = answer.summary.functions
    assert (lovely.empirical_accuracy.value, dull.empirical_accuracy.value) == (1.0, 0.0)
    labels = store.labels["01abc"].labels
    positive = store.reports["01abc"].class_names.index("positive")
    assert labels.winners[list(labels.items).index(asset(2))] == positive
    assert answer.summary.accuracy.sample_count == 2
