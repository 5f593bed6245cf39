"""Published numbers: one order over all forces, given after the events are committed.

Database ids commit out of order, so that a reader can see 2 before 1. Numbers are given by one sequencer
at a time, to events that are there for good: whoever has read up to a number has missed nothing before it.
"""

from sqlalchemy import Connection, and_, func, select, text

from service.ledger.opening import Ledger
from service.ledger.statements import insert
from service.ledger.tables import alert_events, lanes, published

NUMBERED_AT_ONCE = 5_000
"""Events numbered in one transaction, at most."""

SEQUENCER, SENDER = 0x5265_0001, 0x5265_0002
"""Advisory locks: any numbers, the same for everybody."""


def alone(connection: Connection, lock: int) -> None:
    """Wait until nobody else does this, and hold others off until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    # SQLite's one writer is alone already.


def number(ledger: Ledger, limit: int = NUMBERED_AT_ONCE) -> int:
    """Number events that have none, in a transaction of its own; how many. Whoever reads numbers (the
    relay, planners, live streams) may call this first: it does not matter who does."""
    with ledger.writing() as connection:
        return give_numbers(connection, limit)


def give_numbers(connection: Connection, limit: int = NUMBERED_AT_ONCE) -> int:
    """Number events that have none, each force's in its order; how many."""
    alone(connection, SEQUENCER)
    last = (
        select(func.max(published.c.seq))
        .where(published.c.force == lanes.c.force)
        .scalar_subquery()
    )
    behind = select(lanes.c.force, func.coalesce(last, 0).label("last"), lanes.c.seq)
    new: list[tuple[int, str, int]] = []
    for force, done, seq in connection.execute(behind.order_by(lanes.c.force)).all():
        if seq > done and len(new) < limit:
            here = and_(alert_events.c.force == force, alert_events.c.seq > done)
            query = select(alert_events.c.at, alert_events.c.force, alert_events.c.seq).where(here)
            rows = connection.execute(query.order_by(alert_events.c.seq).limit(limit - len(new)))
            new += [(at, force, seq) for at, force, seq in rows]
    highest = connection.scalars(select(func.max(published.c.number))).one() or 0
    # A lane's time never goes back, so this keeps each force's order.
    new.sort()
    insert(connection, published, [(highest + n, f, s) for n, (_, f, s) in enumerate(new, 1)])
    return len(new)
