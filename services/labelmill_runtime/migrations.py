"""Runs a service's Alembic migrations inside the transaction that `Database.open` holds.

A service's `migrations/env.py` is:

    from labelmill_runtime import migrations

    migrations.run()
"""

from __future__ import annotations

from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData

from labelmill_runtime.tables import erased_names_table, runtime_tables

_CONNECTION = "labelmill.connection"
_METADATA = "labelmill.metadata"


def upgrade(connection: Connection, directory: Path, metadata: MetaData) -> None:
    """Brings the schema up to the newest version; called by `Database.open`."""
    command.upgrade(_config(connection, directory, metadata), "head")


def run() -> None:
    """The body of every env.py."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes[_CONNECTION],
        target_metadata=attributes[_METADATA],
        render_as_batch=True,  # SQLite alters a table by copying it
    )
    with context.begin_transaction():
        context.run_migrations()


def create_runtime_tables(connection: Connection) -> None:
    """Creates the runtime's tables; for a service's 0001 migration: `create_runtime_tables(op.get_bind())`."""
    tables = runtime_tables(MetaData())
    for table in (tables.operations, tables.requests):
        table.create(connection)


def create_erased_names_table(connection: Connection) -> None:
    """Creates the table of `ErasedNames`; for a migration of a service that uses it."""
    erased_names_table(MetaData()).create(connection)


def _config(connection: Connection, directory: Path, metadata: MetaData) -> Config:
    config = Config()
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    config.attributes[_CONNECTION] = connection
    config.attributes[_METADATA] = metadata
    return config
