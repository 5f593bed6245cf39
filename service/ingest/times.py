"""Local times to instants: several formats, one zone, a stated answer where the clock is put forward
or back. Nothing is guessed: a time that fits no format, or falls where the mapping says refuse, is
refused by name."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct


class TimeRefused(ValueError):
    """A time that cannot be placed; the message says why and never holds the value."""


class Clock(Struct, frozen=True):
    """How a source writes its times."""

    zone: str
    """IANA name; used for times without an offset of their own."""
    formats: tuple[str, ...] = ("iso",)
    """``iso``, ``unix`` (seconds), ``unix_ms`` or patterns of ``strptime``, tried in order."""
    ambiguous: str = "refuse"
    """The hour that happens twice: ``first``, ``second`` or ``refuse``."""
    nonexistent: str = "refuse"
    """The hour that does not happen: ``forward`` or ``refuse``."""
    without_clock: str = "refuse"
    """A date with no time of day: ``start_of_day``, ``blank`` or ``refuse``."""


AMBIGUOUS = ("first", "second", "refuse")
NONEXISTENT = ("forward", "refuse")
WITHOUT_CLOCK = ("start_of_day", "blank", "refuse")

Reading = tuple[datetime, bool]
"""A time as written, and whether it was a date alone."""


def parser(clock: Clock) -> Callable[[str], datetime | None]:
    """A function from text to a UTC instant (None: says nothing). Raises ``TimeRefused``."""
    zone, offset_of_day = ZoneInfo(clock.zone), _offsets(clock.zone)
    readers = [reader(form) for form in clock.formats]

    @lru_cache(maxsize=4096)
    def parse(text: str) -> datetime | None:
        for read in readers:
            found = read(text)
            if found is None:
                continue
            local, day_only = found
            if day_only and clock.without_clock == "blank":
                return None
            if day_only and clock.without_clock == "refuse":
                raise TimeRefused("a date without a time of day")
            try:
                offset = None if local.tzinfo else offset_of_day(local.toordinal())
                if offset is not None:
                    return (local - offset).replace(tzinfo=UTC)
                return _placed(local, zone, clock)
            except OverflowError:
                raise TimeRefused("outside the calendar") from None
        raise TimeRefused(f"fits none of the formats {', '.join(clock.formats)}")

    return parse


def reader(form: str) -> Callable[[str], Reading | None]:
    """A function from text to a time as written in one format; None where it does not fit."""
    if form == "iso":
        return _iso
    if form in _UNIX:
        per_second = _UNIX[form]
        return lambda text: _unix(text, per_second)
    fast = _fast(form)
    day_only = not any(part in form for part in ("%H", "%I", "%X", "%c"))
    if fast is not None:
        return fast

    def read(text: str) -> Reading | None:
        try:
            # Offsets are the mapping's business: the zone is applied in _placed.
            return datetime.strptime(text, form), day_only  # noqa: DTZ007
        except ValueError:
            return None

    return read


def problem(form: str) -> str | None:
    """What is wrong with a format, None where nothing is."""
    if form == "iso" or form in _UNIX:
        return None
    if "%" not in form:
        return "is no format; write iso, unix, unix_ms or a pattern such as %d/%m/%Y %H:%M"
    if "%Z" in form:
        return "reads a zone's name and ignores it; leave it out and say 'zone'"
    try:
        datetime.strptime("", form)  # noqa: DTZ007
    except (ValueError, re.error) as error:
        if "does not match" not in str(error):
            return f"is no format: {error}"
    if not ("%Y" in form or "%y" in form or "%c" in form or "%x" in form):
        return "has no year"
    return None


def is_zone(name: str) -> bool:
    """Is it the name of a time zone?"""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


# -- formats ----------------------------------------------------------------------------------

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T t]\d.*)?", re.ASCII)
_UNIX = {"unix": 1, "unix_ms": 1000}
_DIGITS = re.compile(r"-?\d{1,16}(?:\.\d*)?", re.ASCII)


def _iso(text: str) -> Reading | None:
    # Python's own reader also takes weeks and bare digits, and would see years in millisecond counts.
    if not _ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text), len(text) == 10
    except ValueError:
        return None


def _unix(text: str, per_second: int) -> Reading | None:
    if not _DIGITS.fullmatch(text):
        return None
    try:
        return datetime.fromtimestamp(float(text) / per_second, UTC), False
    except (ValueError, OverflowError, OSError):
        return None


_PARTS = {"Y": r"(\d{4})", "y": r"(\d\d)", "m": r"(\d\d?)", "d": r"(\d\d?)", "H": r"(\d\d?)"} | {
    "M": r"(\d\d?)",
    "S": r"(\d\d?)",
}
_ORDER = "YmdHMS"


def _fast(form: str) -> Callable[[str], Reading | None] | None:
    """A reader six times as fast as ``strptime``, for formats of plain numbers; else None."""
    names: list[str] = []
    pattern = ""
    for number, piece in enumerate(re.split(r"%(.)", form)):
        if number % 2 == 0:
            pattern += re.sub(r"(?:\\\s|\s)+", r"\\s+", re.escape(piece))
        elif piece not in _PARTS or piece in names:
            return None
        else:
            names.append(piece)
            pattern += _PARTS[piece]
    if not {"m", "d"} <= set(names) or ("Y" in names) == ("y" in names):
        return None
    two_digits = "y" in names
    places = [names.index("y" if part == "Y" and two_digits else part) for part in _ORDER[:3]]
    places += [names.index(part) for part in _ORDER[3:] if part in names]
    if [part for part in _ORDER[3:] if part in names] != list(_ORDER[3:])[: len(places) - 3]:
        return None
    match, day_only = re.compile(pattern, re.ASCII).fullmatch, len(places) == 3

    def read(text: str) -> Reading | None:
        found = match(text)
        if found is None:
            return None
        groups = found.groups()
        numbers = [int(groups[place]) for place in places]
        if two_digits:
            numbers[0] += 2000 if numbers[0] < 69 else 1900
        try:
            return datetime(*numbers), day_only  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            return None

    return read


# -- zones ------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _offsets(name: str) -> Callable[[int], timedelta | None]:
    """The zone's offset on a day by its ordinal; None on a day on which the clock is changed."""
    zone = ZoneInfo(name)

    @lru_cache(maxsize=4096)
    def offset_of_day(ordinal: int) -> timedelta | None:
        if not 1 < ordinal < date.max.toordinal():
            return None
        start = datetime.fromordinal(ordinal)
        marks = [start + timedelta(hours=hours) for hours in range(0, 25, 4)]
        offsets = {
            mark.replace(tzinfo=zone, fold=fold).utcoffset() for mark in marks for fold in (0, 1)
        }
        return offsets.pop() if len(offsets) == 1 else None

    return offset_of_day


def _placed(local: datetime, zone: ZoneInfo, clock: Clock) -> datetime:
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    first = local.replace(tzinfo=zone, fold=0)
    second = local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    happens = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
    if happens:
        if clock.ambiguous == "refuse":
            raise TimeRefused("this hour happened twice; say 'ambiguous: first' or 'second'")
        return (first if clock.ambiguous == "first" else second).astimezone(UTC)
    if clock.nonexistent == "refuse":
        raise TimeRefused("the clock was put forward over this hour; say 'nonexistent: forward'")
    return first.astimezone(UTC)


_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """``90m``, ``24h``, ``3d``, ``2w``. Raises ``ValueError`` for anything else."""
    number, unit = text[:-1].strip(), text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or len(number) > 6:
        raise ValueError(f"'{text}' is no duration; write 90m, 24h, 3d or 2w")
    return timedelta(**{_UNITS[unit]: int(number)})
