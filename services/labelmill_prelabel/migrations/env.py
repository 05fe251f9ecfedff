"""Alembic's entry."""

from labelmill_runtime import migrations

migrations.run()
