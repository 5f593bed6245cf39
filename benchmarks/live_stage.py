"""A broker, a database and workers on this machine, as the live measurements use them."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from sqlalchemy import func, select

from benchmarks.live_events import LOGS, RECORDS, Message
from service.hosts import kafka_topics
from service.hosts.real_parts import RealKafka, RealPostgres, scratch
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tables import positions
from service.ledger.upgrading import upgrade
from service.settings import read_settings

PARTITIONS, FORCES = 4, 16
DATABASE = {"shared_buffers": "1GB", "max_wal_size": "4GB", "wal_compression": "on"}
"""As in ``deploy/compose.yaml``."""
SIDES = {LOGS: "incidents", RECORDS: "records"}

JOIN = """\
name: join
title: Codes alone say what shows a crime; nothing is read of the text
zone: Europe/London
incidents:
  native: true
  ordered: true
  codes:
    opening: {blank: no_crime, indicates: {assault: yes, burglary: yes, criminal damage: yes, theft: yes}}
records: {native: true, ordered: true}
"""


class Work(NamedTuple):
    """What a worker is to make of the topics."""

    name: str
    source: str
    """A mapping's name, or its text."""
    rules: str


JOIN_ONLY = Work("join only", JOIN, "umd")
FULL = Work("full pack, text read", "native", "england_and_wales")


class Stage:
    """Broker and database; ledgers and workers come and go."""

    def __init__(self, folder: Path, kafka: RealKafka, postgres: RealPostgres) -> None:
        self.folder = folder
        self.environment = {"KAFKA_BOOTSTRAP": kafka.bootstrap, "DATABASE_URL": postgres.url}
        self._groups = 0

    @property
    def bootstrap(self) -> str:
        """Where the broker listens."""
        return self.environment["KAFKA_BOOTSTRAP"]

    def topics(self, *names: str) -> None:
        """Make topics, and forget what was on them."""
        with kafka_topics.administering(read_settings(**self.environment)) as client:
            kafka_topics.create(
                client, list(names), partitions=PARTITIONS, replication=1, append_time_days=None
            )

    def put(self, messages: Iterable[Message], *, suffix: str = "", by_ref: bool = False) -> None:
        """Put messages onto their topics, keyed by force, or by the report's reference."""
        asyncio.run(_put(self.bootstrap, messages, suffix, by_ref))

    def empty_ledger(self) -> Ledger:
        """A ledger with nothing in it; whatever was there is gone."""
        url = self.environment["DATABASE_URL"]
        _run(url, "DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public")
        ledger = open_ledger(url)
        upgrade(ledger.engine)
        self._groups += 1
        return ledger

    @contextmanager
    def workers(
        self, work: Work, count: int, relay: bool = False
    ) -> Iterator[list["subprocess.Popen[bytes]"]]:
        """So many workers of a group of their own, and a relay where asked for."""
        source = work.source
        if "\n" in source:
            path = self.folder / "join.yaml"
            path.write_text(source, encoding="utf-8")
            source = str(path)
        named = json.dumps({topic: f"{source}/{side}" for topic, side in SIDES.items()})
        given = {
            "RECOUNT_TOPICS": named,
            "RECOUNT_RULES": work.rules,
            "RECOUNT_GROUP": f"case-{self._groups}",
        }
        running: list[subprocess.Popen[bytes]] = []
        try:
            for n, command in enumerate(["worker"] * count + ["relay"] * relay):
                with (self.folder / f"{command}-{n}.log").open("wb") as log:
                    running.append(
                        subprocess.Popen(
                            [sys.executable, "-m", "service.cli", command],
                            env={**os.environ, **self.environment, **given},
                            stderr=log,
                            stdout=log,
                        )
                    )
            yield running[:count]
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(60)

    def rest(self) -> None:
        """Let the database do what it does in its own time, before anything is measured."""
        _run(self.environment["DATABASE_URL"], "VACUUM ANALYZE", "CHECKPOINT")

    def speed(self, ledger: Ledger, events: int, running: list["subprocess.Popen[bytes]"]) -> float:
        """Events a second, from the first turn seen to the last committed."""
        begun, first = 0.0, 0
        while True:
            at, now = applied(ledger), time.perf_counter()
            if at and not begun:
                begun, first = now, at
            if at >= events:
                return (at - first) / (now - begun)
            if any(process.poll() is not None for process in running):
                raise RuntimeError(f"a worker ended: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The ends of the workers' logs."""
        logs = sorted(self.folder.glob("worker-*.log"))
        return "\n".join(log.read_text(encoding="utf-8")[-1000:] for log in logs)


@contextmanager
def stage() -> Iterator[Stage]:
    """A fresh broker and database, gone afterwards."""
    with scratch() as folder:
        kafka, postgres = RealKafka(folder / "kafka"), RealPostgres(folder / "postgres")
        kafka.start()
        postgres.start()
        try:
            _tune(postgres)
            yield Stage(folder, kafka, postgres)
        finally:
            postgres.stop()
            kafka.stop()


def _run(url: str, *statements: str) -> None:
    ledger = open_ledger(url)
    with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for each in statements:
            connection.exec_driver_sql(each)
    ledger.close()


def _tune(postgres: RealPostgres) -> None:
    """As PostgreSQL is meant to be set up for what lies in it; it comes set up for the smallest machine."""
    _run(
        postgres.url, *[f"ALTER SYSTEM SET {name} = '{value}'" for name, value in DATABASE.items()]
    )
    postgres.stop()
    postgres.start()


def applied(ledger: Ledger) -> int:
    """Positions applied, over all topics."""
    with ledger.reading() as connection:
        return int(connection.scalars(select(func.sum(positions.c.next))).one() or 0)


def peak_memory_mb(pid: int) -> float:
    """The most that a process ever held."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def _put(bootstrap: str, messages: Iterable[Message], suffix: str, by_ref: bool) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="lz4", linger_ms=20, max_batch_size=256 * 1024
    ) as producer:
        for each in messages:
            if by_ref and not each.ref:
                continue
            key = (each.ref if by_ref else each.force).encode()
            at = int(each.at.timestamp() * 1000)
            await producer.send(each.topic + suffix, each.value, key, timestamp_ms=at)
