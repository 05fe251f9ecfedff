"""The migrations make the tables that the code means."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from labelmill_quality.adapters.live_tables import metadata
from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_migrations_make_the_tables_of_the_code(settings: RuntimeSettings) -> None:
    database = await Database.open(settings, "quality", metadata)
    try:
        async with database.transaction() as session:
            connection = await session.connection()
            assert await connection.run_sync(_differences) == []
    finally:
        await database.close()
