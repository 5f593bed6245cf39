"""The ledger's tables, the same on SQLite and PostgreSQL.

Instants are microseconds since the epoch (``instants``). Text compares byte by byte on both
databases, so "in order of force and ref" means one thing. State is JSON; what queries need stands in
columns beside it. Whatever two forces could both write would make their turns wait for each other:
everything is keyed by force, save positions (one worker reads a partition) and what only commands write.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

from schemas.words import Verdict

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Word = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text that is compared and sorted: by code point on either database, never by a locale."""

OPEN = frozenset({Verdict.PENDING, Verdict.MISSED, Verdict.PARTLY_RECORDED, Verdict.NOT_PROVABLE})
"""Verdicts that leave something owed or unproved: reports with one of them have a deadline here."""

WAITING = "status = 'waiting'"
"""Rows of the outbox that nobody has sent."""

BY_PEOPLE = "actor_id <> ''"
"""Rows of the chain that tell what a person did."""

# -- lanes and positions ------------------------------------------------------------------------

lanes = Table(
    "lanes",
    metadata,
    Column("force", Word, primary_key=True),
    Column("version", BigInteger, nullable=False),  # turns so far; validates caches, guards nothing
    Column("seq", BigInteger, nullable=False),  # last chain number given
    Column("now", BigInteger),
    Column("alert_from", BigInteger),
    Column("head", LargeBinary, nullable=False),  # hash of the last chain row; empty before any
)

positions = Table(
    "positions",
    metadata,
    Column("topic_id", Word, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("topic", Word, nullable=False),
    Column("next", BigInteger, nullable=False),  # first position not yet applied
)

sources = Table(
    "sources",
    metadata,
    Column("force", Word, primary_key=True),
    Column("source", Word, primary_key=True),
    Column("state", Text, nullable=False),
)

# -- reports and records ------------------------------------------------------------------------

reports = Table(
    "reports",
    metadata,
    Column("force", Word, primary_key=True),
    Column("ref", Word, primary_key=True),
    Column("received_at", BigInteger, nullable=False),
    Column("verdict", Word, nullable=False),
    Column("grade", Word, nullable=False),  # empty where nothing is expected
    Column("claim", Word),  # what its alert stands as, where that is a miss
    Column("deadline", BigInteger),  # of what is owed or unproved; null once nothing is
    Column("waits_on", Word, nullable=False),  # report source that lags; empty: record sources
    Column("next_by_watermark", BigInteger),
    Column("next_by_clock", BigInteger),
    Column("state", Text, nullable=False),
    Column("line", Text, nullable=False),  # canonical verdict line
    # by which boards and lists sort and count (service.alerts.queues)
    Column("harm_group", Word, nullable=False),  # empty: no crime is expected
    Column("category", Word, nullable=False),
    Column("area", Word, nullable=False),
    Column(
        "on_board", Integer
    ),  # 1: owed or unproved, clear, answering for its incident; else null
    Column("queues", Integer),  # flags of Queue; null where there are none
    Column("owner", Word),  # who has it in hand; null: nobody
)

ON_BOARD = ("on_board", "deadline", "ref", "harm_group", "verdict", "owner", "area")
"""By time, and with all that the board counts, so that counting reads no row."""

COUNTED = ("verdict", "harm_group", "deadline", "owner", "on_board")
"""What the board counts stands together in it: counting sorts nothing."""

# Conditions of partial indexes are plain: SQLite evaluates a list of words for every row it writes.
for _name, _held, _columns in (
    ("ix_reports_by_watermark", "next_by_watermark", ("waits_on", "next_by_watermark")),
    ("ix_reports_by_clock", "next_by_clock", ("next_by_clock",)),
    ("ix_reports_open", "deadline", ("verdict", "deadline")),
    ("ix_reports_claimed", "claim", ("claim",)),
    ("ix_reports_board", "on_board", ON_BOARD),
    ("ix_reports_counted", "on_board", COUNTED),
    ("ix_reports_queues", "queues", ("received_at", "ref", "queues", "harm_group")),
    ("ix_reports_owner", "owner", ("owner", "deadline", "ref", "harm_group")),
):
    _where = reports.c[_held].is_not(None)
    Index(
        _name,
        reports.c.force,
        *(reports.c[column] for column in _columns),
        sqlite_where=_where,
        postgresql_where=_where,
    )
Index(
    "ix_reports_received",
    reports.c.force,
    reports.c.received_at,
    reports.c.verdict,
    reports.c.grade,
)

FOR_LISTS = (
    "ix_reports_board",
    "ix_reports_counted",
    "ix_reports_queues",
    "ix_reports_owner",
    "ix_reports_received",
    "ix_alert_events_subject",
)
"""Indexes that boards and lists read and no turn does."""

records = Table(
    "records",
    metadata,
    Column("force", Word, primary_key=True),
    Column("ref", Word, primary_key=True),
    Column("recorded_at", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),  # input rows that made it up
    Column("links", Integer, nullable=False),  # reports it is linked to
    Column("live", Integer, nullable=False),  # 0: cancelled, transferred, reclassified away
    Column("state", Text, nullable=False),
)

mentions = Table(
    "mentions",
    metadata,
    Column("force", Word, primary_key=True),
    Column("key", Word, primary_key=True),
    Column("kind", Word, primary_key=True),  # report or record: which of the two mentions the key
    Column("ref", Word, primary_key=True),
    sqlite_with_rowid=False,
)

# -- what was said ------------------------------------------------------------------------------

alert_events = Table(
    "alert_events",
    metadata,
    Column("force", Word, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("event_id", Word, nullable=False),
    Column("type", Word, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("subject_id", Word, nullable=False),  # alert id: says nothing by itself
    Column("actor_id", Word, nullable=False),  # empty: nobody, the rules
    Column("payload_hash", LargeBinary, nullable=False),  # sha256(salt || payload)
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("event_id"),
    Index("ix_alert_events_subject", "force", "subject_id", "seq"),
    *(
        Index(name, *columns, sqlite_where=text(BY_PEOPLE), postgresql_where=text(BY_PEOPLE))
        for name, columns in {
            "ix_alert_events_acts": ("force", "seq"),
            "ix_alert_events_actor": ("force", "actor_id", "seq"),
        }.items()
    ),
)

chain_payloads = Table(
    "chain_payloads",
    metadata,
    Column("force", Word, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("payload", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("force", Word, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", Word, primary_key=True),
    Column("status", Word, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", Word),
    Column("claimed_until", BigInteger),
    Column("next_try_at", BigInteger),
    Index(
        "ix_outbox_waiting",
        "kind",
        "force",
        "seq",
        sqlite_where=text(WAITING),
        postgresql_where=text(WAITING),
    ),
)

published = Table(
    "published",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("force", Word, nullable=False),
    Column("seq", BigInteger, nullable=False),
    UniqueConstraint("force", "seq"),
)

# -- counted, configured, refused -----------------------------------------------------------------

intake = Table(
    "intake",
    metadata,
    Column("force", Word, primary_key=True),  # empty where a dead letter does not tell
    Column("source", Word, primary_key=True),
    Column("topic", Word, primary_key=True),
    Column("result", Word, primary_key=True),  # read, or what became of it
    Column("n", BigInteger, CheckConstraint("n >= 0", name="not_negative"), nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("force", Word, primary_key=True),
    Column("verdict", Word, primary_key=True),
    Column("grade", Word, primary_key=True),
    Column("n", BigInteger, CheckConstraint("n >= 0", name="not_negative"), nullable=False),
)

active_digests = Table(
    "active_digests",
    metadata,
    Column("kind", Word, primary_key=True),  # pack, mapping, linkage, routes
    Column("name", Word, primary_key=True),
    Column("digest", Word, nullable=False),
    Column("activated_at", BigInteger, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("topic_id", Word, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("force", Word, nullable=False),  # empty where it cannot be told
    Column("source", Word, nullable=False),
    Column("known_at", BigInteger),
    Column("reason", Word, nullable=False),
    Column("field", Word, nullable=False),
    Column("digest", Word, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Word, nullable=False),  # waiting to be relayed, kept, replayed, discarded
    Column("raw_encrypted", LargeBinary),
    Column("discarded_for", Word),  # a word of a closed list; null where it was not discarded
)

# -- scattered forces -----------------------------------------------------------------------------

scattered = Table(
    "scattered",
    metadata,
    Column("topic_id", Word, primary_key=True),
    Column("force", Word, primary_key=True),
    Column("source", Word, primary_key=True),
    Column("topic", Word, nullable=False),
    Column("promised", BigInteger),  # the latest watermark said, in whatever partition
    Column("awaited", BigInteger),  # one said before; counts once ``ends`` are passed
    Column("ends", Text),  # JSON: end of every partition, asked for after ``awaited`` was said
)

# -- tokens of those who send -----------------------------------------------------------------------

tokens = Table(
    "tokens",
    metadata,
    Column("id", Word, primary_key=True),  # the part of a token that is no secret
    Column("digest", LargeBinary, nullable=False),  # sha256 of the secret, 256 bits of chance
    Column("source", Word, nullable=False),  # as the ledger names it: mapping/side
    Column("force", Word, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

# -- what is usual --------------------------------------------------------------------------------

standing_hours = Table(
    "standing_hours",
    metadata,
    Column("force", Word, primary_key=True),
    Column("hour", BigInteger, primary_key=True),  # whole hours since the epoch
    Column("harm_group", Word, primary_key=True),
    Column("past_due", Integer, nullable=False),
    Column("within_4h", Integer, nullable=False),
    Column("within_12h", Integer, nullable=False),
    Column("nobody", Integer, nullable=False),
)


# -- messages to people ---------------------------------------------------------------------------

notifications = Table(
    "notifications",
    metadata,
    Column("notice_id", Word, primary_key=True),  # uuid; the key by which a receiver knows a repeat
    Column("force", Word, nullable=False),
    Column("alert_id", Word, nullable=False),
    Column("subject", Word, nullable=False),  # reference of the report, or name of the source
    Column("n", BigInteger, nullable=False),  # number of the event in its alert
    Column("receiver", Word, nullable=False),
    Column("channel", Word, nullable=False),
    Column("address", Word, nullable=False),
    Column("step", Word, nullable=False),
    Column("class", Word, nullable=False),  # interrupt, digest, thread
    Column("thread", Word, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Word, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger),  # while claimed: when others may take it; null: it has ended
    Column("claimed_by", Word),
    Column("claimed_until", BigInteger),
    Column("expires_at", BigInteger, nullable=False),  # after this it is not tried again
    Column("sent_at", BigInteger),
    Column("outcome", Word, nullable=False),  # empty before the first attempt
    Column("code", Integer),  # what the receiver's server answered, where it did
    UniqueConstraint("alert_id", "receiver", "step", "n"),
)

for _name, _by in {
    "ix_notifications_open": ("next_try_at",),
    "ix_notifications_pair": ("receiver", "alert_id", "n"),
}.items():
    _open = notifications.c.next_try_at.is_not(None)
    Index(
        _name,
        *(notifications.c[column] for column in _by),
        sqlite_where=_open,
        postgresql_where=_open,
    )

# -- what people do -------------------------------------------------------------------------------

commands = Table(
    "commands",
    metadata,
    Column("force", Word, primary_key=True),
    Column("command_id", Word, primary_key=True),
    Column("seq", BigInteger),  # of its chain row; null where it was refused
    Column("digest", Word, nullable=False),  # what was asked: the id with another one is a mistake
    Column("at", BigInteger, nullable=False),
    Column("answer", Text, nullable=False),
)

operator_texts = Table(
    "operator_texts",
    metadata,
    Column("force", Word, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("command_id", Word, nullable=False),
    Column("key_id", Word, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

mutes = Table(
    "mutes",
    metadata,
    Column("force", Word, primary_key=True),
    Column("mute_id", Word, primary_key=True),
    Column("area", Word, nullable=False),  # empty matchers match everything
    Column("category", Word, nullable=False),
    Column("harm", Integer),  # 0 or 1; null: either
    Column("grade", Word, nullable=False),
    Column("subject", Word, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("author", Word, nullable=False),
    Column(
        "seq", BigInteger, nullable=False
    ),  # of the command that made it, by which its text is found
    Column("ended_at", BigInteger),
    Column("ended_by", Word, nullable=False),
)

# -- people who look ------------------------------------------------------------------------------

sessions = Table(
    "sessions",
    metadata,
    Column("key", Word, primary_key=True),  # sha256 of what the browser holds
    Column("kind", Word, nullable=False),  # signed_in, signing_in, link
    Column("actor_id", Word, nullable=False),  # empty until somebody is signed in
    Column("state", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),  # whatever happens
    Index("ix_sessions_ends", "ends_at"),
)

consultations = Table(
    "consultations",
    metadata,
    Column("id", Word, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("force", Word, nullable=False),  # empty: of no single force
    Column("ref", Word, nullable=False),  # empty: of no single report
    Column("kind", Word, nullable=False),  # consultation, disclosure
    Column("view", Word, nullable=False),
    Column("actor_id", Word, nullable=False),
    Column("roles", Word, nullable=False),
    Column("via", Word, nullable=False),
    Column("allowed", Integer, nullable=False),  # 0: refused
    Column("purpose", Word, nullable=False),  # a word of a closed list; empty where refused
    Column("recipient", Word, nullable=False),  # of a disclosure: an opaque id
    Index("ix_consultations_at", "at", "id"),
    Index("ix_consultations_report", "force", "ref", "at"),
    Index("ix_consultations_actor", "actor_id", "at"),
)

# -- who is to be told ------------------------------------------------------------------------------

frozen_routes = Table(
    "frozen_routes",
    metadata,
    Column("digest", Word, primary_key=True),
    Column("route", Text, nullable=False),  # whole: receivers, addresses, shifts, steps
)

escalations = Table(
    "escalations",
    metadata,
    Column("alert_id", Word, primary_key=True),
    Column("force", Word, nullable=False),
    Column("subject", Word, nullable=False),
    Column("route", Word, nullable=False),  # digest of the frozen one
    Column("open", Integer, nullable=False),  # 1: something is still to be escalated
    Column("next_at", BigInteger),  # when to look at it again; null: not before something is said
    Column("progress", Text, nullable=False),
    Index(
        "ix_escalations_next",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index("ix_escalations_open", "open", "alert_id"),
)

on_lists = Table(
    "on_lists",
    metadata,
    Column("alert_id", Word, primary_key=True),
    Column("receiver", Word, primary_key=True),
    Column("force", Word, nullable=False),
    Column("subject", Word, nullable=False),
    Column("category", Word, nullable=False),
    Column("how", Word, nullable=False),  # worklist, digest, interrupt, quiet, noticed
    Column("since", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("digest_at", BigInteger),  # the digest that is to hold it; null: none
    Column("told_at", BigInteger),  # null: it stands on the worklist alone
    Column("interrupted", Integer, nullable=False),  # 1: by a message of its own
    Column("changed", Integer, nullable=False),  # 1: not as it was when told
    Column("ended", Integer, nullable=False),  # 1: settled; kept for whoever was told of it
    Index(
        "ix_on_lists_digest",
        "digest_at",
        sqlite_where=text("digest_at IS NOT NULL"),
        postgresql_where=text("digest_at IS NOT NULL"),
    ),
    Index("ix_on_lists_receiver", "force", "receiver", "ended", "due_at"),
)

interrupts = Table(
    "interrupts",
    metadata,
    Column("force", Word, primary_key=True),
    Column("receiver", Word, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("alert_id", Word, primary_key=True),
    Column("step", Word, primary_key=True),
    Column("given", Integer, nullable=False),  # 0: over budget, told by digest
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", Word, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),  # when it was last looked at, by whoever's it is
)
