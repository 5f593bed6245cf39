"""Many who ask at the same time are answered by one look, and never by one begun before they asked."""

import asyncio

import pytest

from service.control_room.gathered import Gathered


def test_those_who_ask_while_one_looks_share_the_next_look() -> None:
    begun: list[int] = []

    async def run() -> list[bytes]:
        gathered, go_on = Gathered(), asyncio.Event()

        async def look() -> bytes:
            begun.append(len(begun))
            mine = begun[-1]
            await go_on.wait()
            return b"%d" % mine

        async def ask() -> bytes:
            return await gathered.answer("board", look)

        first = asyncio.create_task(ask())
        while not begun:
            await asyncio.sleep(0)
        later = [asyncio.create_task(ask()) for _ in range(50)]
        await asyncio.sleep(0)
        go_on.set()
        return [await first, *(await asyncio.gather(*later))]

    assert asyncio.run(run()) == [b"0", *[b"1"] * 50]
    assert begun == [0, 1]


def test_what_goes_wrong_is_everybodys_and_kept_for_nobody() -> None:
    async def run() -> bytes:
        gathered = Gathered()

        async def fails() -> bytes:
            raise ValueError("gone")

        async def works() -> bytes:
            return b"there"

        asked = [gathered.answer("board", fails) for _ in range(3)]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in ended] == [ValueError] * 3
        return await gathered.answer("board", works)

    assert asyncio.run(run()) == b"there"


def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    async def run() -> bytes:
        gathered, go_on = Gathered(), asyncio.Event()

        async def look() -> bytes:
            await go_on.wait()
            return b"seen"

        leaves, stays = (asyncio.create_task(gathered.answer("board", look)) for _ in range(2))
        await asyncio.sleep(0)
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        go_on.set()
        return await stays

    assert asyncio.run(run()) == b"seen"
