"""Alembic's entry; the runtime does the work."""

from labelmill_runtime import migrations

migrations.run()
