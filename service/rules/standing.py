"""Whether a record still stands, and if not, whether it was taken away as the rules demand."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from schemas.words import CancellationCode, RecordStatus, Role
from service.rules.facts import CancellationFacts, RecordFacts
from service.rules.offences import canonical
from service.rules.pack import Pack
from service.rules.settle import Because, classes, kinds, listed
from service.rules.values import CancellationDemand, Standing
from service.rules.written import CancellationRule


def standing(
    pack: Pack,
    record: RecordFacts,
    known_at: datetime,
    lag: timedelta,
    live: Callable[[str], bool],
) -> Standing:
    """Does a record stand? ``known_at``: first arrival; ``live(ref)``: does that other one stand?"""
    backdated = known_at - record.recorded_at > lag
    if record.status is RecordStatus.CANCELLED:
        return _cancelled(pack, record, live, backdated)
    if record.status is RecordStatus.TRANSFERRED:
        if record.transferred_ref:
            return _gone(Because.TRANSFERRED, (), backdated)
        return _gone(Because.TRANSFERRED_WITHOUT_REFERENCE, ("other_ref",), backdated)
    if record.status is RecordStatus.RECLASSIFIED or record.reclassified_from:
        return _reclassified(pack, record, backdated)
    return Standing(live=True, backdated=backdated)


def _reclassified(pack: Pack, record: RecordFacts, backdated: bool) -> Standing:
    """Another class leaves it standing; an N-code or none at all takes the registrar [HOCR p13, p64]."""
    by_registrar = record.reclassified_by is Role.REGISTRAR
    if _is_reported_incident(pack, record.code):
        was_one = _is_reported_incident(pack, record.reclassified_from)
        if by_registrar or was_one:
            return Standing(live=True, backdated=backdated)
        return _gone(Because.RECLASSIFIED_TO_N100, ("registrar",), backdated)
    if pack.classes_of and not kinds(pack, record):
        lacks = () if by_registrar else ("registrar",)
        return _gone(Because.RECLASSIFIED, lacks, backdated)
    return Standing(live=True, backdated=backdated)


def _is_reported_incident(pack: Pack, code: str) -> bool:
    return bool(code) and canonical(code) in pack.reported_incidents


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
    asked = _Asked(pack, rule, given, record, live)
    lacks: tuple[str, ...] = tuple(demand for demand in rule.demands if not _MET[demand](asked))
    reported = pack.reported_incidents.get(canonical(record.code))
    if reported is not None and reported.cancelled_by and given.code not in reported.cancelled_by:
        lacks = (*lacks, "genuine_error")
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


class _Asked(Struct, frozen=True):
    """One cancellation, weighed."""

    pack: Pack
    rule: CancellationRule
    given: CancellationFacts
    record: RecordFacts
    live: Callable[[str], bool]


def _by_right_role(asked: _Asked) -> bool:
    """The registrar, or a decision-maker; for the gravest the registrar alone, also where the record
    was given a milder class first."""
    was = asked.record.reclassified_from
    found = (*_categories(asked.pack, asked.record.code), *_categories(asked.pack, was))
    if any(asked.pack.written.categories[name].registrar_only for name in found):
        return asked.given.decided_by is Role.REGISTRAR
    return asked.given.decided_by in (Role.REGISTRAR, Role.DECISION_MAKER)


def _categories(pack: Pack, code: str) -> Sequence[str]:
    return pack.kinds_of.get(listed(pack, code), ())


def _by_another(asked: _Asked) -> bool:
    return asked.given.decided_by not in (None, Role.OFFICER_IN_CASE)


def _may_be_self_defence(asked: _Asked) -> bool:
    code = listed(asked.pack, asked.record.code)
    held = {code, *classes(asked.pack, code)}
    return not held.isdisjoint(asked.rule.offences)


def _told_first(asked: _Asked) -> bool:
    told, decided = asked.given.victim_told_at, asked.given.decided_at
    return told is not None and decided is not None and told <= decided


_MET: dict[CancellationDemand, Callable[[_Asked], bool]] = {
    CancellationDemand.REGISTRAR_OR_DECISION_MAKER: _by_right_role,
    CancellationDemand.NOT_OFFICER_IN_CASE: _by_another,
    CancellationDemand.INDEPENDENT: lambda asked: asked.given.independent and _by_another(asked),
    CancellationDemand.DECIDED_AT: lambda asked: asked.given.decided_at is not None,
    CancellationDemand.WHAT: lambda asked: asked.given.what,
    CancellationDemand.WHERE_FROM: lambda asked: asked.given.where_from,
    CancellationDemand.VERIFIABLE: lambda asked: asked.given.verifiable,
    CancellationDemand.VICTIM_TOLD: lambda asked: asked.given.victim_told_at is not None,
    CancellationDemand.VICTIM_TOLD_FIRST: _told_first,
    CancellationDemand.OTHER_REF: lambda asked: bool(asked.given.other_ref),
    CancellationDemand.OTHER_RECORD_LIVE: lambda asked: asked.live(asked.given.other_ref),
    CancellationDemand.SELF_DEFENCE_CLASS: _may_be_self_defence,
}
