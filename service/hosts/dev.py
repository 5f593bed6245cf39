"""``recount dev``: everything on this machine, real and short-lived: brokers, ledger, workers, a feed.

Nothing is needed but Python packages (the extra ``dev-stack``), nothing listens to other machines, and
nothing is left: when it ends, the parts are stopped in order and their folder is removed.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from service.hosts import kafka_topics
from service.hosts.feeding import Fed, TopicSender, feed
from service.hosts.real_parts import a_kafka, a_postgres, scratch
from service.hosts.stopped import WorkerStopped, told_to_stop
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.settings import Settings, read_settings

STOP_WITHIN = 40.0
"""Seconds in which a part must have stopped before it is killed."""

LOOK_EVERY = 1.0
"""Seconds between two looks whether every part still runs."""

LAST_WORDS = 2_000
"""Characters of a part's log that are shown where it ends by itself."""


class Whereabouts(Struct, frozen=True):
    """Where everything listens."""

    kafka: str
    database: str
    logs: Path
    topics: tuple[str, ...]


class Part(Struct, frozen=True):
    """One command of Recount's that stays."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path


def run_dev(
    told: Iterable[Fed],
    speed: float | None,
    workers: int,
    partitions: int,
    show: Callable[[Whereabouts], None],
    heard: Callable[[int, datetime], None],
) -> None:
    """Start everything, feed it, and go on until SIGINT or SIGTERM; then stop all of it.

    Raises ``PartFailed`` where Kafka does not start, ``WorkerStopped`` where a part ends by itself.
    """
    with told_to_stop() as stopped, ExitStack() as stack:
        folder = stack.enter_context(scratch())
        bootstrap = stack.enter_context(a_kafka())
        database = stack.enter_context(a_postgres())
        settings = read_settings(KAFKA_BOOTSTRAP=bootstrap, DATABASE_URL=database)
        _set_up(settings, partitions)
        environment = {"KAFKA_BOOTSTRAP": bootstrap, "DATABASE_URL": database}
        parts: list[Part] = []
        stack.callback(_stop, parts)
        commands = [("worker", f"worker-{n}") for n in range(1, workers + 1)]
        for command, name in (*commands, ("relay", "relay")):
            parts.append(_start(command, name, folder, environment))
        show(Whereabouts(bootstrap, database, folder, tuple(settings.topics)))
        sender = TopicSender(settings)
        stack.callback(sender.close)

        def over() -> bool:
            _look_at(parts)
            return stopped.is_set()

        feed(told, sender.send, speed, until=over, heard=heard)
        while not stopped.wait(LOOK_EVERY):
            _look_at(parts)


def _set_up(settings: Settings, partitions: int) -> None:
    names = (*settings.topics, settings.alerts_topic, settings.dead_letters_topic)
    with kafka_topics.administering(settings) as client:
        there = kafka_topics.describe(client, names)
        missing = [name for name in names if name not in there]
        kafka_topics.create(
            client, missing, partitions=partitions, replication=1, append_time_days=None
        )
    ledger = open_ledger(settings.ledger_url())
    try:
        upgrade(ledger.engine)
    finally:
        ledger.close()


def _start(command: str, name: str, folder: Path, environment: Mapping[str, str]) -> Part:
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", command],
            env={**os.environ, **environment},
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is for us: parts are stopped in order
        )
    return Part(name, process, log)


def _look_at(parts: Iterable[Part]) -> None:
    """Raises ``WorkerStopped`` where a part has ended by itself."""
    for part in parts:
        code = part.process.poll()
        if code is not None:
            words = part.log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]
            raise WorkerStopped(f"{part.name} ended with exit code {code}; it said last:\n{words}")


def _stop(parts: Iterable[Part]) -> None:
    running = [part for part in parts if part.process.poll() is None]
    for part in running:
        part.process.terminate()
    for part in running:
        try:
            part.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            part.process.kill()
            part.process.wait()
