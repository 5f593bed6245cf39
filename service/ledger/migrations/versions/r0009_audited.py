"""Indexes for what the audit asks for (acts of people, looks of one), and for what the board counts."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BY_PEOPLE = sa.text("actor_id <> ''")


def upgrade() -> None:
    """Make the indexes."""
    for name, columns in (
        ("ix_alert_events_acts", ["force", "seq"]),
        ("ix_alert_events_actor", ["force", "actor_id", "seq"]),
    ):
        op.create_index(
            name, "alert_events", columns, sqlite_where=_BY_PEOPLE, postgresql_where=_BY_PEOPLE
        )
    op.create_index("ix_consultations_actor", "consultations", ["actor_id", "at"])
    counted = ["force", "verdict", "harm_group", "deadline", "owner", "on_board"]
    on_board = sa.text("on_board IS NOT NULL")
    op.create_index(
        "ix_reports_counted", "reports", counted, sqlite_where=on_board, postgresql_where=on_board
    )
