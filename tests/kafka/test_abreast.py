"""Which partition a poll takes from: whatever is furthest behind in time, and a little of everything."""

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from service.hosts.transport import ConsumerThread

LOGS, RECORDS, THIRD = TP("log", 0), TP("crimes", 0), TP("third", 0)
MOST = 100


class Broker:
    """What lies on partitions, what of it is at hand, and which of them cannot be read."""

    def __init__(self, lying: dict[TP, list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
        self.lying = lying
        self.at = dict.fromkeys(lying, 0)
        self.hidden: set[TP] = set()
        """There is more, and it is still on its way."""
        self.broken: set[TP] = set()
        self.coming: dict[TP, list[int]] = {}
        """What is fetched once something was taken."""
        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", self._fetch)
        self.thread = ConsumerThread.__new__(ConsumerThread)
        self.thread.reach = dict.fromkeys(lying, 0)
        self.thread._stands = {}

    async def _fetch(
        self,
        consumer: Any,
        partitions: Iterable[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[TP, list[Any]]:
        found = {}
        for tp in partitions:
            if tp in self.broken:
                raise LookupError("cannot be read")
            some = [] if tp in self.hidden else self.lying[tp][self.at[tp] :][:max_records]
            if some:
                asyncio.get_running_loop().call_soon(self._arrive)
                self.at[tp] += len(some)
                found[tp] = [SimpleNamespace(timestamp=each) for each in some]
        return found

    def _arrive(self) -> None:
        for tp, more in self.coming.items():
            self.lying[tp] += more
        self.coming = {}

    async def position(self, tp: TP) -> int:
        return self.at[tp]

    def highwater(self, tp: TP) -> int:
        return len(self.lying[tp])

    def poll(self) -> dict[TP, list[int]]:
        """Times of what one poll brings, by partition; positions must agree with it."""
        read = asyncio.run(self.thread._fetch_records(self, set(self.lying), 0.0, MOST))
        for before, after, records in read.values():
            assert after - before == len(records)
        return {tp: [each.timestamp for each in records] for tp, (_, _, records) in read.items()}


def test_whatever_is_furthest_behind_in_time_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    # Three logs a minute, one record a minute: by number of records they would drift apart.
    broker = Broker({LOGS: [n // 3 for n in range(3000)], RECORDS: [*range(1000)]}, monkeypatch)
    for _ in range(30):
        got = broker.poll()
        assert sum(map(len, got.values())) == MOST
        stands = broker.thread._stands
        assert abs(stands[LOGS] - stands[RECORDS]) <= 6


def test_what_is_read_to_its_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker({LOGS: [1, 2], RECORDS: [*range(1000)], THIRD: []}, monkeypatch)
    assert len(broker.poll()[RECORDS]) == MOST - 2
    assert len(broker.poll()[RECORDS]) == MOST


def test_nobody_runs_far_ahead_of_what_is_still_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker({LOGS: [*range(1000)], RECORDS: [*range(1000)]}, monkeypatch)
    broker.hidden = {LOGS}
    for _ in range(10):
        assert len(broker.poll()[RECORDS]) <= 2 * (MOST // 50)  # looked at twice, a little each
    broker.hidden = set()
    broker.poll()
    assert broker.thread._stands[LOGS] >= broker.thread._stands[RECORDS] - MOST // 20


def test_one_that_cannot_be_read_takes_nothing_of_the_others_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker({LOGS: [*range(10)], THIRD: [*range(10)]}, monkeypatch)
    broker.broken = {THIRD}
    seen: list[int] = []

    def read_on() -> None:
        while True:
            seen.extend(broker.poll()[LOGS])

    with pytest.raises(LookupError):
        read_on()
    assert seen == [*range(10)]


def test_a_small_poll_takes_what_came_since_it_was_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker({LOGS: [1, 2], RECORDS: [2]}, monkeypatch)
    broker.coming = {LOGS: [3, 4], THIRD: [5]}
    broker.lying[THIRD], broker.at[THIRD], broker.thread.reach[THIRD] = [], 0, 0
    assert broker.poll() == {LOGS: [1, 2, 3, 4], RECORDS: [2], THIRD: [5]}


def test_a_small_poll_lets_go_what_was_read_before_its_reader_was_sent_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker({LOGS: [*range(10)], RECORDS: [7]}, monkeypatch)
    broker.at[LOGS] = broker.thread.reach[LOGS] = 8
    move = broker._arrive

    def sent_back() -> None:
        broker.at[LOGS] = broker.thread.reach[LOGS] = 4
        broker._arrive = move  # type: ignore[method-assign]

    broker._arrive = sent_back  # type: ignore[method-assign]
    assert broker.poll() == {LOGS: [4, 5, 6, 7, 8, 9], RECORDS: [7]}
