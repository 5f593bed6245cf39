"""What is usual at this hour of this weekday: how the board stood at the same hour of weeks before."""

from datetime import datetime
from statistics import quantiles

from msgspec import Struct
from sqlalchemy import Connection, select

from service.alerts.queues import HarmGroup
from service.ledger.instants import micros
from service.ledger.standing import HOUR_US, group_rows
from service.ledger.statements import insert_once
from service.ledger.tables import standing_hours

WEEK_HOURS = 168
WEEKS_BACK = 12
WEEKS_NEEDED = 4
"""Fewer weeks say nothing of what is usual."""

FIGURES = ("past_due", "within_4h", "within_12h", "nobody")


class Usual(Struct, frozen=True):
    """The middle half of what stood at this hour of this weekday."""

    low: int
    high: int
    weeks: int


def note_hour(connection: Connection, force: str, now: datetime) -> bool:
    """Keep how the board stands, once in every hour; False where this hour was kept before."""
    hour = micros(now) // HOUR_US
    held = standing_hours.c
    query = select(held.hour).where(held.force == force, held.hour == hour).limit(1)
    if connection.execute(query).first() is not None:
        return False
    rows = [
        (force, hour, str(row.group), *(getattr(row, name) for name in FIGURES))
        for row in group_rows(connection, force, now)
    ]
    insert_once(connection, standing_hours, rows)
    return True


def usual(connection: Connection, force: str, now: datetime) -> dict[HarmGroup, dict[str, Usual]]:
    """For each row of the board and figure of ``FIGURES``; without what too few weeks tell of."""
    held, hour = standing_hours.c, micros(now) // HOUR_US
    hours = [hour - WEEK_HOURS * week for week in range(1, WEEKS_BACK + 1)]
    query = select(standing_hours).where(held.force == force, held.hour.in_(hours))
    seen: dict[HarmGroup, dict[str, list[int]]] = {}
    for row in connection.execute(query).mappings():
        figures = seen.setdefault(HarmGroup(row["harm_group"]), {name: [] for name in FIGURES})
        for name in FIGURES:
            figures[name].append(row[name])
    return {
        group: {name: _range(counts) for name, counts in figures.items()}
        for group, figures in seen.items()
        if len(figures["nobody"]) >= WEEKS_NEEDED
    }


def _range(counts: list[int]) -> Usual:
    low, _, high = quantiles(counts, n=4, method="inclusive")
    return Usual(int(low), int(-(-high // 1)), len(counts))
