"""Messages to people, sent: claim some, send them side by side, mark what came of each.

Any number of senders may share one ledger. What one of them held when it died is sent by another under
the same key, so a receiver may see a message twice and never not at all.
"""

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from uuid import uuid4

from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from service.delivery.breaker import Breaker, Phase, back_off
from service.delivery.outcome import Delivered, Reason, Refused, Result, Retry
from service.delivery.sending import Channels, Ways
from service.ledger.notices import Held, Mark, Status, claim, expire, mark
from service.ledger.opening import Ledger
from service.log import log
from service.settings import Settings

CLAIM_LASTS = 3
"""Times ``sending_within``: by then a sender that lives has long marked what it claimed."""

PATIENCE = 5.0
"""Seconds to wait while the database is gone."""

EXPIRES_EVERY = timedelta(seconds=10)
"""Between two looks for messages that were tried for too long."""

_random = SystemRandom()


def _now() -> datetime:
    return datetime.now(UTC)


class Sent(Struct, frozen=True):
    """What one round did."""

    statuses: dict[Status, int]
    """Messages by what became of them; those to be tried again count as waiting."""

    @property
    def idle(self) -> bool:
        """Was there nothing to do?"""
        return not self.statuses


class Sending:
    """One sender; any number may run beside it, also in other processes."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        clock: Callable[[], datetime] = _now,
        ways: Callable[[Settings], Ways] = Channels,
    ) -> None:
        """``ways``: opens what messages leave by, for one event loop."""
        self._settings, self._ledger, self._clock = settings, ledger, clock
        self._ways = ways
        self._name = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
        self._breakers: dict[str, Breaker] = {}
        self._expired_at: datetime | None = None

    def round(self) -> Sent:
        """Send what is due, until nothing more is; what came of it. Raises ``DBAPIError``."""
        return Sent(asyncio.run(self._send_on(None)))

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; what is under way then is marked first."""
        while not stop.is_set():
            try:
                asyncio.run(self._send_on(stop))
            except DBAPIError as error:
                # What was sent and not marked is sent again, under the same keys.
                log().warning("sending_failed", error=type(error.orig).__name__)
                self._breakers.clear()  # what was learnt of receivers under way is lost
                stop.wait(PATIENCE)

    async def _send_on(self, stop: threading.Event | None) -> dict[Status, int]:
        """Without ``stop``: until nothing is due."""
        channels = self._ways(self._settings)
        under_way: dict[asyncio.Task[Result], Held] = {}
        counted: Counter[Status] = Counter()
        ended: list[tuple[Held, Result]] = []
        try:
            while True:
                stopping = stop is not None and stop.is_set()
                marks, taken = await asyncio.to_thread(self._turn, ended, under_way, stopping)
                counted.update(each.status for each in marks)
                for held in taken:
                    sent = asyncio.create_task(channels.send(held.notice, self._clock()))
                    under_way[sent] = held
                if not under_way and (stop is None or stopping):
                    return dict(counted)
                ended = await self._wait(under_way)
        finally:
            for task in under_way:
                task.cancel()
            await channels.close()

    async def _wait(self, under_way: dict[asyncio.Task[Result], Held]) -> list[tuple[Held, Result]]:
        """What has ended by the time that something has, or that it is time to look for more."""
        idle = self._settings.relay_every
        if not under_way:
            await asyncio.sleep(idle)
            return []
        done, _ = await asyncio.wait(under_way, timeout=idle, return_when=asyncio.FIRST_COMPLETED)
        return [(under_way.pop(task), task.result()) for task in done]

    def _turn(
        self,
        ended: list[tuple[Held, Result]],
        under_way: dict[asyncio.Task[Result], Held],
        stopping: bool,
    ) -> tuple[list[Mark], list[Held]]:
        """One transaction: mark what ended, and claim as many as may be under way."""
        now = self._clock()
        marks = [self._judge(held, result, now) for held, result in ended]
        busy = Counter(held.notice.receiver for held in under_way.values())
        with self._ledger.writing() as connection:
            mark(connection, self._name, marks, now)
            if stopping:
                return marks, []
            if self._expired_at is None or now - self._expired_at > EXPIRES_EVERY:
                self._expired_at = now
                expire(connection, now, self._in_phase(now, Phase.OPEN, Phase.HALF_OPEN))
            until = now + CLAIM_LASTS * timedelta(seconds=self._settings.sending_within)
            taken: list[Held] = []
            free = self._settings.sending_at_once - busy.total()
            share = max(self._settings.sending_at_once // 4, 1)
            for receiver in self._in_phase(now, Phase.HALF_OPEN)[:free]:
                taken += claim(connection, self._name, now, until, 1, only=receiver)
            free = min(free - len(taken), share)
            full = {receiver for receiver, n in busy.items() if n >= share}
            closed = self._in_phase(now, *set(Phase) - {Phase.CLOSED})
            if free > 0:
                without = {*full, *closed}
                taken += claim(connection, self._name, now, until, free, without=without)
        for held in taken:
            breaker = self._breakers.get(held.notice.receiver)
            if breaker is not None and breaker.phase(now) is Phase.HALF_OPEN:
                self._breakers[held.notice.receiver] = breaker.probed()
        return marks, taken

    def _judge(self, held: Held, result: Result, now: datetime) -> Mark:
        """What becomes of a message and of its receiver's breaker."""
        receiver = held.notice.receiver
        before = self._breakers.get(receiver, Breaker())
        match result:
            case Delivered(code=code):
                self._breakers.pop(receiver, None)
                return Mark(notice=held.notice, status=Status.SENT, outcome="delivered", code=code)
            case Refused(reason=reason, code=code):
                self._breakers.pop(receiver, None)
                failed = reason is Reason.UNSENDABLE
                made = Mark(
                    notice=held.notice,
                    status=Status.FAILED if failed else Status.REFUSED,
                    outcome=reason.value,
                    code=code,
                )
            case Retry(reason=reason, code=code, after=after):
                self._breakers[receiver] = before.after_failure(now)
                again_at = now + back_off(held.attempts, _random.random(), after)
                made = Mark(
                    notice=held.notice,
                    status=Status.WAITING if again_at < held.expires_at else Status.EXPIRED,
                    outcome=reason.value,
                    code=code,
                    again_at=again_at if again_at < held.expires_at else None,
                )
        log().warning(
            "notice_not_sent",
            notice=held.notice.notice_id,
            receiver=receiver,
            outcome=made.outcome,
            code=made.code,
            attempts=held.attempts,
            status=made.status.value,
        )
        return made

    def _in_phase(self, now: datetime, *phases: Phase) -> list[str]:
        return [name for name, held in self._breakers.items() if held.phase(now) in phases]
