"""What was said and done, read back from the chains: of one report, since a time, or page by page."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Select, and_, func, select

from service.ledger.instants import instant, micros
from service.ledger.tables import alert_events, chain_payloads

REPORT_EVENTS = 500
"""Of one report; the newest."""
PAGE = 100


class Happened(Struct, frozen=True, kw_only=True):
    """One row of a force's chain."""

    seq: int
    type: str
    at: datetime
    subject_id: str
    """The alert's id."""
    actor: str
    """Opaque id of who did it; empty: nobody, the rules."""
    payload: dict[str, object] | None
    """What was said; None: erased."""

    def told(self, name: str) -> str:
        """One word of the payload, or of its detail; empty where there is none."""
        said = self.payload or {}
        detail = said.get("detail")
        within = detail if isinstance(detail, dict) else {}
        value = said.get(name, within.get(name, ""))
        return str(value) if value is not None else ""

    @property
    def typed(self) -> tuple[str, ...]:
        """Fields that were typed with it, kept apart and sealed."""
        text = (self.payload or {}).get("text")
        return tuple(text["fields"]) if isinstance(text, dict) else ()


_HELD = alert_events.c
_SAME = and_(chain_payloads.c.force == _HELD.force, chain_payloads.c.seq == _HELD.seq)
_read = msgspec.json.Decoder(dict[str, object]).decode


def of_alerts(
    connection: Connection,
    force: str,
    alert_ids: Iterable[str],
    limit: int | None = REPORT_EVENTS,
) -> tuple[Happened, ...]:
    """Everything said and done under some alerts, in order; at most ``limit``, the newest."""
    query = _rows(force).where(_HELD.subject_id.in_(sorted(alert_ids)))
    found = _happened(connection, query.order_by(_HELD.seq.desc()).limit(limit))
    return tuple(reversed(found))


def page(
    connection: Connection,
    force: str,
    before: int | None = None,
    *,
    types: Sequence[str] = (),
    actor: str = "",
    by_people: bool = False,
    limit: int = PAGE,
) -> tuple[Happened, ...]:
    """A force's chain, the newest first, from before a number on; all of it, of some types, or what one
    person or (``by_people``) any person did."""
    query = _rows(force)
    if before is not None:
        query = query.where(_HELD.seq < before)
    if types:
        query = query.where(_HELD.type.in_(types))
    if actor or by_people:
        query = query.where(_HELD.actor_id != "")  # in the words of the partial indexes
    if actor:
        query = query.where(_HELD.actor_id == actor)
    return _happened(connection, query.order_by(_HELD.seq.desc()).limit(limit))


def first_since(connection: Connection, force: str, since: datetime) -> int:
    """Number of the first thing said at ``since`` or later; one after the last where there is none.

    Numbers and times rise together in a lane, so this halves its way to it by primary key.
    """
    at = micros(since)
    last = connection.scalars(select(func.max(_HELD.seq)).where(_HELD.force == force)).one()
    low, high = 1, (last or 0) + 1
    while low < high:
        middle = (low + high) // 2
        query = select(_HELD.at).where(_HELD.force == force, _HELD.seq == middle)
        said_at = connection.scalars(query).one_or_none()
        if said_at is not None and said_at < at:
            low = middle + 1
        else:
            high = middle
    return low


def changes(connection: Connection, force: str, since: datetime) -> dict[str, int]:
    """What was said and done since a time, counted by type."""
    first = first_since(connection, force, since)
    query = select(_HELD.type, func.count()).where(_HELD.force == force, _HELD.seq >= first)
    return dict(connection.execute(query.group_by(_HELD.type)).tuples().all())


def types(connection: Connection, force: str) -> tuple[str, ...]:
    """Types in a force's latest thousand rows, in order: what a filter may offer."""
    last = connection.scalars(select(func.max(_HELD.seq)).where(_HELD.force == force)).one() or 0
    query = select(_HELD.type).distinct().where(_HELD.force == force, _HELD.seq > last - 1000)
    return tuple(sorted(connection.scalars(query)))


def _rows(force: str) -> Select[tuple[object, ...]]:
    columns = (_HELD.seq, _HELD.type, _HELD.at, _HELD.subject_id, _HELD.actor_id)
    joined = alert_events.outerjoin(chain_payloads, _SAME)
    return (
        select(*columns, chain_payloads.c.payload).select_from(joined).where(_HELD.force == force)
    )


def _happened(connection: Connection, query: Select[tuple[object, ...]]) -> tuple[Happened, ...]:
    return tuple(
        Happened(
            seq=seq,
            type=type_,
            at=instant(at),
            subject_id=subject,
            actor=actor,
            payload=_read(payload) if payload is not None else None,
        )
        for seq, type_, at, subject, actor, payload in connection.execute(query)
    )
