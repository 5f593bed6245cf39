"""How what happened reaches us: late, sometimes twice, and after an outage all at once.

Each feed keeps the order in which things were made, as a queue does, so a heartbeat that follows
everything made before it is true.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import log
from random import Random
from typing import Any

from msgspec import Struct

from service.simulation.draws import count, stream
from service.simulation.parameters import FeedFigures, Parameters
from service.simulation.story import Feed, Version


class Event(Struct, frozen=True):
    """One message as it arrives."""

    arrives_at: datetime
    feed: Feed
    document: dict[str, Any]


class Queue:
    """One feed's queue."""

    def __init__(self, feed: Feed, parameters: Parameters, seed: int) -> None:
        self.feed = feed
        self._figures: FeedFigures = getattr(parameters.feeds, feed.name.lower())
        self._duplicates = parameters.feeds.duplicates
        self._force = parameters.force
        self._seed = seed
        self._last: datetime | None = None
        self._day = 0
        self._delays = Random()
        self._outages: list[tuple[datetime, datetime]] = []

    def bring(self, version: Version) -> Iterator[Event]:
        """A version, and sometimes a second time. ``version.at`` never goes back."""
        first = self._arrival(version.at)
        yield Event(first, self.feed, version.document | {"known_at": first})
        if self._delays.random() < self._duplicates:
            again = self._queued(first + timedelta(seconds=int(60 + self._delays.random() * 600)))
            yield Event(again, self.feed, version.document | {"known_at": again})

    def heartbeat(self, until: datetime) -> Iterator[Event]:
        """A promise that nothing made before ``until`` is still to come; none while it stands still."""
        arrives = self._arrival(until)
        if self._standing_still(until) is None:
            document = {"kind": "heartbeat", "force": self._force, "until": until}
            yield Event(arrives, self.feed, document | {"known_at": arrives})

    def outages_on(self, day: int) -> list[tuple[datetime, datetime]]:
        """When the feed stands still, by the day (UTC, as its ordinal) on which that begins."""
        rng = stream(self._seed, f"outages/{self.feed}", day)
        least, most = self._figures.outage_hours
        midnight = datetime.combine(datetime.fromordinal(day), datetime.min.time(), UTC)
        found = []
        for _ in range(min(1, count(rng, self._figures.outages_a_day))):
            since = midnight + timedelta(seconds=int(rng.random() * 86_400))
            hours = least + (most - least) * rng.random()
            found.append((since, since + timedelta(seconds=int(hours * 3600))))
        return found

    def _arrival(self, at: datetime) -> datetime:
        self._turn_to(at)
        figures = self._figures
        wait = figures.least_seconds - (figures.mean_seconds - figures.least_seconds) * log(
            1 - self._delays.random()
        )
        return self._queued(at + timedelta(seconds=int(wait)))

    def _queued(self, arrives: datetime) -> datetime:
        """Behind what is already under way, and not while the feed stands still."""
        if self._last is not None and arrives < self._last:
            arrives = self._last
        back = self._standing_still(arrives)
        self._last = back or arrives
        return self._last

    def _standing_still(self, at: datetime) -> datetime | None:
        """When it will be back, if it stands still."""
        return next((until for since, until in self._outages if since <= at < until), None)

    def _turn_to(self, at: datetime) -> None:
        day = at.toordinal()
        if day != self._day:
            self._day = day
            self._delays = stream(self._seed, f"delays/{self.feed}", day)
            days = (day - 1, day, day + 1)
            self._outages = [outage for each in days for outage in self.outages_on(each)]
