"""Where a report stands on the board and in which queues: what lists sort and count by.

A pure function of the report and its verdict line, so that lists never read lines. Everything here is
a word of a closed list; what people read for it is in ``words``.
"""

from enum import IntFlag, StrEnum

from msgspec import Struct

from schemas.words import Grade, NotRecordedReason, Verdict
from service.alerts.handling import UNTOUCHED, Handling
from service.matching.judgement import CrimeLine, Line
from service.rules.facts import ReportFacts


class HarmGroup(StrEnum):
    """Rows of the board, the most harmful first."""

    SEXUAL = "sexual"
    CHILD = "child"
    DOMESTIC = "domestic"
    VIOLENCE = "violence"
    OTHER = "other"


HIGH_HARM = frozenset({HarmGroup.SEXUAL, HarmGroup.CHILD, HarmGroup.DOMESTIC})
"""Groups that may interrupt somebody."""

RESTRICTED = frozenset({HarmGroup.SEXUAL, HarmGroup.CHILD})
"""Groups that only somebody with a right of their own may read."""

_SEXUAL = frozenset({"rape", "sexual"})
_CHILD = frozenset({"child_cruelty"})
_VIOLENCE = frozenset(
    {"homicide", "violence", "threats", "robbery", "harassment_stalking", "modern_slavery"}
)


class Queue(IntFlag):
    """Queues that follow from verdict and evidence alone; a report may stand in several."""

    POSSIBLE_MATCH = 1
    """A record may belong to it; a person can tell."""
    POSSIBLE_CRIME = 2
    """Rests on possible crimes alone, and nothing settles them."""
    CANCELLATION = 4
    """A linked record was cancelled, transferred or reclassified without what that demands."""
    N100 = 8
    """A reported rape (N100) is among its records, or its closure says so."""
    NOT_TOLD = 16
    """A decision not to record, and neither victim nor reporter was told."""
    UNKNOWN_CODE = 32
    """Holds a code that nobody knows."""
    HOLD = 64
    """A hold waits for the registrar's approval."""
    APPEAL = 128
    """The victim appealed against a decision not to record."""


class Place(Struct, frozen=True):
    """One report, as lists see it."""

    group: HarmGroup | None
    """None: no crime is expected of it."""
    category: str = ""
    """Kind of the crime that is looked at first: owed before settled, then as the rules rank them."""
    on_board: bool = False
    """Owed or unproved, of clear grade, and answering for its incident."""
    queues: int = 0
    """Flags of ``Queue``."""
    owner: str = ""
    """Who has it in hand: whoever it is assigned to, else whoever acknowledged it; empty: nobody."""


_OWED = frozenset({Verdict.PENDING, Verdict.MISSED, Verdict.PARTLY_RECORDED, Verdict.NOT_PROVABLE})


def place(facts: ReportFacts, line: Line, handling: Handling = UNTOUCHED) -> Place:
    """Where a report stands by its verdict line and by what people have done about it."""
    first = _first(line)
    return Place(
        group=_group(facts, line) if first else None,
        category=first.category if first else "",
        on_board=line.verdict in _OWED and line.grade is Grade.CLEAR and not line.same_as,
        queues=_queues(line) | _asked(line, handling),
        owner=handling.assigned_to or handling.acknowledged_by,
    )


def _first(line: Line) -> CrimeLine | None:
    for crime in line.crimes:
        if crime.verdict in _OWED:
            return crime
    return line.crimes[0] if line.crimes else None


def _group(facts: ReportFacts, line: Line) -> HarmGroup:
    kinds = {crime.category for crime in line.crimes}
    if kinds & _SEXUAL:
        return HarmGroup.SEXUAL
    if facts.referral or facts.child_victim or kinds & _CHILD:
        return HarmGroup.CHILD
    if line.domestic:
        return HarmGroup.DOMESTIC
    return HarmGroup.VIOLENCE if kinds & _VIOLENCE else HarmGroup.OTHER


def _queues(line: Line) -> int:
    """Begins with a plain number: members of an enumeration are slow to add up, every report passes
    here, and most stand in none."""
    found = Queue.UNKNOWN_CODE if line.unknown_codes else 0
    if line.same_as:
        return found
    if line.verdict in _OWED:
        if line.grade is Grade.POSSIBLE:
            found |= Queue.POSSIBLE_CRIME
        if any([each.reason == "only_possible" for each in line.refused]):
            found |= Queue.POSSIBLE_MATCH
    if any([link.lacks for link in line.links]):
        found |= Queue.CANCELLATION
    if _n100(line):
        found |= Queue.N100
    if line.verdict is Verdict.ACCOUNTED and not line.told and _decided(line):
        found |= Queue.NOT_TOLD
    return found


def _asked(line: Line, handling: Handling) -> int:
    """What people have asked for and nobody has answered."""
    found = Queue.HOLD if handling.asked is not None else 0
    if handling.appealed_at is not None and line.verdict in _OWED:
        found |= Queue.APPEAL
    return found


def _n100(line: Line) -> bool:
    reasons = [c.reason for c in line.crimes] + [each.reason for each in line.refused]
    return any(["n100" in reason for reason in reasons])


def _decided(line: Line) -> bool:
    """Is any of its crimes accounted for by a decision, rather than by a record?"""
    return any(crime.reason in DECISIONS for crime in line.crimes)


DECISIONS = frozenset(map(str, NotRecordedReason))
"""Words of decisions not to record."""
