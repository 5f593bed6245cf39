"""Sessions at rest: keyed by a digest, so that who reads the ledger can take over nobody's."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select, update

from service.ledger.instants import instant, micros
from service.ledger.tables import sessions


class Held(Struct, frozen=True, kw_only=True):
    """One row of the table."""

    kind: str
    actor_id: str = ""
    state: str
    """JSON, as whoever keeps the session wrote it."""
    begun_at: datetime
    seen_at: datetime
    ends_at: datetime


def keep(connection: Connection, key: str, held: Held) -> None:
    """Hold a new session, and let go of those that have ended."""
    connection.execute(delete(sessions).where(sessions.c.ends_at <= micros(held.begun_at)))
    row = {
        "key": key,
        "kind": held.kind,
        "actor_id": held.actor_id,
        "state": held.state,
        "begun_at": micros(held.begun_at),
        "seen_at": micros(held.seen_at),
        "ends_at": micros(held.ends_at),
    }
    connection.execute(insert(sessions).values(row))


def find(connection: Connection, key: str, kind: str) -> Held | None:
    """The session of a key, ended or not."""
    of = select(sessions).where(sessions.c.key == key, sessions.c.kind == kind)
    row = connection.execute(of).one_or_none()
    if row is None:
        return None
    return Held(
        kind=row.kind,
        actor_id=row.actor_id,
        state=row.state,
        begun_at=instant(row.begun_at),
        seen_at=instant(row.seen_at),
        ends_at=instant(row.ends_at),
    )


def take(connection: Connection, key: str, kind: str) -> Held | None:
    """The session of a key, once: whoever comes second finds nothing."""
    found = find(connection, key, kind)
    gone = connection.execute(
        delete(sessions).where(sessions.c.key == key, sessions.c.kind == kind)
    ).rowcount
    return found if gone else None


def see(connection: Connection, key: str, at: datetime) -> None:
    """Note that a session was used."""
    connection.execute(update(sessions).where(sessions.c.key == key).values(seen_at=micros(at)))
