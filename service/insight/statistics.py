"""Recording statistics: verdict lines counted in small cells from which every rate is then a sum.

Memory is bounded by months, forces, routes and categories, never by the number of reports. Only
crimes of clear grade are counted; people are in no line, so no figure can be about one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from schemas.words import Grade, NotRecordedReason, TimeBound, Verdict
from service.matching.judgement import CrimeLine, Line

GROUPS: Mapping[str, frozenset[str]] = {
    "violence": frozenset(
        {
            *("homicide", "violence", "threats", "harassment_stalking", "communications"),
            *("child_cruelty", "modern_slavery"),
        }
    ),
    "sexual": frozenset({"rape", "sexual"}),
}
"""Categories of the headline groups, as the notifiable offence list groups their classes; whatever is
in neither is *other*."""

OTHER = "other"

SAME_DAY, NEXT_DAY, LATE, BOUND = "same_day", "next_day", "late", "bound"
LATE_APPROVED = "late_approved"
"""When a crime was recorded: on the day of receipt or before; later and by the deadline; after the
deadline; known only as a bound; after the deadline, within a delay that the registrar approved."""

DECISIONS = frozenset(reason.value for reason in NotRecordedReason)

LONGEST_WAIT = timedelta(days=60)
"""Waits for a log to be opened are told to the minute up to this; longer ones count as this long."""


class Cell(NamedTuple):
    """What is counted together."""

    month: str
    """Of receipt, in the zone of the figures: ``2017-08``."""
    force: str
    route: str
    category: str
    domestic: bool
    verdict: Verdict
    when: str
    """One of the five words above where recorded, else empty."""


class Wait(NamedTuple):
    """A report's wait from receipt to being opened."""

    route: str
    via: str
    """How it came in: ``call_999``, ``online``, …"""
    minutes: int


class Chosen(Struct, frozen=True, kw_only=True):
    """Which reports are counted."""

    force: str = ""
    """Empty: every force."""
    since: date | None = None
    until: date | None = None
    """Last day of receipt, itself included."""

    def takes(self, force: str, day: date) -> bool:
        """Is a report received by this force on this day counted?"""
        return (
            (not self.force or force == self.force)
            and (self.since is None or self.since <= day)
            and (self.until is None or day <= self.until)
        )


class Statistics(Struct):
    """Counts over verdict lines; each report is added once."""

    zone: str
    chosen: Chosen = Chosen()
    reports: int = 0
    left_out: int = 0
    """Reports that were not among the chosen."""
    first_received: datetime | None = None
    last_received: datetime | None = None
    cells: Counter[Cell] = field(default_factory=Counter)
    possible: int = 0
    """Reports that rest on possible crimes alone: in no rate."""
    unknown: int = 0
    """Reports with a code nobody knows and nothing else: in no rate."""
    decisions: Counter[tuple[str, bool, bool]] = field(default_factory=Counter)
    """Decisions not to record, by reason, whether accepted, and whether somebody was told."""
    cancellations: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    """Cancelled records linked to these reports, by code and what they lack."""
    waits: Counter[Wait] = field(default_factory=Counter)
    unopened: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Reports by route and way in without a time of opening."""

    def add(self, line: Line) -> None:
        """Count one report, if it is among the chosen."""
        local = line.received_at.astimezone(ZoneInfo(self.zone))
        if not self.chosen.takes(line.force, local.date()):
            self.left_out += 1
            return
        self.reports += 1
        first, last = self.first_received, self.last_received
        self.first_received = min(first or line.received_at, line.received_at)
        self.last_received = max(last or line.received_at, line.received_at)
        self.possible += line.grade is Grade.POSSIBLE
        self.unknown += line.verdict is Verdict.UNKNOWN_CODE
        for crime in line.crimes:
            if crime.grade is Grade.CLEAR:
                cell = Cell(
                    f"{local:%Y-%m}",
                    line.force,
                    line.route,
                    crime.category,
                    line.domestic,
                    crime.verdict,
                    _when(crime, local),
                )
                self.cells[cell] += 1
        for reason, accepted in _decided(line):
            self.decisions[reason, accepted, line.told] += 1
        for link in line.links:
            if link.cancelled:
                self.cancellations[link.cancelled, link.lacks] += 1

    def add_wait(
        self, force: str, route: str, via: str, received: datetime, opened: datetime | None
    ) -> None:
        """Count how long a report waited to be opened; one opened before it was received, not at all."""
        if not self.chosen.takes(force, received.astimezone(ZoneInfo(self.zone)).date()):
            return
        if opened is None:
            self.unopened[route, via] += 1
            return
        wait = min(max(opened - received, timedelta(0)), LONGEST_WAIT)
        self.waits[Wait(route, via, int(wait.total_seconds() // 60))] += 1

    def values(self, axis: str) -> tuple[str, ...]:
        """The months, forces, routes or categories there are, in order; months without a gap."""
        found = sorted({getattr(cell, axis) for cell in self.cells})
        return tuple(_every_month(found[0], found[-1]) if axis == "month" and found else found)

    def by_verdict(self, **where: object) -> Counter[Verdict]:
        """Crimes by verdict, of all or of those whose cell has these values."""
        counts: Counter[Verdict] = Counter()
        for cell, count in self._where(where):
            counts[cell.verdict] += count
        return counts

    def by_when(self, **where: object) -> Counter[str]:
        """Recorded crimes by when they were recorded."""
        counts: Counter[str] = Counter()
        for cell, count in self._where(where):
            if cell.when:
                counts[cell.when] += count
        return counts

    def _where(self, where: Mapping[str, object]) -> Iterator[tuple[Cell, int]]:
        wanted = {name: value for name, value in where.items() if name != "group"}
        for cell, count in self.cells.items():
            if all(getattr(cell, name) == value for name, value in wanted.items()) and (
                "group" not in where or group(cell.category) == where["group"]
            ):
                yield cell, count


def group(category: str) -> str:
    """The headline group of a category: ``violence``, ``sexual`` or ``other``."""
    return next((name for name, members in GROUPS.items() if category in members), OTHER)


def _every_month(first: str, last: str) -> Iterator[str]:
    year, month = map(int, first.split("-"))
    while (name := f"{year:04}-{month:02}") <= last:
        yield name
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _when(crime: CrimeLine, received: datetime) -> str:
    if crime.recorded_at is None or crime.verdict not in (Verdict.RECORDED, Verdict.RECORDED_LATE):
        return ""
    if crime.timing is not TimeBound.EXACT:
        return BOUND
    if crime.verdict is Verdict.RECORDED_LATE:
        return LATE_APPROVED if crime.delay_approved else LATE
    day = crime.recorded_at.astimezone(received.tzinfo).date()
    return SAME_DAY if day <= received.date() else NEXT_DAY


def _decided(line: Line) -> Iterator[tuple[str, bool]]:
    """Each decision not to record once a report: its reason, and whether it was accepted."""
    accepted = {
        crime.reason
        for crime in line.crimes
        if crime.verdict is Verdict.ACCOUNTED and not crime.record
    }
    for reason in sorted(accepted & DECISIONS):
        yield reason, True
    if line.decision:
        refused = line.decision.split(":")[1]
        if refused in DECISIONS:
            yield refused, False
