"""Figures of the whole ledger for those who watch it: cheap at a million reports.

Reports come from tallies; deadlines from the partial index of open reports, force by force. The one
thing that must look at every row, whether the counts add up, is for callers to ask less often
(``outputs.conservation``).
"""

from datetime import datetime, timedelta
from itertools import accumulate

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, func, select

from schemas.words import Verdict
from service.alerts.escalation import HOUR, SHIFT
from service.ledger import outputs
from service.ledger.attention import interrupts_spent
from service.ledger.escalations import PLANNER_CURSOR, cursor
from service.ledger.instants import instant, micros
from service.ledger.notices import Standing, standings
from service.ledger.tables import (
    OPEN,
    active_digests,
    alert_events,
    intake,
    lanes,
    outbox,
    reports,
    tallies,
)
from service.ledger.write import READ
from service.matching.watermark import SourceState

_OWED = sorted(OPEN)

DUE_WITHIN = (timedelta(0), timedelta(hours=1), timedelta(hours=4), timedelta(hours=12))
"""How far ahead deadlines are counted."""


class LaneFigures(Struct, frozen=True):
    """One force."""

    force: str
    now: datetime | None
    next_due_at: datetime | None
    """The next deadline of a pending report."""
    due: tuple[int, ...]
    """Pending reports with a deadline up to now and each of ``DUE_WITHIN``, those before included."""
    oldest: tuple[tuple[Verdict, datetime], ...]
    """The earliest deadline of what is owed or unproved, by verdict."""


class Figures(Struct, frozen=True):
    """The ledger at one moment."""

    read: dict[tuple[str, str], int]
    """By force and source."""
    inputs: dict[tuple[str, str, str], int]
    """By force, source and what became of them."""
    reports: dict[tuple[str, str, str], int]
    """By force, verdict and grade."""
    lanes: tuple[LaneFigures, ...]
    sources: tuple[SourceState, ...]
    outbox_waiting: int
    outbox_oldest_at: datetime | None
    notices: tuple[Standing, ...]
    """Messages to people, by receiver."""
    interrupts: dict[tuple[str, str, int], tuple[int, int | None]]
    """By force, receiver and hours looked back: interrupts given, and the budget (None: no bound)."""
    planner_at: datetime | None
    """When a planner last looked who is to be told; None: none ever did."""
    active: tuple[tuple[str, str, str], ...]
    """Kind, name and digest of what is active."""


def figures(connection: Connection, now: datetime) -> Figures:
    """Read them; ``now`` is what deadlines are measured from."""
    taken = select(intake.c.force, intake.c.source, intake.c.result, func.sum(intake.c.n))
    taken = taken.group_by(intake.c.force, intake.c.source, intake.c.result)
    counted = {(f, s, r): int(n) for f, s, r, n in connection.execute(taken)}
    tallied = select(tallies.c.force, tallies.c.verdict, tallies.c.grade, tallies.c.n)
    active = select(active_digests.c.kind, active_digests.c.name, active_digests.c.digest)
    waiting, oldest = _outbox(connection)
    return Figures(
        read={(f, s): n for (f, s, r), n in counted.items() if r == READ},
        inputs={key: n for key, n in counted.items() if key[2] != READ},
        reports={(f, v, g): n for f, v, g, n in connection.execute(tallied)},
        lanes=_lanes(connection, now),
        sources=outputs.source_states(connection),
        outbox_waiting=waiting,
        outbox_oldest_at=oldest,
        notices=standings(connection),
        interrupts=_interrupts(connection, now),
        planner_at=cursor(connection, PLANNER_CURSOR)[1],
        active=tuple((k, n, d) for k, n, d in connection.execute(active)),
    )


def _lanes(connection: Connection, now: datetime) -> tuple[LaneFigures, ...]:
    """One seek in the index a force and figure."""
    pending = and_(
        reports.c.force == lanes.c.force,
        reports.c.verdict == Verdict.PENDING,
        reports.c.deadline.is_not(None),
    )

    def due(n: int) -> ColumnElement[int]:
        """Of one stretch: no entry of the index is counted twice."""
        query = select(func.count()).where(
            pending, reports.c.deadline <= micros(now + DUE_WITHIN[n])
        )
        if n:
            query = query.where(reports.c.deadline > micros(now + DUE_WITHIN[n - 1]))
        return query.scalar_subquery()

    following = select(func.min(reports.c.deadline)).where(
        pending, reports.c.deadline > micros(now)
    )

    def oldest(verdict: Verdict) -> ColumnElement[int]:
        here = and_(
            reports.c.force == lanes.c.force,
            reports.c.verdict == verdict,
            reports.c.deadline.is_not(None),
        )
        return select(func.min(reports.c.deadline)).where(here).scalar_subquery()

    columns = (lanes.c.force, lanes.c.now, following.scalar_subquery())
    counted = map(due, range(len(DUE_WITHIN)))
    query = select(*columns, *counted, *map(oldest, _OWED)).order_by(lanes.c.force)
    found = []
    for force, at, next_due, *rest in connection.execute(query):
        counts, firsts = rest[: len(DUE_WITHIN)], rest[len(DUE_WITHIN) :]
        earliest = zip(_OWED, map(instant, firsts), strict=True)
        known = tuple((verdict, first) for verdict, first in earliest if first is not None)
        ahead = tuple(accumulate(counts))
        found.append(LaneFigures(force, instant(at), instant(next_due), ahead, known))
    return tuple(found)


def _interrupts(
    connection: Connection, now: datetime
) -> dict[tuple[str, str, int], tuple[int, int | None]]:
    found: dict[tuple[str, str, int], tuple[int, int | None]] = {}
    for span in (HOUR, SHIFT):
        hours = span // HOUR
        for each in interrupts_spent(connection, now, span):
            budget = each.an_hour if span == HOUR else each.a_shift
            found[each.force, each.receiver, hours] = (each.given, budget)
    return found


def _outbox(connection: Connection) -> tuple[int, datetime | None]:
    """How much waits for the topic, and since when: each force's first has waited longest."""
    # The condition of the partial index, in its own words.
    waits = and_(outbox.c.kind == "alert_event", outbox.c.status == "waiting")
    firsts = select(outbox.c.force, func.min(outbox.c.seq).label("seq"), func.count().label("n"))
    first = firsts.where(waits).group_by(outbox.c.force).subquery()
    same = and_(alert_events.c.force == first.c.force, alert_events.c.seq == first.c.seq)
    query = select(func.sum(first.c.n), func.min(alert_events.c.at)).select_from(
        first.join(alert_events, same)
    )
    waiting, oldest = connection.execute(query).one()
    return int(waiting or 0), instant(oldest)
