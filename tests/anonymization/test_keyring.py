"""The keyring: root keys wrap data keys; rotation reads the old and writes the new; what is destroyed is gone."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from labelmill_anonymization.adapters.keyring_sources import GivenRootKeys, KeyringFile
from labelmill_anonymization.adapters.secret_files import InsecureSecret
from labelmill_anonymization.adapters.sql_keys import SqlKeys
from labelmill_anonymization.adapters.sql_reidentifications import SqlReidentifications
from labelmill_anonymization.adapters.tables import data_keys, metadata
from labelmill_anonymization.keyring.data_keys import Purpose, State
from labelmill_anonymization.keyring.errors import (
    KeyDestroyed,
    KeyInUse,
    KeyNotFound,
    KeyNotRotatable,
    KeyringReadOnly,
    KeyRotated,
)
from labelmill_anonymization.keyring.project_keys import ProjectKeyring
from labelmill_anonymization.keyring.root_keys import BadKeyring, Keyring, RootKeys
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import Encrypt
from labelmill_anonymization.reversal.reidentification import Reidentification, Reidentifier
from labelmill_runtime.database import Database
from labelmill_runtime.errors import Unavailable
from labelmill_runtime.settings import RuntimeSettings
from tests.support.postgres import new_database

ONE, TWO = b"1" * 32, b"2" * 32
RING = Keyring("1", {"1": ONE})


def test_a_wrapped_key_opens_in_its_own_context_only() -> None:
    wrapped = RING.wrap(b"s" * 32, "project a")
    assert wrapped.root_key_id == "1"
    assert RING.unwrap(wrapped, "project a") == b"s" * 32
    for ring, context in (
        (RING, "project b"),
        (Keyring("1", {"1": TWO}), "project a"),
        (Keyring("2", {"2": TWO}), "x"),
    ):
        with pytest.raises(KeyDestroyed):
            ring.unwrap(wrapped, context)


def test_a_document_is_what_was_written() -> None:
    ring = RING.with_primary("2", TWO)
    assert Keyring.parse(ring.document()) == ring
    assert ONE.hex() not in repr(ring)
    assert ring.unwrap(RING.wrap(b"s" * 32, "c"), "c") == b"s" * 32


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"primary": "1"}',
        '{"primary": "2", "keys": {"1": "' + ONE.hex() + '"}}',
        '{"primary": "1", "keys": {"1": "ab"}}',
    ],
)
def test_a_document_that_is_none_is_refused_without_quoting_it(document: str) -> None:
    with pytest.raises(BadKeyring) as caught:
        Keyring.parse(document)
    assert ONE.hex() not in str(caught.value)


async def test_the_seed_of_before_is_key_1_and_stays_it(tmp_path: Path) -> None:
    seed, path = tmp_path / "pseudonym-seed", tmp_path / "keyring.json"
    first = KeyringFile(path, seed)
    wrapped = await first.wrap(b"s" * 32, "c")
    assert await first.seed() == bytes.fromhex(seed.read_text())
    assert not path.exists()
    assert await first.rotate() == "2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = KeyringFile(path, seed)
    assert await again.unwrap(wrapped, "c") == b"s" * 32
    assert (await again.wrap(b"s" * 32, "c")).root_key_id == "2"
    assert await again.seed() == await first.seed()


async def test_a_key_that_another_process_added_is_found(tmp_path: Path) -> None:
    seed, path = tmp_path / "seed", tmp_path / "keyring.json"
    one, other = KeyringFile(path, seed), KeyringFile(path, seed)
    await one.rotate()
    assert await other.unwrap(await one.wrap(b"s" * 32, "c"), "c") == b"s" * 32


async def test_of_two_processes_that_rotate_neither_loses_the_others_key(tmp_path: Path) -> None:
    seed, path = tmp_path / "seed", tmp_path / "keyring.json"
    one, other = KeyringFile(path, seed), KeyringFile(path, seed)
    assert [await one.rotate(), await other.rotate()] == ["2", "3"]
    by_one, by_other = await one.wrap(b"1" * 32, "c"), await other.wrap(b"2" * 32, "c")
    again = KeyringFile(path, seed)
    assert (await again.unwrap(by_one, "c"), await again.unwrap(by_other, "c")) == (b"1" * 32, b"2" * 32)


async def test_two_different_keys_1_are_refused(tmp_path: Path) -> None:
    path, seed = tmp_path / "keyring.json", tmp_path / "seed"
    await KeyringFile(path, seed).rotate()
    seed.write_text(TWO.hex())
    with pytest.raises(BadKeyring, match="Key 1"):
        KeyringFile(path, seed)


async def test_a_keyring_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path, seed = tmp_path / "keyring.json", tmp_path / "seed"
    await KeyringFile(path, seed).rotate()
    path.chmod(0o644)
    with pytest.raises(InsecureSecret):
        KeyringFile(path, seed)


async def test_given_keys_cannot_be_rotated_here() -> None:
    roots = GivenRootKeys(RING)
    assert await roots.seed() == ONE
    with pytest.raises(KeyringReadOnly):
        await roots.rotate()


class Roots(GivenRootKeys):
    """Root keys in memory that can be lost, and read as a seed or not."""

    def __init__(self, seed: bytes | None = ONE) -> None:
        super().__init__(RING)
        self.first = seed

    async def seed(self) -> bytes | None:
        return self.first


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = None if request.param == "sqlite" else new_database(request.getfixturevalue("postgres_url"))
    opened = await Database.open(RuntimeSettings(data_dir=tmp_path, database_url=url), "anonymization", metadata)
    yield opened
    await opened.close()


def keyring(database: Database, roots: RootKeys | None = None) -> ProjectKeyring:
    """As after a restart: nothing is remembered."""
    return ProjectKeyring(roots or Roots(), SqlKeys(database))


async def test_hashes_and_pseudonyms_are_what_they_were_before_keyrings(database: Database) -> None:
    keys = await keyring(database).keys("demo")
    before = ProjectKeys.derive(ONE, "demo")
    assert (keys.hash_key, keys.pseudonym_key, keys.linking_id) == (before.hash_key, before.pseudonym_key, "1")


async def test_keys_are_made_once_and_found_again(database: Database) -> None:
    found = await asyncio.gather(*(keyring(database).keys("demo", "jane", subject_key=True) for _ in range(8)))
    assert len({keys.encryption for keys in found}) == 1
    assert len({keys.subject_encryption for keys in found}) == 1
    first = found[0]
    assert first.encryption is not None
    assert first.subject_encryption is not None
    assert first.encryption.key_id != first.subject_encryption.key_id
    assert await keyring(database).open("demo", first.encryption.key_id) == first.encryption
    other = await keyring(database).keys("other")
    assert other.encryption is not None
    assert other.encryption.secret != first.encryption.secret
    with pytest.raises(KeyNotFound):
        await keyring(database).open("other", first.encryption.key_id)


async def test_without_a_readable_seed_the_linking_key_is_wrapped_like_all_others(database: Database) -> None:
    first = await keyring(database, Roots(None)).keys("demo")
    assert first.linking_id != "1"
    assert await keyring(database, Roots(None)).keys("demo") == first


async def test_the_database_holds_no_key(database: Database, tmp_path: Path) -> None:
    keys = await keyring(database).keys("demo", "jane@example.com", subject_key=True)
    async with database.reading() as session:
        rows = (await session.execute(select(data_keys))).all()
    stored = repr(rows).encode() + b"".join(bytes(row.wrapped or b"") for row in rows)
    assert keys.encryption is not None
    assert keys.subject_encryption is not None
    for secret in (ONE, keys.encryption.secret, keys.subject_encryption.secret, keys.hash_key, b"jane@example.com"):
        assert secret not in stored


async def rotate(ring: ProjectKeyring, database: Database, purpose: Purpose) -> None:
    record = await ring.new_key("demo", purpose)
    async with database.transaction() as session:
        await ring.rotate(session, record)


async def test_after_a_rotation_the_new_key_writes_and_the_old_one_reads(database: Database) -> None:
    ring = keyring(database)
    old = await ring.keys("demo")
    await rotate(ring, database, Purpose.ENCRYPTION)
    new = await ring.keys("demo")
    assert old.encryption is not None
    assert new.encryption is not None
    assert new.encryption != old.encryption
    assert (new.hash_key, new.linking_id) == (old.hash_key, old.linking_id)
    assert await ring.open("demo", old.encryption.key_id) == old.encryption
    states = {record.key_id: record.state for record in await ring.list_keys("demo", None, 10)}
    assert (states[old.encryption.key_id], states[new.encryption.key_id]) == (State.ACTIVE, State.PRIMARY)


async def test_of_two_who_rotate_at_once_one_is_told(database: Database) -> None:
    ring = keyring(database)
    await ring.keys("demo")
    turns = await asyncio.gather(
        *(rotate(ring, database, Purpose.ENCRYPTION) for _ in range(4)), return_exceptions=True
    )
    assert all(turn is None or isinstance(turn, KeyRotated) for turn in turns)
    assert None in turns
    records = await ring.list_keys("demo", None, 100)
    assert sum(one.purpose is Purpose.ENCRYPTION and one.state is State.PRIMARY for one in records) == 1


async def test_rotating_the_linking_key_changes_every_hash(database: Database) -> None:
    ring = keyring(database)
    old = await ring.keys("demo")
    await rotate(ring, database, Purpose.LINKING)
    new = await keyring(database).keys("demo")
    assert new.hash_key != old.hash_key
    assert new.linking_id != old.linking_id
    with pytest.raises(KeyNotRotatable):
        await ring.new_key("demo", Purpose.SUBJECT_INDEX)


async def destroy(ring: ProjectKeyring, database: Database, key_id: str) -> None:
    async with database.transaction() as session:
        await ring.destroy(session, "demo", key_id, "the contract has ended")


async def test_a_destroyed_key_is_gone_for_good(database: Database) -> None:
    ring = keyring(database)
    old = (await ring.keys("demo")).encryption
    assert old is not None
    with pytest.raises(KeyInUse):
        await destroy(ring, database, old.key_id)
    await rotate(ring, database, Purpose.ENCRYPTION)
    await destroy(ring, database, old.key_id)
    await destroy(ring, database, old.key_id)
    with pytest.raises(KeyDestroyed):
        await ring.open("demo", old.key_id)
    async with database.reading() as session:
        row = (await session.execute(select(data_keys).where(data_keys.c.key_id == old.key_id))).one()
    assert (row.wrapped, row.root_key_id, row.destroy_reason) == (None, None, "the contract has ended")
    with pytest.raises(KeyNotFound):
        await destroy(ring, database, "0" * 16)


async def test_the_keys_of_a_subject_go_and_all_others_stay(database: Database) -> None:
    ring = keyring(database)
    jane = (await ring.keys("demo", "jane", subject_key=True)).subject_encryption
    bob = (await ring.keys("demo", "bob", subject_key=True)).subject_encryption
    assert jane is not None
    assert bob is not None
    digests = await ring.subject_digests("demo", ["jane", "nobody"])
    async with database.transaction() as session:
        assert await ring.destroy_of_subjects(session, "demo", digests, "erased") == 1
    with pytest.raises(KeyDestroyed):
        await ring.open("demo", jane.key_id)
    assert await ring.open("demo", bob.key_id) == bob
    again = (await ring.keys("demo", "jane", subject_key=True)).subject_encryption
    assert again is not None
    assert again.key_id != jane.key_id


async def test_a_project_without_subjects_has_none_to_destroy(database: Database) -> None:
    assert await keyring(database).subject_digests("demo", ["jane"]) == []


async def test_a_row_that_was_moved_does_not_open(database: Database) -> None:
    ring = keyring(database)
    keys = await ring.keys("demo")
    assert keys.encryption is not None
    async with database.transaction() as session:
        await session.execute(
            data_keys.update().where(data_keys.c.key_id == keys.encryption.key_id).values(project="other")
        )
    with pytest.raises(KeyDestroyed):
        await keyring(database).open("other", keys.encryption.key_id)


async def test_a_new_root_key_wraps_everything_and_the_old_one_may_go(database: Database, tmp_path: Path) -> None:
    roots = KeyringFile(tmp_path / "keyring.json", tmp_path / "seed")
    ring = keyring(database, roots)
    before = {project: await ring.keys(project, "jane", subject_key=True) for project in ("demo", "other")}
    assert await ring.rotate_root() == "2"
    assert await ring.rewrap(4) == ("2", 4, 2)  # encryption, the subject's, and the index of subjects, of two projects
    assert await ring.rewrap(4) == ("2", 2, 0)
    seed = await roots.seed()
    document = Keyring.parse((tmp_path / "keyring.json").read_text())
    without = Roots(seed)
    without._keyring = Keyring("2", {"2": document.secrets["2"]})
    for project, keys in before.items():
        assert await keyring(database, without).keys(project, "jane", subject_key=True) == keys


async def test_a_key_that_was_destroyed_meanwhile_is_not_brought_back(database: Database) -> None:
    ring = keyring(database)
    old = (await ring.keys("demo")).encryption
    assert old is not None
    await rotate(ring, database, Purpose.ENCRYPTION)
    record = await SqlKeys(database).get("demo", old.key_id)
    await destroy(ring, database, old.key_id)
    await SqlKeys(database).rewrap([(record, RING.wrap(old.secret, record.context))])
    with pytest.raises(KeyDestroyed):
        await ring.open("demo", old.key_id)


async def test_a_destroyed_secret_is_in_no_file_of_the_database(tmp_path: Path) -> None:
    database = await Database.open(RuntimeSettings(data_dir=tmp_path), "anonymization", metadata)
    try:
        ring, records = keyring(database), SqlKeys(database)
        jane = (await ring.keys("demo", "jane", subject_key=True)).subject_encryption
        assert jane is not None
        wrapped = (await records.get("demo", jane.key_id)).wrapped
        assert wrapped is not None
        assert wrapped.content in files(tmp_path)
        async with database.transaction() as session:
            await ring.destroy_of_subjects(session, "demo", await ring.subject_digests("demo", ["jane"]), "erased")
        await ring.scrub()
        assert wrapped.content not in files(tmp_path)
    finally:
        await database.close()


def files(folder: Path) -> bytes:
    """All that is on the disk."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


class BrokenAudit:
    """Keeps nothing."""

    async def add(self, record: Reidentification) -> None:
        raise Unavailable("AUDIT_GONE", "The database is away.")

    async def list_records(self, project: str, after: tuple[int, str] | None, limit: int) -> list[Reidentification]:
        return []


async def test_nothing_is_read_again_without_a_record(database: Database) -> None:
    ring = keyring(database)
    keys = await ring.keys("demo")
    token = Encrypt().apply("Jane Doe", "PERSON", keys)
    with pytest.raises(Unavailable) as caught:
        await Reidentifier(ring, BrokenAudit()).read("demo", token, [], reason="x" * 10, principal="officer")
    assert "Jane" not in repr(caught.value)
    kept = SqlReidentifications(database)
    reading = await Reidentifier(ring, kept).read("demo", token, [], reason="x" * 10, principal="officer")
    assert reading.text == "Jane Doe"
    assert await kept.list_records("demo", None, 10) == [reading.record]
