"""What routes would tell at once of everything that stands open, were they put to work now."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from schemas.words import AlertType, Grade
from service.alerts.escalation import (
    SETTLED_QUIETLY,
    Asked,
    Pauses,
    Progress,
    Said,
    admit,
    hear,
    look,
)
from service.alerts.routes import Routed, Routes, StepKind
from service.ledger.instants import instant
from service.ledger.tables import lanes, reports


class _Alert(Struct, frozen=True):
    said: AlertType | None = None
    due_at: datetime | None = None


class _Facts(Struct, frozen=True):
    area: str = ""
    referral: bool = False


class _State(Struct, frozen=True):
    facts: _Facts
    alert: _Alert = _Alert()


class _Crime(Struct, frozen=True):
    category: str
    harm: bool = False


class _Line(Struct, frozen=True):
    crimes: tuple[_Crime, ...] = ()


class Load(Struct):
    """What one receiver would get at once."""

    interrupts: int = 0
    on_worklist: int = 0
    digests: int = 0


class DryRun(Struct, frozen=True):
    """What would be told."""

    alerts: int
    """Reports whose alert stands open."""
    quiet: int
    """Of them, those settled without single messages."""
    receivers: dict[str, Load]
    """By name; before it, where there are several forces, the force and a slash."""

    @property
    def messages(self) -> int:
        """Messages in all."""
        return sum(each.interrupts + each.digests for each in self.receivers.values())


_read_state = msgspec.json.Decoder(_State).decode
_read_line = msgspec.json.Decoder(_Line).decode


def would_tell(connection: Connection, routes: Routes, now: datetime) -> DryRun:
    """Count it, alert by alert, within everybody's budgets."""
    began = {
        f: instant(at) for f, at in connection.execute(select(lanes.c.force, lanes.c.alert_from))
    }
    return would_tell_of(_standing(connection, now, began), routes, now)


def would_tell_of(alerts: Iterable[tuple[Routed, Said]], routes: Routes, now: datetime) -> DryRun:
    """The same of these alerts, were they said now."""
    loads: dict[tuple[str, str], Load] = {}
    asked: dict[tuple[str, str], list[Asked]] = {}
    digests: set[tuple[tuple[str, str], bool]] = set()
    counted: Counter[bool] = Counter()
    for routed, said in alerts:
        counted[said.quiet] += 1
        route = routes.freeze(routed)
        for tell in look(route, hear(Progress(), said), Pauses(), now).tells:
            name = (routed.force, tell.receiver)
            load = loads.setdefault(name, Load())
            load.on_worklist += 1
            if tell.kind is StepKind.INTERRUPT:
                before = asked.setdefault(name, [])
                given = admit(route.receivers[tell.receiver], before, now).given
                before.append(Asked(now, given))
                load.interrupts += given
                if given:
                    continue
            if tell.kind is not StepKind.WORKLIST:
                digests.add((name, tell.why == SETTLED_QUIETLY))
    for name, _ in digests:
        loads[name].digests += 1
    several = len({force for force, _ in loads}) > 1
    named = {f"{f}/{r}" if several else r: load for (f, r), load in sorted(loads.items())}
    return DryRun(counted.total(), counted[True], named)


def _standing(
    connection: Connection, now: datetime, began: dict[str, datetime | None]
) -> Iterator[tuple[Routed, Said]]:
    columns = (reports.c.force, reports.c.grade, reports.c.state, reports.c.line)
    query = select(*columns).where(reports.c.deadline.is_not(None))
    rows = connection.execute(query, execution_options={"yield_per": 500}).tuples()
    for force, grade, state, line in rows:
        held, crimes = _read_state(state), _read_line(line).crimes
        said, since = held.alert.said, began.get(force)
        if said is None:
            continue
        due_at, harm = held.alert.due_at, any(crime.harm for crime in crimes)
        graded = Grade(grade) if grade else None
        yield (
            Routed(
                force=force,
                alert=said,
                area=held.facts.area,
                category=crimes[0].category if crimes else "",
                harm=harm,
                grade=graded,
                report="referral" if held.facts.referral else "log",
            ),
            Said(
                type=said,
                n=0,
                at=now,
                due_at=due_at,
                harm=harm,
                grade=graded,
                quiet=since is not None and due_at is not None and due_at < since,
            ),
        )
