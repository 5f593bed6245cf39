"""One report as people read it: where it stands, what was said of it, and who was known before."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, select

from schemas.words import Verdict
from service.alerts.identity import alert_identity
from service.effects import RecordState, ReportState
from service.ledger import trail
from service.ledger.standing import ENTRY, Entry, entry
from service.ledger.tables import mentions, records, reports
from service.ledger.trail import Happened
from service.matching.judgement import Line, decode
from service.pointers import person_key

EARLIER_SHOWN = 20
CROWD = 200
"""Reports of one person looked at; somebody with more is a house or a shop, not a history."""


class Reading(Struct, frozen=True, kw_only=True):
    """One report."""

    entry: Entry
    state: ReportState
    line: Line
    head: Line | None
    """The line that answers for its incident, where that is another log's."""
    happened: tuple[Happened, ...]
    earlier: tuple[Entry, ...]
    """Earlier reports of the same people, the latest first; at most ``EARLIER_SHOWN``."""
    earlier_more: int
    records: tuple[RecordState, ...]
    """Records linked to it or refused, in order of reference."""


def reading(connection: Connection, force: str, ref: str) -> Reading | None:
    """One report; None where there is none."""
    query = select(*ENTRY, reports.c.state, reports.c.line)
    row = connection.execute(query.where(reports.c.force == force, reports.c.ref == ref)).first()
    if row is None:
        return None
    state = msgspec.json.decode(row.state, type=ReportState)
    line = decode(row.line.encode())
    head = _line(connection, force, line.same_as) if line.same_as else None
    earlier = earlier_of(connection, state)
    shown = head or line
    named = {*(link.record for link in shown.links), *(each.record for each in shown.refused)}
    alerts = {str(alert_identity(force, each)) for each in (ref, line.same_as) if each}
    return Reading(
        entry=entry(row[: len(ENTRY)]),
        state=state,
        line=line,
        head=head,
        happened=trail.of_alerts(connection, force, alerts),
        earlier=earlier[:EARLIER_SHOWN],
        earlier_more=max(len(earlier) - EARLIER_SHOWN, 0),
        records=_records(connection, force, named),
    )


def earlier_of(connection: Connection, state: ReportState) -> tuple[Entry, ...]:
    """Reports received before, in which one of the same people appears, the latest first."""
    facts = state.facts
    people = (*facts.victims, *facts.suspects)
    if not people:
        return ()
    keys = [person_key(person) for person in people]
    same = and_(mentions.c.force == reports.c.force, mentions.c.ref == reports.c.ref)
    query = (
        select(*ENTRY)
        .distinct()
        .select_from(mentions.join(reports, same))
        .where(
            mentions.c.force == facts.force,
            mentions.c.key.in_(keys),
            mentions.c.kind == "report",
            reports.c.ref != facts.ref,
        )
        .limit(CROWD)
    )
    found = (entry(row) for row in connection.execute(query))
    before = [each for each in found if each.received_at <= facts.received_at]
    return tuple(sorted(before, key=lambda each: (each.received_at, each.ref), reverse=True))


def with_crime(earlier: Iterable[Entry]) -> int:
    """How many of these had their crime recorded."""
    return sum(each.verdict in _RECORDED for each in earlier)


_RECORDED = frozenset({Verdict.RECORDED, Verdict.RECORDED_LATE, Verdict.PARTLY_RECORDED})


def _line(connection: Connection, force: str, ref: str) -> Line | None:
    query = select(reports.c.line).where(reports.c.force == force, reports.c.ref == ref)
    held = connection.scalars(query).one_or_none()
    return decode(held.encode()) if held is not None else None


def _records(connection: Connection, force: str, refs: set[str]) -> tuple[RecordState, ...]:
    query = select(records.c.state).where(records.c.force == force, records.c.ref.in_(sorted(refs)))
    read = msgspec.json.Decoder(RecordState).decode
    return tuple(read(state) for state in connection.scalars(query.order_by(records.c.ref)))
