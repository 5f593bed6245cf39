"""What a file covers once it has been read to its end: declared by its mapping, or as seen."""

from datetime import datetime

from msgspec import Struct

from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog, Referral
from service.ingest.mapping import Feed
from service.ingest.source import CutBy


class Seen(Struct, frozen=True):
    """What was seen of one force in one file."""

    first: datetime | None = None
    last: datetime | None = None
    newest: datetime | None = None
    """Newest value of the column that says how far the file is complete."""

    def at(self, event_at: datetime | None, newest: datetime | None) -> "Seen":
        """... and one more row; ``event_at`` is its ``cut_time``."""
        first, last = self.first, self.last
        if event_at is not None:
            first = event_at if first is None or event_at < first else first
            last = event_at if last is None or event_at > last else last
        if newest is None or (self.newest is not None and newest <= self.newest):
            newest = self.newest
        if first is self.first and last is self.last and newest is self.newest:
            return self
        return Seen(first, last, newest)


def cut_time(feed: Feed, read: IncidentLog | Referral | CrimeRecord) -> datetime | None:
    """The time by which a file of this feed was cut, as one row has it: what its first and last mean."""
    by = feed.source.cut_by
    if isinstance(read, CrimeRecord):
        if by is CutBy.RECEIVED:
            return read.reported_at
        return read.committed_from if by is CutBy.OCCURRED else read.recorded_at
    return read.occurred_from if by is CutBy.OCCURRED else read.received_at


def stated(feed: Feed, seen: Seen) -> tuple[datetime | None, datetime | None]:
    """From and until: declared, else by the column that says so, else first and last time seen."""
    since, until = feed.source.covers_from, feed.source.covers_until
    if until is None and feed.complete_to is not None and seen.newest is not None:
        until = seen.newest - feed.complete_to.minus
    return since or seen.first, until or seen.last


def is_declared(feed: Feed) -> bool:
    """Does the mapping say how far its files reach? If not, a warning is due."""
    return feed.source.covers_until is not None or feed.complete_to is not None
