"""What verdict lines add up to: counts that several processes can each fill and then put together.

Adding is cheap and memory is bounded by forces, categories and closed lists of words, never by the
number of reports. The order of adding and merging changes nothing.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from schemas.words import Grade, TimeBound, Verdict
from service.matching.judgement import CrimeLine, Line

MISSES_KEPT = 500
"""Reports with a miss kept for the page, high harm first, then by deadline."""

OPEN_KEPT = 200
"""Reports kept of those still within time, and of those that cannot be told, by deadline."""

CODES_KEPT = 200
"""Different unknown codes counted by name."""

DELAYS = tuple(timedelta(hours=h) for h in (1, 2, 4, 8, 16, 24, 48, 96, 168, 336, 672))
"""Upper ends of the spans from receipt to record, each inclusive as the deadline is; the last span
has no end."""

BEFORE_RECEIPT = -1
"""The span of records made before the report was received."""

CRIME_WORDS = {
    Verdict.RECORDED: "recorded",
    Verdict.RECORDED_LATE: "late",
    Verdict.MISSED: "missed",
    Verdict.ACCOUNTED: "accounted",
    Verdict.NOT_PROVABLE: "not_provable",
    Verdict.PENDING: "pending",
}
"""Verdicts that a crime can have, and their words under ``crimes`` in the summary."""

_Key = tuple[bool, datetime, str, str]
_by_key = itemgetter(0)


class First(Struct):
    """The first reports in a fixed order, and how many there were in all."""

    limit: int
    total: int = 0
    kept: list[tuple[_Key, Line]] = field(default_factory=list)

    def add(self, key: _Key, line: Line) -> None:
        """One more report; it is kept where it is among the first ``limit``."""
        self.total += 1
        self._keep((key, line))

    def merge(self, other: "First") -> None:
        """Those of another part of the same input."""
        self.total += other.total
        for each in other.kept:
            self._keep(each)

    def _keep(self, each: tuple[_Key, Line]) -> None:
        if len(self.kept) < self.limit:
            insort(self.kept, each, key=_by_key)
        elif each[0] < self.kept[-1][0]:
            insort(self.kept, each, key=_by_key)
            self.kept.pop()

    @property
    def lines(self) -> list[Line]:
        """The lines kept, in order."""
        return [line for _, line in self.kept]

    @property
    def left_out(self) -> int:
        """How many there were beyond those kept."""
        return self.total - len(self.kept)


class Named(Struct):
    """Counts by name for names that come from outside: the first ``limit`` in alphabetical order are
    exact, whichever way the input was split, and the rest only add to the total."""

    limit: int
    total: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        """So many more of one name."""
        self.total += count
        self._keep(name, count)

    def merge(self, other: "Named") -> None:
        """Those of another part of the same input."""
        self.total += other.total
        for name, count in other.counts.items():
            self._keep(name, count)

    def _keep(self, name: str, count: int) -> None:
        if name in self.counts:
            self.counts[name] += count
            return
        if len(self.counts) >= self.limit:
            last = max(self.counts)
            if name > last:
                return
            del self.counts[last]
        self.counts[name] = count

    @property
    def left_out(self) -> int:
        """How many were counted under names not kept."""
        return self.total - sum(self.counts.values())


def _counter() -> Any:
    return field(default_factory=Counter)


class Figures(Struct):
    """Counts over verdict lines; each report is added once."""

    zone: str = "UTC"
    """Time zone in which hours, weekdays and days are counted."""
    first_received: datetime | None = None
    last_received: datetime | None = None
    forces: Counter[str] = _counter()
    """Reports by force."""
    verdicts: Counter[Verdict] = _counter()
    """Reports that do not rest on possible crimes alone."""
    possible: Counter[Verdict] = _counter()
    """Reports that rest on possible crimes alone."""
    crimes: Counter[tuple[str, str, str, Verdict]] = _counter()
    """Crimes of clear grade by force, route, category and verdict."""
    possible_crimes: Counter[Verdict] = _counter()
    """Crimes of possible grade, in whatever report."""
    harm: Counter[Verdict] = _counter()
    """Crimes of clear grade and high harm."""
    hours: Counter[tuple[int, Verdict]] = _counter()
    """Crimes of clear grade by hour of the week of receipt; 0 is Monday after midnight."""
    delays: Counter[tuple[int, TimeBound, Verdict]] = _counter()
    """Recorded crimes by time from receipt to record (index into ``DELAYS``)."""
    same_day: int = 0
    """Crimes recorded on the day of receipt or before it, where the recording time is exact."""
    reasons: Counter[tuple[Verdict, str]] = _counter()
    """Crimes of clear grade by verdict and its reason."""
    closures_refused: Counter[str] = _counter()
    """Reports closed with a decision that was not accepted, by what it lacked."""
    carve_outs: Counter[str] = _counter()
    """Reports whose crimes are not due, by rule."""
    unsourced: int = 0
    """Crimes of clear grade that rest on a rule without a source."""
    same_incident: int = 0
    """Reports whose crimes are counted under another log of the same incident."""
    unknown_codes: Named = field(default_factory=lambda: Named(CODES_KEPT))
    misses: First = field(default_factory=lambda: First(MISSES_KEPT))
    open: First = field(default_factory=lambda: First(OPEN_KEPT))
    """Reports with a crime whose deadline has not passed."""
    untold: First = field(default_factory=lambda: First(OPEN_KEPT))
    """Reports of which it cannot be told whether a crime was recorded."""

    def add(self, line: Line) -> None:
        """Count one report."""
        received, verdict = line.received_at, line.verdict
        if self.first_received is None or received < self.first_received:
            self.first_received = received
        if self.last_received is None or received > self.last_received:
            self.last_received = received
        self.forces[line.force] += 1
        if line.grade is Grade.POSSIBLE:
            self.possible[verdict] += 1
        else:
            self.verdicts[verdict] += 1
        if line.crimes:
            self._add_crimes(line)
        elif line.same_as:
            self.same_incident += 1
        for code in line.unknown_codes:
            self.unknown_codes.add(code)
        for rule in line.carve_outs:
            self.carve_outs[rule] += 1

    def _add_crimes(self, line: Line) -> None:
        local = line.received_at.astimezone(ZoneInfo(self.zone))
        hour = local.weekday() * 24 + local.hour
        owed: dict[Verdict, CrimeLine] = {}
        for crime in line.crimes:
            verdict = crime.verdict
            if crime.grade is not Grade.CLEAR:
                self.possible_crimes[verdict] += 1
                continue
            self.crimes[line.force, line.route, crime.category, verdict] += 1
            self.hours[hour, verdict] += 1
            self.reasons[verdict, crime.reason] += 1
            if crime.harm:
                self.harm[verdict] += 1
            if crime.unsourced:
                self.unsourced += 1
            if verdict is Verdict.RECORDED or verdict is Verdict.RECORDED_LATE:
                self._add_delay(line.received_at, local.date(), crime)
            elif verdict not in owed or crime.due_at < owed[verdict].due_at:
                owed[verdict] = crime
        if line.decision:
            self.closures_refused[line.decision] += 1
        if owed:
            self._list(line, owed)

    def _add_delay(self, received: datetime, day: date, crime: CrimeLine) -> None:
        assert crime.recorded_at is not None, "a crime is recorded by a record"
        delay = crime.recorded_at - received
        span = bisect_left(DELAYS, delay) if delay >= timedelta(0) else BEFORE_RECEIPT
        self.delays[span, crime.timing, crime.verdict] += 1
        if crime.timing is TimeBound.EXACT and (
            crime.recorded_at.astimezone(ZoneInfo(self.zone)).date() <= day
        ):
            self.same_day += 1

    def _list(self, line: Line, owed: Mapping[Verdict, CrimeLine]) -> None:
        """Put a report on the lists of what is owed; ``owed`` has the earliest crime by verdict."""
        if missed := owed.get(Verdict.MISSED):
            harm = any(c.harm for c in clear(line, Verdict.MISSED))
            self.misses.add((not harm, missed.due_at, line.force, line.ref), line)
        if pending := owed.get(Verdict.PENDING):
            self.open.add((False, pending.due_at, line.force, line.ref), line)
        if untold := owed.get(Verdict.NOT_PROVABLE):
            self.untold.add((False, untold.due_at, line.force, line.ref), line)

    def merge(self, other: "Figures") -> None:
        """Add what another process counted over other reports of the same input.

        Raises ``ValueError`` where it counted hours in another time zone.
        """
        if other.zone != self.zone:
            raise ValueError(f"figures in {other.zone} cannot be added to figures in {self.zone}")
        received = (self.first_received, other.first_received)
        self.first_received = min((at for at in received if at), default=None)
        received = (self.last_received, other.last_received)
        self.last_received = max((at for at in received if at), default=None)
        for name in self.__struct_fields__:
            mine, more = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(more)
            elif isinstance(mine, First | Named):
                mine.merge(more)
            elif isinstance(mine, int):
                setattr(self, name, mine + more)

    @property
    def reports(self) -> int:
        """Reports counted."""
        return self.verdicts.total() + self.possible.total()

    def summary(self) -> dict[str, Any]:
        """The parts of ``summary.json`` that come from lines."""
        counts = self.by_verdict()
        due = counts.total() - counts[Verdict.PENDING]
        crimes = {word: counts[verdict] for verdict, word in CRIME_WORDS.items()}
        return {
            "reports": self.reports,
            "verdicts": {word.value: self.verdicts[word] for word in Verdict},
            "possible": {word.value: self.possible[word] for word in Verdict},
            "crimes": {"due": due, **crimes},
        }

    def by_verdict(
        self, *, force: str | None = None, route: str | None = None, category: str | None = None
    ) -> Counter[Verdict]:
        """Crimes of clear grade by verdict, of one force, route or category or of all."""
        counts: Counter[Verdict] = Counter()
        for (of_force, of_route, of_category, verdict), count in self.crimes.items():
            if (
                force in (None, of_force)
                and route in (None, of_route)
                and category in (None, of_category)
            ):
                counts[verdict] += count
        return counts


def clear(line: Line, verdict: Verdict) -> list[CrimeLine]:
    """A line's crimes of clear grade with this verdict."""
    return [c for c in line.crimes if c.grade is Grade.CLEAR and c.verdict is verdict]
