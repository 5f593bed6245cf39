"""How numbers, times and texts from outside are written for people, on every page."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from service.alerts import words


def shown(value: object) -> object:
    """Anything the template prints: markup as it is, text with nothing invisible in it."""
    return value if isinstance(value, Markup) else words.visible(str(value))


def counted(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(share: float) -> str:
    """A share to a tenth of a per cent; never rounded to none or all where it is not."""
    rounded = min(max(round(share * 100, 1), 0.1 if share > 0 else 0), 99.9 if share < 1 else 100)
    return f"{rounded:.1f} %" if rounded not in (0, 100) else f"{rounded:.0f} %"


def points(share: float) -> str:
    """A difference of shares in percentage points, signed."""
    return f"{share * 100:+.1f}".replace("-", "−")


def when(at: datetime, zone: ZoneInfo) -> str:
    """An instant in the zone shown, with its offset from UTC."""
    local = at.astimezone(zone)
    offset = local.strftime("%z")
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} {offset[:3]}:{offset[3:5]}"


def lasted(span: timedelta) -> str:
    """How long, in the one unit that tells."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440:,} days"
