"""What is said about a report, and when: the only place where an alert changes.

An alert has said nothing, or it has said one thing last. What it may say next follows from that and
from the verdict as it now stands; the pairs are in ``SETTLED``, ``OPEN`` and ``next_sayings``.
Everyone who was told is told again when it changes (G4); nobody is told what was never an alarm.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from schemas.words import AlertType, Grade, Verdict

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


class AlertState(Struct, frozen=True, omit_defaults=True, kw_only=True):
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


class Situation(Struct, frozen=True, kw_only=True):
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


class Saying(Struct, frozen=True):
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
    return replace(alert, said=ends_as), (Saying(ends_as, reason),)


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
    return replace(alert, said=last, due_at=now.due_at, prompted=prompted), tuple(said)
