"""What a record does for an expected crime, and whether the record still stands.

Only a record of kind *crime* settles. Others account for a crime where their own demands are met;
a record of unknown kind settles nothing, loudly.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from schemas.words import (
    CancellationCode,
    RecordKind,
    RecordStatus,
    ReportedBy,
    Role,
    VictimConfirmed,
    VictimKind,
)
from service.rules.facts import CancellationFacts, RecordFacts, ReportFacts
from service.rules.pack import Pack
from service.rules.values import (
    Bearing,
    CancellationDemand,
    Expected,
    Settlement,
    Standing,
)

RAPE_REASONS = frozenset({"100/01", "100/02", "100/03"})
"""N100 codes with a reason; each accounts for a reported rape that is not confirmed [HOCR p63-64]."""

SELF_DEFENCE_CLASSES = frozenset({"8N", "104", "105A"})
"""The only classes that C5 may cancel [HOCR p25-26]."""


class Because(StrEnum):
    """Why a record does or does not settle a crime, or no longer stands."""

    RECORDED = "recorded"
    OUTRANKS = "outranks"
    CONTINUING_CONDUCT = "continuing_conduct"
    OTHER_CLASS = "other_class"
    OTHER_VICTIM = "other_victim"
    TOO_EARLY = "too_early"
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
            return _reported_incident(crime, record, reports)
        case RecordKind.CRIME_RELATED_INCIDENT:
            if _no_victim_to_record_for(reports):
                return _does(Bearing.ACCOUNTS, Because.CRIME_RELATED_INCIDENT)
            return _does(Bearing.NOTHING, Because.DEMANDS_NOT_MET)
        case RecordKind.NON_CRIME_OCCURRENCE:
            return _does(Bearing.NOTHING, Because.NOT_A_CRIME_RECORD)
        case RecordKind.UNKNOWN:
            return _does(Bearing.NOTHING, Because.KIND_UNKNOWN)


def classes(pack: Pack, code: str) -> tuple[str, ...]:
    """Offence classes of a record's code: ``008/06``, ``8/6`` or a class such as ``8N`` itself."""
    if code in pack.rank_of_class:
        return (code,)
    major, slash, minor = code.partition("/")
    if slash and major.isdigit():
        code = f"{int(major):03}/{minor.zfill(2)}"
    return pack.classes_of.get(code, ())


def standing(
    pack: Pack,
    record: RecordFacts,
    known_at: datetime,
    lag: timedelta,
    live: Callable[[str], bool],
) -> Standing:
    """Does a record stand? ``known_at``: first arrival; ``live(ref)``: does that other one stand?"""
    backdated = known_at - record.recorded_at > lag
    if record.status is RecordStatus.RECORDED:
        return Standing(live=True, backdated=backdated)
    if record.status is RecordStatus.CANCELLED:
        return _cancelled(pack, record, live, backdated)
    if record.status is RecordStatus.TRANSFERRED:
        if record.transferred_ref:
            return _gone(Because.TRANSFERRED, (), backdated)
        return _gone(Because.TRANSFERRED_WITHOUT_REFERENCE, ("other_ref",), backdated)
    if record.code.startswith("100/"):
        if record.reclassified_by is Role.REGISTRAR:
            return Standing(live=True, backdated=backdated)
        return _gone(Because.RECLASSIFIED_TO_N100, ("registrar",), backdated)
    if pack.classes_of and not classes(pack, record.code):
        return _gone(Because.RECLASSIFIED, ("notifiable_class",), backdated)
    return Standing(live=True, backdated=backdated)


# -- settling ---------------------------------------------------------------------------------


def _does(bearing: Bearing, reason: Because) -> Settlement:
    return Settlement(bearing=bearing, reason=reason.value)


def _crime(
    pack: Pack, crime: Expected, record: RecordFacts, reports: Sequence[ReportFacts]
) -> Settlement:
    category = pack.written.categories[crime.category]
    people = record.suspects if category.per == "suspect" else record.victims
    if crime.victim and people and crime.victim not in people:
        return _does(Bearing.SOMETHING_ELSE, Because.OTHER_VICTIM)
    held = classes(pack, record.code) if crime.classes else ()
    is_expected = not crime.classes or not {*held}.isdisjoint(crime.classes)
    allowed = pack.written.earlier_record_hours
    early = crime.received_at - record.recorded_at
    if allowed is not None and early > timedelta(hours=allowed):
        of_conduct = category.conduct or (not crime.classes and _is_conduct(pack, record))
        if of_conduct and is_expected and _continues(pack, crime, record, reports):
            return _does(Bearing.SETTLES, Because.CONTINUING_CONDUCT)
        return _does(Bearing.SOMETHING_ELSE, Because.TOO_EARLY)
    if is_expected:
        return _does(Bearing.SETTLES, Because.RECORDED)
    if not category.additional and _outranks(pack, crime, held):
        return _does(Bearing.SETTLES, Because.OUTRANKS)
    return _does(Bearing.SOMETHING_ELSE, Because.OTHER_CLASS)


def _outranks(pack: Pack, crime: Expected, held: Sequence[str]) -> bool:
    """Is a more serious crime recorded, under the counting in force when the report came? While a
    conduct crime was recorded beside the next most serious, neither covered the other."""
    era = pack.era_at(crime.received_at)
    if era is not None and era.counts == "conduct_and_next":
        conduct = _conduct_classes(pack)
        if pack.written.categories[crime.category].conduct or conduct.intersection(held):
            return False
    return any(pack.rank_of_class.get(name, crime.rank) < crime.rank for name in held)


@cache
def _conduct_classes(pack: Pack) -> frozenset[str]:
    return frozenset(n for c in pack.written.categories.values() if c.conduct for n in c.classes)


def _is_conduct(pack: Pack, record: RecordFacts) -> bool:
    return not _conduct_classes(pack).isdisjoint(classes(pack, record.code))


def _continues(
    pack: Pack, crime: Expected, record: RecordFacts, reports: Sequence[ReportFacts]
) -> bool:
    """Does a live course of conduct against the same victim, by the same offender as far as both sides
    know one, take in this report? [HOCR p57-58]"""
    victims = {crime.victim} if crime.victim else {v for log in reports for v in log.victims}
    offenders = {suspect for log in reports for suspect in log.suspects}
    if victims.isdisjoint(record.victims):
        return False
    if offenders and record.suspects and offenders.isdisjoint(record.suspects):
        return False
    dealt_with = record.offender_dealt_with_at
    if dealt_with is not None and dealt_with <= crime.received_at:
        return False
    last = max(record.recorded_at, record.committed_to or record.recorded_at)
    return crime.received_at - last < timedelta(days=pack.written.conduct_gap_days)


def _reported_incident(
    crime: Expected, record: RecordFacts, reports: Sequence[ReportFacts]
) -> Settlement:
    if crime.category != "rape":
        return _does(Bearing.NOTHING, Because.NOT_A_CRIME_RECORD)
    if record.code not in RAPE_REASONS:
        return _does(Bearing.NOTHING, Because.N100_WITHOUT_REASON)
    if any(report.victim_confirmed is VictimConfirmed.YES for report in reports):
        return _does(Bearing.NOTHING, Because.N100_CONFIRMED)
    return _does(Bearing.ACCOUNTS, Because.REPORTED_RAPE)


def _no_victim_to_record_for(reports: Sequence[ReportFacts]) -> bool:
    """What a crime-related incident needs [HOCR p7, p9-10]."""
    return any(
        report.victim_kind is VictimKind.NONE
        or bool(report.recording_body_ref)
        or (
            report.reported_by is ReportedBy.OTHER_THIRD_PARTY
            and report.victim_confirmed in (VictimConfirmed.NO, VictimConfirmed.UNTRACEABLE)
        )
        for report in reports
    )


# -- taken away again -------------------------------------------------------------------------


def _gone(reason: Because, lacks: tuple[str, ...], backdated: bool) -> Standing:
    return Standing(
        live=False, accounts=not lacks, reason=reason.value, lacks=lacks, backdated=backdated
    )


def _cancelled(
    pack: Pack, record: RecordFacts, live: Callable[[str], bool], backdated: bool
) -> Standing:
    given = record.cancellation
    if given is None:
        return _gone(Because.CANCELLED_WITHOUT_PROOF, ("cancellation_code",), backdated)
    rule = pack.reasons.cancellations.get(given.code)
    if rule is None:
        return _gone(Because.CANCELLED_WITHOUT_PROOF, (f"{given.code}_not_accepted",), backdated)
    held = classes(pack, record.code)
    lacks = tuple(demand for demand in rule.demands if not _MET[demand](given, record, held, live))
    reason = Because.CANCELLED_WITHOUT_PROOF if lacks else Because.CANCELLED
    word = reason.value if lacks else f"{reason.value}_{given.code}"
    return Standing(
        live=False,
        accounts=not lacks,
        reason=word,
        lacks=lacks,
        other_ref=given.other_ref if given.code is CancellationCode.C3 else "",
        backdated=backdated,
    )


_Check = Callable[[CancellationFacts, RecordFacts, Sequence[str], Callable[[str], bool]], bool]


def _by_right_role(
    given: CancellationFacts, record: RecordFacts, held: Sequence[str], live: Callable[[str], bool]
) -> bool:
    """The registrar, or a decision-maker; for rape and homicide the registrar alone."""
    grave = any(name.startswith("19") or name in _HOMICIDE for name in held)
    if grave:
        return given.decided_by is Role.REGISTRAR
    return given.decided_by in (Role.REGISTRAR, Role.DECISION_MAKER)


_HOMICIDE = frozenset({"1", "2", "4/1", "4/2"})

_MET: dict[CancellationDemand, _Check] = {
    CancellationDemand.REGISTRAR_OR_DECISION_MAKER: _by_right_role,
    CancellationDemand.NOT_OFFICER_IN_CASE: lambda given, record, held, live: (
        given.decided_by not in (None, Role.OFFICER_IN_CASE)
    ),
    CancellationDemand.INDEPENDENT: lambda given, record, held, live: (
        given.independent and given.decided_by is not Role.OFFICER_IN_CASE
    ),
    CancellationDemand.DECIDED_AT: lambda given, record, held, live: given.decided_at is not None,
    CancellationDemand.WHAT: lambda given, record, held, live: given.what,
    CancellationDemand.WHERE_FROM: lambda given, record, held, live: given.where_from,
    CancellationDemand.VERIFIABLE: lambda given, record, held, live: given.verifiable,
    CancellationDemand.VICTIM_TOLD: lambda given, record, held, live: (
        given.victim_told_at is not None
    ),
    CancellationDemand.VICTIM_TOLD_FIRST: lambda given, record, held, live: (
        given.victim_told_at is not None
        and given.decided_at is not None
        and given.victim_told_at <= given.decided_at
    ),
    CancellationDemand.OTHER_REF: lambda given, record, held, live: bool(given.other_ref),
    CancellationDemand.OTHER_RECORD_LIVE: lambda given, record, held, live: live(given.other_ref),
    CancellationDemand.SELF_DEFENCE_CLASS: lambda given, record, held, live: bool(
        SELF_DEFENCE_CLASSES.intersection(held)
    ),
}
