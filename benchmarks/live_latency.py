"""At the whole country's peak: from arrival to commit, and from a provable deadline to the alert's topic.

1,300 events a second for a minute, logs and records of now. Beside them lie reports received 24 hours
ago, whose deadlines pass one after another while it runs and whose crimes were never recorded.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer
from sqlalchemy import select

from benchmarks.live_events import LIMIT, LOGS, RECORDS, Message, heartbeat, log, record
from benchmarks.live_stage import FORCES, FULL, Stage, applied, percentile
from schemas.words import AlertType
from service.hosts import kafka_topics
from service.ledger.opening import Ledger
from service.ledger.tables import positions
from service.settings import read_settings

RATE = 1_300
SECONDS = 60
WARM_UP = 10.0
"""Seconds at the start that are not counted: the first turns open connections and fill caches."""
DUE_EVERY = timedelta(milliseconds=100)
LEAD = timedelta(seconds=15)
"""From now to the first of the deadlines: all must have been read before."""
WITHIN = 120.0
"""Seconds after which what should be applied is called missing."""
OLD = 10_000_000
"""Reports that fall due are numbered from here."""

Sent = tuple[str, int, int, float]
"""Topic, partition, offset, and when it was handed to the producer."""


def measure(stage: Stage, reports: int) -> Iterator[dict[str, Any]]:
    """One worker, the full pack, a relay."""
    settings = read_settings(**stage.environment)
    stage.topics(LOGS, RECORDS, settings.alerts_topic)
    ledger = stage.empty_ledger()
    with stage.workers(FULL, 1, relay=True):
        old = _falling_due(datetime.now(UTC) + LEAD)
        stage.put(old)
        _await_applied(stage, ledger, len(old))
        stop, committed, alerts = Event(), _Committed(ledger), _Alerts(stage.bootstrap)
        threads = [Thread(target=each.watch, args=(stop,)) for each in (committed, alerts)]
        for thread in threads:
            thread.start()
        sent, began = asyncio.run(_steady(stage.bootstrap, min(SECONDS, reports // RATE)))
        _await_applied(stage, ledger, len(old) + len(sent))
        time.sleep(2.0)  # for what was said last to reach its topic
        stop.set()
        for thread in threads:
            thread.join()
    ledger.close()
    names = {topic: found.id for topic, found in _described(stage).items()}
    late = [
        committed.of(names[topic], partition, offset) - at
        for topic, partition, offset, at in sent
        if at - began > WARM_UP
    ]
    yield {
        "what": "arrival to commit",
        "events_per_second": RATE,
        "n": len(late),
        **_percentiles(late),
    }
    due = {f"LOG-{OLD + n:09}": message.at + LIMIT for n, message in enumerate(old[: -2 * FORCES])}
    told = [at - due[ref].timestamp() for ref, at in alerts.missed.items() if ref in due]
    yield {
        "what": "deadline to alert on the topic",
        "events_per_second": RATE,
        "n": len(told),
        **_percentiles(told),
    }


def _await_applied(stage: Stage, ledger: Ledger, count: int) -> None:
    """Wait until so many positions are applied."""
    deadline = time.monotonic() + WITHIN
    while applied(ledger) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{count} not applied: {stage.last_words()}")
        time.sleep(0.1)


def _percentiles(seconds: list[float]) -> dict[str, float]:
    return {
        f"p{share}_ms": round(percentile(seconds, share / 100) * 1000, 1) for share in (50, 99)
    } | {"most_ms": round(max(seconds) * 1000, 1)}


def _described(stage: Stage) -> dict[str, kafka_topics.Topic]:
    with kafka_topics.administering(read_settings(**stage.environment)) as client:
        return kafka_topics.describe(client, (LOGS, RECORDS))


def _falling_due(first: datetime) -> list[Message]:
    """Reports whose deadlines pass one after another from ``first`` on; then heartbeats of both
    sources from before the earliest, so that they cover it."""
    beats = [
        heartbeat(topic, f"{n + 1:02}", first - LIMIT)
        for topic in (RECORDS, LOGS)
        for n in range(FORCES)
    ]
    early = first - LIMIT - timedelta(minutes=5)
    connecting = [
        Message(RECORDS, f"{n + 1:02}", "", early, record(OLD * 2 + n, f"{n + 1:02}", early, early))
        for n in range(FORCES)
    ]
    reports = []
    for n in range(int((SECONDS - 25) / DUE_EVERY.total_seconds())):
        number, force = OLD + n, f"{n % FORCES + 1:02}"
        at = first - LIMIT + DUE_EVERY * n
        reports.append(Message(LOGS, force, f"LOG-{number:09}", at, log(number, force, at)))
    return [*reports, *connecting, *beats[FORCES:]]


async def _steady(bootstrap: str, seconds: int) -> tuple[list[Sent], float]:
    """Logs and records of now at a steady rate; where each came to lie, and when it was sent."""
    sent: list[Sent] = []
    waiting: list[tuple[float, Any]] = []
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0) as producer:
        began, number = time.time(), 0
        while (now := time.time()) - began < seconds:
            due = int((now - began) * RATE)
            while number < due:
                number += 1
                at, about = datetime.now(UTC), number // 2
                force = f"{about % FORCES + 1:02}"
                is_record = bool(number % 2)
                value = record(about, force, at, at) if is_record else log(about + 1, force, at)
                topic = RECORDS if is_record else LOGS
                waiting.append((time.time(), await producer.send(topic, value, force.encode())))
            await asyncio.sleep(0.005)
        for at_sent, future in waiting:
            held = await future
            sent.append((held.topic, held.partition, held.offset, at_sent))
    return sent, began


class _Committed:
    """When the ledger was first seen to have passed each position."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: dict[tuple[str, int], list[tuple[int, float]]] = {}

    def watch(self, stop: Event) -> None:
        """Look every few milliseconds."""
        query = select(positions.c.topic_id, positions.c.partition, positions.c.next)
        while not stop.is_set():
            with self._ledger.reading() as connection:
                rows = connection.execute(query).tuples().all()
            now = time.time()
            for topic, partition, after in rows:
                seen = self._seen.setdefault((topic, partition), [])
                if not seen or seen[-1][0] < after:
                    seen.append((after, now))
            time.sleep(0.005)

    def of(self, topic_id: str, partition: int, offset: int) -> float:
        """When this position was seen committed."""
        seen = self._seen[topic_id, partition]
        low, high = 0, len(seen)
        while low < high:
            middle = (low + high) // 2
            if seen[middle][0] > offset:
                high = middle
            else:
                low = middle + 1
        return seen[low][1]


class _Alerts:
    """When each miss was first seen on the topic."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.missed: dict[str, float] = {}

    def watch(self, stop: Event) -> None:
        """Read until told to stop."""
        topic = read_settings().alerts_topic
        consumer = KafkaConsumer(
            topic, bootstrap_servers=self._bootstrap, auto_offset_reset="earliest"
        )
        while not stop.is_set():
            for records in consumer.poll(timeout_ms=50).values():
                now = time.time()
                for each in records:
                    data = json.loads(each.value)
                    if data["type"].endswith(AlertType.MISSED.value):
                        self.missed.setdefault(data["data"]["subject"], now)
        consumer.close()
