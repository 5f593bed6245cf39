"""What the force makes of a crime: recorded, late, lost in one of seventeen ways, or accounted for."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from msgspec import Struct

from schemas.words import ReceivedVia, ReportedBy
from service.simulation.draws import Weighted
from service.simulation.happenings import Crime, Happening
from service.simulation.parameters import Parameters
from service.simulation.rates import Rates


class Way(StrEnum):
    """The seventeen ways in which inspectors found crimes to go unrecorded, in the order of their table."""

    NOT_RECORDED = "not_recorded_at_first_opportunity"
    REFERRAL = "protection_referral"
    SEVERAL = "several_crimes"
    DOMESTIC = "domestic_incident"
    CONDUCT = "conduct_misunderstood"
    ASB = "antisocial_behaviour"
    AWAITING = "awaiting"
    LATE = "recorded_late"
    PROFESSIONAL = "professional_as_intelligence"
    DISCLOSURE = "disclosure_lost"
    CANCELLED = "wrongly_cancelled"
    RAPE = "rape_report_misused"
    ONLINE = "online_not_triaged"
    UNLINKED = "systems_unlinked"
    AUDIT = "audit_too_kind"
    NOBODY = "nobody_holds_it"
    DECLINED = "victim_declined"


class Ending(StrEnum):
    """How it ends, in truth."""

    RECORDED = "recorded"
    LATE = "recorded_late"
    MISSED = "missed"
    ACCOUNTED = "accounted"


class Fate(Struct, frozen=True, kw_only=True):
    """What becomes of one crime."""

    ending: Ending
    way: Way | None = None
    """By which way it was missed or late."""
    how: str = ""
    """Which form of it: what the log and the records then look like."""
    trace: bool = True
    """Do the streams show it?"""
    after: timedelta | None = None
    """From receipt to recording; negative: recorded before the call; None: no record is made."""
    backdated: bool = False
    """Claims an earlier recording time than the true one."""
    other_class: bool = False
    """Recorded as something less."""


UNSEEN = frozenset({"never_typed", "hidden"})
"""Forms of a miss of which no log says anything."""

_DOMESTIC = frozenset({"minor_assault", "assault", "threats", "damage", "harassment", "stalking"})
_CONDUCT = {
    "harassment": 1.0, "stalking": 1.0, "communications": 1.0,
    "minor_assault": 0.5, "public_order": 0.5,
}  # fmt: skip
_ASB = frozenset({"damage", "public_order", "harassment", "communications", "affray"})
_INTERVIEW = frozenset(
    {"rape", "sexual_assault", "child_sexual", "assault", "wounding", "child_cruelty"}
)
_NOBODY = ("duplicate_of_nothing", "other_force_no_ref", "transferred_no_ref")
_CANCELLED = (
    "cancelled_C1", "cancelled_C2", "cancelled_C3", "cancelled_C4", "cancelled_C5", "reclassified",
)  # fmt: skip
_SELF_DEFENCE = frozenset({"assault", "minor_assault"})
_SCHOOL = frozenset({"minor_assault", "damage", "person_theft", "threats"})
LESS = {"robbery": "039/00", "home_burglary": "049/10", "business_burglary": "049/10"}
"""What a misclassified crime is recorded as; any other kind as public order, which ranks below."""


class RecordingHabits:
    """Decides fates with the chances that a setting gives."""

    def __init__(self, parameters: Parameters, rates: Rates) -> None:
        self._parameters = parameters
        self._rates = rates
        self._figures = parameters.recording

    def fates(self, happening: Happening, rng: Random) -> tuple[Fate, ...]:
        """One fate a crime, in order. Draws the same numbers whatever the chances are."""
        accounted, luck, *shared = (rng.random() for _ in range(5))
        draws = [[rng.random() for _ in range(9)] for _ in happening.crimes]
        if not draws:
            return ()
        if happening.route != "direct" and accounted < self._figures.accounted:
            fate = self._accounted(happening, shared[0], draws[0])
            return tuple([fate] * len(draws))
        lost = [
            self._is_lost(happening, crime, luck, each)
            for crime, each in zip(happening.crimes, draws, strict=True)
        ]
        partly = not all(lost)
        return tuple(
            self._missed(happening, n, partly, shared, draws[n])
            if is_lost
            else self._recorded(happening, draws[n])
            for n, is_lost in enumerate(lost)
        )

    def _is_lost(
        self, happening: Happening, crime: Crime, luck: float, draws: Sequence[float]
    ) -> bool:
        if happening.route == "direct":
            return draws[0] < self._parameters.direct_missed
        u = luck if draws[1] < self._figures.several else draws[0]
        if happening.route == "referral":
            return u < self._rates.missed_in_referral
        return u < self._rates.missed_in_log[crime.offence.kind]

    # -- recorded -----------------------------------------------------------------------------

    def _recorded(self, happening: Happening, draws: Sequence[float]) -> Fate:
        figures = self._figures
        direct = happening.route == "direct"
        if draws[2] < (figures.direct_late if direct else self._rates.late):
            return self._late(happening, direct, draws)
        ordinary = self._parameters.kinds[happening.kind].per != "state"
        ordinary = ordinary and happening.kind != "public_order" and not direct
        other = draws[4] < figures.other_class and ordinary
        how = "duplicate_record" if 0.5 < draws[4] < 0.51 and not direct else ""
        if draws[3] < figures.before_call and not direct:
            after = -timedelta(minutes=int(5 + draws[5] * 85))
            return Fate(ending=Ending.RECORDED, how="before_call", after=after)
        least, most = figures.prompt_hours
        hours = least + (most - least) * draws[5] ** (4 if direct else 2)
        after = timedelta(seconds=int(hours * 3600))
        return Fate(ending=Ending.RECORDED, how=how, after=after, other_class=other)

    def _late(self, happening: Happening, direct: bool, draws: Sequence[float]) -> Fate:
        weights = dict(self._parameters.late)
        if happening.kind not in _INTERVIEW:
            weights[Way.AWAITING] = 0
        if happening.via is not ReceivedVia.ONLINE or direct:
            weights[Way.ONLINE] = 0
        way = Way.LATE if direct else Way(Weighted(weights).pick(draws[6]))
        longest = self._figures.late_limit_days * 24 - 25
        least = 60 if way is Way.AWAITING else 24.6
        hours = min(least + longest * draws[5] ** 4, longest + 24)
        return Fate(
            ending=Ending.LATE,
            way=way,
            how=way.value,
            after=timedelta(seconds=int(hours * 3600)),
            backdated=draws[7] < self._figures.backdated and not direct,
        )

    # -- missed -------------------------------------------------------------------------------

    def _missed(
        self,
        happening: Happening,
        n: int,
        partly: bool,
        shared: Sequence[float],
        draws: Sequence[float],
    ) -> Fate:
        if happening.route == "direct":
            return _lost(Way.NOT_RECORDED, "never_typed")
        if partly:
            hidden = n > 0 and draws[8] < self._figures.hidden
            return _lost(Way.SEVERAL, "hidden" if hidden else "one_of_several")
        if happening.route == "referral":
            return _lost(Way.REFERRAL, "information_only")
        way = Way(Weighted(self._ways(happening)).pick(shared[0]))
        return _lost(way, self._form(way, shared[1]), shared[2])

    def _ways(self, happening: Happening) -> Mapping[str, float]:
        """Ways that this report admits, by weight."""
        weights = dict(self._parameters.missed)
        kind, domestic = happening.kind, happening.domestic
        is_in = {
            Way.DOMESTIC: domestic and kind in _DOMESTIC,
            Way.CONDUCT: _CONDUCT.get(kind, 0),
            Way.ASB: kind in _ASB and not domestic,
            Way.AWAITING: kind in _INTERVIEW,
            Way.PROFESSIONAL: happening.reported_by is ReportedBy.PROFESSIONAL,
            Way.RAPE: kind == "rape",
            Way.ONLINE: happening.via is ReceivedVia.ONLINE,
            Way.DECLINED: self._parameters.kinds[kind].per == "person",
        }
        for way, factor in is_in.items():
            weights[way] *= factor
        return weights

    def _form(self, way: Way, u: float) -> str:
        match way:
            case Way.NOT_RECORDED:
                return "closed_as_crime" if u < 0.12 else "closed_without_reason"
            case Way.DISCLOSURE:
                return "never_typed" if u < self._figures.never_typed else "overridden"
            case Way.RAPE:
                return "n100_without_reason" if u < 0.5 else "closed_without_reason"
            case Way.NOBODY:
                return _NOBODY[int(u * len(_NOBODY))]
            case Way.AWAITING:
                return "left_open" if u < 0.5 else way.value
            case Way.CANCELLED:
                return _CANCELLED[int(u * len(_CANCELLED))]
            case _:
                return way.value

    # -- accounted ----------------------------------------------------------------------------

    def _accounted(self, happening: Happening, u: float, draws: Sequence[float]) -> Fate:
        ways = self._decisions(happening)
        how = ways[int(u * len(ways))]
        after = None
        if how.startswith(("proper_C", "n100", "crime_related", "transferred")):
            after = timedelta(seconds=int((1 + 15 * draws[5]) * 3600))
        return Fate(ending=Ending.ACCOUNTED, how=how, after=after)

    def _decisions(self, happening: Happening) -> list[str]:
        """Proper ways of accounting for a report of this kind."""
        kind = happening.kind
        if kind == "rape":
            return ["n100", "proper_C2"]
        if happening.route == "referral":
            return ["contrary_evidence", "recorded_elsewhere", "proper_C2"]
        ways = ["contrary_evidence", "contrary_evidence", "recorded_elsewhere"]
        ways += ["proper_C1", "proper_C2", "proper_C4", "transferred"]
        per = self._parameters.kinds[kind].per
        if per == "household":
            ways.append("crime_related_incident")
        if happening.reported_by is ReportedBy.OTHER_THIRD_PARTY and per != "state":
            ways += ["third_party"] * 3
        if kind in _SELF_DEFENCE:
            ways.append("proper_C5")
        if kind in _SCHOOL and happening.received_at.weekday() < 5:
            ways.append("schools_protocol")
        if kind in ("public_order", "affray"):
            ways.append("disorder_over")
            if happening.received_at.date() > RESOLVED_SINCE:
                ways.append("resolved_disturbance")
        return ways


RESOLVED_SINCE = date(2023, 5, 15)
"""From then a resolved disturbance need not be recorded."""


def _lost(way: Way, how: str, u: float = 0) -> Fate:
    """A miss; those that made a record first say when."""
    after = None
    if how.startswith(("cancelled_", "reclassified", "n100", "transferred")):
        after = timedelta(seconds=int((0.5 + 18 * u) * 3600))
    trace = how not in UNSEEN and way is not Way.AUDIT
    return Fate(ending=Ending.MISSED, way=way, how=how, trace=trace, after=after)
