"""Decisions not to record: the closed list, and what each must bring before it accounts for a crime.

*Victim declined to pursue* is refused: it is no reason not to record [HOCR p7]. Additional verifiable
information is a cancellation (C2) and does not belong here.
"""

from collections.abc import Callable, Sequence

from schemas.words import (
    Grade,
    NotRecordedReason,
    ReportedBy,
    Role,
    VictimConfirmed,
    VictimKind,
)
from service.rules.facts import ClosureFacts, ReportFacts
from service.rules.pack import Pack, fold_code, in_span
from service.rules.values import Decision, DecisionDemand, Expected

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
    lacks: list[str] = [demand for demand in rule.demands if not _MET[demand](closure, reports)]
    if rule.categories and crime.category not in rule.categories:
        lacks.append("category")
    if not in_span(rule.since, None, closure.decided_at or crime.received_at):
        lacks.append("in_force")
    return Decision(accepted=not lacks, reason=reason, lacks=tuple(lacks))


def elsewhere(pack: Pack, crime: Expected, reports: Sequence[ReportFacts]) -> str:
    """Fraud is recorded nationally: that body's reference accounts for it, save where a call for
    service makes it the force's own (grade clear); nothing where there is none."""
    if crime.grade is Grade.CLEAR or not pack.written.categories[crime.category].needs_results:
        return ""
    bodies = {fold_code(body) for body in pack.written.national_fraud_bodies}
    for report in reports:
        if report.recording_body_ref and fold_code(report.recording_body) in bodies:
            return "recorded_nationally"
    return ""


_Check = Callable[[ClosureFacts, Sequence[ReportFacts]], bool]

_MET: dict[DecisionDemand, _Check] = {
    DecisionDemand.DECIDED_BY: lambda given, reports: (
        given.decided_by is not None and given.decided_by is not Role.OFFICER_IN_CASE
    ),
    DecisionDemand.DECIDED_AT: lambda given, reports: given.decided_at is not None,
    DecisionDemand.RATIONALE: lambda given, reports: given.rationale,
    DecisionDemand.TOLD: lambda given, reports: given.told_at is not None,
    DecisionDemand.EVIDENCE_WHAT: lambda given, reports: given.evidence_what,
    DecisionDemand.EVIDENCE_FROM: lambda given, reports: given.evidence_from,
    DecisionDemand.EVIDENCE_AT: lambda given, reports: given.evidence_at is not None,
    DecisionDemand.NO_VICTIM: lambda given, reports: any(
        report.victim_kind is VictimKind.NONE for report in reports
    ),
    DecisionDemand.THIRD_PARTY_UNCONFIRMED: lambda given, reports: any(
        report.reported_by is ReportedBy.OTHER_THIRD_PARTY
        and report.victim_confirmed in (VictimConfirmed.NO, VictimConfirmed.UNTRACEABLE)
        for report in reports
    ),
    DecisionDemand.OTHER_BODY: lambda given, reports: bool(
        given.other_body or any(report.recording_body for report in reports)
    ),
    DecisionDemand.OTHER_REF: lambda given, reports: bool(
        given.other_ref or any(report.recording_body_ref for report in reports)
    ),
    DecisionDemand.COUNTED_REF: lambda given, reports: bool(given.other_ref),
    DecisionDemand.SCHOOL: lambda given, reports: any(
        report.school_premises and report.school_in_hours for report in reports
    ),
    DecisionDemand.CRIME_NOT_REQUESTED: lambda given, reports: (
        not any(report.school_crime_requested for report in reports)
    ),
    DecisionDemand.SIGNED_OFF: lambda given, reports: given.signed_off_by in SIGNERS,
}
