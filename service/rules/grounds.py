"""Why a crime need not be recorded, as the reports themselves show it.

All logs of the incident are heard: one that names a victim, or in which the victim confirms, outweighs
another that does not.
"""

from collections.abc import Sequence

from schemas.words import NotRecordedReason, ReportedBy, VictimConfirmed, VictimKind
from service.rules.facts import ReportFacts
from service.rules.pack import Pack
from service.rules.values import Expected

_NOT_THERE = frozenset({VictimConfirmed.NO, VictimConfirmed.UNTRACEABLE})
_FOR_THE_VICTIM = frozenset(
    {ReportedBy.VICTIM, ReportedBy.PARENT_OR_CARER, ReportedBy.PROFESSIONAL}
)


def victim_based(pack: Pack, crime: Expected) -> bool:
    """Is it an offence against somebody? One against the state is recorded without a victim."""
    return not pack.written.categories[crime.category].state_based


def no_victim(reports: Sequence[ReportFacts]) -> bool:
    """Is there no identifiable victim? One who is unwilling is still one [HOCR p7, p9-10]."""
    known = (VictimKind.PERSON, VictimKind.ORGANISATION)
    if any(report.victims or report.victim_kind in known for report in reports):
        return False
    return any(report.victim_kind is VictimKind.NONE for report in reports)


def third_party_unconfirmed(reports: Sequence[ReportFacts]) -> bool:
    """Did only others report, and the victim denies it or cannot be traced [HOCR p7-8]?"""
    if confirmed(reports) or any(report.reported_by in _FOR_THE_VICTIM for report in reports):
        return False
    return any(
        report.reported_by is ReportedBy.OTHER_THIRD_PARTY and report.victim_confirmed in _NOT_THERE
        for report in reports
    )


def confirmed(reports: Sequence[ReportFacts]) -> bool:
    """Does the victim confirm it, in any log?"""
    return any(report.victim_confirmed is VictimConfirmed.YES for report in reports)


def recorded_elsewhere(reports: Sequence[ReportFacts]) -> bool:
    """Does another body record it, with its reference [HOCR p15-16]?"""
    return any(report.recording_body and report.recording_body_ref for report in reports)


def at_school(reports: Sequence[ReportFacts]) -> bool:
    """On school premises and in school hours [HOCR p12]?"""
    return any(report.school_premises and report.school_in_hours for report in reports)


def crime_requested(reports: Sequence[ReportFacts]) -> bool:
    """Did the school, the child or a parent ask for a crime?"""
    return any(report.school_crime_requested for report in reports)


def school_exempts(pack: Pack, crime: Expected, reports: Sequence[ReportFacts]) -> bool:
    """Does the schools protocol make it an incident only?"""
    rule = pack.reasons.decisions.get(NotRecordedReason.SCHOOLS_PROTOCOL)
    if rule is None or not at_school(reports) or crime_requested(reports):
        return False
    return not rule.excludes(crime.category, crime.named)


def incident_only(pack: Pack, crime: Expected, reports: Sequence[ReportFacts]) -> bool:
    """What a crime-related incident needs to account for a crime [HOCR p7, p9-10, p12]."""
    if recorded_elsewhere(reports) or school_exempts(pack, crime, reports):
        return True
    return victim_based(pack, crime) and (no_victim(reports) or third_party_unconfirmed(reports))
