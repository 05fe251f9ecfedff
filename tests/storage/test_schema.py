"""The migrations make the tables that the code means."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.sql.tables import storage_tables


async def test_migrations_make_the_tables_of_the_code(both_settings: RuntimeSettings) -> None:
    metadata = storage_tables().metadata
    database = await Database.open(both_settings, "storage", metadata)
    try:
        async with database.transaction() as session:
            connection = await session.connection()
            assert await connection.run_sync(_differences, metadata) == []
    finally:
        await database.close()


def _differences(connection: Connection, metadata: MetaData) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))
