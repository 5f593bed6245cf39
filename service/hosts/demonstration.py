"""``--demo``: a simulated force, at many times real speed, through the path that every source takes.

Its clock is the force's own: it moves by steps, and only once all that arrived until then is in the
ledger. A slow machine makes it slower, never wrong. A step is one turn, inputs and tick together, so a
ledger that was stopped goes on exactly where its clock stands. After each step people are told, by the
same clock; what they would be sent is kept here, since nobody is told of what never happened.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from service.control_room.desk import Desk
from service.delivery.sending import KeptHere
from service.effects import Input, Tick
from service.hosts.incoming import Incoming
from service.hosts.planning import Planning
from service.hosts.sending import Sending
from service.ledger import outputs
from service.simulation.generate import Settings, as_line, events
from service.simulation.story import Feed
from service.turn import Batch

SOURCE = "simulated"
"""The shipped mapping of its feeds; ledgers tell by it what they hold."""

FORCE, SEED, DAYS = "33", 74, 3650
"""With this seed a feed stops after 33 hours, so that a minute at an hour a second shows it."""

BEFORE = timedelta(minutes=1)
"""Its clock begins before the first thing arrives."""

STEP = timedelta(hours=1)
"""Its clock moves by no more at a time: at 3,600 times real speed, a second."""

BEAT = 0.25
"""Seconds between two steps."""

_SIDES = {
    Feed.INCIDENTS: f"{SOURCE}/incidents",
    Feed.RECORDS: f"{SOURCE}/records",
    Feed.REFERRALS: f"{SOURCE}/referrals",
}


class Demonstration:
    """A force that does not exist, playing into a ledger."""

    def __init__(self, desk: Desk, incoming: Incoming, speed: float) -> None:
        """The ledger must be at this program's revision. Raises ``Fault`` or ``NotGiven`` for the
        routes."""
        self._read, self._speed = incoming.read_rows, speed
        self._events = events(Settings(days=DAYS, force=FORCE), SEED)
        self._next = next(self._events)
        with desk.ledger.reading() as connection:
            stands = outputs.latest(connection)
        self._now = stands or self._next.arrives_at - BEFORE
        self.desk = replace(desk, clock=lambda: self._now, demonstration=True)
        """The desk, with the clock of this force."""
        self._planning = Planning(desk.settings, desk.ledger)
        self._sending = Sending(
            desk.settings, desk.ledger, self.desk.clock, lambda settings: KeptHere()
        )

    async def play(self) -> None:
        """Step after step until told to stop."""
        await asyncio.to_thread(self._skip)
        at = time.monotonic()
        while await self.desk.goes_on(BEAT):
            before, at = at, time.monotonic()
            await self._step(self._now + min(STEP, timedelta(seconds=(at - before) * self._speed)))

    def _skip(self) -> None:
        """Leave out what the ledger has: a simulation begins at its beginning."""
        while self._next.arrives_at <= self._now and not self.desk.stopping.is_set():
            self._next = next(self._events)

    async def _step(self, until: datetime) -> None:
        inputs = await asyncio.to_thread(lambda: tuple(self._inputs(until)))
        await self.desk.turn(Batch(inputs=(*inputs, Tick(FORCE, until))))
        self._now = until
        await asyncio.to_thread(self._tell, until)

    def _tell(self, now: datetime) -> None:
        self._planning.round(now)
        self._sending.round()

    def _inputs(self, until: datetime) -> Iterator[Input]:
        """Everything that arrives until then, as if it were sent."""
        while self._next.arrives_at <= until:
            event, self._next = self._next, next(self._events)
            for row in self._read(_SIDES[event.feed], FORCE, [(1, as_line(event))], until):
                if row.input is not None:
                    yield row.input
