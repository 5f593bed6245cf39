"""Forces found in other forces' partitions, and why a dead letter was discarded."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table, and add the column."""
    op.create_table(
        "scattered",
        sa.Column("topic_id", _WORD, nullable=False),
        sa.Column("force", _WORD, nullable=False),
        sa.Column("source", _WORD, nullable=False),
        sa.Column("topic", _WORD, nullable=False),
        sa.Column("promised", sa.BigInteger()),
        sa.Column("awaited", sa.BigInteger()),
        sa.Column("ends", sa.Text()),
        sa.PrimaryKeyConstraint("topic_id", "force", "source", name="pk_scattered"),
    )
    op.add_column("dead_letters", sa.Column("discarded_for", _WORD))
