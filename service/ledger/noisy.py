"""Which rules ask most of people, and how often they were right, by what became of their reports."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, select

from schemas.words import AlertType, Grade, Verdict
from service.ledger.tables import alert_events, chain_payloads, reports
from service.ledger.trail import first_since
from service.matching.judgement import Line, decode

ALARMS = (
    AlertType.DUE_SOON,
    AlertType.CLOSED_WITHOUT_REASON,
    AlertType.MISSED,
    AlertType.PARTLY_RECORDED,
)
"""What asks something of somebody about a report."""

MISSES = (AlertType.MISSED, AlertType.PARTLY_RECORDED)

_ASKED = 500
_LIMIT = "limit-"
"""Rules that set deadlines begin so: every crime rests on one, so they tell nothing apart."""

_CRIME = frozenset({Verdict.RECORDED, Verdict.RECORDED_LATE, Verdict.PARTLY_RECORDED})
_NONE = frozenset({Verdict.ACCOUNTED, Verdict.NO_CRIME_INDICATED})


class Right(Struct, frozen=True):
    """Reports about which something was said, by what became of them."""

    alerts: int = 0
    """Reports, each once."""
    crime: int = 0
    """Settled by a record: the alert was right."""
    none: int = 0
    """Settled without one: decided not to be recorded, or no crime after all."""

    @property
    def settled(self) -> int:
        """Of how many it is known."""
        return self.crime + self.none


class Noisy(Struct, frozen=True):
    """One rule."""

    rule: str
    right: Right


def noisiest(
    connection: Connection, force: str, since: datetime, most: int = 10
) -> tuple[Noisy, ...]:
    """The rules on which most alerts since a time rest, the most first."""
    counted: dict[str, Right] = {}
    for line in _lines(connection, force, _subjects(connection, force, since, ALARMS)):
        rules = {
            rule for crime in line.crimes if crime.grade is Grade.CLEAR for rule in crime.rules
        }
        for rule in rules:
            if not rule.startswith(_LIMIT):
                counted[rule] = _and(counted.get(rule, Right()), line)
    found = (Noisy(rule, right) for rule, right in counted.items())
    return tuple(sorted(found, key=lambda each: (-each.right.alerts, each.rule))[:most])


def misses_right(connection: Connection, force: str, since: datetime) -> Right:
    """How often misses said since a time were right, as far as they are settled."""
    total = Right()
    for line in _lines(connection, force, _subjects(connection, force, since, MISSES)):
        total = _and(total, line)
    return total


def _and(right: Right, line: Line) -> Right:
    return Right(
        right.alerts + 1,
        right.crime + (line.verdict in _CRIME),
        right.none + (line.verdict in _NONE),
    )


class _Payload(Struct, frozen=True):
    subject: str = ""
    quiet: bool = False


_read = msgspec.json.Decoder(_Payload).decode


def _subjects(
    connection: Connection, force: str, since: datetime, types: Iterable[AlertType]
) -> list[str]:
    """References of reports about which one of these was said, each once; quiet ones are left out."""
    held = alert_events.c
    payload = and_(chain_payloads.c.force == held.force, chain_payloads.c.seq == held.seq)
    query = (
        select(chain_payloads.c.payload)
        .select_from(alert_events.join(chain_payloads, payload))
        .where(
            held.force == force,
            held.seq >= first_since(connection, force, since),
            held.type.in_([*types]),
        )
    )
    said = map(_read, connection.scalars(query))
    return sorted({each.subject for each in said if not each.quiet})


def _lines(connection: Connection, force: str, refs: list[str]) -> Iterable[Line]:
    for start in range(0, len(refs), _ASKED):
        some = refs[start : start + _ASKED]
        query = select(reports.c.line).where(reports.c.force == force, reports.c.ref.in_(some))
        for line in connection.scalars(query):
            yield decode(line.encode())
