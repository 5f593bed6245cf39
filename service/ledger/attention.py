"""Is anybody told, in time, and no more than they can bear: what an auditor counts from the ledger.

It looks at routes and at what was said, never at what a planner meant to do next, so that a planner which
is behind, or lives no more, is seen. Plain queries: for metrics, pages and the log alike.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, and_, select

from schemas.words import AlertType
from service.alerts.actors import Action
from service.alerts.escalation import A_SHIFT, AN_HOUR, HOUR, SHIFT, Pauses, undone
from service.alerts.lifecycle import ENDS
from service.alerts.mutes import Subject, matches
from service.alerts.routes import Frozen, Rank, Told
from service.ledger.acts import all_mutes
from service.ledger.escalations import (
    ASKED,
    PLANNER_CURSOR,
    Escalating,
    Reported,
    cursor,
    digests_due,
    escalating,
    frozen,
    reported,
    still_open,
    stopped,
    unheard,
)
from service.ledger.instants import instant, micros
from service.ledger.tables import alert_events, chain_payloads, interrupts
from service.ledger.trail import first_since

TOLERANCE = timedelta(minutes=10)
"""What is later than this is overdue to the auditor."""

NAMED = 5
"""So many steps overdue are named."""

DAY = timedelta(hours=24)


class Undone(Struct, frozen=True, kw_only=True):
    """A step that should have been told and was not."""

    force: str
    subject: str
    step: str
    receiver: str
    at: datetime
    """When it should have been."""


class Audit(Struct, frozen=True):
    """What an auditor finds: zero everywhere, and a heartbeat not long ago."""

    steps_overdue: int
    named: tuple[Undone, ...]
    """The first of these steps."""
    digests_overdue: int
    events_unheard: int
    open: int
    heartbeat_at: datetime | None
    """When a planner last looked; None: none ever did."""


class Spent(Struct, frozen=True, kw_only=True):
    """How much of one receiver's attention was asked for in a span, against the budget."""

    force: str
    receiver: str
    given: int
    """Interrupts given."""
    kept_back: int
    """Interrupts over budget, told by digest."""
    most_in_an_hour: int
    most_in_a_shift: int
    """In any twelve hours."""
    an_hour: int
    """Budget of an hour."""
    a_shift: int | None
    """Budget of twelve hours; None: the hour's alone."""

    @property
    def within(self) -> bool:
        """Did it stay within budget?"""
        shift = self.a_shift is None or self.most_in_a_shift <= self.a_shift
        return shift and self.most_in_an_hour <= self.an_hour


class Acted(Struct, frozen=True):
    """Warnings whose deadline fell in a span, and what came of them before it."""

    warned: int
    acted_on: int
    """Somebody did something about it in time: acknowledged, assigned, linked, decided, asked for a
    hold."""
    settled: int
    """Nobody had to: a record came in time, or the log was mended."""

    @property
    def share(self) -> float | None:
        """Of those warned of, how many were acted on or settled in time; None: there were none."""
        return (self.acted_on + self.settled) / self.warned if self.warned else None


# -- steps ----------------------------------------------------------------------------------------


def audit(connection: Connection, now: datetime) -> Audit:
    """Count what should have been done by now and was not."""
    position, heartbeat = cursor(connection, PLANNER_CURSOR)
    steps = under_way = 0
    named: tuple[Undone, ...] = ()
    for held, late in _late(connection, now):
        under_way += len(held)
        steps += len(late)
        named = (*named, *late)[:NAMED]
    digests = len(digests_due(connection, now - TOLERANCE))
    return Audit(steps, named, digests, unheard(connection, position), under_way, heartbeat)


def _late(
    connection: Connection, now: datetime
) -> Iterator[tuple[tuple[Escalating, ...], list[Undone]]]:
    """Page by page: escalations under way, and their steps undone."""
    under_way = still_open(connection)
    while held := tuple(islice(under_way, ASKED)):
        seen = reported(connection, [(e.force, e.subject) for e in held])
        routes = frozen(connection, [e.route for e in held])
        keeping = Keeping(connection, {e.force for e in held}, now)
        found: list[Undone] = []
        for each in held:
            report = seen.get((each.force, each.subject))
            if keeping.back(each, report):
                continue
            route = routes[each.route]
            found += (
                Undone(
                    force=each.force,
                    subject=each.subject,
                    step=tell.step,
                    receiver=tell.receiver,
                    at=tell.at,
                )
                for tell in undone(route, each.progress, pauses(report, route), now - TOLERANCE)
            )
        yield held, found


class Keeping:
    """What keeps alerts back: feeds that have stopped, and mutes that run."""

    def __init__(self, connection: Connection, forces: Collection[str], now: datetime) -> None:
        self._stopped = stopped(connection, forces)
        self._mutes = {
            force: [mute for mute in all_mutes(connection, force) if mute.runs(now)]
            for force in forces
        }

    def back(self, alert: Escalating, report: Reported | None) -> bool:
        """Is this one kept back? By its own feed, by one that could hold the crime, or by a mute."""
        explained = report is not None and any(
            holds_crimes or name == report.facts.source
            for name, holds_crimes in self._stopped.get(alert.force, {}).items()
        )
        return explained or self.muted_until(alert, report) is not None

    def muted_until(self, alert: Escalating, report: Reported | None) -> datetime | None:
        """Until when it is muted; None: it is not."""
        crimes = report.line.crimes if report is not None else ()
        subject = Subject(
            subject=alert.subject,
            area=report.facts.area if report is not None else "",
            category=crimes[0].category if crimes else "",
            harm=alert.progress.harm,
            grade=alert.progress.grade,
        )
        running = self._mutes.get(alert.force, [])
        return max((mute.until for mute in running if matches(mute, subject)), default=None)


def pauses(report: Reported | None, route: Frozen) -> Pauses:
    """What people have said that keeps an escalation still."""
    if report is None:
        return Pauses()
    handling = report.handling
    since = handling.acknowledged_at
    return Pauses(
        acknowledged_until=since and since + timedelta(hours=route.acknowledged_hours),
        held_until=handling.hold.until if handling.hold else None,
    )


# -- attention ------------------------------------------------------------------------------------


def interrupts_spent(
    connection: Connection, now: datetime, span: timedelta = DAY
) -> tuple[Spent, ...]:
    """Interrupts of each receiver in the last day, or another span, against its budget; in order of
    force and name. Receivers of whom none was asked are left out."""
    columns = (interrupts.c.force, interrupts.c.receiver, interrupts.c.at, interrupts.c.given)
    query = (
        select(*columns, interrupts.c.alert_id)
        .where(interrupts.c.at > micros(now - span), interrupts.c.at <= micros(now))
        .order_by(interrupts.c.force, interrupts.c.receiver, interrupts.c.at)
    )
    asked: dict[tuple[str, str], list[Row[tuple[str, str, int, int, str]]]] = {}
    for row in connection.execute(query):
        asked.setdefault((row.force, row.receiver), []).append(row)
    tolds = _receivers(connection, {key: rows[-1].alert_id for key, rows in asked.items()})
    return tuple(_spent(*key, rows, tolds[key]) for key, rows in asked.items())


def _spent(
    force: str, receiver: str, rows: list[Row[tuple[str, str, int, int, str]]], told: Told
) -> Spent:
    times = [instant(row.at) for row in rows if row.given]
    none = told.digest_only
    return Spent(
        force=force,
        receiver=receiver,
        given=len(times),
        kept_back=len(rows) - len(times),
        most_in_an_hour=most_within(times, HOUR),
        most_in_a_shift=most_within(times, SHIFT),
        an_hour=0 if none else AN_HOUR,
        a_shift=0 if none else A_SHIFT if told.rank is Rank.INSPECTOR else None,
    )


def most_within(times: list[datetime], span: timedelta) -> int:
    """How many of these moments, in order, lie in the fullest stretch of that length."""
    most = first = 0
    for n, at in enumerate(times):
        while at - times[first] >= span:
            first += 1
        most = max(most, n - first + 1)
    return most


def _receivers(
    connection: Connection, alerts: dict[tuple[str, str], str]
) -> dict[tuple[str, str], Told]:
    """Receivers, as the last alert that asked for them froze them."""
    held = escalating(connection, list(alerts.values()))
    routes = frozen(connection, [each.route for each in held.values()])
    return {
        (force, name): routes[held[alert].route].receivers[name]
        for (force, name), alert in alerts.items()
    }


# -- what came of it ------------------------------------------------------------------------------

_WARNED = (AlertType.DUE_SOON, AlertType.CLOSED_WITHOUT_REASON)
_ACTS = frozenset(map(str, Action)) - {Action.MUTE, Action.END_MUTE}


class _Warning(Struct):
    due_at: datetime
    acted: bool = False
    settled: bool = False


class _Payload(Struct, frozen=True):
    due_at: datetime | None = None
    quiet: bool = False


_read = msgspec.json.Decoder(_Payload).decode


def acted_in_time(connection: Connection, force: str, since: datetime, until: datetime) -> Acted:
    """Of the warnings of one force with a deadline from ``since`` up to ``until``: how many were acted
    on, or settled by themselves, before it. Quiet ones, and those whose payload was erased, are left out.

    A warning comes at most a deadline's length before its deadline, so two days are read back."""
    warnings: dict[str, _Warning] = {}
    for type_, alert, at, payload in _chain(connection, force, since - 2 * DAY, until):
        held = warnings.get(alert)
        if type_ in _WARNED:
            said = _read(payload) if payload is not None else _Payload(quiet=True)
            if not said.quiet and said.due_at and (held is None or held.due_at != said.due_at):
                warnings[alert] = _Warning(said.due_at)
        elif held is not None and at < held.due_at:
            held.acted |= type_ in _ACTS
            held.settled |= type_ in ENDS
    due = [each for each in warnings.values() if since <= each.due_at < until]
    acted = sum(each.acted for each in due)
    return Acted(len(due), acted, sum(each.settled and not each.acted for each in due))


def _chain(
    connection: Connection, force: str, since: datetime, until: datetime
) -> Iterator[tuple[str, str, datetime, str | None]]:
    """What was said and done under alerts, in order: type, alert, when, and a warning's payload."""
    held = alert_events.c
    payload = and_(
        chain_payloads.c.force == held.force,
        chain_payloads.c.seq == held.seq,
        held.type.in_(_WARNED),
    )
    first = first_since(connection, force, since)
    query = (
        select(held.type, held.subject_id, held.at, chain_payloads.c.payload)
        .select_from(alert_events.outerjoin(chain_payloads, payload))
        .where(
            held.force == force,
            held.seq >= first,
            held.at < micros(until),
            held.type.in_([*_WARNED, *_ACTS, *ENDS]),
        )
        .order_by(held.seq)
    )
    rows = connection.execute(query, execution_options={"yield_per": 1000})
    for type_, alert, at, said in rows:
        yield type_, alert, instant(at), said
