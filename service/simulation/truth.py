"""What is known of the simulated force and of no real one: every true crime, and what became of it.

``verdict`` is what a perfect observer of the streams would say at their end: it reads every word rightly
and knows the rules, and still cannot see what left no trace.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from schemas.words import Verdict
from service.simulation.happenings import Happening
from service.simulation.logs import UNLISTED, Reference, log_ref
from service.simulation.parameters import Parameters
from service.simulation.recording import UNSEEN, Ending, Fate, Way
from service.simulation.records import record_ref, recorded_at

LIMIT = timedelta(hours=24)
"""The recording limit since 1 April 2015; no earlier day is simulated."""
NUMBERS = {way: n for n, way in enumerate(Way, start=1)}
"""The ways by their number in the inspectors' table."""
_SAID = {
    Ending.RECORDED: Verdict.RECORDED,
    Ending.LATE: Verdict.RECORDED_LATE,
    Ending.MISSED: Verdict.MISSED,
    Ending.ACCOUNTED: Verdict.ACCOUNTED,
}
_ORDER = (Verdict.MISSED, Verdict.RECORDED_LATE, Verdict.ACCOUNTED, Verdict.RECORDED)
_MET = frozenset({Verdict.RECORDED, Verdict.RECORDED_LATE, Verdict.ACCOUNTED})


class CrimeTruth(Struct, frozen=True, kw_only=True):
    """One true crime, or one that was reported and rightly accounted for."""

    line: Literal["crime"] = "crime"
    id: str
    report: str | None
    """Its log or referral; None where it was told straight to the crime bureau."""
    record: str | None
    """Its record, where one was ever made."""
    route: str
    kind: str
    category: str
    """In the rule packs' words."""
    group: str
    """``conduct`` and ``violence`` are the inspectors' violence; else ``sexual`` or ``other``."""
    offence_class: str
    offence_code: str
    domestic: bool
    victims: tuple[str, ...]
    """Keyed hashes; none where the victim is no person."""
    received_at: datetime
    due_at: datetime
    recorded_at: datetime | None
    """When truly recorded; a backdated record claims another time."""
    fate: str
    """``recorded``, ``recorded_late``, ``missed``, ``accounted``."""
    cause: str | None
    """The way by which it was missed or late."""
    cause_number: int | None
    form: str
    """Which form of it."""
    trace: bool
    """Do the streams show what is wrong?"""
    verdict: str | None
    """Of a perfect observer; None where no observer could know of the crime."""
    linked: bool | None
    """Do report and record name each other rightly? None where there are not both."""
    reference: str
    """The wrong reference that the record gives, if it gives one."""


class ReportTruth(Struct, frozen=True, kw_only=True):
    """One log or referral."""

    line: Literal["report"] = "report"
    ref: str
    feed: str
    received_at: datetime
    matter: str
    """Kind of crime, or of a matter that is none."""
    crimes: tuple[str, ...]
    """True crimes it tells of; none where an earlier conduct crime takes it in."""
    same_as: str | None
    """The log that answers for this incident, where it is not this one."""
    continues: str = ""
    """Record of the earlier conduct crime that takes it in."""
    verdict: str


class OutageTruth(Struct, frozen=True, kw_only=True):
    """A feed stood still: nothing arrived from it between these moments."""

    line: Literal["outage"] = "outage"
    feed: str
    since: datetime
    until: datetime


Truth = CrimeTruth | ReportTruth | OutageTruth


def crimes(
    parameters: Parameters,
    happening: Happening,
    fates: Sequence[Fate],
    references: Sequence[Reference],
) -> Iterator[CrimeTruth]:
    """The truth of each crime of a happening."""
    direct = happening.route == "direct"
    for n, (crime, fate) in enumerate(zip(happening.crimes, fates, strict=True)):
        kind = parameters.kinds[crime.offence.kind]
        made = recorded_at(happening, fate)
        named = references[n].named
        linked = None
        if made is not None and not direct:
            linked = log_ref(happening) in named or references[n].written_back is not None
        yield CrimeTruth(
            id=f"{log_ref(happening)}/{n}",
            report=None if direct else log_ref(happening),
            record=None if made is None else record_ref(happening, n),
            route=happening.route,
            kind=crime.offence.kind,
            category=kind.category,
            group=kind.group,
            offence_class=crime.offence.name,
            offence_code=crime.offence.code,
            domestic=happening.domestic,
            victims=(crime.victim.key,) if crime.victim is not None else (),
            received_at=happening.received_at,
            due_at=happening.received_at + LIMIT,
            recorded_at=made,
            fate=fate.ending.value,
            cause=fate.way.value if fate.way else None,
            cause_number=NUMBERS[fate.way] if fate.way else None,
            form=fate.how,
            trace=fate.trace,
            verdict=None if direct else _seen(fate),
            linked=linked,
            reference=named[0] if linked is False and named else "",
        )


def report(
    happening: Happening, fates: Sequence[Fate], feed: str, opened_under: Sequence[str]
) -> ReportTruth:
    """The truth of a happening's log or referral. A code that nobody listed is never "no crime"."""
    ref = log_ref(happening)
    verdict = _of_report(happening, fates)
    if verdict == Verdict.NO_CRIME_INDICATED and UNLISTED in opened_under:
        verdict = Verdict.UNKNOWN_CODE
    return ReportTruth(
        ref=ref,
        feed=feed,
        received_at=happening.received_at,
        matter=happening.kind,
        crimes=() if happening.continues else tuple([f"{ref}/{n}" for n in range(len(fates))]),
        same_as=None,
        continues=happening.continues,
        verdict=verdict,
    )


def further(happening: Happening, fates: Sequence[Fate], n: int, at: datetime) -> ReportTruth:
    """The truth of a further caller's log."""
    return ReportTruth(
        ref=log_ref(happening, n),
        feed="incident-log",
        received_at=at,
        matter=happening.kind,
        crimes=(),
        same_as=log_ref(happening),
        verdict=_of_report(happening, fates),
    )


def _seen(fate: Fate) -> str | None:
    """What a perfect observer says of one crime."""
    if fate.how in UNSEEN:
        return None
    if fate.way is Way.AUDIT:
        return Verdict.ACCOUNTED
    if fate.other_class:
        return Verdict.MISSED
    if fate.backdated:
        return Verdict.RECORDED
    return _SAID[fate.ending]


def _of_report(happening: Happening, fates: Sequence[Fate]) -> str:
    if happening.kind == "national_fraud":
        return Verdict.ACCOUNTED
    said = {verdict for fate in fates if (verdict := _seen(fate)) is not None}
    if Verdict.MISSED in said and said & _MET:
        return Verdict.PARTLY_RECORDED
    return next((v for v in _ORDER if v in said), Verdict.NO_CRIME_INDICATED)
