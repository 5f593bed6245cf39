"""Decisions not to record: the closed list, and what each must bring before it accounts for a crime.

*Victim declined to pursue* is refused: it is no reason not to record [HOCR p7]. Additional verifiable
information is a cancellation (C2) and does not belong here.
"""

from collections.abc import Sequence

from schemas.words import NotRecordedReason
from service.rules.demands import DECISION_CHECKS
from service.rules.facts import ClosureFacts, ReportFacts
from service.rules.pack import Pack, fold_code, in_span
from service.rules.values import Decision, Expected


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
    lacks = [demand for demand in rule.demands if not DECISION_CHECKS[demand](closure, reports)]
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
