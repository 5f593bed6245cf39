"""The first ledger: lanes, positions, reports, records, chain, outbox, counters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table."""
    _lanes()
    _reports_and_records()
    _chain()
    _counters()


def _word(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, _WORD, nullable=null)


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _bytes(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def _lanes() -> None:
    op.create_table(
        "lanes",
        _word("force"),
        _big("version"),
        _big("seq"),
        _big("now", null=True),
        _big("alert_from", null=True),
        _bytes("head"),
        sa.PrimaryKeyConstraint("force", name="pk_lanes"),
    )
    op.create_table(
        "positions",
        _word("topic_id"),
        _int("partition"),
        _word("topic"),
        _big("next"),
        sa.PrimaryKeyConstraint("topic_id", "partition", name="pk_positions"),
    )
    op.create_table(
        "sources",
        _word("force"),
        _word("source"),
        _text("state"),
        sa.PrimaryKeyConstraint("force", "source", name="pk_sources"),
    )


def _reports_and_records() -> None:
    op.create_table(
        "reports",
        _word("force"),
        _word("ref"),
        _big("received_at"),
        _word("verdict"),
        _word("grade"),
        _word("claim", null=True),
        _big("deadline", null=True),
        _word("waits_on"),
        _big("next_by_watermark", null=True),
        _big("next_by_clock", null=True),
        _text("state"),
        _text("line"),
        sa.PrimaryKeyConstraint("force", "ref", name="pk_reports"),
    )
    for name, columns in {
        "ix_reports_by_watermark": ["waits_on", "next_by_watermark"],
        "ix_reports_by_clock": ["next_by_clock"],
        "ix_reports_open": ["verdict", "deadline"],
        "ix_reports_claimed": ["claim"],
    }.items():
        _index(name, "reports", ["force", *columns], f"{columns[-1]} IS NOT NULL")
    op.create_table(
        "records",
        _word("force"),
        _word("ref"),
        _big("recorded_at"),
        _int("rows"),
        _int("links"),
        _int("live"),
        _text("state"),
        sa.PrimaryKeyConstraint("force", "ref", name="pk_records"),
    )
    op.create_table(
        "mentions",
        _word("force"),
        _word("key"),
        _word("kind"),
        _word("ref"),
        sa.PrimaryKeyConstraint("force", "key", "kind", "ref", name="pk_mentions"),
        sqlite_with_rowid=False,
    )


def _chain() -> None:
    op.create_table(
        "alert_events",
        _word("force"),
        _big("seq"),
        _word("event_id"),
        _word("type"),
        _big("at"),
        _word("subject_id"),
        _word("actor_id"),
        _bytes("payload_hash"),
        _bytes("previous"),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("force", "seq", name="pk_alert_events"),
        sa.UniqueConstraint("event_id", name="uq_alert_events_event_id"),
    )
    op.create_table(
        "chain_payloads",
        _word("force"),
        _big("seq"),
        _bytes("salt"),
        _text("payload"),
        sa.PrimaryKeyConstraint("force", "seq", name="pk_chain_payloads"),
    )
    op.create_table(
        "outbox",
        _word("force"),
        _big("seq"),
        _word("kind"),
        _word("status"),
        _int("attempts"),
        _word("claimed_by", null=True),
        _big("claimed_until", null=True),
        _big("next_try_at", null=True),
        sa.PrimaryKeyConstraint("force", "seq", "kind", name="pk_outbox"),
    )
    _index("ix_outbox_waiting", "outbox", ["kind", "force", "seq"], "status = 'waiting'")
    op.create_table(
        "published",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        _word("force"),
        _big("seq"),
        sa.PrimaryKeyConstraint("number", name="pk_published"),
        sa.UniqueConstraint("force", "seq", name="uq_published_force"),
    )


def _counters() -> None:
    op.create_table(
        "intake",
        _word("force"),
        _word("source"),
        _word("topic"),
        _word("result"),
        _big("n"),
        sa.PrimaryKeyConstraint("force", "source", "topic", "result", name="pk_intake"),
        sa.CheckConstraint("n >= 0", name=op.f("ck_intake_not_negative")),
    )
    op.create_table(
        "tallies",
        _word("force"),
        _word("verdict"),
        _word("grade"),
        _big("n"),
        sa.PrimaryKeyConstraint("force", "verdict", "grade", name="pk_tallies"),
        sa.CheckConstraint("n >= 0", name=op.f("ck_tallies_not_negative")),
    )
    op.create_table(
        "active_digests",
        _word("kind"),
        _word("name"),
        _word("digest"),
        _big("activated_at"),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_active_digests"),
    )
    op.create_table(
        "dead_letters",
        _word("topic_id"),
        _int("partition"),
        _big("position"),
        _word("force"),
        _word("source"),
        _big("known_at", null=True),
        _word("reason"),
        _word("field"),
        _word("digest"),
        _int("attempts"),
        _word("status"),
        _bytes("raw_encrypted", null=True),
        sa.PrimaryKeyConstraint("topic_id", "partition", "position", name="pk_dead_letters"),
    )
