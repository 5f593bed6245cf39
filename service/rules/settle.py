"""What a record does for an expected crime.

Only a record of kind *crime* settles. Others account for a crime where their own demands are met;
a record of unknown kind settles nothing, loudly.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache

from schemas.words import RecordKind
from service.rules import grounds
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.offences import canonical
from service.rules.pack import Pack
from service.rules.values import Bearing, Expected, Settlement


class Because(StrEnum):
    """Why a record does or does not settle a crime, or no longer stands."""

    RECORDED = "recorded"
    OUTRANKS = "outranks"
    CONTINUING_CONDUCT = "continuing_conduct"
    OTHER_CLASS = "other_class"
    OTHER_VICTIM = "other_victim"
    TOO_EARLY = "too_early"
    OFFENCE_UNKNOWN = "offence_code_unknown"
    NOT_NOTIFIABLE = "not_notifiable"
    KIND_UNKNOWN = "record_kind_unknown"
    NOT_A_CRIME_RECORD = "not_a_crime_record"
    CRIME_RELATED_INCIDENT = "crime_related_incident"
    DEMANDS_NOT_MET = "crime_related_incident_demands_not_met"
    REPORTED_RAPE = "reported_rape_n100"
    N100_WITHOUT_REASON = "n100_without_reason"
    N100_CONFIRMED = "n100_confirmed_owes_a_crime"
    CANCELLED = "cancelled"
    CANCELLED_WITHOUT_PROOF = "cancelled_without_proof"
    TRANSFERRED = "transferred"
    TRANSFERRED_WITHOUT_REFERENCE = "transferred_without_reference"
    RECLASSIFIED = "reclassified_to_non_notifiable"
    RECLASSIFIED_TO_N100 = "reclassified_to_n100"


def settle(
    pack: Pack, crime: Expected, record: RecordFacts, reports: Sequence[ReportFacts]
) -> Settlement:
    """What this record does for this crime, leaving aside whether it still stands."""
    match record.kind:
        case RecordKind.CRIME:
            return _crime(pack, crime, record, reports)
        case RecordKind.REPORTED_INCIDENT:
            return _reported_incident(pack, crime, record, reports)
        case RecordKind.CRIME_RELATED_INCIDENT:
            transferred = record.transferred_to and record.transferred_ref
            if transferred or grounds.incident_only(pack, crime, reports):
                return _does(Bearing.ACCOUNTS, Because.CRIME_RELATED_INCIDENT)
            return _does(Bearing.NOTHING, Because.DEMANDS_NOT_MET)
        case RecordKind.NON_CRIME_OCCURRENCE:
            return _does(Bearing.NOTHING, Because.NOT_A_CRIME_RECORD)
        case RecordKind.UNKNOWN:
            return _does(Bearing.NOTHING, Because.KIND_UNKNOWN)


def listed(pack: Pack, code: str) -> str:
    """A record's code as the pack's list has it: ``8/6`` is ``008/06``, a class such as ``4/1`` itself."""
    return code if code in pack.kinds_of else canonical(code)


def classes(pack: Pack, code: str) -> tuple[str, ...]:
    """Offence classes of a record's code, or the class itself."""
    code = listed(pack, code)
    found = pack.classes_of.get(code)
    if found is None:
        return (code,) if code in pack.kinds_of else ()
    return found


def kinds(pack: Pack, record: RecordFacts) -> tuple[str, ...]:
    """Categories that a record may be; none where its code is unknown or was notifiable no longer."""
    code = listed(pack, record.code)
    ended = pack.ended.get(code)
    if ended is not None and record.recorded_at >= ended:
        return ()
    return pack.kinds_of.get(code, ())


# -- settling ---------------------------------------------------------------------------------


def _does(bearing: Bearing, reason: Because) -> Settlement:
    return Settlement(bearing=bearing, reason=reason.value)


def _crime(
    pack: Pack, crime: Expected, record: RecordFacts, reports: Sequence[ReportFacts]
) -> Settlement:
    if pack.reported_incidents and canonical(record.code) in pack.reported_incidents:
        return _reported_incident(pack, crime, record, reports)
    people = record.suspects if crime.per == "suspect" else record.victims
    if crime.victim and people and crime.victim not in people:
        return _does(Bearing.SOMETHING_ELSE, Because.OTHER_VICTIM)
    category = pack.written.categories[crime.category]
    held = kinds(pack, record) if crime.classes else ()
    if crime.classes and not held:
        known = listed(pack, record.code) in pack.kinds_of
        return _does(Bearing.NOTHING, Because.NOT_NOTIFIABLE if known else Because.OFFENCE_UNKNOWN)
    is_expected = not crime.classes or not {crime.category, *crime.beside}.isdisjoint(held)
    allowed = pack.written.earlier_record_hours
    early = crime.received_at - record.recorded_at
    if allowed is not None and early > timedelta(hours=allowed):
        of_conduct = category.conduct or (not crime.classes and _is_conduct(pack, record))
        if of_conduct and is_expected and _continues(pack, crime, record, reports):
            return _does(Bearing.SETTLES, Because.CONTINUING_CONDUCT)
        return _does(Bearing.SOMETHING_ELSE, Because.TOO_EARLY)
    if is_expected:
        return _does(Bearing.SETTLES, Because.RECORDED)
    if not category.additional and _outranks(pack, crime, record, held):
        return _does(Bearing.SETTLES, Because.OUTRANKS)
    return _does(Bearing.SOMETHING_ELSE, Because.OTHER_CLASS)


def _outranks(pack: Pack, crime: Expected, record: RecordFacts, held: Sequence[str]) -> bool:
    """Is a more serious crime recorded, under the counting in force when the report came? While a
    conduct crime was recorded beside the next most serious, neither covered the other."""
    era = pack.era_at(crime.received_at)
    if era is not None and era.counts == "conduct_and_next":
        conduct = _of_conduct(pack)
        if crime.category in conduct or not conduct.isdisjoint(held):
            return False
    return pack.rank_of.get(listed(pack, record.code), crime.rank) < crime.rank


@cache
def _of_conduct(pack: Pack) -> frozenset[str]:
    return frozenset(name for name, each in pack.written.categories.items() if each.conduct)


def _is_conduct(pack: Pack, record: RecordFacts) -> bool:
    return not _of_conduct(pack).isdisjoint(kinds(pack, record))


def _continues(
    pack: Pack, crime: Expected, record: RecordFacts, reports: Sequence[ReportFacts]
) -> bool:
    """Does a live course of conduct against the same victim, by the same offender, as far as both
    sides know them, take in this report? [HOCR p57-58] Who links the two has said that they are one."""
    victims = {crime.victim} if crime.victim else {v for log in reports for v in log.victims}
    offenders = {suspect for log in reports for suspect in log.suspects}
    if victims and record.victims and victims.isdisjoint(record.victims):
        return False
    if offenders and record.suspects and offenders.isdisjoint(record.suspects):
        return False
    dealt_with = record.offender_dealt_with_at
    if dealt_with is not None and dealt_with <= crime.received_at:
        return False
    last = max(record.recorded_at, record.committed_to or record.recorded_at)
    return crime.received_at - last < timedelta(days=pack.written.conduct_gap_days)


def _reported_incident(
    pack: Pack, crime: Expected, record: RecordFacts, reports: Sequence[ReportFacts]
) -> Settlement:
    """An N-code accounts for its own category alone, and never is a crime recorded."""
    of_category = [
        rule for rule in pack.written.reported_incidents if rule.category == crime.category
    ]
    if not of_category:
        return _does(Bearing.NOTHING, Because.NOT_A_CRIME_RECORD)
    rule = pack.reported_incidents.get(canonical(record.code))
    if rule is None or rule not in of_category:
        return _does(Bearing.NOTHING, Because.N100_WITHOUT_REASON)
    spoken_for = any(report.reported_by in rule.unless_reported_by for report in reports)
    if spoken_for or (rule.unless_confirmed and grounds.confirmed(reports)):
        return _does(Bearing.NOTHING, Because.N100_CONFIRMED)
    return _does(Bearing.ACCOUNTS, Because.REPORTED_RAPE)
