"""Who is to be told: frozen routes, escalations under way, worklists, interrupts, cursors."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "frozen_routes",
        _word("digest"),
        sa.Column("route", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_frozen_routes"),
    )
    op.create_table(
        "escalations",
        *map(_word, ("alert_id", "force", "subject", "route")),
        _int("open"),
        _big("next_at", null=True),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_escalations"),
    )
    _index("ix_escalations_next", "escalations", ["next_at"], "next_at IS NOT NULL")
    op.create_index("ix_escalations_open", "escalations", ["open", "alert_id"])
    op.create_table(
        "on_lists",
        *map(_word, ("alert_id", "receiver", "force", "subject", "category", "how")),
        _big("since"),
        *(_big(name, null=True) for name in ("due_at", "digest_at", "told_at")),
        *map(_int, ("interrupted", "changed", "ended")),
        sa.PrimaryKeyConstraint("alert_id", "receiver", name="pk_on_lists"),
    )
    _index("ix_on_lists_digest", "on_lists", ["digest_at"], "digest_at IS NOT NULL")
    receivers = ["force", "receiver", "ended", "due_at"]
    op.create_index("ix_on_lists_receiver", "on_lists", receivers)
    op.create_table(
        "interrupts",
        _word("force"),
        _word("receiver"),
        _big("at"),
        _word("alert_id"),
        _word("step"),
        _int("given"),
        sa.PrimaryKeyConstraint(
            "force", "receiver", "at", "alert_id", "step", name="pk_interrupts"
        ),
    )
    op.create_table(
        "cursors",
        _word("name"),
        _big("position"),
        _big("at"),
        sa.PrimaryKeyConstraint("name", name="pk_cursors"),
    )


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, _WORD, nullable=False)


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    held = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=held, postgresql_where=held)
