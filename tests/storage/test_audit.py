"""The audit log of a running server: what it holds, who sees it, and that tampering with its database is found."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from sqlalchemy import text

from labelmill import audit, receipts
from labelmill.audit import GENESIS, entry_hash
from labelmill.cli.exits import Exit
from labelmill.storage.v1 import audit_service_pb2, audit_service_pb2_grpc
from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.secrets.audit_key import AuditKey
from labelmill_storage.adapters.sql.tables import storage_tables
from tests.storage.audits import actions, admit_by_exception, cli, export, listed, verified
from tests.storage.client import CLEAN, PARENT, PROJECT, RAW, Storage, refused
from tests.storage.conftest import Start

SLOW = {"audit_anchor_seconds": 3600.0}
"""No anchors but those of start and close."""


async def admit(storage: Storage, count: int = 1, *, first: int = 0) -> list[Any]:
    """Assets that went through the gate."""
    assets = []
    for number in range(first, first + count):
        raw = await storage.upload(f"Jane Doe wrote letter {number}.".encode())
        assets.append(await storage.admit_one(raw, f"<PERSON> wrote letter {number}.".encode()))
    return assets


@contextmanager
def stolen(data_dir: Path) -> Iterator[sqlite3.Connection]:
    """The database, in the hands of somebody who should not have it."""
    connection = sqlite3.connect(data_dir / "storage.db", timeout=10)
    connection.row_factory = sqlite3.Row
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def write_anew(connection: sqlite3.Connection) -> None:
    """Gives every entry a new hash, and the head with them: nothing in the database tells any more."""
    sequence, previous = 0, GENESIS
    for row in connection.execute("SELECT * FROM audit_entries ORDER BY sequence").fetchall():
        sequence += 1
        facts = {name: row[name] for name in ("project", "time_us", "actor", "action", "resource")}
        details = json.loads(row["details"])
        hashed = entry_hash(**facts, sequence=sequence, details=details, previous_hash=previous)
        connection.execute(
            "UPDATE audit_entries SET sequence = ?, previous_hash = ?, hash = ? WHERE sequence = ?",
            (sequence, previous, hashed, row["sequence"]),
        )
        previous = hashed
    connection.execute("UPDATE audit_heads SET sequence = ?, hash = ?", (sequence, previous))


async def test_an_admission_is_written_down_with_all_that_it_rests_on(on_both: Storage) -> None:
    raw = await on_both.upload(b"Jane Doe wrote this.")
    receipt = on_both.signer.receipt(raw, b"<PERSON> wrote this.")
    await on_both.admit([(b"<PERSON> wrote this.", receipt)])
    log = await export(on_both)
    (entry,) = log.entries
    assert (entry.sequence, entry.previous_hash) == (1, GENESIS)
    assert (entry.action, entry.resource, entry.actor) == ("asset.admitted", raw.name, "service")
    assert dict(entry.details) == {
        "raw_sha256": raw.raw.sha256,
        "clean_sha256": receipt.clean_sha256,
        "receipt": receipt.name,
        "receipt_sha256": hashlib.sha256(receipt.SerializeToString(deterministic=True)).hexdigest(),
        "policy": "projects/news/policies/default@1",
    }
    assert log.verify().intact
    # The same receipt again changes nothing, and says nothing.
    await on_both.admit([(b"<PERSON> wrote this.", receipt)])
    assert len((await export(on_both)).entries) == 1


async def test_fifty_at_once_make_one_chain_without_gaps(on_both: Storage) -> None:
    raws = [result.asset for result in await on_both.create([f"Letter {n}.".encode() for n in range(50)])]
    await asyncio.gather(*(on_both.admit_one(raw, b"clean %d" % n) for n, raw in enumerate(raws)))
    log = await export(on_both)
    assert [entry.sequence for entry in log.entries] == list(range(1, 51))
    assert {entry.resource for entry in log.entries} == {raw.name for raw in raws}
    assert log.verify().intact


async def test_entries_are_listed_newest_first_by_filter_and_page(on_both: Storage) -> None:
    first, second, third = await admit(on_both, 3)
    await on_both.download(first.name, RAW)
    page = await listed(on_both, page_size=3)
    assert [entry.sequence for entry in page.audit_entries] == [4, 3, 2]
    rest = await listed(on_both, page_size=3, page_token=page.next_page_token)
    assert ([entry.sequence for entry in rest.audit_entries], rest.next_page_token) == ([1], "")
    for text_filter, found in [
        ('action = "asset.raw_read"', [4]),
        (f'resource = "{second.name}"', [2]),
        ('actor = "service" AND sequence >= 2', [3, 2]),
        (f"time_us < {page.audit_entries[0].time_us}", [3, 2, 1]),
    ]:
        assert [entry.sequence for entry in (await listed(on_both, filter=text_filter)).audit_entries] == found
    assert third.name == page.audit_entries[1].resource
    assert (await refused(listed(on_both, filter='details = "x"'))).reason == "INVALID_FILTER"
    assert (await refused(listed(on_both, page_token="x"))).reason == "INVALID_PAGE_TOKEN"


async def test_the_log_is_for_owners_and_privacy_officers(storage: Storage) -> None:
    stub = audit_service_pb2_grpc.AuditServiceStub(storage.channel)
    request = audit_service_pb2.GetAuditHeadRequest(name=f"{PARENT}/auditHead")
    for who in ("manager", "reviewer", "annotator", "service", "stranger"):
        head = stub.GetAuditHead(request, metadata=storage.as_(who))
        for answer in (listed(storage, who=who), export(storage, who=who), head):
            assert (await refused(answer)).code is grpc.StatusCode.PERMISSION_DENIED, who


async def test_an_unknown_project_has_no_log_that_could_look_whole(storage: Storage) -> None:
    storage.projects.projects.discard(PROJECT)
    assert (await refused(export(storage))).reason == "PROJECT_NOT_FOUND"


async def test_the_head_is_signed_by_the_key_that_is_published(storage: Storage) -> None:
    empty = (await export(storage)).head
    assert (empty.name, empty.sequence, empty.hash) == (f"{PARENT}/auditHead", 0, GENESIS)
    await admit(storage)
    public = receipts.parse_public_key((storage.data_dir / "secrets" / "audit-signing-key.pub").read_text())
    log = await export(storage, from_sequence=2)
    assert log.entries == []
    assert log.head.public_key == public
    assert (log.head.sequence, audit.verify_head(log.head, public)) == (1, True)
    assert (await export(storage)).verify(public_keys=[public]).key_expected


async def test_all_is_well_by_the_command_line(storage: Storage, tmp_path: Path) -> None:
    await admit(storage, 2)
    kept = tmp_path / "head.json"
    assert (await cli(storage, "head", "-o", str(kept)))[1]["sequence"] == 2
    await admit(storage, 2, first=2)
    public = str(storage.data_dir / "secrets" / "audit-signing-key.pub")
    code, report = await cli(storage, "verify", "--public-key", public, "--head", str(kept))
    assert (code, report["intact"], report["findings"]) == (Exit.OK, True, [])
    assert (report["entry_count"], report["clean_asset_count"], report["key_expected"]) == (4, 4, True)
    code, listing = await cli(storage, "list", "--filter", "sequence > 3")
    assert (code, [entry["sequence"] for entry in listing["audit_entries"]]) == (Exit.OK, [4])


TAMPERING: dict[str, tuple[str, str]] = {
    "a field": ("UPDATE audit_entries SET actor = 'key/eve' WHERE sequence = 3", "ENTRY_ALTERED"),
    "a detail": ("UPDATE audit_entries SET details = replace(details, '@1', '@2') WHERE sequence = 3", "ENTRY_ALTERED"),
    "no details": ("UPDATE audit_entries SET details = '{' WHERE sequence = 3", "ENTRY_ALTERED"),
    "a time that is none": ("UPDATE audit_entries SET time_us = 'x' WHERE sequence = 3", "ENTRY_ALTERED"),
    "one removed": ("DELETE FROM audit_entries WHERE sequence = 3", "SEQUENCE_BROKEN"),
    "the last removed": ("DELETE FROM audit_entries WHERE sequence > 4", "HEAD_DIFFERS"),
    "all removed": ("DELETE FROM audit_entries", "HEAD_DIFFERS"),
    "two swapped": (
        (
            "UPDATE audit_entries SET sequence = CASE sequence WHEN 3 THEN -4 ELSE -3 END WHERE sequence IN (3, 4);"
            "UPDATE audit_entries SET sequence = -sequence WHERE sequence < 0"
        ),
        "ENTRY_ALTERED",
    ),
    "one inserted": (
        (
            "INSERT INTO audit_entries SELECT project, 7, time_us, actor, action, resource, details, hash, hash"
            " FROM audit_entries WHERE sequence = 6; UPDATE audit_heads SET sequence = 7"
        ),
        "ENTRY_ALTERED",
    ),
    "the head replaced": ("UPDATE audit_heads SET hash = (SELECT hash FROM audit_entries LIMIT 1)", "HEAD_DIFFERS"),
    "the head moved back": ("UPDATE audit_heads SET sequence = 5, hash = 'x'", "HEAD_DIFFERS"),
}


async def test_tampering_with_the_database_is_found(start: Start) -> None:
    async with start(**SLOW) as storage:
        await admit(storage, 6)
        found = {}
        for kind, (statements, problem) in TAMPERING.items():
            assert await verified(storage) == (Exit.OK, set())
            with stolen(storage.data_dir) as database:
                before = {table: rows(database, table) for table in ("audit_entries", "audit_heads")}
                for statement in statements.split(";"):
                    assert database.execute(statement).rowcount > 0, kind
            code, problems = await verified(storage)
            found[kind] = (code, problem if problem in problems else problems)
            with stolen(storage.data_dir) as database:
                for table, kept in before.items():
                    database.execute(f"DELETE FROM {table}")
                    database.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(kept[0]))})", kept)
        assert found == {kind: (Exit.BROKEN, problem) for kind, (_, problem) in TAMPERING.items()}


def rows(database: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in database.execute(f"SELECT * FROM {table}")]


def cut_off(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM audit_entries WHERE sequence > 4")
    write_anew(database)


def remove_the_first(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM audit_entries WHERE sequence = 1")
    write_anew(database)


def change_who_it_was(database: sqlite3.Connection) -> None:
    database.execute("UPDATE audit_entries SET actor = 'key/eve' WHERE sequence = 2")
    write_anew(database)


def forget_all(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM audit_entries")
    database.execute("DELETE FROM audit_heads")


@pytest.mark.parametrize("tamper", [cut_off, remove_the_first, change_who_it_was, forget_all])
async def test_a_log_written_anew_contradicts_the_heads_outside(
    start: Start, tmp_path: Path, tamper: Callable[[sqlite3.Connection], None]
) -> None:
    kept = tmp_path / "head.json"
    async with start(**SLOW) as storage:
        await admit(storage, 6)
        await cli(storage, "head", "-o", str(kept))
    with stolen(storage.data_dir) as database:
        tamper(database)
    anchors = storage.data_dir / "audit-anchors" / f"{PROJECT}.jsonl"
    lines = anchors.read_bytes()
    assert len(lines.splitlines()) == 1  # at the close
    async with start(**SLOW) as again:
        code, problems = await verified(again)
        assert code == Exit.BROKEN
        assert problems >= {"CUT_OFF"} if tamper is not change_who_it_was else {"REWRITTEN"}
        # Nor does the log go on as if nothing had happened: no anchor is written behind the one that tells.
        await admit(again, 8, first=6)
    assert anchors.read_bytes() == lines
    anchors.unlink()  # whoever takes the anchors away as well does not have the head that the auditor kept
    async with start(**SLOW) as again:
        code, problems = await verified(again, "--head", str(kept))
        assert code == Exit.BROKEN
        assert problems >= {"REWRITTEN"}


async def test_an_asset_smuggled_into_clean_is_named(start: Start) -> None:
    async with start(**SLOW) as storage:
        honest, other = await admit(storage, 2)
        raw = await storage.upload(b"Jane Doe was never anonymized.")
        with stolen(storage.data_dir) as database:
            database.execute("UPDATE assets SET clean_sha256 = raw_sha256 WHERE asset_id = ?", (last(other.name),))
            database.execute(
                "UPDATE assets SET zone = 2, clean_sha256 = raw_sha256, clean_size_bytes = 1, clean_media_type = 'x/x',"
                " receipt = 'projects/news/receipts/r1', admit_time_us = 1 WHERE asset_id = ?",
                (last(raw.name),),
            )
        code, report = await cli(storage, "verify")
        assert (code, report["clean_asset_count"]) == (Exit.BROKEN, 3)
        found = {finding["resource"] for finding in report["findings"] if finding["problem"] == "NOT_ADMITTED"}
        assert found == {other.name, raw.name}
        assert honest.name not in found
    # A restart does not make it honest: entries about the time before the log are written by the migration alone.
    async with start(**SLOW) as again:
        assert (await verified(again)) == (Exit.BROKEN, {"NOT_ADMITTED"})


async def test_an_asset_that_is_admitted_again_is_what_the_log_says_last(storage: Storage) -> None:
    (asset,) = await admit(storage)
    await storage.admit_one(asset, b"Somebody wrote a letter.")
    assert await verified(storage) == (Exit.OK, set())
    with stolen(storage.data_dir) as database:
        database.execute("UPDATE assets SET clean_sha256 = ?", (asset.clean.sha256,))
    assert await verified(storage) == (Exit.BROKEN, {"NOT_ADMITTED"})


async def test_what_was_admitted_before_there_was_a_log_is_its_beginning(
    start: Start, both_settings: RuntimeSettings, tmp_path: Path
) -> None:
    old = tmp_path / "migrations"
    migrations = Path(__file__).parents[2] / "services" / "labelmill_storage" / "migrations"
    (old / "versions").mkdir(parents=True)
    for name in ("env.py", "versions/0001_initial.py"):
        (old / name).write_text((migrations / name).read_text())
    database = await Database.open(both_settings, "storage", storage_tables().metadata, migrations_dir=old)
    async with database.transaction() as session:
        values = [
            {
                "id": f"{number:032x}",
                "raw": f"{number:064x}",
                "clean": "c" * 64 if number % 2 else None,
                "zone": 1 + number % 2,
            }
            | {"receipt": f"{PARENT}/receipts/r{number}"}
            for number in range(1, 2205)
        ]
        insert = (
            "INSERT INTO assets (project, asset_id, zone, raw_sha256, raw_size_bytes, raw_media_type, clean_sha256,"
            " clean_size_bytes, clean_media_type, receipt, receipt_time_us, external_id, labels, create_time_us,"
            f" update_time_us) VALUES ('{PROJECT}', :id, :zone, :raw, 1, 'x/x', :clean, 1, 'x/x', :receipt, 5, '',"
            " '{}', 1, 1)"
        )
        await session.execute(text(insert), values)
        await session.execute(
            text(f"INSERT INTO receipts VALUES ('{PROJECT}', 'r1', '{1:032x}', CAST(:body AS {blob(database)}), 1)"),
            {"body": b"receipt"},
        )
    await database.close()
    async with start(both_settings) as storage:
        log = await export(storage)
        assert [entry.sequence for entry in log.entries] == list(range(1, 1103))
        assert {(entry.actor, entry.action) for entry in log.entries} == {("labelmill", "asset.admitted")}
        assert dict(log.entries[0].details) == {
            "migrated": "true",
            "raw_sha256": f"{1:064x}",
            "clean_sha256": "c" * 64,
            "receipt": f"{PARENT}/receipts/r1",
            "receipt_sha256": hashlib.sha256(b"receipt").hexdigest(),
        }
        await admit(storage, 1)
        assert await verified(storage) == (Exit.OK, set())
    async with start(both_settings) as again:
        assert len((await export(again)).entries) == 1103


def blob(database: Database) -> str:
    return "BYTEA" if database.dialect == "postgresql" else "BLOB"


def last(name: str) -> str:
    return name.rpartition("/")[2]


async def test_a_log_that_cannot_be_written_stops_what_it_records(start: Start, both_settings: RuntimeSettings) -> None:
    async with start(both_settings) as storage:
        (before,) = await admit(storage)
        raw = await storage.upload(b"Jane Doe wrote another one.")
        database = await Database.open(both_settings, "storage", storage_tables().metadata)
        async with database.transaction() as session:
            await session.execute(text("ALTER TABLE audit_entries RENAME TO hidden"))
        receipt = storage.signer.receipt(raw, b"clean")
        assert (await refused(storage.admit([(b"clean", receipt)]))).code is grpc.StatusCode.INTERNAL
        assert (await refused(admit_by_exception(storage, [raw.name]))).code is grpc.StatusCode.INTERNAL
        # No byte of RAW leaves for a person, neither; a service goes on.
        assert (await refused(storage.download(raw.name, RAW))).code is grpc.StatusCode.INTERNAL
        assert (await refused(storage.read([raw.name], RAW))).code is grpc.StatusCode.INTERNAL
        assert (await storage.download(raw.name, RAW, who="service"))[1] == b"Jane Doe wrote another one."
        assert (await storage.get(raw.name)).zone == RAW
        assert (await storage.get(before.name)).zone == CLEAN
        async with database.transaction() as session:
            await session.execute(text("ALTER TABLE hidden RENAME TO audit_entries"))
        await database.close()
        (result,) = await storage.admit([(b"clean", receipt)])
        assert (result.status.code, result.asset.zone) == (0, CLEAN)
        assert await verified(storage) == (Exit.OK, set())


async def test_people_who_read_raw_are_written_down_and_services_are_not(on_both: Storage) -> None:
    one, two, three = [result.asset for result in await on_both.create([b"One.", b"Two, by Jane.", b"Three."])]
    await on_both.download(one.name, RAW, who="service")
    await on_both.read([one.name], RAW, who="service")
    await on_both.download((await admit(on_both))[0].name, CLEAN)
    assert (await refused(on_both.download(one.name, RAW, who="owner"))).reason == "RAW_FORBIDDEN"
    assert await actions(on_both) == ["asset.admitted"]
    await on_both.download(one.name, RAW, offset=3, length=4)
    await on_both.read([one.name, two.name, three.name, f"{PARENT}/assets/{'0' * 32}"], RAW)
    await on_both.read([two.name], RAW)
    await on_both.read([f"{PARENT}/assets/{'0' * 32}"], RAW)
    reads = [entry for entry in (await export(on_both)).entries if entry.action == "asset.raw_read"]
    assert {entry.actor for entry in reads} == {"privacy_officer"}
    assert [(entry.resource, dict(entry.details)) for entry in reads] == [
        (one.name, {"zone": "RAW", "raw_sha256": one.raw.sha256}),
        *((asset.name, {"zone": "RAW", "raw_sha256": asset.raw.sha256}) for asset in (one, two, three, two)),
    ]


async def test_heads_are_written_down_outside_as_the_log_grows(start: Start) -> None:
    async with start(audit_anchor_seconds=0.02) as storage:
        for number in range(3):
            await admit(storage, first=number)
            await until(partial(anchored, storage, number + 1))
        log = await export(storage)
        assert [head.sequence for head in log.anchors] == [1, 2, 3]
        assert log.verify(public_keys=[log.head.public_key]).intact
    path = storage.data_dir / "audit-anchors" / f"{PROJECT}.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"name": "projects/ne')  # a crash amid a line
    async with start(audit_anchor_seconds=0.02) as again:
        assert (await export(again)).anchors == log.anchors
        await admit(again, first=3)
        await until(partial(anchored, again, 4))
        assert (await export(again)).verify().intact
        assert path.read_bytes().startswith(whole)
    # A line that was whole and is not any more is nobody's crash.
    path.write_bytes(whole.replace(b"signature", b"sig", 1))
    async with start(**SLOW) as again:
        assert (await verified(again)) == (Exit.BROKEN, {"SIGNATURE_WRONG"})


async def anchored(storage: Storage, sequence: int) -> bool:
    return any(head.sequence == sequence for head in (await export(storage)).anchors)


async def until(happened: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not await happened():
            await asyncio.sleep(0.02)


async def test_an_export_from_the_middle_and_of_many(storage: Storage) -> None:
    raws = [result.asset for result in await storage.create([f"Letter {n}.".encode() for n in range(600)])]
    clean = [f"clean {n}".encode() for n in range(600)]
    await storage.admit([(data, storage.signer.receipt(raw, data)) for raw, data in zip(raws, clean, strict=True)])
    for number in range(4):
        await storage.download(raws[number].name, RAW)
    log = await export(storage)
    assert [entry.sequence for entry in log.entries] == list(range(1, 605))
    assert log.verify().intact
    assert [entry.sequence for entry in (await export(storage, from_sequence=599)).entries] == list(range(599, 605))


def test_a_key_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = AuditKey.open(path)
    assert AuditKey.open(path).public_bytes == key.public_bytes
    assert (path.stat().st_mode & 0o777, path.with_name("key.pub").stat().st_mode & 0o777) == (0o600, 0o644)
    path.write_text("no key")
    with pytest.raises(ValueError, match="64 hex digits") as refusal:
        AuditKey.open(path)
    assert "no key" not in str(refusal.value)
