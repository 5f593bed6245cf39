"""What a reason must bring, each demand a check of its own: the words that packs use, and what they ask.

A pack may use these words and no others; what is not met is said by the same word.
"""

from collections.abc import Callable, Sequence

from schemas.words import ReportedBy, Role, VictimConfirmed, VictimKind
from service.rules.facts import CancellationFacts, ClosureFacts, RecordFacts, ReportFacts

SIGNERS = frozenset({Role.SUPERVISOR, Role.DUTY_INSPECTOR, Role.DECISION_MAKER, Role.REGISTRAR})
"""Roles whose signature a resolved disturbance needs."""

SELF_DEFENCE_CLASSES = frozenset({"8N", "104", "105A"})
"""The only classes that C5 may cancel [HOCR p25-26]."""

_DecisionCheck = Callable[[ClosureFacts, Sequence[ReportFacts]], bool]

DECISION_CHECKS: dict[str, _DecisionCheck] = {
    "decided_by": lambda given, reports: (
        given.decided_by is not None and given.decided_by is not Role.OFFICER_IN_CASE
    ),
    "decided_at": lambda given, reports: given.decided_at is not None,
    "rationale": lambda given, reports: given.rationale,
    "told": lambda given, reports: given.told_at is not None,
    "evidence_what": lambda given, reports: given.evidence_what,
    "evidence_from": lambda given, reports: given.evidence_from,
    "evidence_at": lambda given, reports: given.evidence_at is not None,
    "no_victim": lambda given, reports: any(
        report.victim_kind is VictimKind.NONE for report in reports
    ),
    "third_party_unconfirmed": lambda given, reports: any(
        report.reported_by is ReportedBy.OTHER_THIRD_PARTY
        and report.victim_confirmed in (VictimConfirmed.NO, VictimConfirmed.UNTRACEABLE)
        for report in reports
    ),
    "other_body": lambda given, reports: bool(
        given.other_body or any(report.recording_body for report in reports)
    ),
    "other_ref": lambda given, reports: bool(
        given.other_ref or any(report.recording_body_ref for report in reports)
    ),
    "counted_ref": lambda given, reports: bool(given.other_ref),
    "school": lambda given, reports: any(
        report.school_premises and report.school_in_hours for report in reports
    ),
    "crime_not_requested": lambda given, reports: (
        not any(report.school_crime_requested for report in reports)
    ),
    "signed_off": lambda given, reports: given.signed_off_by in SIGNERS,
}
DECISION_DEMANDS = frozenset(DECISION_CHECKS)
"""Words a pack may use as demands of a decision not to record."""

_CancellationCheck = Callable[
    [CancellationFacts, RecordFacts, Sequence[str], Callable[[str], bool]], bool
]


def _by_right_role(
    given: CancellationFacts, record: RecordFacts, held: Sequence[str], live: Callable[[str], bool]
) -> bool:
    """The registrar, or a decision-maker; for rape and homicide the registrar alone."""
    grave = any(name.startswith("19") or name in _HOMICIDE for name in held)
    if grave:
        return given.decided_by is Role.REGISTRAR
    return given.decided_by in (Role.REGISTRAR, Role.DECISION_MAKER)


_HOMICIDE = frozenset({"1", "2", "4/1", "4/2"})

CANCELLATION_CHECKS: dict[str, _CancellationCheck] = {
    "registrar_or_decision_maker": _by_right_role,
    "independent": lambda given, record, held, live: (
        given.independent and given.decided_by is not Role.OFFICER_IN_CASE
    ),
    "decided_at": lambda given, record, held, live: given.decided_at is not None,
    "what": lambda given, record, held, live: given.what,
    "where_from": lambda given, record, held, live: given.where_from,
    "verifiable": lambda given, record, held, live: given.verifiable,
    "victim_told": lambda given, record, held, live: given.victim_told_at is not None,
    "victim_told_first": lambda given, record, held, live: (
        given.victim_told_at is not None
        and given.decided_at is not None
        and given.victim_told_at <= given.decided_at
    ),
    "other_ref": lambda given, record, held, live: bool(given.other_ref),
    "other_record_live": lambda given, record, held, live: live(given.other_ref),
    "self_defence_class": lambda given, record, held, live: bool(
        SELF_DEFENCE_CLASSES.intersection(held)
    ),
}
CANCELLATION_DEMANDS = frozenset(CANCELLATION_CHECKS)
"""Words a pack may use as demands of a cancellation."""
