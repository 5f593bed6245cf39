"""People's commands over a ledger: what stands open, one report with its history, and doing something."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from heapq import merge
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection

from schemas.words import Verdict
from service.alerts.identity import alert_identity
from service.alerts.lifecycle import Stage
from service.alerts.queues import HIGH_HARM
from service.commands import PERSON
from service.effects import Answer, ReportState
from service.hosts.agreeing import check_known
from service.hosts.files import NotGiven, model_in_use, read_mapping, read_pack
from service.ingest.source import Source
from service.ledger import outputs, trail, worklist
from service.ledger.given import Act, ActUnusable, make_command
from service.ledger.opening import Ledger
from service.ledger.sealed import read_keys
from service.ledger.standing import Entry
from service.ledger.trail import Happened
from service.matching.judgement import Line, decode
from service.pointers import Rulebook
from service.settings import Settings
from service.turn import Batch, turn


class Filters(Struct, frozen=True, kw_only=True):
    """Which of the open reports are listed."""

    force: str = ""
    stage: Stage | None = None
    due_within: timedelta | None = None
    """Due by then, or past due."""
    harm: bool = False
    nobody: bool = False
    """Nobody is on it, and it can be told."""


class Open(Struct, frozen=True, kw_only=True):
    """One report on which something is owed or unproved."""

    force: str
    ref: str
    verdict: Verdict
    stage: Stage
    due_at: datetime | None
    category: str
    harm: bool
    grade: str
    assigned_to: str
    acknowledged_by: str
    hold_asked: bool
    held_until: datetime | None
    version: int


class Listed(Struct, frozen=True):
    """What stands on the board."""

    count: int
    """All of them."""
    rows: tuple[Open, ...]
    """As many as were asked for."""


class Step(Struct, frozen=True, kw_only=True):
    """One thing said or done about a report."""

    seq: int
    at: datetime
    what: str
    """Type of the event, or the action."""
    actor: str = ""
    """Opaque id; empty: nobody, the rules."""
    role: str = ""
    typed: tuple[str, ...] = ()
    """Fields that were typed with it, kept apart and sealed."""
    erased: bool = False


class Shown(Struct, frozen=True, kw_only=True):
    """One report, whole."""

    state: ReportState
    line: Line
    history: tuple[Step, ...]


def rulebook(settings: Settings, rules: str, mappings: Sequence[str]) -> Rulebook:
    """The pack and the sources by which a ledger was decided: those given, else the settings'.

    Raises ``Fault`` and ``NotGiven``.
    """
    pack = read_pack(rules or settings.rules)
    sources: dict[str, Source] = {}
    for named in mappings or list(settings.topics.values()):
        whole = named.endswith(".yaml") or "/" not in named
        mapping, side = (named, "") if whole else named.rsplit("/", 1)
        found = [feed.source for feed in read_mapping(mapping).feeds if side in ("", feed.side)]
        if not found:
            raise NotGiven(f"there is no '{named}'; give a mapping, or one of its sides")
        sources |= {source.name: source for source in found}
    return Rulebook(pack, sources, model_in_use(settings.linkage, pack))


# -- doing ----------------------------------------------------------------------------------------


def act(ledger: Ledger, book: Rulebook, act_: Act, now: datetime, keys: Path | None) -> Answer:
    """Give one command and wait until it is durable. Raises ``NotGiven`` where it cannot be given at
    all: too long, nothing to seal with, or rules that are not those by which the ledger was decided."""
    if not PERSON.fullmatch(act_.actor.id):
        raise NotGiven("--as takes one word: an opaque id of whoever acts, never a name")
    try:
        given = make_command(act_, read_keys(keys) if keys is not None else None, now)
    except ActUnusable as wrong:
        where = f"--{wrong.field.replace('_', '-')}: " if wrong.field else ""
        raise NotGiven(f"{where}{wrong}") from None
    with ledger.reading() as connection:
        _check_same_rules(connection, book, act_)
    return turn(ledger, book, Batch(inputs=(given,))).answers[act_.command_id]


def _check_same_rules(connection: Connection, book: Rulebook, act_: Act) -> None:
    """One command must not decide a report by other rules than those it was decided by."""
    check_known(connection, book)
    found = outputs.report(connection, act_.force, act_.ref) if act_.ref else None
    if found is not None and decode(found[1]).digests.pack != book.pack.digest:
        raise NotGiven(
            f"report {act_.force}/{act_.ref} was decided by another rule pack; give it with --rules, "
            "or set RECOUNT_RULES"
        )


# -- reading --------------------------------------------------------------------------------------


def listed(ledger: Ledger, wanted: Filters, now: datetime, limit: int) -> Listed:
    """What stands on the board of one force or of all, by time left."""
    choice = worklist.Choice.NOBODY if wanted.nobody else worklist.Choice.ALL
    with ledger.reading() as connection:
        forces = [wanted.force] if wanted.force else outputs.forces(connection)
        queues = (
            worklist.queue(connection, worklist.Filters(force=force, choice=choice))
            for force in forces
        )
        entries = [each for each in merge(*queues, key=_by_deadline) if _wanted(each, wanted, now)]
        if wanted.stage is not None:
            held = worklist.states(connection, entries)
            stages = {key: state.alert.stage for key, state in held.items()}
            entries = [e for e in entries if stages[e.force, e.ref] is wanted.stage]
        states = worklist.states(connection, entries[:limit])
    rows = tuple(_open(each, states[each.force, each.ref]) for each in entries[:limit])
    return Listed(len(entries), rows)


def _by_deadline(entry: Entry) -> tuple[bool, datetime | None, str, str]:
    return entry.deadline is None, entry.deadline, entry.force, entry.ref


def _wanted(entry: Entry, wanted: Filters, now: datetime) -> bool:
    if wanted.harm and entry.group not in HIGH_HARM:
        return False
    if wanted.due_within is None:
        return True
    return entry.deadline is not None and entry.deadline <= now + wanted.due_within


def _open(entry: Entry, state: ReportState) -> Open:
    handling = state.handling
    return Open(
        force=entry.force,
        ref=entry.ref,
        verdict=entry.verdict,
        stage=state.alert.stage,
        due_at=entry.deadline,
        category=entry.category,
        harm=entry.group in HIGH_HARM,
        grade=str(entry.grade or ""),
        assigned_to=handling.assigned_to,
        acknowledged_by=handling.acknowledged_by,
        hold_asked=handling.asked is not None,
        held_until=handling.held_until if state.alert.stage is Stage.HELD else None,
        version=handling.version,
    )


def shown(ledger: Ledger, force: str, ref: str) -> Shown | None:
    """One report with everything said and done about it; None where it is not known."""
    with ledger.reading() as connection:
        found = outputs.report(connection, force, ref)
        if found is None:
            return None
        alert = str(alert_identity(force, ref))
        happened = trail.of_alerts(connection, force, (alert,), limit=None)
    return Shown(state=found[0], line=decode(found[1]), history=tuple(map(_step, happened)))


def _step(each: Happened) -> Step:
    return Step(
        seq=each.seq,
        at=each.at,
        what=each.type,
        actor=each.actor,
        role=each.told("role"),
        typed=each.typed,
        erased=each.payload is None,
    )
