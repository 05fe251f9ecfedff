"""AggregateLabels over a real socket: labels as rows or as Arrow, the answer as messages or as Arrow."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import pyarrow as pa
import pytest
import pytest_asyncio
from pyarrow import ipc

from labelmill import errors
from labelmill.aio import Client
from labelmill.quality.v1 import consensus_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2, resources_pb2
from labelmill_quality.settings import QualitySettings
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Request, Response = pb.AggregateLabelsRequest, pb.AggregateLabelsResponse
ROWS = [(f"i{n:03d}", f"l{m}", "yes" if n % 2 or m == 3 else "no") for n in range(50) for m in range(4)]
WINNERS = [(f"i{n:03d}", "yes" if n % 2 else "no") for n in range(50)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("bulk")
        yield await serve(RuntimeSettings(data_dir=folder, port=0, drain_seconds=2.0), FakeAnnotations(), stack)
        assert not list((folder / "quality-spool").iterdir())  # no call has left anything


def header(**fields: object) -> Request:
    return Request(header=Request.Header(**fields))


def rows(some: Iterable[tuple[str, str, str]]) -> Request:
    labels = [labels_pb2.LabelRow(item=item, labeler=labeler, class_name=said) for item, labeler, said in some]
    return Request(rows=Request.Rows(labels=labels))


def table(
    some: Iterable[tuple[str, str, str]] = ROWS, names: Iterable[str] = ("item", "labeler", "class_name")
) -> pa.Table:
    return pa.table(dict(zip(names, map(list, zip(*some, strict=True)), strict=True)))


def arrow(of: pa.Table, chunk_bytes: int = 1000) -> list[Request]:
    sink = io.BytesIO()
    with ipc.new_stream(sink, of.schema) as writer:
        writer.write_table(of, max_chunksize=40)
    data = sink.getvalue()
    return [Request(arrow=data[start : start + chunk_bytes]) for start in range(0, len(data), chunk_bytes)]


async def ask(client: Client, *messages: Request) -> list[Response]:
    return [answer async for answer in client.consensus.aggregate_labels(iter(messages))]


async def refused(client: Client, *messages: Request) -> errors.LabelmillError:
    with pytest.raises(errors.LabelmillError) as caught:
        await ask(client, *messages)
    return caught.value


def labels_of(answers: Iterable[Response]) -> list[tuple[str, str]]:
    return [(label.item, label.class_name) for answer in answers for label in answer.labels.labels]


def arrow_of(answers: Iterable[Response]) -> pa.Table:
    return ipc.open_stream(b"".join(answer.arrow for answer in answers)).read_all()


async def test_rows_are_aggregated_and_the_summary_comes_first(mill: Mill) -> None:
    answers = await ask(mill.as_("manager"), header(), rows(ROWS[:70]), rows(ROWS[70:]))
    summary = answers[0].summary
    assert (summary.label_count, summary.item_count, summary.labeler_count) == (200, 50, 4)
    assert (list(summary.class_names), summary.converged) == (["no", "yes"], True)
    assert summary.repeat_policy == labels_pb2.REPEAT_POLICY_LAST
    assert [one.labeler for one in answers[1].labelers.labelers] == ["l0", "l1", "l2", "l3"]
    assert labels_of(answers) == WINNERS


async def test_the_stream_says_what_score_consensus_says(mill: Mill) -> None:
    unary = await mill.consensus.score_consensus(pb.ScoreConsensusRequest(labels=rows(ROWS).rows.labels))
    answers = await ask(mill.as_("manager"), header(), rows(ROWS))
    assert [label for answer in answers for label in answer.labels.labels] == list(unary.labels)
    assert [one for answer in answers for one in answer.labelers.labelers] == list(unary.labelers)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
async def test_arrow_comes_in_and_goes_out(mill: Mill, kind: pa.DataType) -> None:
    given = table().set_column(2, "class_name", table().column(2).cast(kind))
    method = resources_pb2.CONSENSUS_METHOD_MAJORITY_VOTE
    answers = await ask(
        mill.as_("manager"), header(result_format=Request.RESULT_FORMAT_ARROW, method=method), *arrow(given)
    )
    found = arrow_of(answers)
    assert list(zip(found["item"].to_pylist(), found["class_name"].to_pylist(), strict=True)) == WINNERS
    first, second = found["posterior"].to_pylist()[:2]
    assert (first[0] > first[1], second[0] < second[1]) == (True, True)
    assert (sum(first), sum(second)) == (pytest.approx(1), pytest.approx(1))
    assert found["label_count"].to_pylist() == [4] * 50
    assert found["agreement"].to_pylist()[:2] == [0.75, 1.0]
    assert set(found["tied"].to_pylist()) == {False}


async def test_whole_numbers_are_names_and_columns_may_be_called_otherwise(mill: Mill) -> None:
    given = pa.table({"task": pa.array([7, 7, 8]), "worker": [1, 2, 1], "label": [0, 0, 1], "more": [0.5, 0.5, 0.5]})
    columns = Request.Columns(item="task", labeler="worker", class_name="label")
    answers = await ask(mill.as_("manager"), header(columns=columns), *arrow(given))
    assert labels_of(answers) == [("7", "0"), ("8", "1")]


async def test_gold_may_come_anywhere_among_the_labels(mill: Mill) -> None:
    gold = Request(gold=Request.Gold(gold=[labels_pb2.GoldRow(item="i000", class_name="maybe")]))
    answers = await ask(mill.as_("manager"), header(), rows(ROWS[:70]), gold, rows(ROWS[70:]))
    assert list(answers[0].summary.class_names) == ["maybe", "no", "yes"]
    assert labels_of(answers)[0] == ("i000", "maybe")


async def test_repeated_answers_are_counted(mill: Mill) -> None:
    policy = labels_pb2.REPEAT_POLICY_FIRST
    answers = await ask(mill.as_("manager"), header(repeat_policy=policy), rows(ROWS), rows(ROWS[:10]))
    assert (answers[0].summary.repeated_label_count, answers[0].summary.repeat_policy) == (10, policy)


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([rows(ROWS)], "the first message must be the header"),
        ([header(), header()], "there must be one header"),
        ([header(), rows(ROWS), *arrow(table())], "labels must come in one form: rows, arrow or a source"),
        ([header(source=f"projects/p-one/assets/{1:032x}"), rows(ROWS)], "labels must come in one form"),
    ],
)
async def test_messages_out_of_order_are_refused(mill: Mill, messages: list[Request], problem: str) -> None:
    error = await refused(mill.as_("manager"), *messages)
    assert (error.code, error.reason) == (errors.Code.INVALID_ARGUMENT, "STREAM_SEQUENCE")
    assert problem in error.fields["part"]


async def test_an_empty_stream_is_refused(mill: Mill) -> None:
    assert (await refused(mill.as_("manager"))).reason == "STREAM_SEQUENCE"
    assert (await refused(mill.as_("manager"), header())).reason == "NO_LABELS"
    assert (await refused(mill.as_("manager"), header(), *arrow(table().slice(0, 0)))).reason == "NO_LABELS"


SECRET = "Jane Doe"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (pa.table({"item": ["x", None], "labeler": ["a", "b"], "class_name": ["c", "c"]}), "item[1]"),
        (pa.table({"item": ["x", "y"], "labeler": ["a", ""], "class_name": ["c", "c"]}), "labeler[1]"),
        (pa.table({"item": ["x", "y" * 257], "labeler": ["a", "b"], "class_name": ["c", "c"]}), "item[1]"),
        (pa.table({"item": ["x"], "labeler": ["a"], "class_name": [float("nan")]}), "class_name[0]"),
        (pa.table({"item": ["x"], "labeler": [[SECRET]], "class_name": ["c"]}), "labeler[0]"),
        (pa.table({"item": ["x"], "labeler": [SECRET.encode()], "class_name": ["c"]}), "labeler[0]"),
    ],
)
async def test_a_cell_that_is_no_name_is_refused_with_its_place(mill: Mill, given: pa.Table, field: str) -> None:
    error = await refused(mill.as_("manager"), header(), *arrow(given))
    assert (error.code, error.reason, list(error.fields)) == (errors.Code.INVALID_ARGUMENT, "CELL_REFUSED", [field])
    assert SECRET not in str(error)


async def test_the_row_of_an_error_is_that_of_the_whole_stream(mill: Mill) -> None:
    given = table([*ROWS, ("x", "l0", "")])
    assert list((await refused(mill.as_("manager"), header(), *arrow(given))).fields) == ["class_name[200]"]
    some = Request(rows=Request.Rows(labels=[labels_pb2.LabelRow(item="x", labeler="l0", text="c")]))
    error = await refused(mill.as_("manager"), header(), rows(ROWS), some)
    assert (error.reason, list(error.fields)) == ("WRONG_ANSWER_KIND", ["labels[200].text"])
    error = await refused(mill.as_("manager"), header(class_names=["no"]), rows(ROWS))
    assert (error.reason, list(error.fields)) == ("UNKNOWN_CLASS", ["labels[3].class_name"])
    error = await refused(mill.as_("manager"), header(class_names=["no"]), *arrow(table()))
    assert (error.reason, list(error.fields)) == ("UNKNOWN_CLASS", ["class_name[3]"])


async def test_a_table_without_a_column_is_refused(mill: Mill) -> None:
    error = await refused(mill.as_("manager"), header(), *arrow(table(names=["item", "who", "class_name"])))
    assert (error.reason, list(error.fields)) == ("COLUMN_MISSING", ["columns.labeler"])


@pytest.mark.parametrize("keep", [0, 1, 3, 9])
async def test_arrow_that_breaks_off_is_refused(mill: Mill, keep: int) -> None:
    chunks = [*arrow(table(), chunk_bytes=400)[:keep], Request(arrow=b"\xff\x00\xff")]
    error = await refused(mill.as_("manager"), header(), *chunks)
    assert (error.code, error.reason) == (errors.Code.INVALID_ARGUMENT, "CONTENT_MALFORMED")


async def test_who_may_not_read_a_project_gets_none_of_its_assets(mill: Mill) -> None:
    source = f"projects/p-one/assets/{1:032x}"
    stranger = await refused(mill.as_("stranger"), header(source=source))
    assert (stranger.code, stranger.reason) == (errors.Code.PERMISSION_DENIED, "PERMISSION_DENIED")
    manager = await refused(mill.as_("manager"), header(source=source, source_zone="ZONE_RAW"))
    assert (manager.code, manager.reason) == (errors.Code.PERMISSION_DENIED, "RAW_FORBIDDEN")
    reviewer = await refused(mill.as_("reviewer"), header(output_parent="projects/p-one"), rows(ROWS))
    assert (reviewer.code, reviewer.reason) == (errors.Code.PERMISSION_DENIED, "PERMISSION_DENIED")
    annotator = await refused(mill.as_("annotator"), header(), rows(ROWS))
    assert annotator.code == errors.Code.PERMISSION_DENIED


async def test_more_than_the_limits_is_refused(tmp_path: Path) -> None:
    limited = QualitySettings(row_limit=150, max_spool_bytes=1 << 20)
    async with AsyncExitStack() as stack:
        runtime = RuntimeSettings(data_dir=tmp_path, port=0, drain_seconds=2.0)
        mill = await serve(runtime, FakeAnnotations(), stack, quality=limited)
        assert (await refused(mill.as_("manager"), header(), rows(ROWS))).reason == "TOO_MANY_ROWS"
        full = await refused(mill.as_("manager"), header(), *[Request(arrow=bytes(500_000))] * 3)
        assert (full.code, full.reason) == (errors.Code.RESOURCE_EXHAUSTED, "SPOOL_FULL")
