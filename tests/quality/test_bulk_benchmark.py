"""StreamScoreBenchmark: labels in any number, as rows, as Arrow or from an asset, against gold."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from labelmill import errors
from labelmill.aio import Client
from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import consensus_service_pb2 as consensus_pb
from labelmill.quality.v1 import labels_pb2
from labelmill.storage.v1 import resources_pb2 as storage
from tests.quality.conftest import Mill
from tests.quality.test_bulk_labels import ROWS, table
from tests.quality.test_bulk_labels_with_storage import PARENT, clients  # noqa: F401 - a fixture

Request = pb.StreamScoreBenchmarkRequest
LABELS = [labels_pb2.LabelRow(item=item, labeler=labeler, class_name=said) for item, labeler, said in ROWS]
GOLD = [labels_pb2.GoldRow(item=item, class_name=said) for item, said in {row[0]: row[2] for row in ROWS[:4]}.items()]


def header(**values: object) -> Request:
    return Request(header=Request.Header(**values))  # type: ignore[arg-type]


def gold(*rows: labels_pb2.GoldRow) -> Request:
    return Request(gold=consensus_pb.AggregateLabelsRequest.Gold(gold=rows))


def sent(labels: list[labels_pb2.LabelRow]) -> Request:
    return Request(rows=consensus_pb.AggregateLabelsRequest.Rows(labels=labels))


def arrow() -> Request:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table().schema) as writer:
        writer.write_table(table())
    return Request(arrow=sink.getvalue().to_pybytes())


async def ask(client: Client, *messages: Request) -> pb.ScoreBenchmarkResponse:
    [answer] = [each async for each in client.benchmark.stream_score_benchmark(iter(messages))]
    return answer.scores


async def at_once(client: Client) -> pb.ScoreBenchmarkResponse:
    return await client.benchmark.score_benchmark(pb.ScoreBenchmarkRequest(labels=LABELS, gold=GOLD))


async def test_a_stream_is_scored_as_the_same_rows_in_one_message(mill: Mill) -> None:
    client = mill.as_("manager")
    streamed = await ask(client, header(), sent(LABELS[:3]), gold(*GOLD), sent(LABELS[3:]))
    assert streamed == await at_once(client)
    assert streamed.accuracy.HasField("value")


async def test_arrow_is_scored_as_rows_are(mill: Mill) -> None:
    client = mill.as_("manager")
    assert await ask(client, header(), arrow(), gold(*GOLD)) == await at_once(client)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([gold(*GOLD)], "STREAM_SEQUENCE"),
        ([header(), sent(LABELS), arrow()], "STREAM_SEQUENCE"),
        ([header(), sent(LABELS), gold(*GOLD, GOLD[0])], "DUPLICATE_GOLD"),
        ([header(class_names=["other"]), sent(LABELS), gold(*GOLD)], "UNKNOWN_CLASS"),
    ],
    ids=["no header", "two forms", "gold twice", "a class that is not listed"],
)
async def test_what_makes_no_sense_is_refused(mill: Mill, messages: list[Request], reason: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await ask(mill.as_("manager"), *messages)
    assert caught.value.reason == reason


async def test_labels_come_from_an_asset(clients: Mapping[str, Client]) -> None:  # noqa: F811
    rows = "\n".join(["item,labeler,class_name", *(",".join(row) for row in ROWS)])
    asset = await clients["owner"].storage.upload(PARENT, rows.encode(), media_type="text/csv")
    by_name = await ask(clients["service"], header(source=asset.name, source_zone=storage.ZONE_RAW), gold(*GOLD))
    assert by_name == await at_once(clients["owner"])
    with pytest.raises(errors.PermissionDenied):
        await ask(clients["owner"], header(source=asset.name, source_zone=storage.ZONE_RAW), gold(*GOLD))
