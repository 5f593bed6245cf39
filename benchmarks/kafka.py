"""Topics to durable verdicts: `recount worker` beside Faust reading and doing nothing, in one run.

    python -m benchmarks.kafka [--events N]

Broker, database and workers share this machine's cores; the number of workers is in the table. The same
topics are read by every row. Prints a table and writes ``benchmarks/kafka.json``.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from aiokafka import AIOKafkaProducer
from sqlalchemy import create_engine, func, make_url, select

from benchmarks.events import write
from service.hosts import kafka_topics
from service.hosts.real_parts import RealKafka, RealPostgres, scratch
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tables import positions
from service.ledger.upgrading import upgrade
from service.settings import Settings, read_settings

INPUTS = {"incident-log": "incidents", "crime-record": "records"}
PARTITIONS, FORCES = 4, 16
READ_WITHIN = 300.0
"""Seconds after which a reader that reads nothing is given up."""

JOIN = """\
name: join
title: Codes alone say what shows a crime; nothing is read of the text
zone: Europe/London
incidents:
  native: true
  ordered: true
  codes:
    opening: {blank: no_crime, indicates: {assault: yes, burglary: yes, criminal damage: yes, theft: yes,
      domestic incident: no, concern for safety: no, rtc damage only: no, asb nuisance: no,
      suspicious circumstances: no, missing person: no}}
records: {native: true, ordered: true}
"""


def main() -> None:
    """Measure, print, write down."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--reader", choices=["kafka", "recount"], help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.reader:
        read_and_do_nothing(given.reader, given.events)
        return
    with scratch() as folder:
        result = measure(folder, given.events)
    target = Path(__file__).with_name("kafka.json")
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    floor = result["rows"][0]["events_per_second"]
    print(f"{'case':<52}{'workers':>8}{'events/s':>10}{'of Faust':>10}")
    for row in result["rows"]:
        share = f"{row['events_per_second'] / floor:.2f}"
        print(f"{row['case']:<52}{row['workers']:>8}{row['events_per_second']:>10,.0f}{share:>10}")


def measure(folder: Path, events: int) -> dict[str, Any]:
    """Every case on the same topics."""
    kafka, postgres = RealKafka(folder / "kafka"), RealPostgres(folder / "postgres")
    kafka.start()
    postgres.start()
    try:
        environment = {"KAFKA_BOOTSTRAP": kafka.bootstrap, "DATABASE_URL": postgres.url}
        _fill(folder, events, read_settings(**environment))
        rows = list(_rows(folder, events, environment))
    finally:
        postgres.stop()
        kafka.stop()
    return {"events": events, "partitions": PARTITIONS, "forces": FORCES, "rows": rows}


def _rows(folder: Path, events: int, environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    for name, case in (
        ("kafka", "Faust, doing nothing"),
        ("recount", "our transport, doing nothing"),
    ):
        speed = _reading(name, events, environment)
        yield {"case": case, "workers": 1, "events_per_second": speed}
    mapping = folder / "join.yaml"
    mapping.write_text(JOIN, encoding="utf-8")
    cases = (
        ("durable verdicts, join only", str(mapping), "umd", 1),
        ("durable verdicts, join only", str(mapping), "umd", 2),
        ("durable verdicts, full pack, text read", "native", "england_and_wales", 1),
        ("durable verdicts, full pack, text read", "native", "england_and_wales", 2),
    )
    for n, (case, source, rules, workers) in enumerate(cases):
        topics = json.dumps({topic: f"{source}/{side}" for topic, side in INPUTS.items()})
        given = {"RECOUNT_TOPICS": topics, "RECOUNT_RULES": rules, "RECOUNT_GROUP": f"case-{n}"}
        speed, peak = _durable(folder, events, {**environment, **given}, workers)
        yield {
            "case": case,
            "workers": workers,
            "events_per_second": speed,
            "peak_memory_mb": peak,
        }


def _fill(folder: Path, events: int, settings: Settings) -> None:
    files = write(folder, events, forces=FORCES)
    with kafka_topics.administering(settings) as client:
        kafka_topics.create(
            client, list(INPUTS), partitions=PARTITIONS, replication=1, append_time_days=None
        )
    asyncio.run(_produce(settings.kafka_bootstrap, dict(zip(INPUTS, files, strict=True))))


async def _produce(bootstrap: str, files: dict[str, Path]) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="lz4", linger_ms=20, max_batch_size=256 * 1024
    ) as producer:
        for topic, file in files.items():
            with file.open("rb") as lines:
                for line in lines:
                    force = json.loads(line)["force"].encode()
                    await producer.send(topic, line.rstrip(b"\n"), key=force)


# -- reading and doing nothing --------------------------------------------------------------------


def _reading(name: str, events: int, environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", "benchmarks.kafka", "--reader", name, "--events", str(events)]
    done = subprocess.run(
        command, env={**os.environ, **environment}, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def read_and_do_nothing(scheme: str, events: int) -> None:
    """One Faust worker in this process; prints the events it read a second."""
    asyncio.run(_read(scheme, events))


async def _read(scheme: str, events: int) -> None:
    import faust
    from faust.types import TP

    from service.hosts.kafka_boot import make_app
    from service.hosts.transport import PartitionBatch, Reader

    count, begun = 0, 0.0

    def seen(more: int) -> None:
        nonlocal count, begun
        begun = begun or time.perf_counter()
        count += more
        if count >= events:
            print(count / (time.perf_counter() - begun), flush=True)
            os._exit(0)  # Faust, cancelled from outside, restarts its agents for ever

    async def stand(assigned: frozenset[TP]) -> dict[TP, int]:
        return dict.fromkeys(assigned, 0)

    async def apply(batch: PartitionBatch) -> None:
        seen(len(batch.records))

    app: faust.App
    settings = read_settings(topics=dict(INPUTS), group=f"idle-{scheme}")
    if scheme == "recount":
        app = make_app(settings, Reader(stand, {}, apply))
    else:
        app = faust.App(
            settings.group,
            broker=f"kafka://{settings.kafka_bootstrap}",
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            broker_max_poll_records=settings.turn_inputs_max,
            datadir=mkdtemp(),
        )

        async def read(stream: Any) -> None:
            async for _ in stream.events():
                seen(1)

        app.agent(app.topic(*INPUTS, value_type=bytes), concurrency=1, name="reader")(read)
    async with asyncio.timeout(READ_WITHIN):
        await app.start()
        await asyncio.Event().wait()


# -- durable verdicts -----------------------------------------------------------------------------


def _durable(
    folder: Path, events: int, environment: dict[str, str], workers: int
) -> tuple[float, float]:
    """Events a second from the first committed turn to the last, and the largest worker's memory."""
    ledger = _empty_ledger(environment)
    running = []
    try:
        for n in range(workers):
            log = (folder / f"worker-{n}.log").open("wb")
            command = [sys.executable, "-m", "service.cli", "worker"]
            running.append(
                subprocess.Popen(command, env={**os.environ, **environment}, stderr=log, stdout=log)
            )
        speed = _speed(ledger, events, running)
        peak = max(_peak_memory_mb(process.pid) for process in running)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)
        ledger.close()
    return speed, peak


def _empty_ledger(environment: dict[str, str]) -> Ledger:
    url = make_url(environment["DATABASE_URL"]).set(drivername="postgresql+psycopg")
    admin = create_engine(url)
    with admin.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    admin.dispose()
    ledger = open_ledger(environment["DATABASE_URL"])
    upgrade(ledger.engine)
    return ledger


def _speed(ledger: Ledger, events: int, running: list["subprocess.Popen[bytes]"]) -> float:
    begun, first = 0.0, 0
    while True:
        with ledger.reading() as connection:
            applied = int(connection.scalars(select(func.sum(positions.c.next))).one() or 0)
        now = time.perf_counter()
        if applied and not begun:
            begun, first = now, applied
        if applied >= events:
            return (applied - first) / (now - begun)
        if any(process.poll() is not None for process in running):
            raise RuntimeError("a worker ended; see its log")
        time.sleep(0.05)


def _peak_memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
