"""The service of tables over a real socket: profile, anonymize, and the same through contents and assets."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.anonymization.v1 import content_service_pb2, operators_pb2, service_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import table_rules_pb2 as rules
from labelmill.anonymization.v1 import table_service_pb2 as service
from labelmill_runtime.principal import Role
from tests.anonymization.server import Anonymization, anonymization

pytestmark = pytest.mark.asyncio(loop_scope="module")
INVALID = errors.InvalidArgument
REPLACE = operators_pb2.Operator(replace=operators_pb2.Replace())
HASH = operators_pb2.Operator(hash=operators_pb2.Hash())
PEOPLE = "name,age,note,salary\n" + "".join(
    f"Person{n},{20 + n % 10},NameAnn came {n},{1000 + 100 * (n % 4)}\n" for n in range(40)
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Anonymization]:
    async with anonymization(tmp_path_factory.mktemp("tables")) as server:
        yield server


def policy(**table_rules: object) -> pb.Policy:
    return pb.Policy(default_operator=REPLACE, table_rules=rules.TableRules(**table_rules))  # type: ignore[arg-type]


def request(
    data: str | bytes, wanted: pb.Policy | None = None, media_type: str = "text/csv"
) -> service.AnonymizeTableRequest:
    content = content_service_pb2.Content(
        content=data.encode() if isinstance(data, str) else data, media_type=media_type
    )
    source = service_pb2.PolicySource(inline=wanted or policy())
    return service.AnonymizeTableRequest(parent="projects/demo", table=content, policy=source)


async def test_roles_are_proposed_with_reasons_and_without_values(running: Anonymization) -> None:
    asked = service.ProfileTableRequest(parent="projects/demo", table=request(PEOPLE).table)
    answer = await running.client.table.profile_table(asked)
    profile = service.ColumnProfile
    assert answer.row_count == 40
    assert [(c.column, c.role, c.entity_type, c.kind, list(c.evidence)) for c in answer.columns] == [
        ("name", rules.COLUMN_ROLE_DIRECT_IDENTIFIER, "PERSON", profile.KIND_TEXT, [profile.EVIDENCE_NAME]),
        ("age", rules.COLUMN_ROLE_QUASI_IDENTIFIER, "AGE", profile.KIND_NUMBER, [profile.EVIDENCE_NAME]),
        ("note", rules.COLUMN_ROLE_FREE_TEXT, "", profile.KIND_TEXT, [profile.EVIDENCE_TEXT]),
        ("salary", rules.COLUMN_ROLE_SENSITIVE, "", profile.KIND_NUMBER, [profile.EVIDENCE_NAME]),
    ]
    (found,) = answer.columns[2].found_types
    assert (found.entity_type, found.share) == ("PERSON", 1.0)
    assert "NameAnn" not in str(answer)
    assert [column.role for column in answer.proposed_rules.columns] == [column.role for column in answer.columns]


async def test_a_table_comes_back_with_a_report(running: Anonymization) -> None:
    answer = await running.client.table.anonymize_table(request(PEOPLE, policy(k=8)))
    lines = answer.content.decode().splitlines()
    assert lines[0] == "name,age,note,salary"
    assert len(lines) == 41
    assert all(line.startswith("<PERSON>,") and ",<PERSON> came " in line for line in lines[1:])
    assert [line.rpartition(",")[2] for line in lines] == [line.rpartition(",")[2] for line in PEOPLE.splitlines()]
    report = answer.report
    assert (report.before.k, report.before.class_count) == (4, 10)
    assert report.after.k >= 8
    assert [(c.column, c.operator_name, c.changed_count) for c in report.columns] == [
        ("name", "replace", 40),
        ("age", "generalize", 40),
        ("note", "replace", 40),
        ("salary", "", 0),
    ]
    assert 0 < report.columns[1].certainty_penalty < 0.5
    assert report.utility_loss.average_class_size >= 1
    assert {(c.entity_type, c.count) for c in answer.entity_counts} == {("PERSON", 80)}
    assert answer.protection_level == pb.PROTECTION_LEVEL_ANONYMIZED


async def test_sensitive_text_is_kept_but_for_the_people_in_it(running: Anonymization) -> None:
    rows = "".join(f"{20 + n % 2},{('flu', 'NameAnn has a cold')[n % 2]}\n" for n in range(10))
    answer = await running.client.table.anonymize_table(request("age,diagnosis\n" + rows, policy(k=5)))
    assert set(answer.content.decode().splitlines()[1:]) == {"20,flu", "21,<PERSON> has a cold"}


async def test_one_person_has_one_hash_in_all_tables_of_a_project(running: Anonymization) -> None:
    wanted = policy(columns=[rules.ColumnRule(column="*name", role=1, entity_type="PERSON", operator=HASH)], unlisted=2)
    csv = await running.client.table.anonymize_table(request("name,x\nJane Roe,1\nJane Roe,2\nJo Doe,3\n", wanted))
    lines = await running.client.table.anonymize_table(
        request('{"patient": {"full name": "Jane Roe"}}\n', wanted, "application/x-ndjson")
    )
    first, second, third = (line.split(",")[0] for line in csv.content.decode().splitlines()[1:])
    assert first == second != third
    assert json.loads(lines.content) == {"patient": {"full name": first}}
    assert csv.protection_level == pb.PROTECTION_LEVEL_PSEUDONYMIZED


@pytest.mark.parametrize(
    ("data", "media_type", "wanted", "error", "reason", "metadata"),
    [
        ("a,b\n1,2\nNameJo\n", "text/csv", policy(), INVALID, "CONTENT_MALFORMED", {"row": "3"}),
        (
            '{"a": 1}\n{"a": NameJo}',
            "application/jsonl",
            policy(),
            errors.InvalidArgument,
            "CONTENT_MALFORMED",
            {"row": "2"},
        ),
        ("[", "application/json", policy(), INVALID, "CONTENT_MALFORMED", {}),
        (b"PAR1NameJo", "application/vnd.apache.parquet", policy(), INVALID, "CONTENT_MALFORMED", {}),
        (b"\xff", "text/csv", policy(), errors.InvalidArgument, "INVALID_UTF8", {}),
        ("x", "text/plain", policy(), errors.InvalidArgument, "UNSUPPORTED_MEDIA_TYPE", {}),
        ("a,b\nx,y\n", "text/csv", policy(unlisted=3), INVALID, "COLUMN_WITHOUT_RULE", {"column": "1"}),
        ("a,jo@doe\nx,y\n", "text/csv", policy(), INVALID, "COLUMN_NAME_PERSONAL", {"column": "2"}),
        (
            '{"a":[{"sex":3}]}',
            "application/json",
            policy(),
            errors.InvalidArgument,
            "COLUMN_NOT_SCALAR",
            {"column": "1"},
        ),
        ("age\n3\n4\n", "text/csv", policy(), errors.FailedPrecondition, "TABLE_TOO_SMALL", {"wanted": "k"}),
        ("note\nFAIL NameJo\n", "text/csv", policy(), errors.Internal, "DETECTION_FAILED", {}),
    ],
)
async def test_what_cannot_be_protected_fails_whole_and_says_where(
    running: Anonymization,
    data: str | bytes,
    media_type: str,
    wanted: pb.Policy,
    error: type[errors.LabelmillError],
    reason: str,
    metadata: dict[str, str],
) -> None:
    with pytest.raises(error) as caught:
        await running.client.table.anonymize_table(request(data, wanted, media_type))
    assert caught.value.reason == reason
    assert metadata.items() <= dict(caught.value.metadata).items()
    assert "NameJo" not in str(caught.value)
    assert "jo@doe" not in str(caught.value)
    assert "NameJo" not in running.log.getvalue()


async def test_a_rule_vouches_for_the_name_of_a_column(running: Anonymization) -> None:
    wanted = policy(columns=[rules.ColumnRule(column="jo@doe", role=rules.COLUMN_ROLE_INSENSITIVE)])
    answer = await running.client.table.anonymize_table(request("a,jo@doe\nx,y\n", wanted))
    assert answer.content == b"a,jo@doe\nx,y\n"


async def test_small_tables_lose_their_quasi_identifiers_where_the_policy_says_so(running: Anonymization) -> None:
    wanted = policy(undersized=2, l_diversity=rules.LDiversity(l=2))
    answer = await running.client.table.anonymize_table(request("age,diagnosis\n3,flu\n4,flu\n", wanted))
    assert answer.content == b"age,diagnosis\n,\n,\n"
    assert answer.report.suppressed
    assert [(c.operator_name, c.count) for c in answer.operator_counts] == [("suppress", 4)]


async def test_tables_are_contents_and_assets_like_any_other(running: Anonymization) -> None:
    table = request("name,x\nNameJo,1\n").table
    asked = content_service_pb2.AnonymizeContentRequest(
        parent="projects/demo", content=table, policy=service_pb2.PolicySource(inline=policy())
    )
    assert (await running.client.content.anonymize_content(asked)).content == b"name,x\n<PERSON>,1\n"

    asset = running.zones.add("demo", '{"text": "NameJo left", "at": "2024-01-01", "n": 1.50}', "application/json")
    kept = await running.client.anonymization.create_policy(
        service_pb2.CreatePolicyRequest(
            parent="projects/demo", policy_id=f"p-{uuid.uuid4().hex[:8]}", policy=policy(k=3)
        )
    )
    assert kept.table_rules.k == 3
    operation = await running.client.anonymization.anonymize_assets(
        service_pb2.AnonymizeAssetsRequest(parent="projects/demo", policy=kept.name)
    )
    await operation.result(timeout_s=60)
    assert running.zones.assets[asset].clean == b'{"text": "<PERSON> left", "at": "<DATE_TIME>", "n": 1.50}'


async def test_annotators_see_no_tables(running: Anonymization) -> None:
    with pytest.raises(errors.PermissionDenied):
        await running.clients[Role.ANNOTATOR].table.anonymize_table(request(PEOPLE))


async def test_the_tables_columns_are_those_of_the_policy_that_was_kept(running: Anonymization, tmp_path: Path) -> None:
    hierarchy = rules.Hierarchy(
        branches=rules.Hierarchy.Branches(branches=[rules.Hierarchy.Branch(value="Rome", groups=["Italy", "Europe"])])
    )
    sent = policy(
        k=7,
        t_closeness=0.25,
        l_diversity=rules.LDiversity(kind=rules.LDiversity.KIND_ENTROPY, l=2.5),
        unlisted=rules.TableRules.UNLISTED_REFUSE,
        undersized=rules.TableRules.UNDERSIZED_SUPPRESS,
        csv_header=rules.TableRules.CSV_HEADER_ABSENT,
        subject_column="who",
        columns=[
            rules.ColumnRule(column="a*", role=1, entity_type="PERSON", operator=HASH),
            rules.ColumnRule(column="city", role=2, hierarchy=hierarchy),
            rules.ColumnRule(column="zip", role=2, hierarchy=rules.Hierarchy(prefix=rules.Hierarchy.Prefix())),
        ],
    )
    created = await running.client.anonymization.create_policy(
        service_pb2.CreatePolicyRequest(parent="projects/demo", policy_id="round-trip", policy=sent)
    )
    sent.table_rules.columns[0].operator.hash.length = 16  # its default
    assert created.table_rules == sent.table_rules


async def test_dates_are_shifted_by_the_subject_of_their_row(running: Anonymization) -> None:
    shift = operators_pb2.Operator(date_shift=operators_pb2.DateShift(max_days=100))
    wanted = policy(
        subject_column="who",
        columns=[
            rules.ColumnRule(column="who", role=rules.COLUMN_ROLE_DIRECT_IDENTIFIER, operator=HASH),
            rules.ColumnRule(
                column="seen", role=rules.COLUMN_ROLE_DIRECT_IDENTIFIER, entity_type="DATE_TIME", operator=shift
            ),
        ],
    )
    rows = [("Ann", "2024-03-01"), ("Bob", "2024-03-01"), ("Ann", "2024-03-31"), ("Bob", "2024-03-31"), ("Ann", "")]
    text = "who,seen\n" + "".join(f"{who},{seen}\n" for who, seen in rows)
    answer = await running.client.table.anonymize_table(request(text, wanted))
    seen = [line.split(",")[1] for line in answer.content.decode().splitlines()[1:]]
    first, second, third, fourth = (date.fromisoformat(one) for one in seen[:4])
    assert (third - first).days == (fourth - second).days == 30
    assert first != second  # two people, two numbers of days
    assert seen[4] == ""
    wanted.table_rules.subject_column = "absent"
    with pytest.raises(INVALID) as caught:
        await running.client.table.anonymize_table(request(text, wanted))
    assert caught.value.reason == "UNKNOWN_COLUMN"
