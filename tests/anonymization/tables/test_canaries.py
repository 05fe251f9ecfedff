"""No cell of a table ends up in a log line, an error, a report or the database, whatever goes wrong."""

import secrets
import uuid
from pathlib import Path

from labelmill import errors
from labelmill.anonymization.v1 import content_service_pb2, operators_pb2, service_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import statistics_service_pb2 as statistics_pb
from labelmill.anonymization.v1 import table_rules_pb2 as rules
from labelmill.anonymization.v1 import table_service_pb2 as service
from tests.anonymization.server import Anonymization, anonymization

REPLACE = operators_pb2.Operator(replace=operators_pb2.Replace())
POLICY = pb.Policy(default_operator=REPLACE, table_rules=rules.TableRules(k=2))
TYPES = ("text/csv", "application/json", "application/jsonl", "application/vnd.apache.parquet")


def tables(word: str) -> list[bytes]:
    """Good ones and bad ones of every kind, each with the word in it."""
    return [
        f"name,age,note\n{word},3,x {word}\n{word},4,y\n".encode(),
        f"note\nFAIL {word}\n".encode(),
        f"note\nCRASH {word}\n".encode(),
        f"a,b\n{word}\n".encode(),
        f'a,b\n"{word}\n'.encode(),
        f"x{word}@x,b\n1,2\n".encode(),
        f"age\n{word}\n".encode(),
        f'{{"{word}": [{{"age": "{word}"}}]}}'.encode(),
        f'{{"a": {word}}}'.encode(),
        b"PAR1" + word.encode(),
        b"\xff" + word.encode(),
    ]


async def sent(server: Anonymization, word: str) -> list[object]:
    """What the caller of every RPC about tables sees, but for the clean tables themselves."""
    seen: list[object] = []
    source = service_pb2.PolicySource(inline=POLICY)
    for data in tables(word):
        for media_type in TYPES:
            content = content_service_pb2.Content(content=data, media_type=media_type)
            statistic = statistics_pb.Statistic(
                table=statistics_pb.TableData(content=content, column="age"),
                mean=statistics_pb.MeanFigure(bounds=statistics_pb.Bounds(lower=0, upper=9)),
            )
            for call in (
                server.client.table.profile_table(service.ProfileTableRequest(parent="projects/demo", table=content)),
                server.client.table.anonymize_table(
                    service.AnonymizeTableRequest(parent="projects/demo", table=content, policy=source)
                ),
                server.client.statistics.release_statistic(
                    statistics_pb.ReleaseStatisticRequest(
                        parent="projects/demo", statistic=statistic, epsilon=1, request_id=str(uuid.uuid4())
                    )
                ),
            ):
                try:
                    seen.append(await call)
                except errors.LabelmillError as error:
                    seen.append((error, error.message, error.metadata, error.fields))
    return seen


async def test_cells_leave_no_trace(tmp_path: Path) -> None:
    word = f"NameCanary{secrets.token_hex(8)}"
    async with anonymization(tmp_path) as server:
        budget = statistics_pb.PrivacyBudget(name="projects/demo/privacyBudget", epsilon_total=900)
        await server.client.statistics.update_privacy_budget(
            statistics_pb.UpdatePrivacyBudgetRequest(privacy_budget=budget)
        )
        seen = await sent(server, word)
        log = server.log.getvalue()
    clean = [one for one in seen if isinstance(one, service.AnonymizeTableResponse)]
    assert clean
    names = [
        one for one in seen if isinstance(one, service.ProfileTableResponse)
    ]  # repeat names of columns to the caller
    assert [repr(one) for one in seen if one not in names and word in repr(one)] == []
    assert word not in log
    assert all(word.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert any(isinstance(one, statistics_pb.Release) for one in seen)
