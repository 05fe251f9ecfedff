"""StreamAgreement over a real socket: what ComputeAgreement says, of labels as rows or as Arrow."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack

import pyarrow as pa
import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from pyarrow import ipc

from labelmill import errors
from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill.quality.v1 import consensus_service_pb2, labels_pb2
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.crowds import crowd, right_with
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Request = pb.StreamAgreementRequest
Question = pb.ComputeAgreementRequest
Rows = consensus_service_pb2.AggregateLabelsRequest.Rows
Columns = consensus_service_pb2.AggregateLabelsRequest.Columns
GROUP = crowd({f"l{n:02d}": right_with(0.8) for n in range(25)}, items=60)
LABELS = [
    labels_pb2.LabelRow(
        item=f"i{item:04d}",
        labeler=name,
        class_name=GROUP.classes[GROUP.answers[item, column]],
        answer_time=Timestamp(seconds=3600 * item),
    )
    for item in range(60)
    for column, name in enumerate(GROUP.names)
]
QUESTION = Question(
    coefficients=[pb.AGREEMENT_COEFFICIENT_GWET_AC, pb.AGREEMENT_COEFFICIENT_COHEN_KAPPA],
    bootstrap_count=100,
    per_class=True,
    per_pair=True,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("bulk")
        yield await serve(RuntimeSettings(data_dir=folder, port=0, drain_seconds=2.0), FakeAnnotations(), stack)
        assert not list((folder / "quality-spool").iterdir())  # no call has left anything


def header(question: Question = QUESTION, **fields: object) -> Request:
    return Request(header=Request.Header(question=question, **fields))  # type: ignore[arg-type]


def rows(labels: Iterable[labels_pb2.LabelRow] = LABELS) -> Request:
    return Request(rows=Rows(labels=labels))


def arrow(names: tuple[str, str, str] = ("item", "labeler", "class_name")) -> list[Request]:
    columns = [[getattr(row, name) for row in LABELS] for name in ("item", "labeler", "class_name")]
    table, sink = pa.table(dict(zip(names, columns, strict=True))), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue()
    return [Request(arrow=data[start : start + 5000]) for start in range(0, len(data), 5000)]


async def ask(mill: Mill, *messages: Request) -> list[pb.ComputeAgreementResponse]:
    return [answer.agreement async for answer in mill.agreement.stream_agreement(iter(messages))]


def merged(parts: Iterable[pb.ComputeAgreementResponse]) -> pb.ComputeAgreementResponse:
    whole = pb.ComputeAgreementResponse()
    for part in parts:
        whole.MergeFrom(part)
    return whole


async def test_the_parts_together_are_what_compute_agreement_says(mill: Mill) -> None:
    question = Question()
    question.CopyFrom(QUESTION)
    question.window_ms = 24 * 3600 * 1000
    parts = await ask(mill, header(question), rows(LABELS[:700]), rows(LABELS[700:]))
    assert parts[0].alpha.value
    assert len(parts[0].coefficients) == 2
    assert len(parts) > 4  # 300 pairs do not come in one message
    question.labels.extend(LABELS)
    whole = await mill.agreement.compute_agreement(question)
    assert merged(parts) == whole
    assert len(whole.pairs) == 300
    assert len(whole.windows) == 3


async def test_arrow_says_the_same_as_rows_whatever_its_columns_are_called(mill: Mill) -> None:
    from_rows = merged(await ask(mill, header(), rows()))
    assert merged(await ask(mill, header(), *arrow())) == from_rows
    columns = Columns(item="task", labeler="worker", class_name="label")
    assert merged(await ask(mill, header(columns=columns), *arrow(("task", "worker", "label")))) == from_rows


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([rows()], "STREAM_SEQUENCE"),
        ([header(), rows(), header()], "STREAM_SEQUENCE"),
        ([header(), rows(), *arrow()], "STREAM_SEQUENCE"),
        ([header()], "NO_LABELS"),
        ([header(Question(window_ms=1000)), *arrow()], "ANSWER_TIME_MISSING"),
        ([header(Question(metric=Question.METRIC_INTERVAL, class_names="012x")), rows()], "CLASS_NOT_NUMERIC"),
        ([header(Question(metric=Question.METRIC_ORDINAL)), rows()], "CLASS_ORDER_MISSING"),
        ([header(Question(class_names="01")), rows()], "UNKNOWN_CLASS"),
        ([header(columns=Columns(item="nowhere")), *arrow()], "COLUMN_MISSING"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bad_streams_are_refused(mill: Mill, messages: list[Request], reason: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await ask(mill, *messages)
    assert caught.value.reason == reason


async def test_labels_do_not_belong_into_the_header(mill: Mill) -> None:
    with pytest.raises(errors.InvalidArgument):
        await ask(mill, header(Question(labels=LABELS[:3])), rows())


async def test_assets_of_projects_one_may_not_read_are_refused(mill: Mill) -> None:
    source = f"projects/p-two/assets/{'0' * 32}"
    with pytest.raises(errors.PermissionDenied):
        await ask(mill, header(source=source))
