"""Decisions not to record: the closed list, and what each must bring before it accounts for a crime.

*Victim declined to pursue* is refused: it is no reason not to record [HOCR p7]. Additional verifiable
information is a cancellation (C2) and does not belong here.
"""

from collections.abc import Callable, Sequence

from schemas.words import (
    NotRecordedReason,
    ReportedBy,
    Role,
    VictimConfirmed,
    VictimKind,
)
from service.rules.facts import ClosureFacts, ReportFacts
from service.rules.pack import Pack, fold_code, in_span
from service.rules.values import Decision, Expected

SIGNERS = frozenset({Role.SUPERVISOR, Role.DUTY_INSPECTOR, Role.DECISION_MAKER, Role.REGISTRAR})
"""Roles whose signature a resolved disturbance needs."""


def decision(
    pack: Pack, crime: Expected, closure: ClosureFacts, reports: Sequence[ReportFacts]
) -> Decision:
    """Does this closure account for this crime? If not, what does it lack?"""
    if closure.reason is None:
        return Decision(accepted=False, reason="no_reason")
    reason = closure.reason.value
    rule = pack.reasons.decisions.get(closure.reason)
    if rule is None or closure.reason is NotRecordedReason.VICTIM_DECLINED:
        return Decision(accepted=False, reason=reason, lacks=("accepted_reason",))
    lacks = [demand for demand in rule.demands if not _MET[demand](closure, reports)]
    if rule.categories and crime.category not in rule.categories:
        lacks.append("category")
    if not in_span(rule.since, None, closure.decided_at or crime.received_at):
        lacks.append("in_force")
    return Decision(accepted=not lacks, reason=reason, lacks=tuple(lacks))


def elsewhere(pack: Pack, crime: Expected, reports: Sequence[ReportFacts]) -> str:
    """Fraud is recorded nationally: that body's reference accounts for it; nothing where none is."""
    if not pack.written.categories[crime.category].needs_results:
        return ""
    bodies = {fold_code(body) for body in pack.written.national_fraud_bodies}
    for report in reports:
        if report.recording_body_ref and fold_code(report.recording_body) in bodies:
            return "recorded_nationally"
    return ""


_Check = Callable[[ClosureFacts, Sequence[ReportFacts]], bool]

_MET: dict[str, _Check] = {
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
DECISION_DEMANDS = frozenset(_MET)
"""Words a pack may use as demands of a decision not to record."""
