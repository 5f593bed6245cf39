"""When who is told: steps of a frozen route against time, and how much a person can bear.

Pure: (route, what was said so far, pauses, now) give what is to be told and when to look again. A step
is told once to each receiver for each deadline; a deadline that moved, or an alert that opened again,
starts the steps anew. What may interrupt, and how often, is decided here and nowhere else, whatever a
file of routes says.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from schemas.words import AlertType, Grade
from service.alerts.lifecycle import CLAIMS, OPEN
from service.alerts.routes import Frozen, Rank, Step, StepKind, Told, When
from service.alerts.shifts import last_word, on_shift

HOUR, SHIFT, FLOOD_IN = timedelta(hours=1), timedelta(hours=12), timedelta(minutes=10)
AN_HOUR, A_SHIFT, FLOOD = 6, 2, 10
"""Interrupts per receiver: in an hour; for inspectors in any twelve; more than this many asked for in ten
minutes are a flood, and become one digest (board.md)."""

LOOK_AGAIN = timedelta(minutes=10)
"""While a stopped source or a mute keeps a step back, this is how often it is looked at."""

SETTLED_QUIETLY = "settled_quietly"
"""Told in one digest once all of it is settled: after go-live, a silence, a changed pack."""

_FORWARD = frozenset({AlertType.DUE_SOON, AlertType.CLOSED_WITHOUT_REASON})
"""What may be said before a miss, either after the other."""

NOTICED = frozenset({AlertType.UNKNOWN_CODE, AlertType.INPUT_LOST, AlertType.VERSION_CONFLICT})
"""Told once, and not again at every shift: nothing says when it is mended."""


class Said(Struct, frozen=True, kw_only=True):
    """One event of an alert, as far as escalation looks at it."""

    type: AlertType
    n: int
    at: datetime
    due_at: datetime | None = None
    harm: bool = False
    grade: Grade | None = None
    quiet: bool = False
    """Settled without single messages: due before alerts began, while a source stood still, or found
    by a changed pack."""


class Progress(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How far the escalation of one alert has come."""

    n: int = -1
    """Number of the last event heard."""
    type: AlertType | None = None
    """What was said last."""
    raised_at: datetime | None = None
    """When this round began: raised, opened again, or its deadline moved."""
    at: datetime | None = None
    due_at: datetime | None = None
    closed_at: datetime | None = None
    """When it was said to have closed without a reason, in this round."""
    missed_at: datetime | None = None
    """When the miss was said, in this round."""
    harm: bool = False
    grade: Grade | None = None
    quiet: bool = False
    kept_back: bool = False
    """A stopped source, or a mute, kept it back when it was last looked at."""
    done: tuple[str, ...] = ()
    """``step/receiver`` told in this round."""

    @property
    def open(self) -> bool:
        """Is there still something to escalate?"""
        return self.type in OPEN or self.type is AlertType.SOURCE_SILENT or self.type in NOTICED


class Pauses(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What people have said that keeps an escalation still; the alert stands all the same."""

    acknowledged_until: datetime | None = None
    held_until: datetime | None = None

    def waits_until(self, now: datetime) -> datetime | None:
        """Until when steps wait; None: they do not."""
        waits = [at for at in (self.acknowledged_until, self.held_until) if at and at > now]
        return max(waits, default=None)


class Tell(Struct, frozen=True, kw_only=True):
    """Somebody is to be told."""

    receiver: str
    step: str
    kind: StepKind
    at: datetime
    """When it should have been told: at the latest now."""
    why: str = ""
    """Empty: as the step says; else ``brought_forward``, ``off_shift``, ``for_off_shift`` or
    ``settled_quietly``."""


class Look(Struct, frozen=True):
    """What is to be done of one alert now."""

    progress: Progress
    tells: tuple[Tell, ...]
    next_at: datetime | None
    """When to look again; None: not before something is said."""


# -- what was said ----------------------------------------------------------------------------------


def hear(progress: Progress, said: Said) -> Progress:
    """The escalation after an event; one heard before changes nothing."""
    if said.n <= progress.n:
        return progress
    if said.type is AlertType.VERSION_CONFLICT and progress.type is not None:
        return replace(progress, n=said.n)
    opens = not progress.open and said.type in OPEN
    moved = said.due_at != progress.due_at and said.type in OPEN
    taken_back = progress.missed_at is not None and said.type not in CLAIMS
    if progress.type is None or opens or moved or taken_back:
        progress = Progress(type=progress.type, raised_at=said.at, kept_back=progress.kept_back)
    missed = said.type in CLAIMS
    closed = said.type is AlertType.CLOSED_WITHOUT_REASON
    return replace(
        progress,
        n=said.n,
        type=said.type,
        at=said.at,
        due_at=said.due_at,
        closed_at=said.at if closed and progress.closed_at is None else progress.closed_at,
        missed_at=(progress.missed_at or said.at) if missed else None,
        harm=said.harm,
        grade=said.grade,
        quiet=said.quiet,
        done=_again(progress.done, said),
    )


def _again(done: tuple[str, ...], said: Said) -> tuple[str, ...]:
    """A source that stops again is told again; so is everything said of a feed."""
    return () if said.type is AlertType.SOURCE_SILENT or said.type in NOTICED else done


def changes(before: Progress, said: Said) -> bool:
    """Must everyone who was told be told of this event? Not where it is the next step of the same story:
    due soon, then missed."""
    if before.type is None or said.n <= before.n:
        return False
    if said.type is AlertType.SOURCE_BACK:
        return True
    if said.type is before.type:
        return said.due_at != before.due_at
    if said.type in NOTICED or before.type in NOTICED:
        return False
    return before.type in CLAIMS or said.type not in CLAIMS | _FORWARD


# -- what is to be told -----------------------------------------------------------------------------


def look(
    frozen: Frozen, progress: Progress, pauses: Pauses, now: datetime, kept_back: bool = False
) -> Look:
    """Everything due by now, and when the next step is. ``kept_back``: a source that this alert rests
    on has stopped, and its own alert explains it, or a mute runs. What falls due meanwhile is told in one
    digest afterwards, where it still stands."""
    if not progress.open:
        return Look(progress, (), None)
    if kept_back:
        again = now + LOOK_AGAIN if _pending(frozen, progress) else None
        return Look(replace(progress, kept_back=True), (), again)
    until = pauses.waits_until(now)
    if until is not None:
        return Look(progress, (), until if _pending(frozen, progress) else None)
    pending = list(_pending(frozen, progress))
    due = [each for each in pending if each.at <= now]
    tells = tuple(_once(_tell(frozen, progress, each) for each in due))
    done = (*progress.done, *(_key(each) for each in due))
    later = [each.at for each in pending if each.at > now]
    after = replace(progress, done=done, kept_back=False)
    return Look(after, tells, min(later, default=None))


def undone(frozen: Frozen, progress: Progress, pauses: Pauses, now: datetime) -> tuple[Tell, ...]:
    """Steps that should have been told before now and were not: what an auditor counts. It looks at
    the route and at what was said, never at when somebody meant to look again."""
    if not progress.open or pauses.waits_until(now) is not None:
        return ()
    return tuple(each for each in _pending(frozen, progress) if each.at <= now)


def _pending(frozen: Frozen, progress: Progress) -> list[Tell]:
    """Every step of this round still to be told, each to each of its receivers."""
    found: list[Tell] = []
    for step in frozen.steps:
        at = _moment(step, progress)
        if at is None:
            continue
        for name in step.tell:
            if f"{step.step}/{name}" not in progress.done:
                found += _placed(frozen, progress, step, frozen.receivers[name], at)
    return found


def _moment(step: Step, progress: Progress) -> datetime | None:
    # What is settled quietly is told once, at once, to all whom later steps would tell as well.
    hours = timedelta() if progress.quiet else timedelta(hours=step.hours)
    match step.when:
        case When.CLOSED:
            still = progress.type is AlertType.CLOSED_WITHOUT_REASON
            return progress.closed_at + hours if still and progress.closed_at else None
        case When.BEFORE_DEADLINE:
            return _before_deadline(step, progress)
        case When.MISSED:
            return progress.missed_at + hours if progress.missed_at else None
        case When.STOPPED:
            stopped = progress.type is AlertType.SOURCE_SILENT
            return progress.at + hours if stopped and progress.at else None
        case When.NOTICED:
            noticed = progress.type in NOTICED
            return progress.at + hours if noticed and progress.at else None


def _before_deadline(step: Step, progress: Progress) -> datetime | None:
    """None where the miss is said, or where this round began with the deadline past."""
    raised, due = progress.raised_at, progress.due_at
    if progress.type not in OPEN or progress.missed_at or raised is None or due is None:
        return None
    return due - timedelta(hours=step.hours) if raised < due else None


def _placed(
    frozen: Frozen, progress: Progress, step: Step, receiver: Told, at: datetime
) -> Iterator[Tell]:
    """A step for one receiver at a time when somebody is there: off shift it is brought forward to the
    end of the last shift, or goes to the desk as well; never later."""
    tell = Tell(receiver=receiver.name, step=step.step, kind=step.kind, at=at)
    if step.kind is StepKind.WORKLIST or receiver.name == frozen.desk:
        yield tell
        return
    if on_shift(receiver.shifts, at) is not None:
        yield tell
        return
    if step.when is When.BEFORE_DEADLINE:
        forward = last_word(receiver.shifts, at)
        if forward is not None and progress.raised_at is not None and forward >= progress.raised_at:
            yield replace(tell, at=forward, why="brought_forward")
            return
    yield replace(tell, kind=StepKind.DIGEST, why="off_shift")
    if not receiver.digest_only:
        yield replace(tell, receiver=frozen.desk, step=f"{step.step}.desk", why="for_off_shift")


def _tell(frozen: Frozen, progress: Progress, tell: Tell) -> Tell:
    """A step in the class that this alert and this receiver may have."""
    if tell.kind is StepKind.WORKLIST:
        return tell
    if progress.quiet or progress.kept_back:
        return replace(tell, kind=StepKind.DIGEST, why=SETTLED_QUIETLY)
    of_source = progress.type is AlertType.SOURCE_SILENT
    grave = progress.harm and progress.grade is Grade.CLEAR
    if (grave or of_source) and not frozen.receivers[tell.receiver].digest_only:
        return tell
    return replace(tell, kind=StepKind.DIGEST)


def _once(tells: Iterator[Tell]) -> Iterator[Tell]:
    """One receiver is told of one alert once at a time, in the strongest way asked for."""
    strength = [StepKind.WORKLIST, StepKind.DIGEST, StepKind.INTERRUPT]
    strongest: dict[str, Tell] = {}
    for tell in tells:
        held = strongest.get(tell.receiver)
        if held is None or strength.index(tell.kind) > strength.index(held.kind):
            strongest[tell.receiver] = tell
    yield from strongest.values()


def _key(tell: Tell) -> str:
    return f"{tell.step}/{tell.receiver}"


def rehearse(
    frozen: Frozen,
    due_at: datetime,
    *,
    harm: bool,
    grade: Grade,
    raised: timedelta,
    upto: AlertType,
) -> Iterator[Tell]:
    """Everything that would be told of one report on which nobody acts: raised so long before its
    deadline, closed without a reason or due soon, then missed where ``upto`` is a miss."""
    told = [(AlertType.DUE_SOON, due_at - raised), (AlertType.MISSED, due_at)]
    if upto is AlertType.CLOSED_WITHOUT_REASON:
        told = [(upto, due_at - raised)]
    elif upto not in CLAIMS:
        told = told[:1]
    progress = Progress()
    for n, (type_, at) in enumerate(told):
        said = Said(type=type_, n=n, at=at, due_at=due_at, harm=harm, grade=grade)
        progress = hear(progress, said)
        now: datetime | None = at
        ends = told[n + 1][1] if n + 1 < len(told) else None
        while now is not None and (ends is None or now < ends):
            seen = look(frozen, progress, Pauses(), now)
            progress = seen.progress
            yield from seen.tells
            now = seen.next_at


# -- how much a person can bear ---------------------------------------------------------------------


class Asked(Struct, frozen=True):
    """An interrupt asked for before, and whether it was given."""

    at: datetime
    given: bool


class Admission(Struct, frozen=True):
    """May this interrupt be given? If not, it is told by digest: at once where there is a flood."""

    given: bool
    flood: bool


def admit(receiver: Told, before: Sequence[Asked], now: datetime) -> Admission:
    """Budgets of one receiver; ``before`` holds what was asked for in the last twelve hours."""
    asked = sum(each.at > now - FLOOD_IN for each in before)
    if asked >= FLOOD:
        return Admission(False, True)
    given = [each.at for each in before if each.given]
    if receiver.digest_only or sum(at > now - HOUR for at in given) >= AN_HOUR:
        return Admission(False, False)
    if receiver.rank is Rank.INSPECTOR and sum(at > now - SHIFT for at in given) >= A_SHIFT:
        return Admission(False, False)
    return Admission(True, False)
