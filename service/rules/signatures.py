"""Ways in which crimes go unrecorded, as named indicators over one report and its records.

Each is a row of data: which checks must hold, which words, codes or qualifiers must be there. What no
stream can show is named in the same data, so that nobody takes silence for absence.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from schemas.words import NotRecordedReason, ReceivedVia, RecordKind, RecordStatus, ReportedBy, Role
from service.ingest.lined import Fault, convert, line_of, load
from service.rules.assertion import SHOWS
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.marks import Mark
from service.rules.values import Expectation
from service.rules.wording import TextRule, any_named, shown_by
from service.rules.written import fold_code

OPENED_LATE = timedelta(hours=1)
"""An online report that nobody opened for so long was not looked at promptly (*choice*)."""

REPEATS = 2
"""Earlier reports of the same people or place that make antisocial behaviour a pattern [§4 row 6]."""


class Check(StrEnum):
    """What a signature may need; each is a function of ``_MET``."""

    CRIME_SHOWN = "crime_shown"
    CRIME_OR_REPEAT = "crime_or_repeat"
    FIRST_ACCOUNT_SHOWS = "first_account_shows"
    LATER_DENIED = "later_denied"
    CLOSED = "closed"
    NO_REASON = "no_reason"
    NOT_RECORDED = "not_recorded"
    NOT_ACCOUNTED = "not_accounted"
    REFERRAL = "referral"
    PROFESSIONAL = "professional"
    FEWER_THAN_VICTIMS = "fewer_than_victims"
    CANCELLED_BADLY = "cancelled_badly"
    DUPLICATE_WITHOUT_OTHER = "duplicate_without_other"
    NAMED_RECORD_ABSENT = "named_record_absent"
    ONLINE = "online"
    OPENED_LATE = "opened_late"
    RECORDED_LATE = "recorded_late"


class Signature(Mark, frozen=True, kw_only=True):
    """One way of going unrecorded."""

    id: str
    row: int
    """Row of domain §4."""
    harm: int
    """Order in which people should look: 1 is the most harmful."""
    needs: tuple[Check, ...] = ()
    categories: tuple[str, ...] = ()
    """A crime expected is one of these."""
    terms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    qualifiers: tuple[str, ...] = ()
    unseen: str = ""
    """Why no stream shows it; then it has no conditions."""


class BlindSpot(Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a row that leaves no trace."""

    row: int
    because: str


class Signatures(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them, the most harmful first."""

    signatures: tuple[Signature, ...]
    blind_spots: tuple[BlindSpot, ...] = ()


class Case(Struct, frozen=True):
    """One report with what is known beside it."""

    text: TextRule | None
    """What the pack says of words, and the categories it has."""
    categories: Collection[str]
    report: ReportFacts
    expected: Expectation
    records: Sequence[RecordFacts] = ()
    """Records linked to it."""
    accounted: bool = False
    """Does an accepted decision, or another body's record, account for what is expected?"""
    earlier: int = 0
    """Earlier reports of the same people or place."""


def parse_signatures(text: str, origin: str) -> Signatures:
    """Read them from YAML. Raises ``Fault``."""
    table = load(text, origin)
    read = convert(table, origin, Signatures)
    for index, each in enumerate(read.signatures):
        line = line_of(table, f"$.signatures[{index}]")
        shows = each.needs or each.terms or each.codes or each.qualifiers or each.categories
        if bool(each.unseen) == bool(shows):
            message = f"'{each.id}' says both or neither of how it shows and why it cannot"
            raise Fault(origin, line, message, "give conditions, or 'unseen'")
        if sum(bool(mark) for mark in (each.sourced, each.inference, each.unsourced)) != 1:
            message = f"'{each.id}' needs exactly one of sourced, inference, unsourced"
            raise Fault(origin, line, message, "say where it comes from")
    ordered = sorted(read.signatures, key=lambda each: (each.harm, each.row))
    return Signatures(tuple(ordered), read.blind_spots)


def signs(known: Signatures, case: Case) -> tuple[Signature, ...]:
    """Signatures that a report bears, the most harmful first."""
    report = case.report
    seen = _Seen(
        told=frozenset([term.id for term in report.terms if term.assertion in SHOWS]),
        codes=frozenset([fold_code(code) for code in (*report.opening, *report.closing)]),
        qualifiers=frozenset([fold_code(name) for name in report.qualifiers]),
        crimes=frozenset([crime.category for crime in case.expected.crimes]),
    )
    return tuple([each for each in known.signatures if _bears(each, seen, case)])


class _Seen(Struct, frozen=True, kw_only=True):
    """What a report says, by kind, folded."""

    told: frozenset[str]
    codes: frozenset[str]
    qualifiers: frozenset[str]
    crimes: frozenset[str]


def _bears(each: Signature, seen: _Seen, case: Case) -> bool:
    if (
        each.unseen
        or (each.codes and seen.codes.isdisjoint(each.codes))
        or (each.qualifiers and seen.qualifiers.isdisjoint(each.qualifiers))
        or (each.categories and seen.crimes.isdisjoint(each.categories))
    ):
        return False
    for check in each.needs:  # most reports fail the first: the rest is not asked
        if not _MET[check](case):
            return False
    return not each.terms or any_named(seen.told, each.terms)


_GONE = frozenset({RecordStatus.CANCELLED, RecordStatus.TRANSFERRED})


def _live(case: Case) -> list[RecordFacts]:
    return [
        record
        for record in case.records
        if record.kind is RecordKind.CRIME and record.status not in _GONE
    ]


def _first_account_shows(case: Case) -> bool:
    rule = case.text
    return rule is not None and any(
        term.first and term.assertion in SHOWS and shown_by(rule, term.id) in case.categories
        for term in case.report.terms
    )


def _later_denied(case: Case) -> bool:
    """Does a later entry deny what the first account affirmed, or say that there was nothing?"""
    first = {term.id for term in case.report.terms if term.first and term.assertion in SHOWS}
    return any(
        not term.first
        and (term.id == "closing.nothing" or (term.id in first and term.assertion == "negated"))
        for term in case.report.terms
    )


def _no_reason(case: Case) -> bool:
    closure = case.report.closure
    return closure is None or closure.reason in (None, NotRecordedReason.VICTIM_DECLINED)


def _fewer_than_victims(case: Case) -> bool:
    """Some are recorded, but fewer than are expected for different people."""
    live = len(_live(case))
    by_category: dict[str, int] = {}
    for crime in case.expected.crimes:
        by_category[crime.category] = by_category.get(crime.category, 0) + 1
    return 0 < live < max(by_category.values(), default=0)


def _cancelled_badly(case: Case) -> bool:
    """A cancellation by the officer in the case, without information, or with nobody told; a transfer
    without the other force's reference; another class given by the officer in the case."""
    for record in case.records:
        given = record.cancellation
        if record.status is RecordStatus.TRANSFERRED and not record.transferred_ref:
            return True
        by_officer = record.reclassified_by is Role.OFFICER_IN_CASE
        if record.status is RecordStatus.RECLASSIFIED and by_officer:
            return True
        if record.status is RecordStatus.CANCELLED and (
            given is None
            or given.decided_by is Role.OFFICER_IN_CASE
            or not given.independent
            or given.victim_told_at is None
            or not given.what
        ):
            return True
    return False


def _duplicate_without_other(case: Case) -> bool:
    report, closure = case.report, case.report.closure
    if closure is not None and closure.reason in (
        NotRecordedReason.ALREADY_COUNTED,
        NotRecordedReason.RECORDED_ELSEWHERE,
    ):
        return not closure.other_ref
    closed_as = {fold_code(code) for code in report.closing}
    return "duplicate" in closed_as and not report.same_incident


def _named_record_absent(case: Case) -> bool:
    """Does the report name a record that no crime system sent?"""
    there = {record.ref for record in case.records}
    return any(ref not in there for ref in case.report.crime_refs)


def _opened_late(case: Case) -> bool:
    opened = case.report.opened_at
    return opened is not None and opened - case.report.received_at > OPENED_LATE


def _recorded_late(case: Case) -> bool:
    live = _live(case)
    due = min((crime.due_at for crime in case.expected.crimes), default=None)
    return bool(live) and due is not None and min(each.recorded_at for each in live) > due


_MET: dict[Check, Callable[[Case], bool]] = {
    Check.CRIME_SHOWN: lambda case: bool(case.expected.crimes),
    Check.CRIME_OR_REPEAT: lambda case: bool(case.expected.crimes) or case.earlier >= REPEATS,
    Check.FIRST_ACCOUNT_SHOWS: _first_account_shows,
    Check.LATER_DENIED: _later_denied,
    Check.CLOSED: lambda case: case.report.closed_at is not None,
    Check.NO_REASON: _no_reason,
    Check.NOT_RECORDED: lambda case: not _live(case),
    Check.NOT_ACCOUNTED: lambda case: not case.accounted,
    Check.REFERRAL: lambda case: case.report.referral,
    Check.PROFESSIONAL: lambda case: case.report.reported_by is ReportedBy.PROFESSIONAL,
    Check.FEWER_THAN_VICTIMS: _fewer_than_victims,
    Check.CANCELLED_BADLY: _cancelled_badly,
    Check.DUPLICATE_WITHOUT_OTHER: _duplicate_without_other,
    Check.NAMED_RECORD_ABSENT: _named_record_absent,
    Check.ONLINE: lambda case: case.report.received_via is ReceivedVia.ONLINE,
    Check.OPENED_LATE: _opened_late,
    Check.RECORDED_LATE: _recorded_late,
}
