"""What every request works with: the ledger, the rules, the clock, and turns one at a time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from fastapi import Request
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection

from service.effects import Answer, HeartbeatSeen, RecordSeen, ReportSeen
from service.ingest.decode import Refused
from service.ledger import outputs
from service.ledger.given import Act, make_command
from service.ledger.opening import Ledger
from service.ledger.sealed import Keys
from service.ledger.settling import beginnings
from service.ledger.write import DeadLetter
from service.metrics import Counted
from service.pointers import Rulebook
from service.settings import Settings
from service.turn import Batch, Turned, turn
from service.turned import TurnsCounted

T = TypeVar("T")


class Row(Struct, frozen=True, kw_only=True):
    """What one row of a request's body is; neither input nor refusal: the mapping leaves it out."""

    line: int
    input: ReportSeen | RecordSeen | HeartbeatSeen | None = None
    refused: Refused | None = None
    letter: DeadLetter | None = None
    """What is kept of a row that was refused."""


ReadRows = Callable[[str, str, Sequence[tuple[int, bytes]], datetime], list[Row]]
"""Reads numbered rows as a source of a force does: source, force, rows, now. Raises ``KeyError``
where this process reads no such source."""


class Desk(Struct, frozen=True, kw_only=True):
    """Handed to the application by the process that runs it; nothing here is made at import."""

    settings: Settings
    ledger: Ledger
    rulebook: Rulebook
    read_rows: ReadRows
    read_heartbeats: ReadRows
    """The same for promises of how far a source is read, which no mapping changes."""
    clock: Callable[[], datetime]
    """Now, as the lanes are told: in a demonstration, the time of the simulated force."""
    counted: Counted
    """What this process counts: turns, sign-ins refused."""
    keys: Keys | None = None
    """Seal what people type; None: nothing can be typed."""
    demonstration: bool = False
    turning: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One turn at a time in a process: more would only wait for each other's locks."""

    taking_in: asyncio.Semaphore
    """Bodies being taken in; whoever finds it locked is told to come again."""

    known: set[str] = field(default_factory=set)
    """Forces of which something is known to have been taken in."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is to end: whatever goes on and on finishes what it is at."""

    said: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a turn has said something that has no number yet."""

    numbered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process has given numbers."""

    async def goes_on(self, seconds: float, sooner: asyncio.Event | None = None) -> bool:
        """Wait, less long where something happens ``sooner``; False as soon as the process is to end."""
        waits = [asyncio.ensure_future(e.wait()) for e in (self.stopping, sooner) if e is not None]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if sooner is not None:
            sooner.clear()
        return not self.stopping.is_set()

    async def turn(self, batch: Batch) -> Turned:
        """Run one turn, off the event loop; returns once it is durable."""
        async with self.turning:
            began = time.perf_counter()
            done = await asyncio.to_thread(turn, self.ledger, self.rulebook, batch)
            TurnsCounted(self.counted).add(batch, done, time.perf_counter() - began)
            if done.events:
                self.said.set()
            return done

    async def take(self, batch: Batch, force: str) -> Turned:
        """A turn over what was sent for a force; of one never seen before, what is past is settled
        first."""
        if force not in self.known:
            self.known.update(await self.read(outputs.forces))
            new = beginnings(batch.inputs, self.known, self.clock())
            batch = replace(batch, inputs=(*new, *batch.inputs))
        turned = await self.turn(batch)
        if batch.inputs:
            self.known.add(force)
        return turned

    async def give(self, act: Act) -> Answer:
        """Let a person's command be weighed and done, in a turn of its own. Raises ``ActUnusable``."""
        command = make_command(act, self.keys, self.clock())
        turned = await self.turn(Batch(inputs=(command,)))
        return turned.answers[command.command_id]

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Ask the ledger, off the event loop, in one transaction of one moment."""
        return await asyncio.to_thread(self._read, query)

    def _read(self, query: Callable[[Connection], T]) -> T:
        with self.ledger.reading() as connection:
            return query(connection)


def desk_of(request: Request) -> Desk:
    """The desk of the application that serves this request."""
    desk: Desk = request.app.state.desk
    return desk
