"""When people are at work: shift patterns in local time, with the bank holidays of England and Wales.

A shift begins and ends by the clock on the wall, so one over the night in which clocks change is an
hour longer or shorter, and a round-the-clock pattern leaves no gap.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
from msgspec import Struct

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

BEFORE_END = timedelta(hours=4)
"""The second digest of a shift comes this long before its end: there is still time to mend."""

LAST_WORD = timedelta(minutes=30)
"""What is brought forward comes this long before a shift ends: a message at the end is read by nobody."""

AROUND = timedelta(days=12)
"""No office is closed for longer; patterns are looked through this far either way."""


class Shifts(Struct, frozen=True, forbid_unknown_fields=True):
    """One pattern of shifts."""

    starts: tuple[str, ...]
    """Local times at which a shift begins: ``07:00``."""
    hours: float
    """Length of each."""
    days: tuple[str, ...] = DAYS
    """Days on which shifts begin."""
    bank_holidays: bool = True
    """Is it worked on bank holidays?"""
    zone: str = "Europe/London"


class Span(Struct, frozen=True):
    """One shift."""

    start: datetime
    end: datetime


def round_the_clock(pattern: Shifts) -> bool:
    """Is somebody there at every moment of an ordinary week, and on bank holidays?"""
    if not pattern.bank_holidays or set(pattern.days) != set(DAYS) or not pattern.starts:
        return False
    begins = sorted(_wall(each) for each in pattern.starts)
    minutes = [each.hour * 60 + each.minute for each in begins]
    gaps = [b - a for a, b in zip(minutes, [*minutes[1:], minutes[0] + 1440], strict=True)]
    return max(gaps) <= pattern.hours * 60


def on_shift(pattern: Shifts, at: datetime) -> Span | None:
    """The shift under way; where two overlap, the one that began last."""
    under_way = [span for span in _spans(pattern, at) if span.start <= at < span.end]
    return under_way[-1] if under_way else None


def last_word(pattern: Shifts, before: datetime) -> datetime | None:
    """The last moment at which something can usefully be said on a shift that ends by then."""
    ended = [span for span in _spans(pattern, before) if span.end <= before]
    return max(ended[-1].start, ended[-1].end - LAST_WORD) if ended else None


def next_digest(pattern: Shifts, after: datetime) -> datetime:
    """The next start of a shift, or four hours before an end, strictly later than a moment."""
    moments = (
        moment
        for span in _spans(pattern, after)
        for moment in (span.start, max(span.start, span.end - BEFORE_END))
        if moment > after
    )
    return min(moments)


def next_start(pattern: Shifts, after: datetime) -> datetime:
    """When the next shift begins, strictly later than a moment."""
    return min(span.start for span in _spans(pattern, after) if span.start > after)


def _spans(pattern: Shifts, around: datetime) -> list[Span]:
    """Shifts of the days around a moment, in order."""
    day = around.astimezone(ZoneInfo(pattern.zone)).date()
    ahead = AROUND.days
    days = (day + timedelta(days=n) for n in range(-ahead, ahead + 1))
    return [span for each in days for span in _on(pattern, each)]


@lru_cache(maxsize=4096)
def _on(pattern: Shifts, day: date) -> tuple[Span, ...]:
    return tuple(_shifts_of(pattern, day))


def _shifts_of(pattern: Shifts, day: date) -> Iterator[Span]:
    if DAYS[day.weekday()] not in pattern.days:
        return
    if not pattern.bank_holidays and day in _bank_holidays(day.year):
        return
    zone = ZoneInfo(pattern.zone)
    for begins in sorted(map(_wall, pattern.starts)):
        start = datetime.combine(day, begins)
        end = start + timedelta(hours=pattern.hours)
        yield Span(*(at.replace(tzinfo=zone).astimezone(UTC) for at in (start, end)))


@lru_cache(maxsize=4096)
def _bank_holidays(year: int) -> frozenset[date]:
    """England and Wales have the same; the library keeps them by nation."""
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def _wall(text: str) -> time:
    """Raises ``ValueError`` where it is no time of day."""
    return time.fromisoformat(text)
