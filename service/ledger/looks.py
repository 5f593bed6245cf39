"""What is counted now and then, as it reads many rows: crimes, warnings acted on, steps missed, sums."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, select

from schemas.words import Grade, Verdict
from service.figures.crimes import CRIME_WORDS
from service.ledger import outputs
from service.ledger.attention import DAY, Acted, Audit, acted_in_time, audit
from service.ledger.instants import micros
from service.ledger.outputs import Conservation, conservation
from service.ledger.tables import notifications, reports

CRIMES_OF = timedelta(days=3)
"""Crimes are counted of reports received so long ago: time for a deadline, a night, and a late record."""

READ_AT_ONCE = 2000
"""Lines."""


class Look(Struct, frozen=True, kw_only=True):
    """The ledger at one moment."""

    conservation: Conservation
    audit: Audit
    crimes: dict[tuple[str, str], int]
    """By force and what became of them: words of the summary."""
    acted: dict[str, Acted]
    """By force: warnings whose deadline fell in the last day."""
    outcomes: dict[tuple[str, str], int]
    """Messages by receiver and what came of the last attempt."""


class _Crime(Struct):
    grade: Grade
    verdict: Verdict


class _Line(Struct):
    crimes: tuple[_Crime, ...] = ()


_read = msgspec.json.Decoder(_Line).decode


def look(connection: Connection, now: datetime) -> Look:
    """Count all of it."""
    forces = outputs.forces(connection)
    return Look(
        conservation=conservation(connection),
        audit=audit(connection, now),
        crimes={key: n for force in forces for key, n in _crimes(connection, force, now)},
        acted={force: acted_in_time(connection, force, now - DAY, now) for force in forces},
        outcomes=_outcomes(connection),
    )


def _crimes(
    connection: Connection, force: str, now: datetime
) -> Iterator[tuple[tuple[str, str], int]]:
    here = reports.c
    query = select(here.line).where(
        here.force == force,
        here.received_at > micros(now - CRIMES_OF),
        here.grade == Grade.CLEAR.value,
    )
    counts: Counter[Verdict] = Counter()
    lines = connection.scalars(query, execution_options={"yield_per": READ_AT_ONCE})
    for line in lines:
        counts.update(each.verdict for each in _read(line).crimes if each.grade is Grade.CLEAR)
    yield (force, "due"), counts.total() - counts[Verdict.PENDING]
    for verdict, word in CRIME_WORDS.items():
        yield (force, word), counts[verdict]


def _outcomes(connection: Connection) -> dict[tuple[str, str], int]:
    held = notifications.c
    query = select(held.receiver, held.outcome, func.count()).where(held.outcome != "")
    found = connection.execute(query.group_by(held.receiver, held.outcome))
    return {(receiver, outcome): n for receiver, outcome, n in found}
