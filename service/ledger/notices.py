"""Messages to people in the ledger: planned once, claimed by one sender at a time, marked, put back.

A message is open while ``next_try_at`` is set: waiting, or claimed until that moment, after which the
claim of a sender that died is anybody's. Messages of one receiver and alert form a line, in order of
``n``, then ``due_at``: only the first open one can be claimed. All of it is safe with any number of
planners and senders.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    tuple_,
    update,
)

from service.alerts.notice import Body, Channel, Notice, NoticeClass
from service.ledger.instants import instant, micros
from service.ledger.statements import insert_once
from service.ledger.tables import notifications

TRIED_FOR = timedelta(hours=24)
"""How long a message is tried, from its first attempt, before it expires."""

_HELD = notifications.c
_MARKED = ("status", "outcome", "code", "next_try_at", "sent_at")
_ASKED = 500
"""Keys in one query, at most."""


class Status(StrEnum):
    """Where a message stands; all but the first two are ends, from which a person can put it back."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    REPLACED = "replaced"
    """A newer one about the same alert goes instead."""
    REFUSED = "refused"
    """The receiver will not have it, now or later."""
    EXPIRED = "expired"
    """Tried for ``TRIED_FOR`` in vain."""
    FAILED = "failed"
    """No message could be made of it."""


ENDED = frozenset(Status) - {Status.WAITING, Status.CLAIMED}
PUT_BACK = ENDED - {Status.SENT, Status.REPLACED}
"""What ``put_back`` takes: messages that should have arrived and did not."""


class Held(Struct, frozen=True, kw_only=True):
    """A message as the ledger holds it."""

    notice: Notice
    status: Status
    attempts: int
    """Attempts begun, the one under way included."""
    created_at: datetime
    next_try_at: datetime | None
    claimed_by: str | None
    expires_at: datetime
    sent_at: datetime | None
    outcome: str
    """What came of the last attempt, as a word; empty before one has ended."""
    code: int | None
    """What the receiver's server answered to it, where it did."""


class Mark(Struct, frozen=True, kw_only=True):
    """What became of one claimed message."""

    notice: Notice
    status: Status
    outcome: str
    code: int | None = None
    again_at: datetime | None = None
    """When a waiting one may be tried again."""


class Choice(Struct, frozen=True, kw_only=True):
    """Which messages; every part that is given must fit."""

    notice_ids: tuple[str, ...] = ()
    force: str | None = None
    receiver: str | None = None
    alert_id: str | None = None
    statuses: frozenset[Status] = frozenset()


class PutBack(Struct, frozen=True):
    """What came of putting messages back."""

    waiting: int
    """They wait again."""
    overtaken: int
    """They stay as they are: a newer one about the same alert has gone to the same receiver."""


class Standing(Struct, frozen=True):
    """How many messages of one receiver stand where."""

    receiver: str
    statuses: dict[str, int]
    oldest_due_at: datetime | None
    """When the oldest one that is still open was due; None: nothing is open."""


def plan(connection: Connection, notices: Sequence[Notice], now: datetime) -> int:
    """Write messages that are not there yet; how many they were. Older unsent ones are replaced."""
    rows = {each.notice_id: _row(each, now) for each in notices}
    there = _there(connection, list(rows))
    insert_once(connection, notifications, list(rows.values()))
    _replace(connection, notices)
    return len(rows) - there


def claim(
    connection: Connection,
    by: str,
    now: datetime,
    until: datetime,
    limit: int,
    *,
    without: Iterable[str] = (),
    only: str | None = None,
) -> list[Held]:
    """Take messages that are due, longest due first, each the first of its line; never of the
    receivers to be left out, or of one receiver only."""
    earlier = notifications.alias("earlier")
    blocked = (
        select(earlier.c.notice_id)
        .where(
            earlier.c.receiver == _HELD.receiver,
            earlier.c.alert_id == _HELD.alert_id,
            earlier.c.next_try_at.is_not(None),
            tuple_(*_line(earlier)) < tuple_(*_line(notifications)),
        )
        .exists()
    )
    query = (
        select(notifications)
        .where(_HELD.next_try_at <= micros(now), _of(only, without), ~blocked)
        .order_by(_HELD.next_try_at)  # as the index has them: a night's ten thousand are not sorted
        .limit(limit)
        .with_for_update(of=notifications, skip_locked=True)
    )
    rows = connection.execute(query).all()
    taken = [row.notice_id for row in rows]
    change = update(notifications).where(_HELD.notice_id.in_(taken))
    ends = now + TRIED_FOR
    values = {
        "status": Status.CLAIMED.value,
        "expires_at": case((_HELD.attempts == 0, micros(ends)), else_=_HELD.expires_at),
        "attempts": _HELD.attempts + 1,
        "claimed_by": by,
        "claimed_until": micros(until),
        "next_try_at": micros(until),
    }
    if taken:
        connection.execute(change.values(values))
    return [
        msgspec.structs.replace(
            _held(row),
            status=Status.CLAIMED,
            attempts=row.attempts + 1,
            claimed_by=by,
            next_try_at=until,
            expires_at=instant(row.expires_at) if row.attempts else ends,
        )
        for row in rows
    ]


def mark(connection: Connection, by: str, marks: Sequence[Mark], now: datetime) -> int:
    """Write what became of messages claimed; how many. One whose claim has passed to another sender
    is the other's to mark."""
    if not marks:
        return 0
    own = and_(
        _HELD.notice_id == bindparam("a_notice"),
        _HELD.claimed_by == by,
        _HELD.status == Status.CLAIMED.value,
    )
    ended = {"claimed_by": None, "claimed_until": None}
    given: dict[str, Any] = {column: bindparam(f"a_{column}") for column in _MARKED}
    change = update(notifications).where(own).values({**ended, **given})
    changed = connection.execute(change, [_marked(each, now) for each in marks]).rowcount
    _replace(connection, [each.notice for each in marks if each.status is Status.WAITING])
    return changed


def expire(connection: Connection, now: datetime, unreachable: Iterable[str] = ()) -> int:
    """End what was tried for too long, or has waited as long for a receiver that cannot be reached."""
    tried = or_(_HELD.attempts > 0, _HELD.receiver.in_(list(unreachable)))
    free = or_(_HELD.status == Status.WAITING.value, _HELD.claimed_until <= micros(now))
    # Through the index of open ones: what has ended is never looked at.
    here = and_(_HELD.next_try_at.is_not(None), _HELD.expires_at <= micros(now), tried, free)
    values = {
        "status": Status.EXPIRED.value,
        "next_try_at": None,
        "claimed_by": None,
        "claimed_until": None,
    }
    return connection.execute(update(notifications).where(here).values(values)).rowcount


def put_back(connection: Connection, choice: Choice, now: datetime) -> PutBack:
    """Let messages that have ended unsent wait again, for as long as new ones."""
    newer = notifications.alias("newer")
    gone = (
        select(newer.c.notice_id)
        .where(
            newer.c.receiver == _HELD.receiver,
            newer.c.alert_id == _HELD.alert_id,
            newer.c.n > _HELD.n,
        )
        .exists()
    )
    ended = _HELD.status.in_([each.value for each in PUT_BACK])
    here = and_(ended, *_chosen(choice))
    overtaken = connection.scalars(
        select(func.count()).select_from(notifications).where(here, gone)
    ).one()
    values = {
        "status": Status.WAITING.value,
        "attempts": 0,
        "next_try_at": micros(now),
        "expires_at": micros(now + TRIED_FOR),
    }
    change = update(notifications).where(here, ~gone).values(values)
    return PutBack(connection.execute(change).rowcount, int(overtaken))


def listed(connection: Connection, choice: Choice, limit: int | None = None) -> Iterator[Held]:
    """Messages, newest due first; must be read inside their transaction."""
    query = select(notifications).where(*_chosen(choice))
    ordered = query.order_by(_HELD.due_at.desc(), _HELD.notice_id).limit(limit)
    for row in connection.execute(ordered, execution_options={"yield_per": 500}):
        yield _held(row)


def standings(connection: Connection) -> tuple[Standing, ...]:
    """How the messages stand, by receiver, in order of name."""
    found: dict[str, dict[str, int]] = {}
    counted = select(_HELD.receiver, _HELD.status, func.count())
    for receiver, status, n in connection.execute(counted.group_by(_HELD.receiver, _HELD.status)):
        found.setdefault(receiver, {})[status] = n
    oldest = select(_HELD.receiver, func.min(_HELD.due_at)).where(_HELD.next_try_at.is_not(None))
    due = dict(connection.execute(oldest.group_by(_HELD.receiver)).tuples().all())
    return tuple(
        Standing(receiver, dict(sorted(found[receiver].items())), instant(due.get(receiver)))
        for receiver in sorted(found)
    )


def _of(only: str | None, without: Iterable[str]) -> ColumnElement[bool]:
    return _HELD.receiver == only if only is not None else _HELD.receiver.not_in(list(without))


def _line(table: FromClause) -> tuple[ColumnElement[Any], ...]:
    """The order of messages of one receiver and alert."""
    return (table.c.n, table.c.due_at, table.c.notice_id)


def _there(connection: Connection, notice_ids: Sequence[str]) -> int:
    """How many of them the ledger holds."""
    query = select(func.count()).select_from(notifications)
    pages = (notice_ids[at : at + _ASKED] for at in range(0, len(notice_ids), _ASKED))
    return sum(connection.scalars(query.where(_HELD.notice_id.in_(page))).one() for page in pages)


def _replace(connection: Connection, notices: Sequence[Notice]) -> None:
    """Of these receivers and alerts, what waits and is not about the newest event planned goes no more."""
    same = and_(_HELD.receiver == bindparam("a_receiver"), _HELD.alert_id == bindparam("a_alert"))
    newest = select(func.max(_HELD.n)).where(same).scalar_subquery()
    waits = and_(_HELD.next_try_at.is_not(None), _HELD.status == Status.WAITING.value)
    values = {"status": Status.REPLACED.value, "next_try_at": None}
    change = update(notifications).where(same, waits, _HELD.n < newest).values(values)
    pairs = sorted({(each.receiver, each.alert_id) for each in notices})
    if pairs:
        connection.execute(change, [{"a_receiver": r, "a_alert": a} for r, a in pairs])


def _chosen(choice: Choice) -> list[ColumnElement[bool]]:
    given: list[ColumnElement[bool]] = []
    if choice.notice_ids:
        given.append(_HELD.notice_id.in_(choice.notice_ids))
    if choice.statuses:
        given.append(_HELD.status.in_(sorted(choice.statuses)))
    for column in (_HELD.force, _HELD.receiver, _HELD.alert_id):
        wanted = getattr(choice, column.name)
        if wanted is not None:
            given.append(column == wanted)
    return given


def _marked(mark: Mark, now: datetime) -> dict[str, Any]:
    return {
        "a_notice": mark.notice.notice_id,
        "a_status": mark.status.value,
        "a_outcome": mark.outcome,
        "a_code": mark.code,
        "a_next_try_at": micros(mark.again_at),
        "a_sent_at": micros(now) if mark.status is Status.SENT else None,
    }


def _row(notice: Notice, now: datetime) -> tuple[Any, ...]:
    """Values in the order of the table's columns."""
    due_at = micros(notice.due_at)
    return (
        notice.notice_id,
        notice.force,
        notice.alert_id,
        notice.subject,
        notice.n,
        notice.receiver,
        notice.channel.value,
        notice.address,
        notice.step,
        notice.kind.value,
        notice.thread,
        due_at,
        micros(now),
        msgspec.json.encode(notice.body).decode(),
        Status.WAITING.value,
        0,
        due_at,
        None,
        None,
        micros(max(notice.due_at, now) + TRIED_FOR),
        None,
        "",
        None,
    )


def _held(row: Row[Any]) -> Held:
    held = row._mapping
    notice = Notice(
        force=held["force"],
        alert_id=held["alert_id"],
        subject=held["subject"],
        n=held["n"],
        receiver=held["receiver"],
        channel=Channel(held["channel"]),
        address=held["address"],
        step=held["step"],
        kind=NoticeClass(held["class"]),
        thread=held["thread"],
        due_at=instant(held["due_at"]),
        body=msgspec.json.decode(held["body"], type=Body),
    )
    return Held(
        notice=notice,
        status=Status(held["status"]),
        attempts=held["attempts"],
        created_at=instant(held["created_at"]),
        next_try_at=instant(held["next_try_at"]),
        claimed_by=held["claimed_by"],
        expires_at=instant(held["expires_at"]),
        sent_at=instant(held["sent_at"]),
        outcome=held["outcome"],
        code=held["code"],
    )
