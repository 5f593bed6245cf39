"""What was said, in the one order of published numbers: what live streams read."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, func, select

from service.ledger.instants import instant
from service.ledger.tables import alert_events, chain_payloads, lanes, published, reports
from service.matching.judgement import decode


class Group(Struct, frozen=True):
    """What of a report decides who may read it."""

    referral: bool
    harm_group: str
    """Empty: no crime is expected."""


class Published(Struct, frozen=True, kw_only=True):
    """One event with its number."""

    number: int
    force: str
    said: dict[str, object]
    """What may leave of it: words and references."""
    group: Group | None
    """None: it is about no report."""


SHOWN = (
    "event_id",
    "alert_id",
    "subject",
    "effective_at",
    "due_at",
    "category",
    "grade",
    "harm",
    "quiet",
)
"""Of a payload; what people typed stays where it is."""


def newest(connection: Connection) -> int:
    """The last number given; 0: none yet."""
    return connection.scalars(select(func.max(published.c.number))).one() or 0


def stand(connection: Connection) -> dict[str, tuple[int, datetime | None]]:
    """By force: turns so far, and the moment at which its lane stands."""
    query = select(lanes.c.force, lanes.c.version, lanes.c.now)
    return {force: (version, instant(now)) for force, version, now in connection.execute(query)}


def after(connection: Connection, number: int, limit: int) -> list[Published]:
    """What was numbered after a number, in order."""
    held = alert_events.c
    event = and_(held.force == published.c.force, held.seq == published.c.seq)
    payload = and_(
        chain_payloads.c.force == published.c.force, chain_payloads.c.seq == published.c.seq
    )
    query = (
        select(published.c.number, held.force, held.seq, held.type, held.at, held.actor_id)
        .add_columns(chain_payloads.c.payload)
        .select_from(published.join(alert_events, event).outerjoin(chain_payloads, payload))
        .where(published.c.number > number)
        .order_by(published.c.number)
        .limit(limit)
    )
    rows = connection.execute(query).tuples().all()
    told = [_read(row[-1]) if row[-1] is not None else {} for row in rows]
    refs: dict[str, set[str]] = {}
    for row, said in zip(rows, told, strict=True):
        refs.setdefault(row[1], set()).add(_subject(said))
    groups = {force: groups_of(connection, force, named) for force, named in refs.items()}
    found = []
    for (n, force, seq, type_, at, actor, _), said in zip(rows, told, strict=True):
        shown = {name: said[name] for name in SHOWN if said.get(name) not in (None, "")}
        head = {"number": n, "force": force, "seq": seq, "type": type_, "at": instant(at)}
        by = {"actor": actor} if actor else {}
        group = groups[force].get(_subject(said))
        found.append(Published(number=n, force=force, said={**head, **by, **shown}, group=group))
    return found


def groups_of(connection: Connection, force: str, refs: Collection[str]) -> dict[str, Group]:
    """By reference, what decides who may read these reports; those not held are left out."""
    query = select(reports.c.ref, reports.c.harm_group, reports.c.line)
    rows = connection.execute(
        query.where(reports.c.force == force, reports.c.ref.in_(sorted(refs)))
    )
    return {
        ref: Group(decode(line.encode()).route == "referral", group) for ref, group, line in rows
    }


def _subject(said: dict[str, object]) -> str:
    return str(said.get("subject") or said.get("ref") or "")


_read = msgspec.json.Decoder(dict[str, object]).decode
