"""Queues of reports for people who decide: pages in a stated order, with filters.

A page begins after a cursor, ``time:ref`` of the last one seen, so that what arrives meanwhile never
moves what was read.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec
from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Connection, Select, and_, case, func, or_, select

from schemas.words import Verdict
from service.alerts.queues import RESTRICTED, HarmGroup, Queue
from service.effects import ReportState
from service.ledger.instants import micros
from service.ledger.standing import ENTRY, Entry, entry, untold
from service.ledger.tables import reports
from service.matching.judgement import decode

PAGE = 50
PAGE_WALKED = 500
COUNTED_TO = 1000
"""Queues are counted up to so many; beyond, "more than" is all anybody needs."""
AREAS_FROM = 5_000
"""Reports by which areas are offered to filter by: all that a force ever has on its board, and a bound."""
POSSIBLE_SHOWN = 100
"""Possible crimes are a ranked queue to look through, capped: it must not become a second worklist."""


class Choice(StrEnum):
    """Queues of the worklist, in their order."""

    NOBODY = "nobody"
    MINE = "mine"
    PAST_DUE = "past_due"
    CANNOT_TELL = "cannot_tell"
    HOLDS = "holds"
    POSSIBLE_MATCH = "possible_match"
    POSSIBLE_CRIME = "possible_crime"
    CANCELLATION = "cancellation"
    N100 = "n100"
    NOT_TOLD = "not_told"
    APPEALS = "appeals"
    UNKNOWN_CODE = "unknown_code"
    ALL = "all"


class Filters(Struct, frozen=True, kw_only=True):
    """What to list."""

    force: str
    choice: Choice = Choice.NOBODY
    me: str = ""
    """Who asks, for their own queue."""
    group: HarmGroup | None = None
    category: str = ""
    area: str = ""
    ref: str = ""
    """Beginning of a reference."""
    restricted: bool = True
    """May sexual and child reports and referrals be listed?"""


class Page(Struct, frozen=True):
    """Part of a queue."""

    entries: tuple[Entry, ...]
    after: str
    """Cursor for the next page; empty: this was the last."""


class BadCursor(ValueError):
    """A cursor that no page gave."""


_CLAIMED = (Verdict.MISSED, Verdict.PARTLY_RECORDED)
_BOARD = reports.c.on_board == 1
_FLAGS = {
    Choice.HOLDS: Queue.HOLD,
    Choice.POSSIBLE_MATCH: Queue.POSSIBLE_MATCH,
    Choice.POSSIBLE_CRIME: Queue.POSSIBLE_CRIME,
    Choice.CANCELLATION: Queue.CANCELLATION,
    Choice.N100: Queue.N100,
    Choice.NOT_TOLD: Queue.NOT_TOLD,
    Choice.APPEALS: Queue.APPEAL,
    Choice.UNKNOWN_CODE: Queue.UNKNOWN_CODE,
}


def page(connection: Connection, filters: Filters, after: str = "", limit: int = PAGE) -> Page:
    """Part of a queue, the nearest deadline first (queues of evidence: the first received).

    Raises ``BadCursor``.
    """
    by = _sorted_by(filters.choice)
    query = _chosen(filters)
    if filters.choice is Choice.POSSIBLE_CRIME:
        return _ranked(connection, filters.force, query)
    if after:
        query = query.where(_beyond(by, after))
    found = connection.execute(query.order_by(by, reports.c.ref).limit(limit + 1)).all()
    entries = tuple(entry(row) for row in found[:limit])
    more = len(found) > limit
    return Page(entries, _cursor(by, entries[-1]) if more else "")


def queue(connection: Connection, filters: Filters) -> Iterator[Entry]:
    """A whole queue in its order, page by page: it holds a page, and reads no further than it is asked."""
    after, more = "", True
    while more:
        part = page(connection, filters, after, PAGE_WALKED)
        yield from part.entries
        after = part.after
        more = bool(after)


def states(connection: Connection, named: Iterable[Entry]) -> dict[tuple[str, str], ReportState]:
    """What is held of these reports, by force and reference."""
    refs: dict[str, list[str]] = {}
    for each in named:
        refs.setdefault(each.force, []).append(each.ref)
    held, read = reports.c, msgspec.json.Decoder(ReportState).decode
    found: dict[tuple[str, str], ReportState] = {}
    for force, some in refs.items():
        for at in range(0, len(some), PAGE_WALKED):
            here = (held.force == force, held.ref.in_(some[at : at + PAGE_WALKED]))
            for ref, state in connection.execute(select(held.ref, held.state).where(*here)):
                found[force, ref] = read(state)
    return found


def counts(connection: Connection, filters: Filters) -> dict[Choice, int]:
    """How many stand in each queue, up to ``COUNTED_TO``; of the whole force, whatever else is asked."""
    found: dict[Choice, int] = {}
    groups = [each for each in HarmGroup if filters.restricted or each not in RESTRICTED]
    for choice in Choice:
        if choice is Choice.ALL:
            continue
        if choice is Choice.CANNOT_TELL:
            found[choice] = min(untold(connection, filters.force, groups), COUNTED_TO + 1)
            continue
        chosen = _chosen(_with(filters, choice)).with_only_columns(reports.c.ref)
        some = chosen.limit(COUNTED_TO + 1).subquery()
        found[choice] = connection.scalars(select(func.count()).select_from(some)).one()
    return found


def entries(connection: Connection, force: str, refs: Sequence[str]) -> tuple[Entry, ...]:
    """These reports, in order of reference; those that are not held are left out."""
    query = select(*ENTRY).where(reports.c.force == force, reports.c.ref.in_(refs))
    return tuple(entry(row) for row in connection.execute(query.order_by(reports.c.ref)))


def signs(connection: Connection, force: str, refs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By reference, the ways of going unrecorded that reports bear the marks of; the others left out."""
    query = select(reports.c.ref, reports.c.line)
    query = query.where(reports.c.force == force, reports.c.ref.in_(refs))
    found = {row.ref: decode(row.line.encode()).signs for row in connection.execute(query)}
    return {ref: tuple([sign.id for sign in borne]) for ref, borne in found.items() if borne}


def areas(connection: Connection, force: str) -> tuple[str, ...]:
    """Areas of the reports on the board, by the nearest ``AREAS_FROM`` of them, in order."""
    held = reports.c
    near = select(held.area).where(held.force == force, _BOARD).order_by(held.deadline, held.ref)
    some = near.limit(AREAS_FROM).subquery()
    found = connection.scalars(select(some.c.area).distinct().order_by(some.c.area))
    return tuple(area for area in found if area)


# -- pieces ---------------------------------------------------------------------------------------


def _chosen(filters: Filters) -> Select[tuple[object, ...]]:
    held = reports.c
    query = select(*ENTRY).where(held.force == filters.force)
    match filters.choice:
        case Choice.NOBODY:
            query = query.where(_BOARD, held.owner.is_(None), held.verdict != Verdict.NOT_PROVABLE)
        case Choice.MINE:
            query = query.where(held.owner == filters.me, held.owner.is_not(None))
        case Choice.PAST_DUE:
            query = query.where(_BOARD, held.verdict.in_(_CLAIMED))
        case Choice.CANNOT_TELL:
            query = query.where(_BOARD, held.verdict == Verdict.NOT_PROVABLE)
        case Choice.ALL:
            query = query.where(_BOARD)
        case choice:
            flag = int(_FLAGS[choice])
            query = query.where(held.queues.is_not(None), held.queues.bitwise_and(flag) != 0)
    for column, wanted in (
        (held.harm_group, filters.group),
        (held.category, filters.category),
        (held.area, filters.area),
    ):
        if wanted:
            query = query.where(column == str(wanted))
    if filters.ref:
        query = query.where(held.ref >= filters.ref, held.ref < filters.ref + "\U0010ffff")
    if not filters.restricted:
        query = query.where(held.harm_group.not_in(sorted(RESTRICTED)))
    return query


def _ranked(connection: Connection, force: str, query: Select[tuple[object, ...]]) -> Page:
    """The most harmful first, the newest first among equals, and no further page."""
    ranks = {str(group): n for n, group in enumerate(HarmGroup)}
    rank = case(ranks, value=reports.c.harm_group, else_=len(ranks))
    # References alone come from the index; rows are read of those that are shown.
    refs = query.with_only_columns(reports.c.ref)
    ordered = refs.order_by(rank, reports.c.received_at.desc(), reports.c.ref)
    found = list(connection.scalars(ordered.limit(POSSIBLE_SHOWN)))
    shown = {each.ref: each for each in entries(connection, force, found)}
    return Page(tuple(shown[ref] for ref in found), "")


def _with(filters: Filters, choice: Choice) -> Filters:
    return Filters(force=filters.force, choice=choice, me=filters.me, restricted=filters.restricted)


def _sorted_by(choice: Choice) -> Column[int]:
    return reports.c.received_at if choice in _FLAGS else reports.c.deadline


def _beyond(by: Column[int], after: str) -> ColumnElement[bool]:
    at, _, ref = after.partition(":")
    if not at.lstrip("-").isdecimal() or len(at) > 18:
        raise BadCursor("no page gave this cursor; begin again without it")
    return or_(by > int(at), and_(by == int(at), reports.c.ref > ref))


def _cursor(by: Column[int], last: Entry) -> str:
    at = last.received_at if by.name == "received_at" else last.deadline
    return f"{micros(at) if at else 0}:{last.ref}"
