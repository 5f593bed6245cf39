"""The life of an alert: what is said about a report and when, and what people may do about it.

The only place where an alert changes. An alert has said nothing, or it has said one thing last; what it
may say next follows from that and from the verdict as it now stands (``next_sayings``). Where it stands
with people is its stage, which moves by ``TABLE`` alone. Everyone who was told is told again when it
changes (G4); nobody is told what was never an alarm.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from schemas.words import AlertType, Grade, Verdict
from service.alerts.actors import Action

OPEN = frozenset(
    {
        AlertType.DUE_SOON,
        AlertType.CLOSED_WITHOUT_REASON,
        AlertType.MISSED,
        AlertType.PARTLY_RECORDED,
        AlertType.NOT_PROVABLE,
        AlertType.RECORD_WITHDRAWN,
        AlertType.LOG_REOPENED,
        AlertType.UNKNOWN_CODE,
    }
)
"""Something is still owed, as far as people were told."""

CLAIMS = frozenset({AlertType.MISSED, AlertType.PARTLY_RECORDED})
"""A claim: a miss now standing."""

SETTLED = {
    Verdict.RECORDED: AlertType.RECORDED,
    Verdict.RECORDED_LATE: AlertType.RECORDED_LATE,
    Verdict.ACCOUNTED: AlertType.ACCOUNTED,
    Verdict.NO_CRIME_INDICATED: AlertType.NO_CRIME_INDICATED,
    Verdict.UNKNOWN_CODE: AlertType.UNKNOWN_CODE,
}
"""Verdicts that end an alert, and what is then said."""

TAKEN_AWAY = {
    AlertType.RECORDED: AlertType.RECORD_WITHDRAWN,
    AlertType.RECORDED_LATE: AlertType.RECORD_WITHDRAWN,
    AlertType.ACCOUNTED: AlertType.LOG_REOPENED,
    AlertType.NO_CRIME_INDICATED: AlertType.LOG_REOPENED,
    AlertType.UNKNOWN_CODE: AlertType.LOG_REOPENED,
}
"""What is said first when something settled is owed again."""


# -- stages: where an alert stands with people ---------------------------------------------------


class Stage(StrEnum):
    """Where an alert stands; what was said last, until somebody does something about it."""

    QUIET = "quiet"
    """Nothing was said."""
    DUE_SOON = "due_soon"
    CLOSED_WITHOUT_REASON = "closed_without_reason"
    MISSED = "missed"
    PARTLY_RECORDED = "partly_recorded"
    NOT_PROVABLE = "not_provable"
    UNKNOWN_CODE = "unknown_code"
    WITHDRAWN = "withdrawn"
    """What settled it was taken away again."""
    REOPENED = "reopened"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    HELD = "held"
    """The registrar approved a delay: escalation pauses, the clock does not."""
    APPEALED = "appealed"
    SETTLED = "settled"
    AUDIBLE = "audible"
    """Beside all these: messages about it are sent."""
    MUTED = "muted"
    """Beside all these: messages about it are kept back for a time."""


class Passing(StrEnum):
    """What moves an alert though nobody did or said anything."""

    HOLD_OVER = "hold_over"
    MUTE_OVER = "mute_over"
    MET = "met"
    """Nothing is owed any more, and nothing was ever said."""


Cause = AlertType | Action | Passing

ENDS = frozenset(
    {
        AlertType.RECORDED,
        AlertType.RECORDED_LATE,
        AlertType.ACCOUNTED,
        AlertType.NO_CRIME_INDICATED,
    }
)
"""Sayings that settle."""

TOLD_STAGE = {
    AlertType.DUE_SOON: Stage.DUE_SOON,
    AlertType.CLOSED_WITHOUT_REASON: Stage.CLOSED_WITHOUT_REASON,
    AlertType.MISSED: Stage.MISSED,
    AlertType.PARTLY_RECORDED: Stage.PARTLY_RECORDED,
    AlertType.NOT_PROVABLE: Stage.NOT_PROVABLE,
    AlertType.UNKNOWN_CODE: Stage.UNKNOWN_CODE,
    AlertType.RECORD_WITHDRAWN: Stage.WITHDRAWN,
    AlertType.LOG_REOPENED: Stage.REOPENED,
    **dict.fromkeys(ENDS, Stage.SETTLED),
}
"""Where a saying leads."""

_OWED = (
    AlertType.DUE_SOON,
    AlertType.CLOSED_WITHOUT_REASON,
    AlertType.MISSED,
    AlertType.PARTLY_RECORDED,
)
_AWAY = (AlertType.RECORD_WITHDRAWN, AlertType.LOG_REOPENED)
_OVER = (*sorted(ENDS), AlertType.UNKNOWN_CODE)
_CLAIMED = (Stage.MISSED, Stage.PARTLY_RECORDED)
_TAKEN_BACK = (Stage.WITHDRAWN, Stage.REOPENED)
_WARNED = (Stage.DUE_SOON, Stage.CLOSED_WITHOUT_REASON, *_CLAIMED, Stage.NOT_PROVABLE)
_WAITING = (*_WARNED, Stage.UNKNOWN_CODE, *_TAKEN_BACK, Stage.APPEALED)
_TAKEN = (Stage.ACKNOWLEDGED, Stage.ASSIGNED)
_OPEN = (*_WAITING, *_TAKEN)
_EVERY = (Stage.QUIET, *_OPEN, Stage.HELD, Stage.SETTLED)

HANDLED = frozenset({*_TAKEN, Stage.HELD})
"""Somebody has it in hand."""


def _table() -> dict[tuple[Stage, Cause], Stage | None]:
    """Every legal pair; None: back to the stage of what was said last."""
    said: list[tuple[tuple[Stage, ...], tuple[AlertType, ...]]] = [
        ((Stage.QUIET, *_WARNED, *_TAKEN_BACK, Stage.APPEALED, *_TAKEN), _OWED),
        ((*_CLAIMED, Stage.APPEALED, *_TAKEN), (AlertType.NOT_PROVABLE,)),
        ((Stage.SETTLED, *_TAKEN), _AWAY),
        ((Stage.UNKNOWN_CODE,), (AlertType.LOG_REOPENED,)),
        ((*_OPEN, Stage.HELD, Stage.SETTLED), _OVER),
    ]
    table: dict[tuple[Stage, Cause], Stage | None] = {
        (stage, cause): TOLD_STAGE[cause]
        for stages, causes in said
        for stage in stages
        for cause in causes
    }
    stays: list[tuple[tuple[Stage, ...], tuple[Cause, ...]]] = [
        ((Stage.HELD,), (*_OWED, *_AWAY, AlertType.NOT_PROVABLE, Action.ASSIGN)),
        ((Stage.APPEALED,), _AWAY),
        ((Stage.QUIET, *_OPEN), (Action.ASK_HOLD, Action.REFUSE_HOLD)),
        ((Stage.QUIET, *_OPEN, Stage.HELD), (Action.DECIDE,)),
        (
            _EVERY,
            (
                Action.LINK,
                Action.UNLINK,
                Action.CONFIRM_MATCH,
                Action.REFUSE_MATCH,
                Action.ACCEPT_CANCELLATION,
                Action.QUERY_CANCELLATION,
            ),
        ),
    ]
    for kept, causes_of in stays:
        table |= {(stage, cause): stage for stage in kept for cause in causes_of}
    moves: list[tuple[tuple[Stage, ...], Cause, Stage | None]] = [
        ((*_WAITING, Stage.ASSIGNED), Action.ACKNOWLEDGE, Stage.ACKNOWLEDGED),
        ((Stage.QUIET, *_OPEN), Action.ASSIGN, Stage.ASSIGNED),
        ((Stage.QUIET, *_OPEN), Action.APPROVE_HOLD, Stage.HELD),
        ((Stage.HELD,), Action.REFUSE_HOLD, None),
        ((Stage.HELD,), Passing.HOLD_OVER, None),
        (_EVERY, Action.REOPEN, Stage.APPEALED),
        ((Stage.APPEALED, *_TAKEN, Stage.HELD), Passing.MET, Stage.QUIET),
        ((Stage.AUDIBLE,), Action.MUTE, Stage.MUTED),
        ((Stage.MUTED,), Action.END_MUTE, Stage.AUDIBLE),
        ((Stage.MUTED,), Passing.MUTE_OVER, Stage.AUDIBLE),
    ]
    for at, move, to in moves:
        table |= {(stage, move): to for stage in at}
    return table


TABLE = _table()
"""The one table of stages and transitions: whatever is not in it changes nothing."""


class IllegalTransition(Exception):
    """This cannot happen to an alert at this stage; nothing was changed."""


def step(stage: Stage, cause: Cause, said: AlertType | None = None) -> Stage:
    """The stage after; ``said``: what was said last. Raises ``IllegalTransition``."""
    if (stage, cause) not in TABLE:
        raise IllegalTransition(f"{cause} at {stage}")
    to = TABLE[stage, cause]
    if to is None:
        return TOLD_STAGE[said] if said else Stage.QUIET
    return to


# -- what is said --------------------------------------------------------------------------------


class AlertState(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Where the alert of one report stands."""

    count: int = 0
    """Events given so far; the number of the next one."""
    said: AlertType | None = None
    """The last thing said, None before anything was."""
    due_at: datetime | None = None
    """Deadline last said: a moved one is an event of the same alert."""
    prompted: bool = False
    """Was its supervisor told that it closed without a reason? Once per closure."""
    conflicts: tuple[str, ...] = ()
    """Digests of contradicting versions already alerted."""
    told: bool = False
    """Was anything of it said aloud? Then whatever follows is too (G4)."""
    stage: Stage = Stage.QUIET
    """Where it stands with people; moves by ``TABLE``."""

    def __post_init__(self) -> None:
        """A ledger from before there were stages: an alert stands where it was said to stand."""
        if self.said is not None and self.stage is Stage.QUIET:
            force_setattr(self, "stage", TOLD_STAGE[self.said])


class Situation(Struct, frozen=True, kw_only=True, gc=False):
    """What the lifecycle looks at: the verdict as it stands and what can be seen."""

    verdict: Verdict
    grade: Grade | None
    due_at: datetime | None
    """Earliest deadline of what is still owed; for settled reports, of what was."""
    same_as: str = ""
    """Another log answers for this incident."""
    warn: bool = False
    """Inside the due-soon window, with the crime source read far enough to believe it."""
    closed: bool = False
    unexplained: bool = False
    """Closed with a crime unmet and no accepted reason, and the crime source read past closure."""


class Saying(Struct, frozen=True, gc=False):
    """One thing to be said."""

    type: AlertType
    reason: str


def is_quiet(alert: AlertState, due_at: datetime | None, alert_from: datetime | None) -> bool:
    """Is the next event of an alert one for figures, worklist and a digest only: due before
    ``alert_from``, and nobody told of the alert before?"""
    if alert.told or alert_from is None or due_at is None:
        return False
    return due_at < alert_from


def next_sayings(alert: AlertState, now: Situation) -> tuple[AlertState, tuple[Saying, ...]]:
    """What must be said now, in order, and the alert after it."""
    if now.same_as:
        return _end(alert, AlertType.ACCOUNTED, "same_incident")
    if now.grade is Grade.POSSIBLE:
        return _end(alert, AlertType.NO_CRIME_INDICATED, "possible_only")
    if now.verdict in SETTLED:
        return _end(alert, SETTLED[now.verdict], now.verdict.value)
    return _owed(alert, now)


def _end(
    alert: AlertState, ends_as: AlertType, reason: str
) -> tuple[AlertState, tuple[Saying, ...]]:
    alert = replace(alert, prompted=False) if alert.prompted else alert
    if alert.said is None or alert.said is ends_as:
        return alert, ()
    stage = step(alert.stage, ends_as)
    return replace(alert, said=ends_as, stage=stage), (Saying(ends_as, reason),)


def _owed(alert: AlertState, now: Situation) -> tuple[AlertState, tuple[Saying, ...]]:
    said: list[Saying] = []
    last, prompted = alert.said, alert.prompted and now.closed
    moved = last is not None and alert.due_at != now.due_at
    if last in TAKEN_AWAY:
        last = TAKEN_AWAY[last]
        said.append(Saying(last, now.verdict.value))
    if now.verdict is Verdict.MISSED or now.verdict is Verdict.PARTLY_RECORDED:
        claim = AlertType(now.verdict.value)
        if last is not claim or moved:
            last = claim
            said.append(Saying(claim, "deadline_moved" if moved and not said else "no_record"))
    elif now.verdict is Verdict.NOT_PROVABLE:
        if last in CLAIMS:
            last = AlertType.NOT_PROVABLE
            said.append(Saying(last, "cannot_tell"))
    else:
        if now.unexplained and not prompted:
            prompted = True
            last = AlertType.CLOSED_WITHOUT_REASON
            said.append(Saying(last, "no_accepted_reason"))
        if last in CLAIMS or (now.warn and (last is not AlertType.DUE_SOON or moved)):
            last = AlertType.DUE_SOON
            said.append(Saying(last, "deadline_moved" if moved else "no_record_yet"))
    if not said and prompted == alert.prompted:
        return alert, ()
    stage = alert.stage
    for saying in said:
        stage = step(stage, saying.type)
    alert = replace(alert, said=last, due_at=now.due_at, prompted=prompted, stage=stage)
    return alert, tuple(said)


# -- the diagram ---------------------------------------------------------------------------------

_DRAWN = {
    "quiet": (Stage.QUIET,),
    "told": (*_WARNED, Stage.UNKNOWN_CODE),
    "taken_back": _TAKEN_BACK,
    "acknowledged": (Stage.ACKNOWLEDGED,),
    "assigned": (Stage.ASSIGNED,),
    "held": (Stage.HELD,),
    "appealed": (Stage.APPEALED,),
    "settled": (Stage.SETTLED,),
    "audible": (Stage.AUDIBLE,),
    "muted": (Stage.MUTED,),
}
"""Boxes of the diagram: stages that behave alike share one."""


def draw() -> str:
    """The table as a mermaid diagram; what leaves an alert in its box is not drawn."""
    box = {stage: name for name, stages in _DRAWN.items() for stage in stages}
    edges: dict[tuple[str, str], set[str]] = {}
    for (stage, cause), to in TABLE.items():
        ends = (box[stage], "last" if to is None else box[to])
        if ends[0] != ends[1]:
            edges.setdefault(ends, set()).add(cause.value)
    lines = ["stateDiagram-v2"]
    for name, stages in _DRAWN.items():
        if len(stages) > 1:
            listed = ", ".join(stage.value.replace("_", " ") for stage in stages)
            lines.append(f'    state "{name.replace("_", " ")}: {listed}" as {name}')
    lines += ['    state "what was said last" as last', "    [*] --> quiet", "    [*] --> audible"]
    every = {cause.value: n for n, cause in enumerate([*AlertType, *Action, *Passing])}
    order = [*_DRAWN, "last"]
    for (source, target), causes in sorted(
        edges.items(), key=lambda edge: [order.index(end) for end in edge[0]]
    ):
        label = ", ".join(sorted(causes, key=every.__getitem__)).replace("_", " ")
        lines.append(f"    {source} --> {target}: {label}")
    return "\n".join(lines) + "\n"
