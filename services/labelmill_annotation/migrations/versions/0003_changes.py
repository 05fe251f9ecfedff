"""Annotations are found by the time of their newest version."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the index."""
    op.create_index(
        "ix_annotation_versions_changed",
        "annotation_versions",
        ["project", "create_ms", "id"],
        sqlite_where=sa.text("is_current"),
        postgresql_where=sa.text("is_current"),
    )
