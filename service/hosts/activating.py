"""Another configuration made active: first what it would change, then, in turns, the change.

From the moment it is active, whoever was started with another stops deciding. Reports are then judged
again from what is held of them, slice by slice; what fell due before is settled quietly, into one digest.
Begun again after a stop, it judges everything again, and says nothing twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct
from sqlalchemy import Column, Connection, select

from schemas.words import AlertType
from service.alerts.escalation import Said
from service.alerts.routes import Routed, Routes
from service.delivery.dry_run import DryRun, would_tell_of
from service.effects import RaiseEvent, RulesChanged, TrackReport
from service.hosts.agreeing import check_known
from service.hosts.files import NotGiven, read_pack, shipped
from service.ingest.lined import Fault
from service.insight.changes import Changes, changes
from service.insight.differences import Differences, compare
from service.ledger import outputs
from service.ledger.active import (
    Kind,
    Part,
    active,
    differing,
    make_active,
    parts_of,
    parts_of_routes,
)
from service.ledger.load import lock
from service.ledger.opening import Ledger
from service.ledger.tables import records, reports
from service.matching.judgement import Line, decode
from service.pointers import Rulebook
from service.rules.facts import ReportFacts
from service.rules.pack import Pack
from service.turn import Batch, consider, turn

SLICE = 500
"""Reports, or records, judged again in one turn: lanes are not held for longer than a moment."""


class Change(Struct, frozen=True, kw_only=True):
    """One part that would be another."""

    kind: Kind
    name: str
    before: str
    """Digest; empty: there was none."""
    after: str


class Preview(Struct, frozen=True, kw_only=True):
    """What an activation would do."""

    changes: tuple[Change, ...]
    """Parts that differ from what is active."""
    differences: Differences
    """How reports would be judged otherwise, and why."""
    unlike: int
    """Reports whose verdict names another pack or model than what is to be active."""
    events: Mapping[AlertType, int]
    """What would be said of them."""
    told: DryRun
    """Whom that would reach, and how."""

    @property
    def idle(self) -> bool:
        """Is it active already, with everything judged by it?"""
        return not (self.changes or self.unlike or self.differences.differing)


def active_pack(held: Mapping[Part, str], named: str) -> Pack | None:
    """The pack that is active: the one named, or the shipped one of its name; None where that is
    another by now. Raises ``NotGiven`` where the named one is not it, and ``Fault``."""
    part = next((each for each in held if each.kind is Kind.PACK), None)
    if named:
        pack = read_pack(named)
        if part is None or held[part] != pack.digest:
            raise NotGiven(f"--from {named} is not the pack that is active; leave it out")
        return pack
    if part is None or part.name not in shipped("packs"):
        return None
    try:
        pack = read_pack(part.name)
    except (NotGiven, Fault):
        return None
    return pack if pack.digest == held[part] else None


# -- what would change ----------------------------------------------------------------------------


def preview(
    ledger: Ledger,
    rulebook: Rulebook,
    routes: Routes,
    before: Pack | None,
    now: datetime,
    tell: Callable[[int], None],
) -> Preview:
    """Judge every report by another rulebook, and write nothing. ``before``: the active pack, where it is
    at hand, to put differences down to its parts; ``tell`` is given how many more were looked at."""
    mine = with_routes(rulebook, routes)
    found, events, said = Differences(), Counter[AlertType](), list[tuple[Routed, Said]]()
    changed = changes(before, rulebook.pack) if before else Changes()
    heard, unlike = set[str](), 0
    with ledger.reading() as connection:
        check_known(connection, rulebook)
        held = active(connection)
        for force, refs, known in _slices(connection, reports.c.ref):
            olds = _lines(connection, force, refs)
            told = _considered(connection, rulebook, RulesChanged(force, refs, known))
            for ref, old in zip(refs, olds, strict=True):
                new = told.lines.get(ref, old)
                unlike += new.digests != old.digests
                found.add(old, new, compare(old, new, changed))
            # A slice may also say what another slice says: of a source, of a report beside its own.
            new_events = [each for each in told.events if each.event_id not in heard]
            heard.update(each.event_id for each in new_events)
            events.update(each.type for each in new_events)
            said += [_said(each, told, now) for each in new_events]
            tell(len(refs))
    parts = tuple(
        Change(kind=p.kind, name=p.name, before=_before(held, p), after=mine[p])
        for p in differing(mine, held)
    )
    return Preview(
        changes=parts,
        differences=found,
        unlike=unlike,
        events=dict(sorted(events.items())),
        told=would_tell_of(said, routes, now),
    )


def with_routes(rulebook: Rulebook, routes: Routes) -> dict[Part, str]:
    """Everything that is made active together."""
    return {**parts_of(rulebook), **parts_of_routes(routes.digest)}


class _Considered(Struct, frozen=True):
    lines: dict[str, Line]
    facts: dict[str, ReportFacts]
    events: list[RaiseEvent]


def _considered(connection: Connection, rulebook: Rulebook, changed: RulesChanged) -> _Considered:
    told = _Considered({}, {}, [])
    for effect in consider(connection, rulebook, (changed,)).get(changed.force, ()):
        if isinstance(effect, TrackReport):
            facts = effect.state.facts
            told.lines[facts.ref], told.facts[facts.ref] = decode(effect.line), facts
        elif isinstance(effect, RaiseEvent):
            told.events.append(effect)
    return told


def _said(event: RaiseEvent, told: _Considered, now: datetime) -> tuple[Routed, Said]:
    facts = told.facts.get(event.subject)
    routed = Routed(
        force=event.force,
        alert=event.type,
        area=facts.area if facts else "",
        category=event.category,
        harm=event.harm,
        grade=event.grade,
        report="referral" if facts and facts.referral else "log",
    )
    said = Said(
        type=event.type,
        n=event.n,
        at=now,
        due_at=event.due_at,
        harm=event.harm,
        grade=event.grade,
        quiet=event.quiet,
    )
    return routed, said


def _before(held: Mapping[Part, str], part: Part) -> str:
    if part.kind is Kind.MAPPING:
        return held.get(part, "")
    return next((digest for each, digest in held.items() if each.kind is part.kind), "")


# -- the change -------------------------------------------------------------------------------------


def activate(
    ledger: Ledger, rulebook: Rulebook, routes: Routes, tell: Callable[[int], None]
) -> Counter[AlertType]:
    """Make it active and judge everything by it; what was said. May be stopped and begun again."""
    with ledger.writing() as connection:
        check_known(connection, rulebook)
        # Turns look at what is active once they hold their lanes: those under way end first.
        lock(connection, outputs.forces(connection))
        make_active(connection, with_routes(rulebook, routes), datetime.now(UTC))
        clocks = outputs.clocks(connection)
    said = Counter[AlertType]()
    for force, known in clocks.items():
        for refs in _pages(ledger, force, records.c.ref):
            said.update(_judge(ledger, rulebook, RulesChanged(force, (), known, refs)))
        for refs in _pages(ledger, force, reports.c.ref):
            said.update(_judge(ledger, rulebook, RulesChanged(force, refs, known)))
            tell(len(refs))
    return said


def _judge(ledger: Ledger, rulebook: Rulebook, changed: RulesChanged) -> list[AlertType]:
    return [event.type for event in turn(ledger, rulebook, Batch(inputs=(changed,))).events]


def _pages(ledger: Ledger, force: str, column: Column[str]) -> Iterator[tuple[str, ...]]:
    """Slice after slice, each in a transaction of its own."""

    def ask(after: str) -> tuple[str, ...]:
        with ledger.reading() as connection:
            return _refs(connection, force, column, after)

    return _one_by_one(ask)


# -- slices -------------------------------------------------------------------------------------------


def _slices(
    connection: Connection, column: Column[str]
) -> Iterator[tuple[str, tuple[str, ...], datetime]]:
    for force, known in outputs.clocks(connection).items():
        for refs in _one_by_one(partial(_refs, connection, force, column)):
            yield force, refs, known


def _one_by_one(ask: Callable[[str], tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Slices, until there is none behind the last; ``ask`` is given the reference that ended it."""
    after = ""
    while refs := ask(after):
        yield refs
        after = refs[-1]


def _refs(connection: Connection, force: str, column: Column[str], after: str) -> tuple[str, ...]:
    here = (column.table.c.force == force, column > after)
    query = select(column).where(*here).order_by(column).limit(SLICE)
    return tuple(connection.scalars(query))


def _lines(connection: Connection, force: str, refs: Sequence[str]) -> list[Line]:
    """Lines of the slice that these references are, in their order."""
    here = (reports.c.force == force, reports.c.ref >= refs[0], reports.c.ref <= refs[-1])
    query = select(reports.c.line).where(*here).order_by(reports.c.ref)
    return [decode(line.encode()) for line in connection.scalars(query)]
