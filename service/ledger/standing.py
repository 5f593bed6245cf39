"""How one force stands now: what the board shows, each figure from an index and none from a line.

A lane's now is the clock: deadlines are counted from the ``now`` that the caller gives.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, TextClause, and_, func, select, text

from schemas.words import Grade, Verdict
from service.alerts.queues import HIGH_HARM, RESTRICTED, HarmGroup
from service.ledger.instants import instant, micros
from service.ledger.tables import lanes, reports

HOUR_US = 3_600_000_000
FRESH = timedelta(hours=72)
"""Past due for longer, a report is still counted and listed, and no longer what to do next."""
HOURS_AHEAD = 24

_PAST = (Verdict.MISSED, Verdict.PARTLY_RECORDED)
_BOARD = reports.c.on_board == 1


class GroupRow(Struct, frozen=True, kw_only=True):
    """One row of the board. What is due within 12 hours holds what is due within 4, and so on."""

    group: HarmGroup
    past_due: int = 0
    """Provably past the deadline with no record."""
    past_alone: int = 0
    """Of these, with nobody on them."""
    within_1h: int = 0
    within_4h: int = 0
    within_12h: int = 0
    later: int = 0
    """Due after that."""
    nobody: int = 0
    """Past due or not yet due, with nobody on them."""
    untold: int = 0
    """Past the deadline, and it cannot be told."""


class Entry(Struct, frozen=True, kw_only=True):
    """One report in a list."""

    force: str
    ref: str
    received_at: datetime
    deadline: datetime | None
    """Of what is owed or unproved; None once nothing is."""
    verdict: Verdict
    grade: Grade | None
    group: HarmGroup | None
    category: str
    area: str
    owner: str
    """Empty: nobody."""
    claim: str
    """What its alert stands as, where that is a miss."""


class Hour(Struct, frozen=True):
    """What falls due in one hour from now on."""

    ahead: int
    """0: within the next hour."""
    high: int
    """Of high harm."""
    other: int


class Since(Struct, frozen=True, kw_only=True):
    """Reports received since a time, by what became of them."""

    since: datetime
    reports: int = 0
    show_crime: int = 0
    """Clear ones; the rest of the figures make them up."""
    in_time: int = 0
    late: int = 0
    accounted: int = 0
    due: int = 0
    past_due: int = 0
    untold: int = 0


class Standing(Struct, frozen=True, kw_only=True):
    """One force, now."""

    force: str
    lane_now: datetime | None
    """The latest moment the force's own feeds have shown; None: nothing was ever read."""
    seq: int
    """Number of the last thing said, from which a live stream goes on."""
    rows: tuple[GroupRow, ...]
    do_next: tuple[Entry, ...]
    nearest: tuple[Entry, ...]
    """Not yet due, the nearest first."""
    falls_due: tuple[Hour, ...]
    since: Since


ENTRY = (
    reports.c.force,
    reports.c.ref,
    reports.c.received_at,
    reports.c.deadline,
    reports.c.verdict,
    reports.c.grade,
    reports.c.harm_group,
    reports.c.category,
    reports.c.area,
    reports.c.owner,
    reports.c.claim,
)
"""Columns of an entry, in its order."""


def entry(row: Sequence[Any]) -> Entry:
    """One row of ``ENTRY`` columns."""
    force, ref, received, deadline, verdict, grade, group, category, area, owner, claim = row
    return Entry(
        force=force,
        ref=ref,
        received_at=instant(received),
        deadline=instant(deadline),
        verdict=Verdict(verdict),
        grade=Grade(grade) if grade else None,
        group=HarmGroup(group) if group else None,
        category=category,
        area=area,
        owner=owner or "",
        claim=claim or "",
    )


def standing(
    connection: Connection,
    force: str,
    now: datetime,
    since: datetime,
    *,
    restricted: bool = True,
    rows: int = 8,
) -> Standing:
    """How a force stands at ``now``; ``restricted`` tells whether lists may name sexual and child
    reports and referrals (they are counted in any case)."""
    lane = connection.execute(
        select(lanes.c.now, lanes.c.seq).where(lanes.c.force == force)
    ).first()
    stands = _on_board(connection, force, now)
    return Standing(
        force=force,
        lane_now=instant(lane.now) if lane else None,
        seq=lane.seq if lane else 0,
        rows=_rows(stands),
        do_next=_do_next(connection, force, now, restricted, rows),
        nearest=_nearest(connection, force, now, restricted, rows),
        falls_due=_falls_due(stands),
        since=_since(connection, force, since),
    )


def group_rows(connection: Connection, force: str, now: datetime) -> tuple[GroupRow, ...]:
    """Every row of the board, in order, also those of which there is nothing."""
    return _rows(_on_board(connection, force, now))


class _Stretch(Struct, frozen=True):
    """Reports of one group and verdict whose deadlines lie in one stretch."""

    group: HarmGroup
    verdict: Verdict
    within: int
    """Hours from now until its end; 0: it is past."""
    n: int
    owned: int
    """Of these, with somebody on them."""


def _on_board(connection: Connection, force: str, now: datetime) -> list[_Stretch]:
    """Everything on the board, counted once: what is not yet due hour by hour."""
    wanted = [
        (group, verdict, *stretch)
        for verdict, stretches in _stretches(micros(now)).items()
        for stretch in stretches
        for group in HarmGroup
    ]
    ranges = [(verdict, group, low, high) for group, verdict, _, low, high in wanted]
    return [
        _Stretch(group, verdict, within, n, owned)
        for (group, verdict, within, _, _), (n, owned) in zip(
            wanted, _counted(connection, force, ranges), strict=True
        )
    ]


def _stretches(at: int) -> dict[Verdict, list[tuple[int, int, int]]]:
    """By verdict: stretches of deadlines, each with the hours from now until its end."""
    bounds = [at + n * HOUR_US for n in range(HOURS_AHEAD + 1)]
    ends = zip((_EVER[0], *bounds), (*bounds, _EVER[1]), strict=True)
    pending = [(within, low, high) for within, (low, high) in enumerate(ends)]
    whole = [(LATER, *_EVER)]
    return {Verdict.PENDING: pending, **dict.fromkeys((*_PAST, Verdict.NOT_PROVABLE), whole)}


def _rows(stands: Iterable[_Stretch]) -> tuple[GroupRow, ...]:
    found = {group: dict.fromkeys(_COUNTED, 0) for group in HarmGroup}
    for each in stands:
        figures = found[each.group]
        for name in _figures(each.verdict, each.within):
            figures[name] += each.n
        if each.verdict is not Verdict.NOT_PROVABLE:
            figures["nobody"] += each.n - each.owned
        if each.verdict in _PAST:
            figures["past_alone"] += each.n - each.owned
    return tuple(GroupRow(group=group, **found[group]) for group in HarmGroup)


def _counted(
    connection: Connection, force: str, ranges: Sequence[tuple[Verdict, HarmGroup, int, int]]
) -> list[tuple[int, int]]:
    """For each verdict, group and stretch of deadlines: how many, and of how many somebody is on them.

    Each is one walk along ``ix_reports_counted``, which sorts nothing; one statement is of one moment.
    """
    given: dict[str, object] = {"force": force}
    for n, (verdict, group, low, high) in enumerate(ranges):
        given |= {f"v{n}": str(verdict), f"g{n}": str(group), f"l{n}": low, f"h{n}": high}
    rows = connection.execute(_counting(len(ranges)), given).tuples().all()
    return [(whole, owned) for _, whole, owned in sorted(rows)]


@cache
def _counting(many: int) -> TextClause:
    """Written out, and once: a hundred counts take longer to build than to walk."""
    counts = (
        f"SELECT {n}, count(*), count(owner) FROM reports "  # noqa: S608 - numbers alone
        "WHERE force = :force AND on_board = 1 "
        f"AND verdict = :v{n} AND harm_group = :g{n} AND deadline >= :l{n} AND deadline < :h{n}"
        for n in range(many)
    )
    return text(" UNION ALL ".join(counts))


def untold(connection: Connection, force: str, groups: Iterable[HarmGroup]) -> int:
    """Reports of these groups that are past their deadline and of which it cannot be told."""
    ranges = [(Verdict.NOT_PROVABLE, group, *_EVER) for group in groups]
    return sum(n for n, _ in _counted(connection, force, ranges))


def standing_longer(connection: Connection, force: str, now: datetime, span: timedelta) -> int:
    """Reports provably past due for longer than a span, with nobody on them."""
    held = reports.c
    long = and_(held.verdict.in_(_PAST), held.deadline < micros(now) - micros_of(span))
    query = select(func.count()).where(held.force == force, _BOARD, long, held.owner.is_(None))
    return connection.scalars(query).one()


_COUNTED = tuple(name for name in GroupRow.__struct_fields__ if name != "group")


LATER = HOURS_AHEAD + 1
"""Hours from now of what is due after all that the board tells apart."""

_EVER = (-(2**62), 2**62)
_WITHIN = {"within_1h": 1, "within_4h": 4, "within_12h": 12}


def _figures(verdict: Verdict, within: int) -> list[str]:
    """The figures of a row in which a report with this verdict, due within so many hours, counts."""
    if verdict is Verdict.NOT_PROVABLE:
        return ["untold"]
    if verdict in _PAST:
        return ["past_due"]
    # Past its deadline and still pending: the next turn decides; until then it is as near as can be.
    return [name for name, hours in _WITHIN.items() if within <= hours] or ["later"]


def _do_next(
    connection: Connection, force: str, now: datetime, restricted: bool, rows: int
) -> tuple[Entry, ...]:
    """What needs somebody most, nobody being on it: half the rows for what is of high harm and past
    due, the latest first as it is the easiest to mend; then what is due next; in order of deadline."""
    held, at = reports.c, micros(now)
    # The bound above is where the index is entered: the latest of them is near now.
    recent = and_(held.deadline > at - micros_of(FRESH), held.deadline <= at)
    past = and_(held.verdict.in_(_PAST), recent)
    nobody = held.owner.is_(None)
    urgent = and_(past, nobody, held.harm_group.in_(sorted(HIGH_HARM)))
    soon = and_(held.verdict == Verdict.PENDING, held.deadline <= at + 12 * HOUR_US, nobody)
    found: dict[str, Entry] = {}
    latest_first = held.deadline.desc()
    for part, order, most in (
        (urgent, latest_first, rows // 2),
        (soon, held.deadline, rows),
        (urgent, latest_first, rows),
        (and_(past, nobody), latest_first, rows),
    ):
        if len(found) >= rows:
            break
        query = _listed(force, restricted).where(part).order_by(None).order_by(order, held.ref)
        for row in connection.execute(query.limit(most)):
            if len(found) < rows:
                found.setdefault(row.ref, entry(row))
    return tuple(sorted(found.values(), key=lambda each: (each.deadline or now, each.ref)))


def _nearest(
    connection: Connection, force: str, now: datetime, restricted: bool, rows: int
) -> tuple[Entry, ...]:
    pending = and_(reports.c.verdict == Verdict.PENDING, reports.c.deadline >= micros(now))
    query = _listed(force, restricted).where(pending).limit(rows)
    return tuple(entry(row) for row in connection.execute(query))


def _listed(force: str, restricted: bool) -> Select[tuple[object, ...]]:
    held = reports.c
    query = select(*ENTRY).where(held.force == force, _BOARD)
    if not restricted:
        query = query.where(held.harm_group.not_in(sorted(RESTRICTED)))
    return query.order_by(held.deadline, held.ref)


def _falls_due(stands: Iterable[_Stretch]) -> tuple[Hour, ...]:
    high, other = [0] * HOURS_AHEAD, [0] * HOURS_AHEAD
    for each in stands:
        if each.verdict is Verdict.PENDING and 0 < each.within <= HOURS_AHEAD:
            figures = high if each.group in HIGH_HARM else other
            figures[each.within - 1] += each.n
    return tuple(map(Hour, range(HOURS_AHEAD), high, other))


def _since(connection: Connection, force: str, since: datetime) -> Since:
    held = reports.c
    query = (
        select(held.verdict, held.grade, func.count())
        .where(held.force == force, held.received_at >= micros(since))
        .group_by(held.verdict, held.grade)
    )
    counts = dict.fromkeys((*Since.__struct_fields__[1:],), 0)
    for verdict, grade, n in connection.execute(query):
        counts["reports"] += n
        if grade == Grade.CLEAR and (name := _BECAME.get(Verdict(verdict))):
            counts["show_crime"] += n
            counts[name] += n
    return Since(since=since, **counts)


_BECAME = {
    Verdict.RECORDED: "in_time",
    Verdict.RECORDED_LATE: "late",
    Verdict.ACCOUNTED: "accounted",
    Verdict.PENDING: "due",
    Verdict.MISSED: "past_due",
    Verdict.PARTLY_RECORDED: "past_due",
    Verdict.NOT_PROVABLE: "untold",
}


def micros_of(span: timedelta) -> int:
    """A span in the ledger's unit."""
    return span // timedelta(microseconds=1)
