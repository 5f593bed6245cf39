"""The worker's own watchdog: Faust has been seen to stay in its group, alive and idle, for ever."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from faust.types import TP

from service.hosts.kafka_positions import made_anew
from service.hosts.kafka_topics import Topic
from service.hosts.stopped import BrokerUnreachable, WorkerStopped
from service.hosts.transport import App
from service.log import log
from service.settings import Settings

LOOK_EVERY = 2.0
"""Seconds between two looks."""

VERIFY_EVERY = 5.0
"""Seconds between two looks at the topics' ids: a topic may be made anew while it is read."""

RECENT = 200
"""Records by whose share the unreadable are judged."""

JUDGED_FROM = 20
"""Records before anything is judged: the first two of a day may both be bad."""


class Readable:
    """Of what was read lately, how much could be read."""

    def __init__(self, share_max: float) -> None:
        self._share_max = share_max
        self._recent: deque[bool] = deque(maxlen=RECENT)

    def is_flood(self, records: int, dead: int) -> bool:
        """Count a poll; is most of what was read lately unreadable?"""
        self._recent.extend([False] * min(records - dead, RECENT))
        if not dead:
            return False
        self._recent.extend([True] * min(dead, RECENT))
        seen = max(len(self._recent), min(records, RECENT))
        share = max(sum(self._recent) / seen, dead / records if records >= JUDGED_FROM else 0.0)
        return seen >= JUDGED_FROM and share > self._share_max


async def watch_topics(
    known: Mapping[str, Topic], describe: Callable[[], Mapping[str, Topic]]
) -> None:
    """Look for ever whether the topics are those of the start. Raises ``WorkerStopped`` where not.

    The broker is asked apart from Faust: where a topic vanishes, aiokafka asks for its ends and joins
    its group again and again, each time for a minute, and answers nobody meanwhile.
    """
    while True:
        await asyncio.sleep(VERIFY_EVERY)
        try:
            found = await asyncio.to_thread(describe)
        except BrokerUnreachable as error:
            log().warning("topics_unknown", error=type(error).__name__)
            continue
        for name, topic in known.items():
            if found[name].id != topic.id:
                raise WorkerStopped(made_anew(name, found[name].id))


class Watch:
    """Looks whether what can be read is read."""

    def __init__(
        self,
        app: App,
        applied: dict[TP, int],
        settings: Settings,
        verify: Callable[[frozenset[TP]], Awaitable[None]],
    ) -> None:
        self._app = app
        self._applied = applied
        self._settings = settings
        self._verify = verify
        self._moved_at = self._answered_at = self._settled_at = time.monotonic()
        self._before: dict[TP, int] = {}

    async def again_and_again(self) -> None:
        """Look for ever. Raises ``WorkerStopped`` once something is wrong for too long."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self._look()

    async def _look(self) -> None:
        now, patience = time.monotonic(), self._settings.stall_after
        if self._app.crashed:
            raise WorkerStopped(f"the reader crashed: {type(self._app.crash_reason).__name__}")
        if not self._app.batches.fetching():
            raise WorkerStopped(
                "what fetches from the broker died, and would not come back by itself"
            )
        if not self._app.rebalancing:
            self._settled_at = now
        elif now - self._settled_at > patience + self._settings.session_timeout:
            raise WorkerStopped(
                f"the group has been rebalancing for {now - self._settled_at:.0f} s"
            )
        else:
            return
        if await self._is_behind(now) and now - self._moved_at > patience:
            raise WorkerStopped(f"nothing was read for {patience:g} s though there is more to read")
        if now - self._answered_at > patience:
            raise WorkerStopped(f"no broker has answered for {patience:g} s")

    async def _is_behind(self, now: float) -> bool:
        """Is there something to read, and did nothing move since the last look?"""
        owned = frozenset(self._applied)
        if not owned:
            self._answered_at = self._moved_at = now
            return False
        try:
            async with asyncio.timeout(self._settings.probe_within):
                ends = await self._app.batches.highwaters(*owned)
                places = {tp: await self._app.batches.position(tp) for tp in owned}
        except WorkerStopped:
            raise
        except (BrokerUnreachable, TimeoutError) as error:
            log().warning("broker_silent", error=type(error).__name__)
            return False
        except Exception as error:
            # aiokafka's own errors have no common root; none of them says that anything was read.
            log().warning("broker_error", error=type(error).__name__)
            return False
        self._answered_at = now
        for tp in owned & frozenset(self._applied):
            if ends[tp] < self._applied[tp]:
                await self._verify(owned)
        if dict(self._applied) != self._before:
            self._before, self._moved_at = dict(self._applied), now
        behind = any(
            (places[tp] or 0) < ends[tp] or at < self._app.batches.reach(tp)
            for tp, at in self._applied.items()
            if tp in ends
        )
        if not behind:
            self._moved_at = now
        return behind
