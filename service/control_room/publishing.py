"""One look at the ledger for all live streams: what was numbered last is kept at hand, bounded."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.control_room.desk import Desk
from service.control_room.viewers import Special, needed
from service.ledger import published
from service.ledger.published import Group, Published
from service.log import log

LOOK_EVERY = 0.2
"""Seconds between two looks at the ledger, where this process gives no numbers itself."""

AT_HAND = 5_000
"""Events kept at hand; whoever is further behind asks the ledger."""

CATCH_UP = 20_000
"""Events that are told after the fact; whoever is further behind begins anew."""

AT_ONCE = 1_000
"""Events in one frame, at most."""


class Kept(Struct, frozen=True):
    """One event, ready to be sent."""

    number: int
    force: str
    needs: frozenset[Special]
    encoded: bytes


class Lane(Struct, frozen=True):
    """How a force stands."""

    version: int
    now: datetime | None


class Publishing:
    """What every viewer of this process reads; one for an application."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.newest = 0
        """The last number given, as far as is known here."""
        self.lanes: dict[str, Lane] = {}
        self.viewers: set[int] = set()
        """Streams being served, each by a number of its own."""
        self._kept: deque[Kept] = deque(maxlen=AT_HAND)
        self._since = 0

    async def begin(self) -> None:
        """Find out where the ledger stands."""
        self._look(await self._desk.read(_from(None)))
        self._since = self.newest

    async def look_again_and_again(self) -> None:
        """Keep up with the ledger until the process is to end."""
        while await self._desk.goes_on(LOOK_EVERY, self._desk.numbered):
            try:
                self._look(await self._desk.read(_from(self.newest)))
            except DBAPIError as error:
                log().warning("stream_waits", error=type(error.orig).__name__)

    def _look(self, found: "_Found") -> None:
        self.lanes = found.lanes
        for each in found.events:
            if len(self._kept) == AT_HAND:
                self._since = self._kept[0].number
            self._kept.append(kept(each))
        self.newest = found.newest

    async def after(self, number: int) -> list[Kept] | None:
        """What comes next after a number; None: too far back to tell, or not of this ledger."""
        if number > self.newest or self.newest - number > CATCH_UP:
            return None
        if number >= self._since:
            return [each for each in self._kept if each.number > number][:AT_ONCE]
        found = await self._desk.read(lambda held: published.after(held, number, AT_ONCE))
        return [kept(each) for each in found]


class _Found(Struct, frozen=True):
    newest: int
    lanes: dict[str, Lane]
    events: list[Published]


def _from(number: int | None) -> Callable[[Connection], _Found]:
    """All that was numbered after a number; None: only where the ledger stands."""

    def find(connection: Connection) -> _Found:
        newest = published.newest(connection)
        lanes = {force: Lane(*stood) for force, stood in published.stand(connection).items()}
        if number is None or newest == number:
            return _Found(newest, lanes, [])
        events = published.after(connection, number, AT_HAND)
        return _Found(events[-1].number if events else newest, lanes, events)

    return find


def kept(event: Published) -> Kept:
    """An event as it is sent, and who may be sent it."""
    return Kept(event.number, event.force, needs_of(event.group), _encode(event.said))


def needs_of(group: Group | None) -> frozenset[Special]:
    """The named rights without which nobody is told."""
    if group is None:
        return frozenset()
    return needed(referral=group.referral, group=group.harm_group or None)


_encode = msgspec.json.Encoder().encode
