"""What a file covers once it has been read to its end: declared by its mapping, or as seen."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from service.ingest.mapping import Feed
from service.ingest.times import duration


class Seen(Struct, frozen=True):
    """What was seen of one force in one file."""

    first: datetime | None = None
    last: datetime | None = None
    newest: datetime | None = None
    """Newest value of the column that says how far the file is complete."""

    def at(self, event_at: datetime, newest: datetime | None) -> "Seen":
        """... and one more row."""
        if self.first is None or self.last is None or event_at < self.first or event_at > self.last:
            first = event_at if self.first is None else min(self.first, event_at)
            last = event_at if self.last is None else max(self.last, event_at)
            return replace(self, first=first, last=last, newest=_newer(self.newest, newest))
        if newest is not None and newest != self.newest:
            return replace(self, newest=_newer(self.newest, newest))
        return self


def stated(feed: Feed, seen: Seen) -> tuple[datetime | None, datetime | None]:
    """From and until: declared, else by the column that says so, else first and last time seen."""
    since, until = feed.source.covers_from, feed.source.covers_until
    if until is None and feed.complete_to is not None and seen.newest is not None:
        until = seen.newest - duration(feed.complete_to.minus)
    return since or seen.first, until or seen.last


def is_declared(feed: Feed) -> bool:
    """Does the mapping say how far its files reach? If not, a warning is due."""
    return feed.source.covers_until is not None or feed.complete_to is not None


def _newer(a: datetime | None, b: datetime | None) -> datetime | None:
    return max(a, b) if a and b else a or b
