"""What boards and lists sort and count by, and what was usual at an hour of the week."""

import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from service.alerts.queues import place
from service.effects import ReportState
from service.matching.judgement import decode

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_PAGE = 2000


def upgrade() -> None:
    """Add the columns, fill them from each report as it stands, then index them."""
    for name in ("harm_group", "category", "area"):
        op.add_column("reports", sa.Column(name, _WORD, nullable=False, server_default=""))
    for column in (
        sa.Column("on_board", sa.Integer()),
        sa.Column("queues", sa.Integer()),
        sa.Column("owner", _WORD),
    ):
        op.add_column("reports", column)
    _fill()
    for name, held, columns in (
        ("ix_reports_board", "on_board", ["deadline", "ref", "harm_group", "verdict", "owner"]),
        ("ix_reports_queues", "queues", ["received_at", "ref", "queues", "harm_group"]),
        ("ix_reports_owner", "owner", ["owner", "deadline", "ref", "harm_group"]),
    ):
        where = sa.text(f"{held} IS NOT NULL")
        op.create_index(
            name, "reports", ["force", *columns], sqlite_where=where, postgresql_where=where
        )
    op.create_index("ix_reports_received", "reports", ["force", "received_at", "verdict", "grade"])
    op.create_index("ix_alert_events_subject", "alert_events", ["force", "subject_id", "seq"])
    op.create_table(
        "standing_hours",
        sa.Column("force", _WORD, nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("harm_group", _WORD, nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("past_due", "within_4h", "within_12h", "nobody")
        ),
        sa.PrimaryKeyConstraint("force", "hour", "harm_group", name="pk_standing_hours"),
    )


def _fill() -> None:
    connection = op.get_bind()
    after = ("", "")
    read = sa.text(
        "SELECT force, ref, state, line FROM reports WHERE (force, ref) > (:force, :ref) "
        "ORDER BY force, ref LIMIT :page"
    )
    write = sa.text(
        "UPDATE reports SET harm_group = :harm_group, category = :category, area = :area, "
        "on_board = :on_board, queues = :queues WHERE force = :force AND ref = :ref"
    )
    while True:
        given = {"force": after[0], "ref": after[1], "page": _PAGE}
        rows = connection.execute(read, given).all()
        if not rows:
            return
        connection.execute(write, [_placed(*row) for row in rows])
        after = (rows[-1][0], rows[-1][1])


def _placed(force: str, ref: str, state: str, line: str) -> dict[str, object]:
    facts = msgspec.json.decode(state, type=ReportState).facts
    where = place(facts, decode(line.encode()))
    return {
        "force": force,
        "ref": ref,
        "harm_group": str(where.group or ""),
        "category": where.category,
        "area": facts.area,
        "on_board": 1 if where.on_board else None,
        "queues": int(where.queues) or None,
    }
