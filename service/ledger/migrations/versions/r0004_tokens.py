"""Tokens of those who send: one source of one force each, only their digests."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "tokens",
        sa.Column("id", _WORD, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("source", _WORD, nullable=False),
        sa.Column("force", _WORD, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
    )
