"""What people do: commands answered, mutes, and what was typed, sealed and apart from the chain."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, _WORD, nullable=False)


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    """Make the tables of commands."""
    op.create_table(
        "commands",
        _word("force"),
        _word("command_id"),
        _big("seq", null=True),
        _word("digest"),
        _big("at"),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("force", "command_id", name="pk_commands"),
    )
    op.create_table(
        "operator_texts",
        _word("force"),
        _big("seq"),
        _word("command_id"),
        _word("key_id"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("force", "seq", name="pk_operator_texts"),
    )
    op.create_table(
        "mutes",
        _word("force"),
        _word("mute_id"),
        _word("area"),
        _word("category"),
        sa.Column("harm", sa.Integer(), nullable=True),
        _word("grade"),
        _word("subject"),
        _big("since"),
        _big("until"),
        _word("author"),
        _big("seq"),
        _big("ended_at", null=True),
        _word("ended_by"),
        sa.PrimaryKeyConstraint("force", "mute_id", name="pk_mutes"),
    )
