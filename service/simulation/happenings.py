"""What truly happens: crimes, matters that are none, and who reports them to whom and when."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from schemas.words import ReceivedVia, ReportedBy
from service.simulation.draws import Weighted, count, number, stream
from service.simulation.offences import Offence, offences, offences_of
from service.simulation.parameters import Kind, Parameters
from service.simulation.population import Population, Someone, Somewhere
from service.simulation.rates import Rates


class Crime(Struct, frozen=True):
    """One true crime."""

    offence: Offence
    victim: Someone | None
    suspect: Someone | None


class Happening(Struct, frozen=True, kw_only=True):
    """One incident: what happened, and how the police were told."""

    day: date
    """Local day of receipt; references carry it."""
    number: int
    """Unique in its day."""
    seed: int
    """For the streams of decisions about it."""
    received_at: datetime
    occurred_at: datetime
    kind: str
    """Kind of its main crime, or of the matter where there is none."""
    crimes: tuple[Crime, ...] = ()
    route: str
    """``direct`` to the crime bureau, ``log``, or ``referral``."""
    via: ReceivedVia
    reported_by: ReportedBy
    place: Somewhere
    people: tuple[Someone, ...] = ()
    """Of a matter that is no crime."""
    domestic: bool = False
    callers: int = 1
    continues: str = ""
    """Record of the conduct crime that takes this report in; empty: a matter of its own."""


class Happenings:
    """Draws the incidents of a day."""

    def __init__(
        self, parameters: Parameters, rates: Rates, counted: frozenset[str], seed: int
    ) -> None:
        self._parameters = parameters
        self._rates = rates
        self._counted = counted
        self._seed = seed
        self._zone = ZoneInfo(parameters.zone)
        self._population = Population(parameters, seed)
        self._hours = Weighted(dict(enumerate(parameters.volumes.hours)))
        self._routes = Weighted(parameters.routes)
        self._matters = Weighted({m: each.share for m, each in parameters.matters.items()})
        self._referred = Weighted(parameters.referrals.kinds)
        self._what = Random()

    @property
    def population(self) -> Population:
        """Who lives there."""
        return self._population

    def on(self, day: date) -> Iterator[Happening]:
        """The incidents received on one local day, in order of receipt."""
        made = []
        first = 0
        weekday = self._parameters.volumes.weekday[day.weekday()]
        ordinal = day.toordinal()
        draws = (
            (self._crime, self._rates.crime_incidents),
            (self._matter, self._rates.other_incidents),
            (self._referral, self._parameters.volumes.referrals_a_day),
        )
        for draw, mean in draws:
            name = draw.__name__
            times = stream(self._seed, f"times{name}", ordinal)
            base = number(self._seed, name, ordinal)
            for n in range(count(times, mean * weekday)):
                self._what.seed(base + n * 8)
                made.append(draw(day, first + n, base + n * 8, self._moment(times, day)))
            first += 4000
        return iter(sorted(made, key=lambda happening: happening.received_at))

    def _moment(self, times: Random, day: date) -> datetime:
        hour = self._hours.pick(times.random())
        second = int(times.random() * 3600)
        local = datetime(
            day.year, day.month, day.day, hour, second // 60, second % 60, tzinfo=self._zone
        )
        return local.astimezone(UTC)

    # -- crimes -------------------------------------------------------------------------------

    def _crime(self, day: date, n: int, seed: int, at: datetime) -> Happening:
        rng = self._what
        offence = offences(self._parameters).pick(rng.random())
        kind = self._parameters.kinds[offence.kind]
        direct = rng.random() < kind.direct
        domestic = rng.random() < kind.domestic
        via = self._via(kind)
        professional = rng.random() < kind.professional
        crimes, place = self._crimes(offence, kind, domestic)
        if offence.state_based:
            via = ReceivedVia.OFFICER if rng.random() < 0.6 else via
        return Happening(
            day=day,
            number=n,
            seed=seed,
            received_at=at,
            occurred_at=at - self._before(offence.kind),
            kind=offence.kind,
            crimes=crimes,
            route="direct" if direct else "log",
            via=via,
            reported_by=self._reporter(kind, via, professional, rng.random()),
            place=place,
            domestic=domestic,
            callers=1 if direct else self._callers(),
        )

    def _crimes(
        self, offence: Offence, kind: Kind, domestic: bool
    ) -> tuple[tuple[Crime, ...], Somewhere]:
        rng, people = self._what, self._population
        repeats = domestic or kind.group == "conduct"
        home = people.household(
            rng.random(), repeats and rng.random() < self._parameters.people.repeat
        )
        suspect = self._suspect(home, domestic, kind)
        elsewhere = people.household(rng.random(), False)
        at_home = domestic or kind.per == "household" or rng.random() < 0.4
        victim = people.person(home, 2 if kind.child else 0)
        named = kind.per in ("person", "household")
        crimes = [Crime(offence, victim if named else None, suspect)]
        if rng.random() < kind.second:
            crimes.append(Crime(offence, people.person(home, 3 if kind.child else 1), suspect))
        for extra, share in kind.extra.items():
            if rng.random() < share and extra in self._counted:
                other = offences_of(self._parameters, extra).pick(rng.random())
                beside = None if other.state_based else victim
                crimes.append(Crime(other, beside, suspect))
        return tuple(crimes), people.place(home if at_home else elsewhere)

    def _suspect(self, home: int, domestic: bool, kind: Kind) -> Someone | None:
        known = self._what.random() < (0.75 if kind.group in ("conduct", "sexual") else 0.35)
        household = self._population.household(self._what.random(), False)
        if domestic:
            # A former partner lives elsewhere, always at the same place: the same person again.
            return self._population.person(home + 500_000 if home % 2 else home, 1)
        return self._population.person(household, 0) if known or kind.per == "state" else None

    def _via(self, kind: Kind) -> ReceivedVia:
        u = self._what.random()
        online = self._parameters.routes["online"] * (kind.online - 1)
        if u < online:
            return ReceivedVia.ONLINE
        return ReceivedVia(self._routes.pick((u - online) / (1 - online)))

    def _reporter(self, kind: Kind, via: ReceivedVia, professional: bool, u: float) -> ReportedBy:
        if via is ReceivedVia.OFFICER:
            return ReportedBy.POLICE
        if professional:
            return ReportedBy.PROFESSIONAL
        if kind.child:
            return ReportedBy.PARENT_OR_CARER
        if kind.per == "state":
            return ReportedBy.OTHER_THIRD_PARTY
        return ReportedBy.VICTIM if u < 0.86 else ReportedBy.OTHER_THIRD_PARTY

    def _before(self, kind: str) -> timedelta:
        """How long before the report it happened: hours, or years for some sexual offences."""
        u = self._what.random()
        if kind in ("rape", "child_sexual", "sexual_assault") and u < 0.3:
            return timedelta(days=30 + int(u * 40000))
        return timedelta(minutes=int(3 + 2000 * u * u * u))

    def _callers(self) -> int:
        u = self._what.random()
        more = self._parameters.volumes.more_callers
        return 1 if u >= more else 3 if u < more / 5 else 2

    # -- matters that are no crime, and referrals -----------------------------------------------

    def _matter(self, day: date, n: int, seed: int, at: datetime) -> Happening:
        rng = self._what
        name = self._matters.pick(rng.random())
        matter = self._parameters.matters[name]
        home = self._population.household(
            rng.random(), matter.domestic and rng.random() < self._parameters.people.repeat
        )
        via = ReceivedVia(self._routes.pick(rng.random()))
        reported_by = self._reporter(
            _NO_KIND, via, name in ("hospital", "assistance"), rng.random()
        )
        people = tuple([self._population.person(home, i) for i in range(2 if matter.people else 0)])
        return Happening(
            day=day,
            number=n,
            seed=seed,
            received_at=at,
            occurred_at=at - self._before(name),
            kind=name,
            route="log",
            via=ReceivedVia.ALARM if name == "alarm" else via,
            reported_by=reported_by,
            place=self._population.place(home),
            people=people,
            domestic=matter.domestic,
            callers=self._callers() if name in ("collision", "nuisance", "road") else 1,
        )

    def _referral(self, day: date, n: int, seed: int, at: datetime) -> Happening:
        rng = self._what
        home = self._population.household(
            rng.random(), rng.random() < self._parameters.people.repeat
        )
        child, adult = self._population.person(home, 2), self._population.person(home, 1)
        crimes: tuple[Crime, ...] = ()
        kind = "concern"
        if rng.random() < self._parameters.volumes.referrals_with_crime:
            kind = self._referred.pick(rng.random())
            offence = offences_of(self._parameters, kind).pick(rng.random())
            is_child = self._parameters.kinds[kind].child or rng.random() < 0.5
            victim = child if is_child else self._population.person(home, 0)
            crimes = (Crime(offence, victim, adult if rng.random() < 0.8 else None),)
        return Happening(
            day=day,
            number=n,
            seed=seed,
            received_at=at,
            occurred_at=at - self._before(kind),
            kind=kind,
            crimes=crimes,
            route="referral",
            via=ReceivedVia.REFERRAL,
            reported_by=ReportedBy.PROFESSIONAL,
            place=self._population.place(home),
            people=(child, adult),
        )


def followed_up(happening: Happening, record: str, days: int) -> Happening:
    """The same conduct towards the same victim, reported again some days later."""
    received_at = happening.received_at + timedelta(days=days)
    return msgspec.structs.replace(
        happening,
        day=happening.day + timedelta(days=days),
        number=50_000 + happening.day.toordinal() % 40 * 1000 + happening.number,
        seed=happening.seed + 4,
        received_at=received_at,
        occurred_at=received_at - timedelta(minutes=50),
        crimes=happening.crimes[:1],
        route="log",
        callers=1,
        continues=record,
    )


_NO_KIND = Kind(category="", group="", direct=0, opening=(), vague=0)
