"""Decisions not to record: the closed list, and what each must bring before it accounts for a crime.

*Victim declined to pursue* is refused: it is no reason not to record [HOCR p7]. Additional verifiable
information is a cancellation (C2) and does not belong here.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from schemas.words import Grade, NotRecordedReason, Role
from service.rules import grounds
from service.rules.facts import ClosureFacts, ReportFacts
from service.rules.pack import Pack, begun
from service.rules.values import Decision, DecisionDemand, Expected
from service.rules.written import fold_code

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
    asked = _Asked(pack, crime, closure, reports)
    lacks: list[str] = [demand for demand in rule.demands if not _MET[demand](asked)]
    if rule.excludes(crime.category, crime.named):
        lacks.append("category")
    if not begun(pack, rule.since, closure.decided_at or crime.received_at):
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


class _Asked(Struct, frozen=True):
    """One decision, weighed for one crime."""

    pack: Pack
    crime: Expected
    given: ClosureFacts
    reports: Sequence[ReportFacts]

    @property
    def bodies(self) -> set[str]:
        """Who is said to record it instead."""
        named = (self.given.other_body, *(report.recording_body for report in self.reports))
        return {fold_code(body) for body in named if body}


def _evidence_at(asked: _Asked) -> bool:
    """Evidence that came after the decision cannot have been its ground."""
    came, decided = asked.given.evidence_at, asked.given.decided_at
    return came is not None and (decided is None or came <= decided)


def _not_owed_locally(asked: _Asked) -> bool:
    """A national body records fraud that no call for service makes the force's own, and nothing else."""
    national = {fold_code(body) for body in asked.pack.written.national_fraud_bodies}
    if not asked.bodies or not asked.bodies <= national:
        return True
    category = asked.pack.written.categories[asked.crime.category]
    return category.needs_results and asked.crime.grade is not Grade.CLEAR


_MET: dict[DecisionDemand, Callable[[_Asked], bool]] = {
    DecisionDemand.DECIDED_BY: lambda asked: (
        asked.given.decided_by is not None and asked.given.decided_by is not Role.OFFICER_IN_CASE
    ),
    DecisionDemand.DECIDED_AT: lambda asked: asked.given.decided_at is not None,
    DecisionDemand.RATIONALE: lambda asked: asked.given.rationale,
    DecisionDemand.TOLD: lambda asked: asked.given.told_at is not None,
    DecisionDemand.EVIDENCE_WHAT: lambda asked: asked.given.evidence_what,
    DecisionDemand.EVIDENCE_FROM: lambda asked: asked.given.evidence_from,
    DecisionDemand.EVIDENCE_AT: _evidence_at,
    DecisionDemand.VICTIM_BASED: lambda asked: grounds.victim_based(asked.pack, asked.crime),
    DecisionDemand.NO_VICTIM: lambda asked: grounds.no_victim(asked.reports),
    DecisionDemand.THIRD_PARTY_UNCONFIRMED: lambda asked: grounds.third_party_unconfirmed(
        asked.reports
    ),
    DecisionDemand.OTHER_BODY: lambda asked: bool(asked.bodies),
    DecisionDemand.OTHER_REF: lambda asked: bool(
        asked.given.other_ref or any(report.recording_body_ref for report in asked.reports)
    ),
    DecisionDemand.NOT_OWED_LOCALLY: _not_owed_locally,
    DecisionDemand.COUNTED_REF: lambda asked: bool(asked.given.other_ref),
    DecisionDemand.NOT_CONFIRMED: lambda asked: not grounds.confirmed(asked.reports),
    DecisionDemand.SCHOOL: lambda asked: grounds.at_school(asked.reports),
    DecisionDemand.CRIME_NOT_REQUESTED: lambda asked: not grounds.crime_requested(asked.reports),
    DecisionDemand.SIGNED_OFF: lambda asked: asked.given.signed_off_by in SIGNERS,
}
