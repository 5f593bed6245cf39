"""Reading for the first time, or again after a standstill: history is settled before anybody is told.

Misses due before are kept for figures, worklist and one digest (``Settling``), and time passes for a
force only once everything that lay on its topics when its partitions were given has been read.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from faust.types import TP
from sqlalchemy import Connection, select

from service.effects import Input, RecordSeen, ReportSeen, Settling
from service.hosts.kafka_topics import partition_of
from service.ledger.instants import instant, micros
from service.ledger.tables import lanes


def force_of(each: Input) -> str:
    """The force that an input is about."""
    return each.facts.force if isinstance(each, ReportSeen | RecordSeen) else each.force


def beginnings(
    inputs: Sequence[Input], known: AbstractSet[str], now: datetime
) -> tuple[Settling, ...]:
    """For every force never seen before: what is due before now is history."""
    first: dict[str, datetime] = {}
    for each in inputs:
        force = force_of(each)
        if force not in known:
            first[force] = min(each.known_at, first.get(force, each.known_at))
    return tuple(Settling(force, now, at) for force, at in sorted(first.items()))


def standstills(
    connection: Connection, owned: Iterable[int], partitions: int, now: datetime, after: timedelta
) -> tuple[Settling, ...]:
    """For every force of these partitions whose time stood still for longer than ``after``."""
    query = select(lanes.c.force, lanes.c.now).where(lanes.c.now < micros(now - after))
    mine = set(owned)
    return tuple(
        Settling(force, now, instant(at))
        for force, at in connection.execute(query.order_by(lanes.c.force)).tuples()
        if partition_of(force, partitions) in mine
    )


def behind(
    until: Mapping[TP, int], places: Mapping[TP, int], applied: Mapping[TP, int]
) -> dict[TP, int]:
    """Of the ends that are to be reached, those that are not: read past, and what was read applied."""
    return {
        tp: end
        for tp, end in until.items()
        if tp in applied and applied[tp] < end and places.get(tp, 0) < end
    }
