"""Sessions of people, and who looked at what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "sessions",
        sa.Column("key", _WORD, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("actor_id", _WORD, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sessions"),
    )
    op.create_index("ix_sessions_ends", "sessions", ["ends_at"])
    op.create_table(
        "consultations",
        sa.Column("id", _WORD, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("force", _WORD, nullable=False),
        sa.Column("ref", _WORD, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("view", _WORD, nullable=False),
        sa.Column("actor_id", _WORD, nullable=False),
        sa.Column("roles", _WORD, nullable=False),
        sa.Column("via", _WORD, nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.Column("purpose", _WORD, nullable=False),
        sa.Column("recipient", _WORD, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consultations"),
    )
    op.create_index("ix_consultations_at", "consultations", ["at", "id"])
    op.create_index("ix_consultations_report", "consultations", ["force", "ref", "at"])
