"""Faust's transport, batch by batch: membership, assignment and flow control are Faust's, no more.

Faust's own reader costs about 70 µs a message in bookkeeping. Here each fetched partition batch travels as
one message, positions come from the ledger alone, and Kafka's commits follow it for those who watch lag.
Registered as ``recount`` under the entry-point group ``faust.transports``.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

import aiokafka
import faust
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.app.base import BootStrategy
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from msgspec import Struct

CHUNKS = 20
"""Parts of a poll, each of one partition."""

A_LITTLE = 50
"""Of so many records of a poll, at least one is of each partition."""

FRESH = 0.005
"""Seconds that a small poll waits for what came since its records were fetched."""


class PartitionBatch(Struct, frozen=True):
    """What one poll brought of one partition."""

    tp: TP
    before: int
    """Where the reader stood; a first record beyond it means that something lies between."""
    after: int
    """Where the reader stands now."""
    records: tuple[Any, ...]
    """aiokafka's records, in order; at least one."""
    poll: int
    """Which poll; all batches of one poll are one turn."""
    last: bool
    """Is this the last batch of its poll?"""


class Reader(Struct, frozen=True):
    """What the transport asks of whoever applies the batches."""

    stand: Callable[[frozenset[TP]], Awaitable[Mapping[TP, int]]]
    """Where the ledger stands on partitions just assigned; reading begins there."""
    applied: dict[TP, int]
    """First position not applied, by partition owned."""
    apply: Callable[[PartitionBatch], Awaitable[None]]
    """Take one batch; never raises."""


class Secured(Struct, frozen=True):
    """How connections are secured, in aiokafka's words."""

    security_protocol: str = "PLAINTEXT"
    ssl_context: ssl.SSLContext | None = None
    sasl_mechanism: str = "PLAIN"
    sasl_plain_username: str | None = None
    sasl_plain_password: str | None = None

    def __repr__(self) -> str:
        return f"Secured({self.security_protocol})"


class _Boot(BootStrategy):
    """Nothing is produced through Faust."""

    enable_kafka_producer = False


class App(faust.App):
    """A Faust app that reads for one ``Reader`` and leaves nothing on disk."""

    BootStrategy = _Boot
    reader: Reader
    secured: Secured

    @property
    def batches(self) -> "Consumer":
        """The consumer, as what it is."""
        return cast(Consumer, self.consumer)

    def _create_directories(self) -> None:
        """Nothing is kept in files."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka runs: knows how far each partition was read."""

    app: App

    def __post_init__(self) -> None:
        """Called by the constructor."""
        super().__post_init__()
        self.reach: dict[TP, int] = {}
        """First position not handed over, by partition; changes only in this thread."""
        self._stands: dict[TP, int] = {}
        """Time of the last record handed over, by partition: its own or the broker's, in ms."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        """As Faust's, but partition n of every topic goes to one worker, and only what is committed
        is read."""
        conf, secured = self.app.conf, self.app.secured
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset=conf.consumer_auto_offset_reset,
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            security_protocol=secured.security_protocol,
            ssl_context=secured.ssl_context,
            sasl_mechanism=secured.sasl_mechanism,
            sasl_plain_username=secured.sasl_plain_username,
            sasl_plain_password=secured.sasl_plain_password,
        )

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        """By partition: where the reader stood, where it stands, and what lies between.

        What is at hand was fetched when the last poll was taken, and nothing since: of a small poll that
        is the lesser part, so it looks a second time.
        """
        assert max_records, "a poll is bounded"
        read = await self._at_hand(consumer, active_partitions, timeout, max_records)
        count = sum(len(records) for _, _, records in read.values())
        if not 0 < count <= max_records // CHUNKS:
            return read
        await asyncio.sleep(FRESH)
        # Who was sent elsewhere meanwhile reads these again, from where the ledger stands.
        read = {tp: part for tp, part in read.items() if self.reach.get(tp) == part[1]}
        try:
            more = await self._at_hand(consumer, active_partitions, 0, max_records - count)
        except Exception:  # what was taken before must arrive; this comes again
            return read
        for tp, (before, after, records) in more.items():
            held = read.get(tp)
            read[tp] = (held[0], after, [*held[2], *records]) if held else (before, after, records)
        return read

    async def _at_hand(
        self, consumer: Any, active: set[TP], timeout: float | None, most: int
    ) -> dict[TP, tuple[int, int, list[Any]]]:
        """... as far as it has been fetched; where nothing has, of what comes first."""
        fetched: Mapping[Any, list[Any]] = await self._abreast(consumer, active, most)
        if not fetched and timeout != 0:
            fetched = await super()._fetch_records(consumer, active, timeout, -(-most // CHUNKS))
        # Nothing is awaited for long below: no seek comes between records and positions.
        read = {}
        for aio_tp, records in fetched.items():
            tp = ensure_TP(aio_tp)
            if records and tp in self.reach:
                after = await consumer.position(aio_tp)
                read[tp] = (self.reach[tp], after, records)
                self.reach[tp] = after
                self._stands[tp] = records[-1].timestamp or 0
        return read

    async def _abreast(self, consumer: Any, active: set[TP], most: int) -> dict[Any, list[Any]]:
        """Records at hand, the partition that is furthest behind in time always first.

        As they are fetched, one partition would fill poll after poll: records of a day would come before
        the reports that they belong to, and every one of them be kept and looked for in vain. A little
        of each comes along in any case, so nobody waits for one that is far behind or stands still.
        """
        fetched: dict[Any, list[Any]] = {}
        stands = {tp: self._stands.get(tp, 0) for tp in active if tp in self.reach}

        async def take(tp: TP, many: int) -> int:
            try:
                found = await super(ConsumerThread, self)._fetch_records(consumer, {tp}, 0, many)
            except Exception:
                if fetched:  # what was taken of others must arrive; this comes again
                    return 0
                raise
            for aio_tp, records in found.items():
                fetched.setdefault(aio_tp, []).extend(records)
                stands[tp] = records[-1].timestamp or 0
            return sum(map(len, found.values()))

        left = most
        for tp in sorted(stands):
            left -= await take(tp, max(1, min(left, most // A_LITTLE)))
            if left <= 0:
                return fetched
        while stands:
            tp = min(stands, key=stands.__getitem__)
            taken = await take(tp, min(left, -(-most // CHUNKS)))
            left -= taken
            if left <= 0 or not (taken or await _is_read(consumer, tp)):
                break  # there is more of it, and it is on its way: wait rather than run ahead
            if not taken:
                del stands[tp]
        return fetched

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self.reach.update(partitions)
        await super()._seek_wait(consumer, partitions)

    def fetching(self) -> bool:
        """Is the part of aiokafka that fetches alive? It dies of a batch it cannot decompress."""
        consumer = self._consumer
        if consumer is None or consumer._fetcher is None:
            return True
        return not consumer._fetcher.error_future.done()


async def _is_read(consumer: Any, tp: TP) -> bool:
    end = consumer.highwater(tp)
    return end is not None and await consumer.position(tp) >= end


class Consumer(driver.Consumer):
    """Faust's consumer, handing over batches and standing where the ledger stands."""

    app: App
    _thread: ConsumerThread
    _poll = 0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._room = asyncio.Event()
        self._room.set()

    def make_room(self) -> None:
        """The next poll may be taken: the last one handed over has its turn, or was let go."""
        self._room.set()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """One message for each partition that a poll brought something of.

        One poll waits while a turn runs, and no more: what arrives meanwhile is not kept in small polls
        one behind the other, but makes the next one larger. What is dropped here, because the flow was
        stopped, is read again: nobody resumes the flow without seeking to the ledger first.
        """
        try:
            await asyncio.wait_for(self._room.wait(), timeout)
        except TimeoutError:
            return
        fetched, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not fetched or self.should_stop:
            return
        self._poll += 1
        self._room.clear()
        batches = [
            PartitionBatch(tp, before, after, tuple(records), self._poll, n == len(fetched))
            for n, (tp, (before, after, records)) in enumerate(fetched.items(), 1)
        ]
        for batch in batches:
            if not self.flow_active or self.app.consumer_generation_id != generation:
                self.make_room()
                return
            yield batch.tp, self._message(batch, generation)

    def _message(self, batch: PartitionBatch, generation: int) -> ConsumerMessage:
        last = batch.records[-1]
        return ConsumerMessage(
            batch.tp.topic,
            batch.tp.partition,
            last.offset,
            last.timestamp / 1000,
            last.timestamp_type,
            None,
            None,
            cast(bytes, batch),  # what Faust takes for the value, and never looks into
            None,
            0,
            0,
            batch.tp,
            generation_id=generation,
        )

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Where nothing is assigned any more Faust seeks nowhere: what was held is let go here."""
        await super().on_partitions_assigned(assigned, generation_id)
        if not assigned:
            await self.app.reader.stand(frozenset())

    async def perform_seek(self) -> None:
        """Stand where the ledger stands."""
        assigned = frozenset(self.assignment())
        stand = dict(await self.app.reader.stand(assigned))
        self._committed_offset.update(dict.fromkeys(stand))
        await self._thread.seek_wait(stand)

    def _new_offset(self, tp: TP) -> int | None:
        """What may be committed: where the ledger stands. What Faust noted of single messages is
        let go, since it knows nothing of batches."""
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.app.reader.applied.get(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Between the last records of two batches there is always a gap; it means nothing."""

    def reach(self, tp: TP) -> int:
        """First position not handed over."""
        return self._thread.reach.get(tp, 0)

    def fetching(self) -> bool:
        """Is the part of aiokafka that fetches alive?"""
        return self._thread.fetching()


class Transport(driver.Transport):
    """Kafka, read batch by batch."""

    Consumer = Consumer
