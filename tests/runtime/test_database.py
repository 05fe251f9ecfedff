"""One database per service, SQLite or PostgreSQL, alike to the code above."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from labelmill_runtime.database import Database
from labelmill_runtime.errors import Unavailable
from labelmill_runtime.settings import RuntimeSettings
from tests.runtime.echo_service import CANARY, MIGRATIONS, echo_metadata


async def _add(database: Database, text: str) -> None:
    async with database.transaction() as session:
        await session.execute(sa.insert(database.metadata.tables["effects"]).values(text=text))


async def _add_many(database: Database, text: str) -> None:
    """Several statements, to be cancelled in or between."""
    effects = database.metadata.tables["effects"]
    async with database.transaction() as session:
        for _ in range(5):
            await session.execute(sa.insert(effects), [{"text": text}] * 200)
            await session.execute(sa.select(sa.func.count()).select_from(effects))


async def _texts(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(sa.select(database.metadata.tables["effects"].c.text)))


async def test_opening_again_keeps_the_data(database: Database, both_settings: RuntimeSettings) -> None:
    await _add(database, "kept")
    again = await Database.open(both_settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
    assert await _texts(again) == ["kept"]
    await again.close()


async def test_many_processes_may_open_a_new_database_at_once(both_settings: RuntimeSettings) -> None:
    opened = await asyncio.gather(
        *(Database.open(both_settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS) for _ in range(5))
    )
    await _add(opened[0], "one")
    assert await _texts(opened[4]) == ["one"]
    await asyncio.gather(*(database.close() for database in opened))


async def test_services_do_not_see_each_other(database: Database, both_settings: RuntimeSettings) -> None:
    await _add(database, "echo's")
    other = await Database.open(both_settings, "other", echo_metadata(), migrations_dir=MIGRATIONS)
    assert await _texts(other) == []
    await other.close()


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await session.execute(sa.insert(database.metadata.tables["effects"]).values(text="half"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await _texts(database) == []


async def test_reading_cannot_write(database: Database) -> None:
    async with database.reading() as session:
        with pytest.raises(DBAPIError):
            await session.execute(sa.insert(database.metadata.tables["effects"]).values(text="no"))
    assert await _texts(database) == []


async def test_transactions_queue_instead_of_failing(database: Database) -> None:
    effects = database.metadata.tables["effects"]

    async def read_then_write(number: int) -> None:
        async with database.transaction() as session:
            await session.scalar(sa.select(sa.func.count()).select_from(effects))
            await asyncio.sleep(0)
            await session.execute(sa.insert(effects).values(text=str(number)))

    await asyncio.gather(*(read_then_write(number) for number in range(100)))
    assert len(await _texts(database)) == 100


async def test_a_transaction_inside_a_transaction_raises_instead_of_waiting_for_itself(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(RuntimeError, match="inside"):
            async with database.transaction():
                pytest.fail("it began")
    await _add(database, "after")


async def test_many_transactions_that_also_read_do_not_starve_each_other(database: Database) -> None:
    async def write_and_read(number: int) -> None:
        async with database.transaction() as session:
            await session.execute(sa.insert(database.metadata.tables["effects"]).values(text=str(number)))
            await _texts(database)

    async with asyncio.timeout(20):
        await asyncio.gather(*(write_and_read(number) for number in range(60)))


async def test_cancelled_transactions_never_keep_the_write_lock(
    settings: RuntimeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call may be cancelled at any moment, twice even; the next writer finds the database free."""
    monkeypatch.setattr("labelmill_runtime.database._BUSY_TIMEOUT_MS", 100)
    database = await Database.open(settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
    moments = random.Random(5)
    kept: list[BaseException | None] = []  # errors hold frames, frames hold statements, statements held locks
    for number in range(150):
        tasks = [asyncio.create_task(_add_many(database, f"cancelled {number}")) for _ in range(3)]
        await asyncio.sleep(moments.uniform(0, 0.03))
        for _ in range(moments.choice([1, 2])):
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)
        kept += await asyncio.gather(*tasks, return_exceptions=True)
        await _add(database, f"kept {number}")
    assert [text for text in await _texts(database) if text.startswith("kept")] == [f"kept {n}" for n in range(150)]
    assert any(isinstance(error, asyncio.CancelledError) for error in kept)
    await database.close()


async def test_a_transaction_cancelled_halfway_leaves_the_database_usable(database: Database) -> None:
    async def slow() -> None:
        async with database.transaction() as session:
            await session.execute(sa.insert(database.metadata.tables["effects"]).values(text="half"))
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(slow()) for _ in range(10)]
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(_add(database, "after"), 5)
    assert await _texts(database) == ["after"]


async def test_statement_errors_do_not_quote_values(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.transaction() as session:
            await session.execute(sa.text("INSERT INTO effects (text, nothing) VALUES (:text, 1)"), {"text": CANARY})
    assert CANARY not in str(caught.value)


async def test_the_database_answers_a_ping(database: Database) -> None:
    assert await database.ping()


async def test_sqlite_is_set_up_for_durability(settings: RuntimeSettings) -> None:
    database = await Database.open(settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
    async with database.transaction() as session:
        found = {name: await session.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        assert found == {"journal_mode": "wal", "synchronous": 2}
        assert await session.scalar(sa.text("PRAGMA foreign_keys")) == 1
    await database.close()


async def test_what_was_committed_survives_kill_9(both_settings: RuntimeSettings) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio, sqlalchemy as sa
        from pathlib import Path
        from labelmill_runtime.database import Database
        from labelmill_runtime.settings import RuntimeSettings

        async def main():
            metadata = sa.MetaData()
            columns = sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text)
            effects = sa.Table("effects", metadata, *columns)
            settings = RuntimeSettings(
                data_dir={str(both_settings.data_dir)!r}, database_url={both_settings.database_url!r}
            )
            database = await Database.open(settings, "echo", metadata, migrations_dir=Path({str(MIGRATIONS)!r}))
            number = 0
            while True:
                async with database.transaction() as session:
                    await session.execute(sa.insert(effects).values(text=str(number)))
                print(number, flush=True)
                number += 1

        asyncio.run(main())
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(30):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().splitlines()
    process.stdout.close()
    process.wait()
    acknowledged = 29 + len([line for line in rest if line.strip()])
    database = await Database.open(both_settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
    texts = await _texts(database)
    await database.close()
    assert texts == [str(number) for number in range(len(texts))]
    assert len(texts) >= acknowledged + 1


async def test_a_wrong_url_is_refused_at_once(settings: RuntimeSettings) -> None:
    wrong = settings.model_copy(update={"database_url": "mysql://root@localhost/x"})
    with pytest.raises(ValueError, match="postgresql://"):
        await Database.open(wrong, "echo", echo_metadata(), migrations_dir=MIGRATIONS)


async def test_a_service_without_migrations_is_refused(settings: RuntimeSettings, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="labelmill_nowhere"):
        await Database.open(settings, "nowhere", sa.MetaData())
    assert not (tmp_path / "nowhere.db").exists()


def _copies(folder: Path, canary: str) -> int:
    """How often the files of the database hold the text, the write-ahead log included."""
    return sum(path.read_bytes().count(canary.encode()) for path in folder.glob("echo.db*"))


async def test_after_scrubbing_no_file_holds_what_was_deleted(settings: RuntimeSettings, tmp_path: Path) -> None:
    """Also not where SQLite moved rows between pages, which deleting them does not overwrite."""
    database = await Database.open(settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
    effects, chance = database.metadata.tables["effects"], random.Random(3)
    for _ in range(40):
        texts = [chance.choice((CANARY, "harmless")) * chance.choice((1, 2, 9, 50)) for _ in range(60)]
        rows = [{"id": chance.randrange(2**31), "text": text} for text in texts]  # anywhere, so that pages are split
        async with database.transaction() as session:
            await session.execute(sa.insert(effects), rows)
    async with database.transaction() as session:
        await session.execute(sa.delete(effects).where(effects.c.text.startswith(CANARY)))
    kept = await _texts(database)
    assert _copies(tmp_path, CANARY) > 0
    await database.scrub()
    assert _copies(tmp_path, CANARY) == 0
    assert await _texts(database) == kept
    await _add(database, "after")
    await database.close()


async def test_scrubbing_waits_for_readers_of_the_old_rows(
    settings: RuntimeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelmill_runtime.database._TRUNCATE_ATTEMPTS", 3)
    database = await Database.open(settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
    await _add(database, CANARY)
    async with database.reading() as session:
        await session.scalar(sa.select(sa.func.count()).select_from(database.metadata.tables["effects"]))
        with pytest.raises(Unavailable) as caught:
            await database.scrub()
        await _add(database, "meanwhile")
    assert caught.value.reason == "DATABASE_BUSY"
    await database.scrub()
    await database.close()


async def test_scrubbing_inside_a_transaction_raises_instead_of_waiting_for_itself(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(RuntimeError, match="inside"):
            await database.scrub()
    await database.scrub()


async def test_scrubbing_between_transactions_disturbs_none(database: Database) -> None:
    async def often() -> None:
        for _ in range(5):
            await database.scrub()

    await asyncio.gather(often(), *(_add(database, str(number)) for number in range(50)))
    assert len(await _texts(database)) == 50
