"""Local times to instants: several formats, one zone, a stated answer where the clock is put forward
or back. Nothing is guessed: a time that fits no format, or falls where the mapping says refuse, is
refused by name."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct


class TimeRefused(ValueError):
    """A time that cannot be placed; the message says why and never holds more than the value."""


class Clock(Struct, frozen=True):
    """How a source writes its times."""

    zone: str
    """IANA name; used for times without an offset of their own."""
    formats: tuple[str, ...] = ("iso",)
    """``iso`` or patterns of ``strptime``, tried in order."""
    ambiguous: str = "refuse"
    """The hour that happens twice: ``first``, ``second`` or ``refuse``."""
    nonexistent: str = "refuse"
    """The hour that does not happen: ``forward`` or ``refuse``."""
    without_clock: str = "refuse"
    """A date with no time of day: ``start_of_day``, ``blank`` or ``refuse``."""


_DAY_ONLY = ("%H", "%I", "%M", "%X", "%c")


def parser(clock: Clock) -> Callable[[str], datetime | None]:
    """A function from text to a UTC instant (None: says nothing). Raises ``TimeRefused``."""
    zone = ZoneInfo(clock.zone)

    @lru_cache(maxsize=4096)
    def parse(text: str) -> datetime | None:
        for form in clock.formats:
            found = _read(text, form)
            if found is None:
                continue
            day_only = len(text) == 10 if form == "iso" else not any(p in form for p in _DAY_ONLY)
            if day_only and clock.without_clock == "blank":
                return None
            if day_only and clock.without_clock == "refuse":
                raise TimeRefused("a date without a time of day")
            return _placed(found, zone, clock)
        raise TimeRefused(f"fits none of the formats {', '.join(clock.formats)}")

    return parse


def _read(text: str, form: str) -> datetime | None:
    try:
        # Offsets are the mapping's business: the zone is applied in _placed.
        return datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return None


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
    if unit not in _UNITS or not number.isdigit():
        raise ValueError(f"'{text}' is no duration; write 90m, 24h, 3d or 2w")
    return timedelta(**{_UNITS[unit]: int(number)})
