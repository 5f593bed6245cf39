"""``recount worker``: topics in, turns into the ledger; Faust brings the batches and nothing else.

All batches of one poll are one turn, in a thread of its own, while the next is decoded. The ledger's
positions are the truth: reading begins there, and Kafka's commits only follow. Whatever cannot be gone on
with ends the worker with an exit code, for a supervisor to start it again.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from faust.types import TP
from msgspec.structs import replace
from sqlalchemy.exc import InterfaceError, OperationalError

from service.effects import InputLost, Settling, Tick
from service.hosts import kafka_topics
from service.hosts.agreeing import agree_in_time
from service.hosts.files import NotGiven
from service.hosts.health import Health, Pack, served
from service.hosts.kafka_boot import Parts, make_app, probe
from service.hosts.kafka_positions import (
    Standing,
    behind,
    fitted,
    held_positions,
    losses,
    standing,
)
from service.hosts.kafka_reading import Read
from service.hosts.kafka_scattering import Proved, prove, told, write_down
from service.hosts.kafka_topics import Span, partition_of
from service.hosts.kafka_watch import Readable, Watch, watch_topics
from service.hosts.seldom import look_for_cycles_seldom
from service.hosts.stopped import BrokerUnreachable, WorkerStopped, told_to_stop
from service.hosts.transport import App, PartitionBatch, Reader
from service.ingest.source import Topic as Kind
from service.ledger import outputs
from service.ledger.active import NotActive, parts_of
from service.ledger.positions import Advance, Held, PositionsDiffer
from service.ledger.scattering import Waiting, known_scattered
from service.ledger.settling import beginnings, standstills
from service.log import log, trail
from service.metrics import Origin
from service.settings import Settings
from service.turn import Batch, Turned, turn
from service.turned import TurnsCounted

RACES_MAX = 5
"""Times a batch is fitted anew to where the ledger stands before somebody else is the only reason."""

LARGE = 250
"""From so many records on, the next poll is read and decoded while one is applied. A small one makes that
wait instead: read early, its records would only lie and grow old."""

EXIT_DONE, EXIT_STOPPED = 0, 1

Answered = TypeVar("Answered")

LAST_BREATH = 5.0
"""Seconds for what is left of the process to end by itself once everything is durable and left."""


def run_worker(settings: Settings, accepted: frozenset[str] = frozenset()) -> int:
    """Work until told to stop; the exit code. Raises ``WorkerStopped`` and what people can mend
    before anything is read."""
    for name in accepted - settings.topics.keys():
        listed = ", ".join(settings.topics)
        raise NotGiven(f"--accept-recreated {name}: this worker reads {listed}")
    with served(settings, Origin.TURNS, Origin.WORKER) as health:
        parts = probe(settings)
        health.watch(parts.ledger)
        health.pack = Pack(parts.reading.pack.name, parts.reading.pack.digest)
        look_for_cycles_seldom()
        for found in parts.warnings:
            log().warning("topic_check", topic=found.topic, found=found.what, remedy=found.remedy)
        try:
            with told_to_stop() as told:
                mine = parts_of(parts.reading.rulebook)
                if not agree_in_time(parts.ledger, mine, told, health):
                    return EXIT_DONE
            code = asyncio.run(Worker(settings, parts, accepted, health).work())
        finally:
            parts.ledger.close()
    return code


class Worker:
    """One process's part of the group: what it owns, how far that is applied, and why it must end."""

    def __init__(
        self, settings: Settings, parts: Parts, accepted: frozenset[str], health: Health
    ) -> None:
        self._settings = settings
        self._ledger, self._reading, self._topics = parts.ledger, parts.reading, parts.topics
        # The topic as it is now: one made anew while this worker runs is another again.
        self._accepted = frozenset(parts.topics[name].id for name in accepted)
        self._applied: dict[TP, int] = {}
        self._poll: list[PartitionBatch] = []
        self._turning = asyncio.Lock()
        self._turn_before: asyncio.Task[None] | None = None
        self._stopping = False
        self._ended = asyncio.Event()
        self._why: BaseException | None = None
        self._readable = Readable(settings.unreadable_share_max)
        self._scattered: set[tuple[str, str]] = set()
        self._known: set[str] = set()
        self._astray: frozenset[tuple[str, str]] = frozenset()
        self._until: dict[TP, int] = {}
        self._app: App
        self._lanes_from = _report_topic(parts)
        self._health = health
        self._turns = TurnsCounted(health.counted)

    # -- life -----------------------------------------------------------------------------------

    async def work(self) -> int:
        """Join the group, read, and leave it again; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        self._app = make_app(self._settings, Reader(self._stand, self._applied, self.apply))
        log().info("starting", group=self._settings.group, topics=sorted(self._topics))
        tasks = [asyncio.create_task(self._start())]
        await self._ended.wait()
        self._stopping = True
        self._health.reasons = lambda: ("stopping",)
        for task in tasks:
            task.cancel()
        await self._leave()
        if self._why is None:
            log().info("stopped")
            return EXIT_DONE
        ours = isinstance(self._why, WorkerStopped | BrokerUnreachable | NotActive)
        # The words of any other error may hold what was read: where it arose is enough to find it.
        reason = {"reason": str(self._why)} if ours else {"at": trail(self._why)}
        log().error("worker_stopped", error=type(self._why).__name__, **reason)
        return EXIT_STOPPED

    async def _start(self) -> None:
        """Start Faust, then tick and watch, until something goes wrong or this is cancelled."""
        try:
            async with asyncio.timeout(self._settings.ready_within):
                await self._app.start()
        except TimeoutError:
            within = self._settings.ready_within
            self._fail(
                WorkerStopped(f"not reading {within:g} s after the start; see the broker's log")
            )
            return
        except Exception as error:
            self._fail(error)
            return
        log().info("ready", partitions=len(self._applied))
        watch = Watch(self._app, self._applied, self._settings, self._verify)
        self._health.reasons, self._health.gauges = watch.reasons, watch.gauges
        self._health.started.set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tick_again_and_again())
                group.create_task(watch.again_and_again())
                group.create_task(watch_topics(dict(self._topics), self._describe))
        except* Exception as several:
            self._fail(several.exceptions[0])

    async def _leave(self) -> None:
        """Finish the turn, tell Kafka where we stand, leave the group; by force after a while."""
        try:
            async with asyncio.timeout(self._settings.stop_within):
                async with self._turning:
                    pass
                with suppress(Exception):
                    await self._app.batches.commit()
                await self._app.stop()
            # Tasks of Faust's that are cancelled from here on have been seen to start again.
            last = threading.Timer(
                LAST_BREATH, os._exit, (EXIT_STOPPED if self._why else EXIT_DONE,)
            )
            last.daemon = True
            last.start()
        except Exception as error:
            log().error("stopped_by_force", error=type(error).__name__)
            self._ledger.close()
            os._exit(EXIT_STOPPED)

    def _fail(self, why: BaseException) -> None:
        if self._why is None:
            self._why = why
        self._ended.set()

    # -- where to begin -------------------------------------------------------------------------

    async def _stand(self, assigned: frozenset[TP]) -> Mapping[TP, int]:
        """Where the ledger stands on what was just assigned, after any turn still running."""
        try:
            async with self._turning:
                self._poll.clear()
                self._app.batches.make_room()
                found = await self._standing(assigned)
                await self._tell(found)
                await self._settle(assigned)
                self._until = dict(found.ends)
                self._applied.clear()
                self._applied.update(found.seek)
        except Exception as error:
            self._fail(error)
            raise
        log().info("assigned", positions={f"{t}/{n}": at for (t, n), at in found.seek.items()})
        return found.seek

    async def _settle(self, assigned: frozenset[TP]) -> None:
        """What fell due while time stood still for a force is not told piece by piece."""
        topic, after = (
            self._topics[self._lanes_from],
            timedelta(seconds=self._settings.settle_after),
        )
        owned = {n for name, n in assigned if name == topic.name}

        def stood_still() -> tuple[Settling, ...]:
            with self._ledger.reading() as connection:
                self._known = set(outputs.forces(connection))
                found = standstills(connection, _now(), after)
            return tuple(s for s in found if partition_of(s.force, topic.partitions) in owned)

        settling = await self._patiently(stood_still)
        if settling:
            await self._commit(Batch(inputs=settling))
            log().info("settling", forces=[each.force for each in settling])

    async def _verify(self, owned: frozenset[TP]) -> None:
        """Is what is read still the topics it was? Raises ``WorkerStopped``."""
        await self._standing(owned)

    async def _standing(self, owned: frozenset[TP]) -> Standing:
        topics = await asyncio.to_thread(self._describe)
        if not owned:
            return Standing({})
        consumer = self._app.batches
        starts = await consumer.earliest_offsets(*owned)
        ends = await consumer.highwaters(*owned)
        spans = {tp: Span(starts[tp], ends[tp]) for tp in owned}
        held = await self._patiently(partial(self._held, tuple(topics)))
        found = standing(owned, topics, held, spans, self._accepted)
        self._topics = topics
        return found

    def _held(self, topics: tuple[str, ...]) -> dict[str, Held]:
        with self._ledger.reading() as connection:
            return held_positions(connection, topics)

    def _describe(self) -> dict[str, kafka_topics.Topic]:
        """The topics as they are now. A broker that does not answer says nothing about them."""
        with kafka_topics.administering(self._settings) as client:
            found = kafka_topics.describe(client, tuple(self._topics))
        for name, topic in self._topics.items():
            if name not in found:
                raise WorkerStopped(f"topic {name} is gone; make it anew or restore it")
            if found[name].partitions != topic.partitions:
                raise WorkerStopped(
                    f"topic {name} has {found[name].partitions} partitions now and had "
                    f"{topic.partitions}: forces move to others; start again once all inputs agree"
                )
        return found

    async def _tell(self, found: Standing) -> None:
        """Tell the ledger which partitions are read from now on, and what was lost before."""
        for claim in found.claims:
            tp = TP(claim.topic, claim.partition)
            lost = await self._patiently(partial(self._losses, tp)) if tp in found.lost else ()
            with suppress(PositionsDiffer):  # somebody else has told it
                await self._commit(Batch(inputs=lost, advances=(claim,)))
            if tp in found.lost:
                where = {"topic": tp.topic, "partition": tp.partition}
                log().error("input_lost", **where, position=found.seek[tp])

    def _losses(self, tp: TP) -> tuple[InputLost, ...]:
        topic, source = self._topics[tp.topic], self._reading.source_of(tp.topic)
        with self._ledger.reading() as connection:
            return losses(connection, tp, topic.partitions, source, _now())

    # -- turns ----------------------------------------------------------------------------------

    async def apply(self, batch: PartitionBatch) -> None:
        """Take one batch of a poll; with the last one, decode it, and let its turn begin once the one
        before is done. Never raises: an error here would be taken for "done"."""
        if self._ended.is_set():
            return  # what follows a turn that failed must not be applied
        if self._poll and self._poll[0].poll != batch.poll:
            self._poll.clear()  # the flow was stopped in the middle; it is read again
        self._poll.append(batch)
        if not batch.last:
            return
        poll, self._poll = self._poll, []
        try:
            read = await self._patiently(partial(self._read, poll))
            if self._turn_before is not None:
                await self._turn_before
            if not self._ended.is_set():
                self._turn_before = asyncio.create_task(self._turn(poll, read))
        except Exception as error:
            self._fail(error)

    async def _turn(self, poll: Sequence[PartitionBatch], read: Read) -> None:
        """Apply a poll; while a large one is applied, the next is read and decoded. Never raises."""
        large = sum(len(batch.records) for batch in poll) >= LARGE
        if large:
            self._app.batches.make_room()
        try:
            async with self._turning:
                if not self._stopping:
                    await self._apply(poll, read)
        except Exception as error:
            self._fail(error)
        if not large:
            self._app.batches.make_room()

    async def _apply(self, poll: Sequence[PartitionBatch], read: Read) -> None:
        for _ in range(RACES_MAX):
            batches = [part for batch in poll if (part := await self._fit(batch)) is not None]
            if not batches:
                return
            if batches != poll:  # a part was applied by somebody, or is not ours any more
                read, poll = await self._patiently(partial(self._read, batches)), batches
            self._look_at(read)
            new = beginnings(read.batch.inputs, self._known, _now())
            batch = replace(read.batch, inputs=(*new, *read.batch.inputs))
            try:
                turned = await self._commit(batch)
            except PositionsDiffer as differ:
                self._learn(differ, batches)
                continue
            self._applied.update({part.tp: part.after for part in batches})
            self._known.update(each.force for each in new)
            self._say(read, turned)
            return
        raise WorkerStopped(
            "another process keeps moving the same positions; look for a second group"
        )

    def _read(self, batches: Sequence[PartitionBatch]) -> Read:
        """Decode a poll; what scattered forces promise is written down before it is applied."""
        with self._ledger.reading() as connection:
            known = known_scattered(connection)
        read = self._reading.read(batches, self._topics, _now(), known)
        write_down(self._ledger, self._topics, read.promises)
        return read

    async def _fit(self, batch: PartitionBatch) -> PartitionBatch | None:
        """The part of a batch to apply; None where there is none, or where it is read again."""
        tp, first = batch.tp, batch.records[0].offset
        at = self._applied.get(tp)
        if at is None:
            return None
        if batch.before > at:
            await self._app.batches.seek_wait({tp: at})
            log().warning("seek_back", topic=tp.topic, partition=tp.partition, position=at)
            return None
        if first < batch.before:
            await self._verify(frozenset({tp}))  # the broker moved us back
        part = fitted(batch, at)
        if part is not None and first > part.before:
            await self._account_for_gap(part)
            part = fitted(batch, self._applied[tp])
        return part

    async def _account_for_gap(self, batch: PartitionBatch) -> None:
        """Positions were skipped: marks of transactions, or input that is gone unread."""
        starts = await self._app.batches.earliest_offsets(batch.tp)
        if starts[batch.tp] <= batch.before:
            return
        found = await self._standing(frozenset({batch.tp}))
        if found.lost:
            await self._tell(found)
            self._applied.update(found.seek)

    def _learn(self, differ: PositionsDiffer, batches: Sequence[PartitionBatch]) -> None:
        """Take over where the ledger stands; a turn of a worker that had our partitions moved it."""
        for batch in batches:
            key = (self._topics[batch.tp.topic].id, batch.tp.partition)
            self._applied[batch.tp] = differ.held[key]
        log().warning("positions_differ", error=type(differ).__name__)

    def _look_at(self, read: Read) -> None:
        """Stop at a flood of the unreadable; say once which forces lie in the wrong partition."""
        dead = read.batch.dead
        if self._readable.is_flood(read.records, len(dead)):
            worst = dead[0]
            at = f"{self._name(worst.topic_id)}/{worst.partition}/{worst.position}"
            raise WorkerStopped(
                f"most of what was read lately cannot be read, for instance {at}: {worst.reason} "
                f"{worst.field}; nothing of it was applied. Mend the producer or the mapping; to set "
                "it all aside, start once with RECOUNT_UNREADABLE_SHARE_MAX=1"
            )
        for topic, force in read.scattered - self._scattered:
            self._scattered.add((topic, force))
            remedy = "key records by force code, with Kafka's own (murmur2) partitioner"
            log().warning("scattered", topic=topic, force=force, remedy=remedy)

    def _name(self, topic_id: str) -> str:
        return next((t.name for t in self._topics.values() if t.id == topic_id), topic_id)

    async def _commit(self, batch: Batch) -> Turned:
        """One turn; of one of which nobody knows whether it was committed, the positions tell."""

        def run() -> Turned:
            began = time.perf_counter()
            done = turn(self._ledger, self._reading.rulebook, batch)
            self._turns.add(batch, done, time.perf_counter() - began)
            return done

        return await self._patiently(run)

    async def _patiently(self, ask: Callable[[], Answered]) -> Answered:
        """Something of the ledger, in a thread; asked again while the database is gone."""
        deadline = time.monotonic() + self._settings.database_patience
        while True:
            try:
                return await asyncio.to_thread(ask)
            except (OperationalError, InterfaceError) as error:
                self._turns.failed()
                if time.monotonic() > deadline or self._stopping:
                    raise
                log().warning("database_gone", error=type(error.orig).__name__)
                await asyncio.sleep(1)

    def _say(self, read: Read, turned: Turned) -> None:
        log().debug(
            "turn",
            records=read.records,
            events=len(turned.events),
            attempts=turned.attempts,
            positions={_place(a): a.after for a in read.batch.advances},
        )
        for letter in read.batch.dead:
            log().warning(
                "dead_letter",
                topic=self._name(letter.topic_id),
                partition=letter.partition,
                position=letter.position,
                reason=letter.reason,
                field=letter.field,
            )

    # -- time -----------------------------------------------------------------------------------

    async def _tick_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._settings.tick_every)
            async with self._turning:
                if not self._stopping and not self._app.rebalancing:
                    await self._tick()

    async def _tick(self) -> None:
        """Let time pass for the forces whose partition of the incident log is owned, and read."""
        now = _now()
        self._until = await self._still_behind()
        mine = await self._patiently(self._my_forces)
        ended = await self._read_to_end()
        forces = tuple(force for force, _ in mine)
        proved, rows = await self._patiently(partial(self._prove, forces))
        ticks = tuple(
            Tick(force, now, self._wholly_read(ended.get(n, ()), force), proved.get(force, ()))
            for force, n in mine
        )
        if ticks:
            await self._commit(Batch(inputs=ticks))
            await self._patiently(partial(told, self._ledger, rows))

    def _prove(self, forces: tuple[str, ...]) -> tuple[Proved, list[Waiting]]:
        """What scattered forces promised, and every partition was read past by now."""
        ids = {name: topic.id for name, topic in self._topics.items()}
        with self._ledger.reading() as connection:
            self._astray = known_scattered(connection)
        if not self._astray:
            return {}, []
        try:
            return prove(self._ledger, ids, forces, self._ends)
        except BrokerUnreachable as error:
            log().warning("ends_unknown", error=type(error).__name__)
            return {}, []

    def _ends(self, topic: str) -> dict[int, int]:
        """The end of every partition, owned or not."""
        with kafka_topics.administering(self._settings) as client:
            found = kafka_topics.spans(client, {topic: self._topics[topic].partitions})
        return {n: span.end for (_, n), span in found.items()}

    def _wholly_read(self, sources: tuple[str, ...], force: str) -> tuple[str, ...]:
        """Of sources whose partition is read to its end, those that hold nothing of this force in
        others."""
        astray = {topic_id for topic_id, each in self._astray if each == force}
        if not astray:
            return sources
        topics = {self._reading.source_of(name): topic.id for name, topic in self._topics.items()}
        return tuple(name for name in sources if topics[name] not in astray)

    async def _still_behind(self) -> dict[TP, int]:
        """Of the ends that partitions had when they were given to us, those not yet reached."""
        consumer, waiting = self._app.batches, [tp for tp in self._until if tp in self._applied]
        places: dict[TP, int] = {}
        try:
            async with asyncio.timeout(self._settings.probe_within):
                for tp in waiting:
                    if self._applied[tp] >= consumer.reach(tp):  # else it is not applied yet
                        places[tp] = await consumer.position(tp) or 0
        except Exception as error:
            log().warning("places_unknown", error=type(error).__name__)
        return behind(self._until, places, self._applied)

    def _my_forces(self) -> list[tuple[str, int]]:
        topic = self._topics[self._lanes_from]
        with self._ledger.reading() as connection:
            forces = outputs.forces(connection)
        placed = [(force, partition_of(force, topic.partitions)) for force in forces]
        late = {tp.partition for tp in self._until}
        mine = [(force, n) for force, n in placed if TP(topic.name, n) in self._applied]
        return [(force, n) for force, n in mine if n not in late]

    async def _read_to_end(self) -> dict[int, tuple[str, ...]]:
        """By partition: sources known to be read to their end, of those that move with the clock.

        The broker is asked now: an end that is merely remembered proves nothing of a broker that is
        gone.
        """
        sources = self._reading.rulebook.sources
        asked = [
            tp for tp in self._applied if sources[self._reading.source_of(tp.topic)].idle_advance
        ]
        if not asked:
            return {}
        try:
            async with asyncio.timeout(self._settings.tick_every):
                ends = await self._app.batches.highwaters(*asked)
        except Exception as error:
            log().warning("ends_unknown", error=type(error).__name__)
            return {}
        found: dict[int, tuple[str, ...]] = {}
        for tp in sorted(asked):
            if self._applied[tp] >= ends[tp]:
                source = self._reading.source_of(tp.topic)
                found[tp.partition] = (*found.get(tp.partition, ()), source)
        return found


def _report_topic(parts: Parts) -> str:
    """The topic by whose partitions forces belong to workers: the incident log, or the first."""
    for topic in parts.topics:
        source = parts.reading.rulebook.sources[parts.reading.source_of(topic)]
        if source.topic is Kind.INCIDENT_LOG:
            return topic
    return next(iter(parts.topics))


def _place(advance: Advance) -> str:
    return f"{advance.topic}/{advance.partition}"


def _now() -> datetime:
    return datetime.now(UTC)
