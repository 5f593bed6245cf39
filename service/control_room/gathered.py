"""Many who ask for the same at once are answered by one look, begun after all of them had asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

from fastapi import Request


class Gathered:
    """Looks under way, by what is asked for; nothing is kept once it is answered, so no answer is old."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, asyncio.Task[bytes]] = {}
        self._under_way: dict[Hashable, asyncio.Task[bytes]] = {}
        self._begun: dict[Hashable, float] = {}

    async def answer(
        self, key: Hashable, find: Callable[[], Awaitable[bytes]], every: float = 0.0
    ) -> bytes:
        """What ``find`` gives, asked for once for everybody who waits for ``key``, and begun no sooner
        than ``every`` seconds after the look before. Raises what it raises."""
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.create_task(self._next(key, find, every))
        return await asyncio.shield(waiting)

    async def _next(
        self, key: Hashable, find: Callable[[], Awaitable[bytes]], every: float
    ) -> bytes:
        before = self._under_way.get(key)
        if before is not None:
            await asyncio.wait((before,))
        await asyncio.sleep(max(0.0, self._begun.pop(key, 0.0) + every - time.monotonic()))
        if every:
            self._begun[key] = time.monotonic()
        # Whoever comes from here on may have seen more than this look will: they wait for another.
        mine = self._under_way[key] = self._waiting.pop(key)
        try:
            return await find()
        finally:
            if self._under_way.get(key) is mine:
                del self._under_way[key]


def gathered_of(request: Request) -> Gathered:
    """That of the application which serves this request."""
    gathered: Gathered = request.app.state.gathered
    return gathered
