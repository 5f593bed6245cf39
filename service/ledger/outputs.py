"""What the ledger tells: verdict lines, events, claims and counts, each in a stated order.

Iterators stream: they hold a page, not the table, and must be read inside their transaction.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, func, select

from schemas.words import AlertType, Grade, Verdict
from service.effects import Intake, ReportState
from service.ledger.instants import instant, micros
from service.ledger.tables import (
    alert_events,
    chain_payloads,
    intake,
    lanes,
    records,
    reports,
    sources,
    tallies,
)
from service.ledger.write import READ
from service.matching.watermark import SourceState

_PAGE = {"yield_per": 2000}


class Said(Struct, frozen=True):
    """One row of a force's chain, with its payload where that was not erased."""

    force: str
    seq: int
    type: str
    at: datetime
    payload: bytes | None
    """Canonical JSON of the event."""


class Claim(Struct, frozen=True):
    """A miss now standing."""

    force: str
    ref: str
    type: AlertType
    effective_at: datetime
    """The deadline that it says has passed."""


class Opening(Struct, frozen=True):
    """When one report was received and opened, and how it came in."""

    force: str
    route: str
    via: str
    received_at: datetime
    opened_at: datetime | None


class RecordCounts(Struct, frozen=True):
    """Input rows of records, by what became of them; linked and unlinked make up all."""

    rows: int
    linked: int
    unlinked: int
    withdrawn: int
    """Rows of records cancelled, transferred or reclassified away, linked or not."""


class Conservation(Struct, frozen=True):
    """What went missing between counts that must agree; anything but 0 is a fault."""

    inputs: int
    """Inputs read, less what became of them, over every source without letting them cancel out."""
    reports: int
    """Reports held, less the tallies of their verdicts."""

    @property
    def holds(self) -> bool:
        """Does everything add up?"""
        return self.inputs == 0 and self.reports == 0


def forces(connection: Connection) -> tuple[str, ...]:
    """Forces with a lane, in order."""
    return tuple(connection.scalars(select(lanes.c.force).order_by(lanes.c.force)))


def lines(
    connection: Connection, force: str | None = None, since: datetime | None = None
) -> Iterator[bytes]:
    """Canonical verdict lines in order of force and ref: of one force, or of all; of reports received
    at ``since`` or later."""
    query = _of(force, select(reports.c.line), reports.c.force)
    if since is not None:
        query = query.where(reports.c.received_at >= micros(since))
    ordered = query.order_by(reports.c.force, reports.c.ref)
    for line in connection.execute(ordered, execution_options=_PAGE).scalars():
        yield line.encode()


def openings(connection: Connection) -> Iterator[Opening]:
    """When every report was received and opened, in no stated order."""
    read = msgspec.json.Decoder(ReportState).decode
    query = select(reports.c.state)
    for state in connection.execute(query, execution_options=_PAGE).scalars():
        facts = read(state).facts
        route = "referral" if facts.referral else "log"
        via = facts.received_via.value
        yield Opening(facts.force, route, via, facts.received_at, facts.opened_at)


def latest(connection: Connection) -> datetime | None:
    """The latest moment at which any lane stands."""
    held: int | None = connection.scalars(select(func.max(lanes.c.now))).one()
    return instant(held)


def clocks(connection: Connection) -> dict[str, datetime]:
    """Where the clock of each lane stands, in order of force; without those that never saw anything."""
    query = select(lanes.c.force, lanes.c.now).where(lanes.c.now.is_not(None))
    rows = connection.execute(query.order_by(lanes.c.force)).tuples()
    return {force: at for force, now in rows if (at := instant(now))}


def topics(connection: Connection) -> tuple[str, ...]:
    """Topics from which anything was ever read, in order."""
    return tuple(connection.scalars(select(intake.c.topic).distinct().order_by(intake.c.topic)))


def report(connection: Connection, force: str, ref: str) -> tuple[ReportState, bytes] | None:
    """One report's state and verdict line."""
    query = select(reports.c.state, reports.c.line)
    row = connection.execute(query.where(reports.c.force == force, reports.c.ref == ref)).first()
    if row is None:
        return None
    return msgspec.json.decode(row.state, type=ReportState), row.line.encode()


def events(connection: Connection, force: str | None = None) -> Iterator[Said]:
    """Everything said, in order of force and number."""
    payloads = chain_payloads.c
    same = (payloads.force == alert_events.c.force) & (payloads.seq == alert_events.c.seq)
    columns = (alert_events.c.force, alert_events.c.seq, alert_events.c.type, alert_events.c.at)
    query = select(*columns, payloads.payload).select_from(
        alert_events.outerjoin(chain_payloads, same)
    )
    ordered = _of(force, query, alert_events.c.force).order_by(*columns[:2])
    for name, seq, type_, at, payload in connection.execute(ordered, execution_options=_PAGE):
        yield Said(name, seq, type_, instant(at), payload.encode() if payload is not None else None)


def claims(connection: Connection, force: str | None = None) -> Iterator[Claim]:
    """Misses now standing, in order of force and ref."""
    query = select(reports.c.force, reports.c.ref, reports.c.state).where(
        reports.c.claim.is_not(None)
    )
    ordered = _of(force, query, reports.c.force).order_by(reports.c.force, reports.c.ref)
    read = msgspec.json.Decoder(ReportState).decode
    for name, ref, state in connection.execute(ordered, execution_options=_PAGE):
        alert = read(state).alert
        assert alert.said is not None
        assert alert.due_at is not None
        yield Claim(name, ref, alert.said, alert.due_at)


def source_states(connection: Connection) -> tuple[SourceState, ...]:
    """How far every source is read, in order of force and source."""
    query = select(sources.c.state).order_by(sources.c.force, sources.c.source)
    read = msgspec.json.Decoder(SourceState).decode
    return tuple(read(state) for state in connection.scalars(query))


def tallied(connection: Connection) -> dict[tuple[Verdict, Grade | None], int]:
    """Reports by verdict and grade, as counted turn by turn; only what there are any of."""
    total = func.sum(tallies.c.n)
    query = select(tallies.c.verdict, tallies.c.grade, total)
    rows = connection.execute(query.group_by(tallies.c.verdict, tallies.c.grade))
    return {(Verdict(v), Grade(g) if g else None): int(n) for v, g, n in rows if n}


def taken_in(connection: Connection) -> dict[str, dict[str, int]]:
    """By source: inputs read, and what became of them (``Intake``)."""
    query = select(intake.c.source, intake.c.result, func.sum(intake.c.n))
    rows = connection.execute(query.group_by(intake.c.source, intake.c.result))
    found: dict[str, dict[str, int]] = {}
    for source, result, n in rows:
        found.setdefault(source, dict.fromkeys((READ, *map(str, Intake)), 0))[result] = int(n)
    return dict(sorted(found.items()))


def record_counts(connection: Connection) -> RecordCounts:
    """Record rows, and how many are linked to a report or withdrawn."""
    held = records.c
    whole = func.coalesce(func.sum(held.rows), 0)
    linked = func.coalesce(func.sum(held.rows).filter(held.links > 0), 0)
    withdrawn = func.coalesce(func.sum(held.rows).filter(held.live == 0), 0)
    n, tied, gone = connection.execute(select(whole, linked, withdrawn)).one()
    return RecordCounts(int(n), int(tied), int(n) - int(tied), int(gone))


def conservation(connection: Connection) -> Conservation:
    """Do the counts add up (G6)?"""
    lost = 0
    query = select(intake.c.force, intake.c.source, intake.c.result, intake.c.n)
    balance: dict[tuple[str, str], int] = {}
    for force, source, result, n in connection.execute(query):
        signed = n if result == READ else -n
        balance[force, source] = balance.get((force, source), 0) + signed
    lost = sum(map(abs, balance.values()))
    known = connection.scalars(select(func.count()).select_from(reports)).one()
    counted = connection.scalars(select(func.coalesce(func.sum(tallies.c.n), 0))).one()
    return Conservation(lost, known - int(counted))


def _of(force: str | None, query: Select[Any], column: ColumnElement[str]) -> Select[Any]:
    return query if force is None else query.where(column == force)
