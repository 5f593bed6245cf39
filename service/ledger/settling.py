"""Reading for the first time, or again after a standstill: history is settled before anybody is told.

Misses due before are kept for figures, worklist and one digest (``Settling``).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from service.effects import Input, RecordSeen, ReportSeen, Settling
from service.ledger.instants import instant, micros
from service.ledger.tables import lanes


def beginnings(
    inputs: Sequence[Input], known: AbstractSet[str], now: datetime
) -> tuple[Settling, ...]:
    """For every force never seen before: what is due before now is history."""
    first: dict[str, datetime] = {}
    for each in inputs:
        force = each.facts.force if isinstance(each, ReportSeen | RecordSeen) else each.force
        if force not in known:
            first[force] = min(each.known_at, first.get(force, each.known_at))
    return tuple(Settling(force, now, at) for force, at in sorted(first.items()))


def standstills(connection: Connection, now: datetime, after: timedelta) -> tuple[Settling, ...]:
    """For every force whose time stood still for longer than ``after``, in order of force."""
    query = select(lanes.c.force, lanes.c.now).where(lanes.c.now < micros(now - after))
    rows = connection.execute(query.order_by(lanes.c.force)).tuples()
    return tuple(Settling(force, now, instant(at)) for force, at in rows)
