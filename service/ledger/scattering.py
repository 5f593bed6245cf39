"""Forces whose records lie in other forces' partitions: what their sources promised, and when it counts.

Read in one partition, such a force says nothing of how far it is read in another. So what it promises is
written down; then every partition's end is written beside it; and it counts once the positions, which all
workers move, have passed all of those ends: by then whatever was sent before the promise has been read.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, select, update

from service.ledger.instants import instant, micros
from service.ledger.positions import applied
from service.ledger.statements import insert_once
from service.ledger.tables import scattered


class Scattered(Struct, frozen=True):
    """One source of one force on one topic."""

    topic_id: str
    force: str
    source: str


class Waiting(Struct, frozen=True, kw_only=True):
    """How far such a source's promises are proved."""

    of: Scattered
    topic: str
    promised: datetime | None
    awaited: datetime | None
    ends: dict[int, int] | None
    """By partition; None: not yet asked for."""


def known_scattered(connection: Connection) -> frozenset[tuple[str, str]]:
    """Topic ids and forces."""
    rows = connection.execute(select(scattered.c.topic_id, scattered.c.force))
    return frozenset((topic_id, force) for topic_id, force in rows)


def note(connection: Connection, topic: str, said: Mapping[Scattered, datetime | None]) -> None:
    """Write down that these are scattered, and the latest that each promised."""
    rows = sorted((each.topic_id, each.force, each.source) for each in said)
    insert_once(connection, scattered, [(*row, topic, None, None, None) for row in rows])
    for each, promised in sorted(said.items(), key=lambda pair: msgspec.structs.astuple(pair[0])):
        if promised is not None:
            higher = scattered.c.promised.is_(None) | (scattered.c.promised < micros(promised))
            change = update(scattered).where(_is(each), higher)
            connection.execute(change.values(promised=micros(promised)))


def waiting(connection: Connection, forces: Collection[str]) -> list[Waiting]:
    """Promises of these forces that do not count yet."""
    query = select(scattered).where(
        scattered.c.force.in_(forces), scattered.c.promised.is_not(None)
    )
    return [
        Waiting(
            of=Scattered(row["topic_id"], row["force"], row["source"]),
            topic=row["topic"],
            promised=instant(row["promised"]),
            awaited=instant(row["awaited"]),
            ends=msgspec.json.decode(row["ends"], type=dict[int, int]) if row["ends"] else None,
        )
        for row in connection.execute(query.order_by(*scattered.primary_key)).mappings()
    ]


def await_ends(connection: Connection, each: Waiting, ends: Mapping[int, int]) -> None:
    """What was promised up to now counts once these ends, asked for just now, are passed."""
    change = update(scattered).where(_is(each.of))
    given = {"awaited": micros(each.promised), "ends": msgspec.json.encode(dict(ends)).decode()}
    connection.execute(change.values(**given))


def passed(connection: Connection, several: Iterable[Waiting]) -> list[Waiting]:
    """Those whose ends every partition's position has passed."""
    found = []
    for each in several:
        if each.ends is not None:
            held = applied(connection, each.topic)
            if all(held.get((each.of.topic_id, n), 0) >= end for n, end in each.ends.items()):
                found.append(each)
    return found


def count(connection: Connection, each: Waiting) -> None:
    """It was told to the force's lane, and need not be again."""
    same = and_(_is(each.of), scattered.c.awaited == micros(each.awaited))
    connection.execute(update(scattered).where(same).values(awaited=None, ends=None))
    done = and_(_is(each.of), scattered.c.promised == micros(each.awaited))
    connection.execute(update(scattered).where(done).values(promised=None))


def _is(each: Scattered) -> ColumnElement[bool]:
    return and_(
        scattered.c.topic_id == each.topic_id,
        scattered.c.force == each.force,
        scattered.c.source == each.source,
    )
