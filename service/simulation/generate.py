"""A force, day after day: what its feeds bring in the order it arrives, and the truth beside.

Days are drawn one ahead of what is told, and everything that a day sets going waits in two heaps, by
the moment it is made and by the moment it arrives: memory holds about a month of later changes,
however long the run.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from itertools import count as counting
from random import Random

import msgspec
from msgspec import Struct

from service.simulation.feeds import Event, Queue
from service.simulation.happenings import Happening, Happenings, followed_up
from service.simulation.logs import NOWHERE, LogKeeper, Reference, log_ref
from service.simulation.narratives import Narrator
from service.simulation.offences import CONDUCT, counted_beside
from service.simulation.parameters import SettingUnknown, parameters
from service.simulation.rates import rates
from service.simulation.recording import Ending, Fate, RecordingHabits, Way
from service.simulation.records import CrimeSystem, record_ref, recorded_at
from service.simulation.story import Feed, Version
from service.simulation.truth import OutageTruth, Truth, crimes, further, report

TAIL = timedelta(days=3)
"""Feeds go on promising for so long after the last version is made, so that all of it can be judged."""
LIMIT_SINCE = date(2015, 4, 1)
"""From here the limit is 24 hours."""
_AHEAD = timedelta(hours=3)
"""Nothing is made longer than this before the call that tells of it."""


class Settings(Struct, frozen=True, kw_only=True):
    """What to simulate."""

    days: int
    """Days on which reports are received; their later changes follow until all are told."""
    setting: str = "2017"
    """Inspection whose recording rates hold."""
    starts: date | None = None
    """First local day; None: as the setting says."""
    references_missing: float = 0.05
    """Share of records with a log where neither names the other rightly."""
    force: str = "33"
    """Code to write; offences and places stay those of the one force there are figures of."""


def events(settings: Settings, seed: int) -> Iterator[Event]:
    """What the feeds bring, in order of arrival. Raises ``SettingUnknown``."""
    return (each for each in simulate(settings, seed) if isinstance(each, Event))


def simulate(settings: Settings, seed: int) -> Iterator[Event | Truth]:
    """Events in order of arrival, and the truth of each incident when its day is drawn.

    Raises ``SettingUnknown`` where there is no such setting, or its figures cannot be met.
    """
    return Force(settings, seed).run()


def as_line(each: Event | Truth) -> bytes:
    """One line of JSON."""
    return _encode(each.document if isinstance(each, Event) else each) + b"\n"


_encode = msgspec.json.Encoder().encode


class Force:
    """One run of a simulated force."""

    def __init__(self, settings: Settings, seed: int) -> None:
        figures = msgspec.structs.replace(parameters(), force=settings.force)
        if settings.setting not in figures.settings:
            has = ", ".join(figures.settings)
            raise SettingUnknown(f"there is no setting '{settings.setting}'; there are {has}")
        setting = figures.settings[settings.setting]
        self._figures = figures
        self._settings = settings
        self._first = settings.starts or setting.starts
        if self._first < LIMIT_SINCE:
            raise SettingUnknown(f"start on {LIMIT_SINCE} or later: before, the limit was another")
        counted = counted_beside(figures, self._first)
        solved = rates(figures, setting, counted)
        self._happenings = Happenings(figures, solved, counted, seed)
        narrator = Narrator(figures.text)
        population = self._happenings.population
        self._habits = RecordingHabits(figures, solved)
        self._logs = LogKeeper(figures, population, narrator)
        self._crimes = CrimeSystem(figures, population, narrator)
        self._queues = {feed: Queue(feed, figures, seed) for feed in Feed}
        self._made: list[tuple[datetime, int, Version]] = []
        self._arriving: list[tuple[datetime, int, Event]] = []
        self._order = counting()
        self._today = 0
        self._fate, self._life, self._words = Random(), Random(), Random()

    @property
    def waiting(self) -> int:
        """How much is made or under way and has not arrived."""
        return len(self._made) + len(self._arriving)

    def run(self) -> Iterator[Event | Truth]:
        """Everything, in order."""
        start = datetime(self._first.year, self._first.month, self._first.day, tzinfo=UTC)
        beat = start - _AHEAD - timedelta(hours=1)
        step = timedelta(minutes=self._figures.feeds.heartbeat_minutes)
        for n in range(self._settings.days):
            day = self._first + timedelta(days=n)
            for happening in self._happenings.on(day):
                yield from self._tell(happening)
            upto = start + timedelta(days=n + 1) - _AHEAD
            while beat < upto:
                yield from self._up_to(beat)
                beat += step
        while self._made:
            yield from self._up_to(beat)
            beat += step
        ends = beat + TAIL
        while beat < ends:
            yield from self._up_to(beat)
            beat += step
        while self._arriving:
            yield heappop(self._arriving)[2]

    # -- one incident -------------------------------------------------------------------------

    def _tell(self, happening: Happening) -> Iterator[Truth]:
        """Set everything going that follows from one happening."""
        self._fate.seed(happening.seed + 1)
        self._life.seed(happening.seed + 2)
        self._words.seed(happening.seed + 3)
        fates = self._habits.fates(happening, self._fate)
        references = tuple([self._reference(happening, fate) for fate in fates])
        for n, fate in enumerate(fates):
            named = references[n].named
            self._add(self._crimes.versions(happening, n, fate, named, self._life))
        yield from crimes(self._figures, happening, fates, references)
        again, after = self._life.random(), self._life.random()
        if happening.route != "direct":
            yield from self._reported(happening, fates, references)
        if again < self._figures.recording.continuing and self._is_open_conduct(happening, fates):
            yield from self._told_again(happening, 3 + int(18 * after))

    def _reported(
        self, happening: Happening, fates: tuple[Fate, ...], references: tuple[Reference, ...]
    ) -> Iterator[Truth]:
        told = self._logs.versions(happening, fates, references, self._life, self._words)
        self._add(told)
        self._forms(happening, fates, told[-1].at)
        first = told[0]
        yield report(happening, fates, first.feed.value, first.document["opening_codes"])
        for n in range(1, happening.callers):
            told = self._logs.further_caller(happening, n, self._words)
            self._add(told)
            yield further(happening, fates, n, told[0].document["received_at"])

    def _is_open_conduct(self, happening: Happening, fates: tuple[Fate, ...]) -> bool:
        """Is it a conduct crime, recorded at once, that would take further conduct in?"""
        kind = self._figures.kinds.get(happening.kind)
        if kind is None or kind.group != CONDUCT or not fates:
            return False
        main = fates[0]
        return main.ending is Ending.RECORDED and not (main.how or main.other_class)

    def _told_again(self, happening: Happening, days: int) -> Iterator[Truth]:
        """A later report of the same conduct: no further crime, its log names the earlier record."""
        again = followed_up(happening, record_ref(happening, 0), days)
        if again.day >= self._first + timedelta(days=self._settings.days):
            return
        self._life.seed(again.seed + 2)
        self._words.seed(again.seed + 3)
        named = Reference((), again.received_at + timedelta(hours=2))
        fate = Fate(ending=Ending.RECORDED, how="continuing")
        yield from self._reported(again, (fate,), (named,))

    def _reference(self, happening: Happening, fate: Fate) -> Reference:
        """How the record of one crime and its log name each other; the same draws in any case."""
        u, v, w, x = (self._life.random() for _ in range(4))
        made = recorded_at(happening, fate)
        if made is None or happening.route == "direct":
            return NOWHERE
        ref = log_ref(happening)
        if u < self._settings.references_missing:
            return Reference((_garbled(ref, w),) if v < 0.4 else (), None)
        named = v < self._figures.log.named_by_record
        back = w < self._figures.log.written_back or not named
        at = made + timedelta(minutes=3 + int(x * 37)) if back else None
        return Reference((ref,) if named else (), at)

    def _forms(self, happening: Happening, fates: tuple[Fate, ...], at: datetime) -> None:
        """Domestic incidents get a form in the crime system, whether or not they hid a crime."""
        hid = any(fate.way is Way.DOMESTIC for fate in fates)
        u = self._life.random()
        if (happening.kind == "domestic" and u < 0.3) or (hid and u < 0.5):
            self._add(self._crimes.doma_form(happening, log_ref(happening), at))

    def _add(self, versions: Iterator[Version] | list[Version]) -> None:
        for version in versions:
            heappush(self._made, (version.at, next(self._order), version))

    # -- feeds --------------------------------------------------------------------------------

    def _up_to(self, beat: datetime) -> Iterator[Event | Truth]:
        """What arrives until ``beat``, at which every feed says how far it is read."""
        if beat.toordinal() != self._today:
            yield from self._outages(beat.toordinal())
        while self._made and self._made[0][0] < beat:
            version = heappop(self._made)[2]
            self._arrive(self._queues[version.feed].bring(version))
        for queue in self._queues.values():
            self._arrive(queue.heartbeat(beat))
        while self._arriving and self._arriving[0][0] < beat:
            yield heappop(self._arriving)[2]

    def _outages(self, today: int) -> Iterator[Truth]:
        """Outages that begin today; on the first day, yesterday's too."""
        days = (today,) if self._today else (today - 1, today)
        self._today = today
        for queue in self._queues.values():
            for day in days:
                for since, until in queue.outages_on(day):
                    yield OutageTruth(feed=queue.feed.value, since=since, until=until)

    def _arrive(self, events: Iterator[Event]) -> None:
        for event in events:
            heappush(self._arriving, (event.arrives_at, next(self._order), event))


def _garbled(ref: str, u: float) -> str:
    """A reference as somebody mistyped it: digits swapped, a zero lost, or nothing like it."""
    stem, day, serial = ref.split("-")
    if u < 0.4:
        return f"{stem}-{day}-{serial[:-2]}{serial[-1]}{serial[-2]}"
    if u < 0.7:
        return f"{stem}-{day}-{serial.lstrip('0')}"
    return f"{stem}{serial[::-1]}"
