"""Messages to people: what is to be sent to whom, and what became of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "notifications",
        _word("notice_id"),
        _word("force"),
        _word("alert_id"),
        _word("subject"),
        _big("n"),
        _word("receiver"),
        _word("channel"),
        _word("address"),
        _word("step"),
        _word("class"),
        _word("thread"),
        _big("due_at"),
        _big("created_at"),
        sa.Column("body", sa.Text(), nullable=False),
        _word("status"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _big("next_try_at", null=True),
        _word("claimed_by", null=True),
        _big("claimed_until", null=True),
        _big("expires_at"),
        _big("sent_at", null=True),
        _word("outcome"),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("notice_id", name="pk_notifications"),
        sa.UniqueConstraint("alert_id", "receiver", "step", "n", name="uq_notifications_alert_id"),
    )
    for name, columns in {
        "ix_notifications_open": ["next_try_at"],
        "ix_notifications_pair": ["receiver", "alert_id", "n"],
    }.items():
        held = sa.text("next_try_at IS NOT NULL")
        op.create_index(name, "notifications", columns, sqlite_where=held, postgresql_where=held)


def _word(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, _WORD, nullable=null)


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)
