"""Escalations in the ledger: alerts with their frozen routes, who has them on a worklist, what was asked
of whose attention. Written by planners alone, one at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)

from schemas.words import AlertType
from service.alerts.escalation import FLOOD_IN, LOOK_AGAIN, SHIFT, Asked, Progress
from service.alerts.routes import Frozen
from service.effects import RaiseEvent
from service.ledger.instants import instant, micros
from service.ledger.statements import delete, insert, insert_once, upsert
from service.ledger.tables import (
    alert_events,
    chain_payloads,
    cursors,
    escalations,
    frozen_routes,
    intake,
    interrupts,
    lanes,
    on_lists,
    published,
    reports,
    sources,
)

Key = TypeVar("Key")

ASKED = 500
"""Keys in one query, at most."""

PLANNER_CURSOR = "planner"
"""Name of the cursor of those who plan."""

ASKED_LAST = 100
"""Interrupts looked back at: more than all budgets of twelve hours together."""

_types = frozenset(AlertType)
_read_event = msgspec.json.Decoder(RaiseEvent).decode
_read_progress = msgspec.json.Decoder(Progress).decode
_read_frozen = msgspec.json.Decoder(Frozen).decode
_encode = msgspec.json.Encoder(order="sorted").encode


class Published(Struct, frozen=True):
    """One numbered row of a chain."""

    number: int
    alert_id: str
    event: RaiseEvent | None
    """None: something a person did, or a payload that was erased."""
    force: str
    type: str
    """Type of the event, or the action."""


class Escalating(Struct, frozen=True, kw_only=True):
    """One alert and how far its escalation has come."""

    alert_id: str
    force: str
    subject: str
    route: str
    progress: Progress
    next_at: datetime | None


class Listed(Struct, frozen=True, kw_only=True):
    """One alert on one receiver's worklist."""

    alert_id: str
    receiver: str
    force: str
    subject: str
    category: str
    how: str
    since: datetime
    due_at: datetime | None = None
    digest_at: datetime | None = None
    told_at: datetime | None = None
    interrupted: bool = False
    changed: bool = False
    ended: bool = False


class _Facts(Struct, frozen=True):
    source: str
    area: str = ""
    referral: bool = False
    child_victim: bool = False


class _Hold(Struct, frozen=True):
    until: datetime


class _Handling(Struct, frozen=True):
    acknowledged_at: datetime | None = None
    hold: _Hold | None = None


class _Crime(Struct, frozen=True):
    category: str
    evidence: tuple[str, ...] = ()


class _Sign(Struct, frozen=True):
    id: str


class _Line(Struct, frozen=True):
    crimes: tuple[_Crime, ...] = ()
    signs: tuple[_Sign, ...] = ()


class Reported(Struct, frozen=True):
    """The little of a report that telling people of it needs."""

    facts: _Facts
    handling: _Handling = _Handling()
    line: _Line = _Line()


_read_state = msgspec.json.Decoder(Reported).decode
_read_line = msgspec.json.Decoder(_Line).decode

# -- what was said ------------------------------------------------------------------------------------


def said_after(connection: Connection, number: int, limit: int) -> list[Published]:
    """Numbered events from beyond a number, in order."""
    same = and_(alert_events.c.force == published.c.force, alert_events.c.seq == published.c.seq)
    held = and_(
        chain_payloads.c.force == published.c.force, chain_payloads.c.seq == published.c.seq
    )
    query = (
        select(published.c.number, published.c.force, alert_events.c.type)
        .add_columns(alert_events.c.subject_id)
        .add_columns(chain_payloads.c.payload)
        .select_from(published.join(alert_events, same))
        .outerjoin_from(published, chain_payloads, held)
        .where(published.c.number > number)
        .order_by(published.c.number)
        .limit(limit)
    )
    rows = connection.execute(query).tuples()
    return [
        Published(
            n, alert, _read_event(payload) if payload and type_ in _types else None, force, type_
        )
        for n, force, type_, alert, payload in rows
    ]


def unheard(connection: Connection, number: int) -> int:
    """How much was said and done beyond a number, numbered or not: numbers leave no gap, and a lane
    counts the rows of its chain."""
    query = select(func.coalesce(func.sum(lanes.c.seq), 0))
    return int(connection.scalars(query).one()) - number


def reported(
    connection: Connection, named: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Reported]:
    """What is known of reports, by force and reference; those not known are left out."""
    wanted = sorted(set(named))
    found: dict[tuple[str, str], Reported] = {}
    columns = (reports.c.force, reports.c.ref, reports.c.state, reports.c.line)
    for keys in _pages(wanted):
        query = select(*columns).where(tuple_(reports.c.force, reports.c.ref).in_(keys))
        for force, ref, state, line in connection.execute(query).tuples():
            held = _read_state(state)
            found[force, ref] = Reported(held.facts, held.handling, _read_line(line))
    return found


def stopped(connection: Connection, forces: Iterable[str]) -> dict[str, dict[str, bool]]:
    """Feeds that have stopped, by force; True: one that could hold crimes."""
    named = sorted(set(forces))
    silent: dict[str, dict[str, bool]] = defaultdict(dict)
    for keys in _pages(named):
        of = select(sources.c.force, sources.c.source).where(
            sources.c.force.in_(keys), sources.c.state.like('%"silent":true%')
        )
        crimes = select(intake.c.force, intake.c.source).where(
            intake.c.force.in_(keys), intake.c.topic == "crime-record"
        )
        holds = set(connection.execute(crimes).tuples())
        for force, source in connection.execute(of).tuples():
            silent[force][source] = (force, source) in holds
    return silent


# -- escalations --------------------------------------------------------------------------------------


def escalating(connection: Connection, alert_ids: Sequence[str]) -> dict[str, Escalating]:
    """Escalations of these alerts; those not known are left out."""
    found: dict[str, Escalating] = {}
    for keys in _pages(sorted(set(alert_ids))):
        query = select(escalations).where(escalations.c.alert_id.in_(keys))
        found |= {row.alert_id: _escalating(row) for row in connection.execute(query)}
    return found


def to_look_at(connection: Connection, now: datetime, limit: int) -> list[Escalating]:
    """Escalations whose time has come, longest due first."""
    query = (
        select(escalations)
        .where(escalations.c.next_at <= micros(now))
        .order_by(escalations.c.next_at, escalations.c.alert_id)
        .limit(limit)
    )
    return [_escalating(row) for row in connection.execute(query)]


def wake(connection: Connection, forces: Iterable[str], now: datetime) -> None:
    """What kept alerts of these forces back has ended: those that would be looked at again soon are
    looked at now."""
    held = escalations.c
    soon = and_(held.next_at > micros(now), held.next_at <= micros(now + LOOK_AGAIN))
    for force in sorted(set(forces)):
        here = update(escalations).where(held.force == force, soon)
        connection.execute(here.values(next_at=micros(now)))


def still_open(connection: Connection) -> Iterator[Escalating]:
    """Every escalation under way, by alert; page by page."""
    after = ""
    while True:
        query = (
            select(escalations)
            .where(escalations.c.open == 1, escalations.c.alert_id > after)
            .order_by(escalations.c.alert_id)
            .limit(ASKED)
        )
        rows = [_escalating(row) for row in connection.execute(query)]
        if not rows:
            return
        yield from rows
        after = rows[-1].alert_id


def keep(connection: Connection, held: Iterable[Escalating]) -> None:
    """Write how far they have come."""
    rows = [
        (
            each.alert_id,
            each.force,
            each.subject,
            each.route,
            int(each.progress.open),
            micros(each.next_at),
            _encode(each.progress).decode(),
        )
        for each in held
    ]
    upsert(connection, escalations, rows)


def freeze(connection: Connection, routes: Mapping[str, Frozen]) -> None:
    """Keep frozen routes, by digest."""
    rows = [(digest, _encode(route).decode()) for digest, route in sorted(routes.items())]
    insert_once(connection, frozen_routes, rows)


def frozen(connection: Connection, digests: Iterable[str]) -> dict[str, Frozen]:
    """Frozen routes by digest."""
    found: dict[str, Frozen] = {}
    for keys in _pages(sorted(set(digests))):
        query = select(frozen_routes).where(frozen_routes.c.digest.in_(keys))
        found |= {d: _read_frozen(route) for d, route in connection.execute(query).tuples()}
    return found


def _escalating(row: Row[Any]) -> Escalating:
    held = row._mapping
    return Escalating(
        alert_id=held["alert_id"],
        force=held["force"],
        subject=held["subject"],
        route=held["route"],
        progress=_read_progress(held["progress"]),
        next_at=instant(held["next_at"]),
    )


# -- worklists and attention -----------------------------------------------------------------------------


def listed(connection: Connection, alert_ids: Sequence[str]) -> dict[tuple[str, str], Listed]:
    """Who has these alerts on a worklist, by alert and receiver."""
    found: dict[tuple[str, str], Listed] = {}
    for keys in _pages(sorted(set(alert_ids))):
        query = select(on_lists).where(on_lists.c.alert_id.in_(keys))
        for row in connection.execute(query):
            each = _listed(row)
            found[each.alert_id, each.receiver] = each
    return found


def keep_listed(connection: Connection, lines: Iterable[Listed]) -> None:
    """Write lines of worklists; those that ended before anybody was told of them go."""
    rows, gone = [], []
    for each in lines:
        if each.ended and each.told_at is None:
            gone.append((each.alert_id, each.receiver))
        else:
            rows.append(tuple(_stored(getattr(each, c.name)) for c in on_lists.columns))
    upsert(connection, on_lists, rows)
    delete(connection, on_lists, gone)


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        return micros(value)
    return int(value) if isinstance(value, bool) else value


def _listed(row: Row[Any]) -> Listed:
    held = dict(row._mapping)
    for name in ("since", "due_at", "digest_at", "told_at"):
        held[name] = instant(held[name])
    for name in ("interrupted", "changed", "ended"):
        held[name] = bool(held[name])
    return Listed(**held)


class DigestDue(Struct, frozen=True):
    """A digest that is due to one receiver of one force."""

    force: str
    receiver: str
    quiet: bool
    """The one digest of what was settled quietly."""
    at: datetime


def digests_due(connection: Connection, now: datetime) -> list[DigestDue]:
    """Digests whose time has come; several of one receiver that were not made are one."""
    quiet = on_lists.c.how == "quiet"
    columns = (on_lists.c.force, on_lists.c.receiver, quiet, func.max(on_lists.c.digest_at))
    query = (
        select(*columns)
        .where(on_lists.c.digest_at <= micros(now))
        .group_by(on_lists.c.force, on_lists.c.receiver, quiet)
        .order_by(on_lists.c.force, on_lists.c.receiver, quiet)
    )
    rows = connection.execute(query).tuples()
    return [
        DigestDue(force, name, bool(is_quiet), instant(at)) for force, name, is_quiet, at in rows
    ]


def for_digest(
    connection: Connection, due: DigestDue, now: datetime, shown: int
) -> dict[str, tuple[dict[str, int], list[Listed]]]:
    """What a digest holds, by part (``new``, ``changed``, ``open``): counts by category, and the
    nearest of them."""
    here = _in_digest(due, now)
    parts = {
        "new": (on_lists.c.told_at.is_(None), on_lists.c.ended == 0),
        "changed": (on_lists.c.told_at.is_not(None), on_lists.c.changed == 1),
        "open": (on_lists.c.told_at.is_not(None), on_lists.c.changed == 0, on_lists.c.ended == 0),
    }
    found = {}
    for part, conditions in parts.items():
        counted = select(on_lists.c.category, func.count()).where(here, *conditions)
        counts = dict(connection.execute(counted.group_by(on_lists.c.category)).tuples().all())
        nearest = select(on_lists).where(here, *conditions)
        ordered = nearest.order_by(on_lists.c.due_at, on_lists.c.subject).limit(shown)
        found[part] = (counts, [_listed(row) for row in connection.execute(ordered)])
    return found


def mark_digested(
    connection: Connection, due: DigestDue, now: datetime, next_at: datetime | None
) -> None:
    """It is told; what is still open, and was more than noticed, comes again at ``next_at``."""
    open_ = and_(on_lists.c.ended == 0, on_lists.c.how != "noticed")
    again = case((open_, micros(next_at)), else_=null()) if next_at else None
    values = {"told_at": micros(now), "digest_at": again, "changed": 0}
    connection.execute(update(on_lists).where(_in_digest(due, now)).values(values))


def _in_digest(due: DigestDue, now: datetime) -> ColumnElement[bool]:
    quiet = on_lists.c.how == "quiet" if due.quiet else on_lists.c.how != "quiet"
    return and_(
        on_lists.c.force == due.force,
        on_lists.c.receiver == due.receiver,
        on_lists.c.digest_at <= micros(now),
        quiet,
    )


def bring_digests_forward(
    connection: Connection, force: str, receiver: str, since: datetime, at: datetime
) -> None:
    """A flood: what came onto a worklist since then is told at ``at``, not at the next shift."""
    connection.execute(
        update(on_lists)
        .where(
            on_lists.c.force == force,
            on_lists.c.receiver == receiver,
            on_lists.c.since > micros(since),
            on_lists.c.digest_at > micros(at),
            on_lists.c.told_at.is_(None),
            on_lists.c.how == "digest",
        )
        .values(digest_at=micros(at))
    )


def put_off_quiet(connection: Connection, force: str, until: datetime) -> None:
    """What was settled quietly waits until all of it is settled."""
    here = (on_lists.c.how == "quiet", on_lists.c.digest_at < micros(until))
    connection.execute(
        update(on_lists).where(on_lists.c.force == force, *here).values(digest_at=micros(until))
    )


def asked_before(
    connection: Connection, receivers: Iterable[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], list[Asked]]:
    """What weighs on these receivers, by force and name: interrupts given in the last twelve hours, and
    those asked for in the last ten minutes, as many as matter."""
    found: dict[tuple[str, str], list[Asked]] = {each: [] for each in receivers}
    columns = (interrupts.c.at, interrupts.c.given)
    for force, name in found:
        query = select(*columns).where(
            interrupts.c.force == force,
            interrupts.c.receiver == name,
            interrupts.c.at > micros(now - SHIFT),
            or_(interrupts.c.given == 1, interrupts.c.at > micros(now - FLOOD_IN)),
        )
        last = query.order_by(interrupts.c.given.desc(), interrupts.c.at.desc()).limit(ASKED_LAST)
        rows = connection.execute(last).tuples()
        found[force, name] = [Asked(instant(at), bool(given)) for at, given in rows]
    return found


def keep_asked(
    connection: Connection, rows: Sequence[tuple[str, str, datetime, str, str, bool]]
) -> None:
    """Interrupts asked for: force, receiver, when, alert, step, and whether it was given."""
    insert(
        connection,
        interrupts,
        [(f, r, micros(at), alert, step, int(given)) for f, r, at, alert, step, given in rows],
    )


# -- cursors ------------------------------------------------------------------------------------------


def cursor(connection: Connection, name: str) -> tuple[int, datetime | None]:
    """Where a cursor stands, and when it was last looked at; 0 and None: never."""
    query = select(cursors.c.position, cursors.c.at).where(cursors.c.name == name)
    row = connection.execute(query).tuples().one_or_none()
    return (row[0], instant(row[1])) if row else (0, None)


def move_cursor(connection: Connection, name: str, position: int, at: datetime) -> None:
    """Put a cursor somewhere."""
    upsert(connection, cursors, [(name, position, micros(at))])


def _pages(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    return (keys[at : at + ASKED] for at in range(0, len(keys), ASKED))
