"""``recount dev``: everything on this machine, real and short-lived: broker, ledger, workers, relay, board,
a feed.

Nothing is needed but Python packages (the extra ``dev-stack``), nothing listens to other machines, and
nothing is left: when it ends, the parts are stopped in order and their folder is removed. A part that is
killed is started again, as a supervisor would.
"""

import os
import subprocess
import sys
import time
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

LIVED = 10.0
"""Seconds after which a part that ends had begun; one that ends sooner would only end again."""

BOARD = "answers at "
"""What the board's log says before its address."""

LAST_WORDS = 2_000
"""Characters of a part's log that are shown where it ends by itself."""


class Whereabouts(Struct, frozen=True):
    """Where everything listens."""

    kafka: str
    database: str
    board: str
    """An address that lets its reader in once."""
    logs: Path
    topics: tuple[str, ...]


class Part(Struct, frozen=True):
    """One command of Recount's that stays."""

    name: str
    command: tuple[str, ...]
    process: "subprocess.Popen[bytes]"
    log: Path
    began: float


Restarted = Callable[[str, int], None]
"""Told the name of a part that was started again, and how it had ended."""


def run_dev(
    told: Iterable[Fed],
    speed: float | None,
    workers: int,
    partitions: int,
    show: Callable[[Whereabouts], None],
    heard: Callable[[int, datetime], None],
    restarted: Restarted,
) -> None:
    """Start everything, feed it, and go on until SIGINT or SIGTERM; then stop all of it.

    Raises ``PartFailed`` where Kafka does not start, ``WorkerStopped`` where a part ends as it begins.
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
        commands = [(f"worker-{n}", ("worker",)) for n in range(1, workers + 1)]
        others = (("relay", ("relay",)), ("serve", ("serve", "--port", "0")))
        for name, command in (*commands, *others):
            parts.append(_start(name, command, folder, environment))

        def over() -> bool:
            _look_at(parts, environment, restarted)
            return stopped.is_set()

        board = _board(parts[-1], over)
        show(Whereabouts(bootstrap, database, board, folder, tuple(settings.topics)))
        sender = TopicSender(settings)
        stack.callback(sender.close)
        feed(told, sender.send, speed, until=over, heard=heard)
        while not stopped.wait(LOOK_EVERY):
            over()


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


def _start(
    name: str, command: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> Part:
    log = folder / f"{name}.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *command],
            env={**os.environ, **environment},
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is for us: parts are stopped in order
        )
    return Part(name, command, process, log, time.monotonic())


def _board(part: Part, over: Callable[[], bool]) -> str:
    """Where the board is, once it says so; empty where everything is over before."""
    while not over():
        _, found, said = part.log.read_text(encoding="utf-8").partition(BOARD)
        if found and "\n" in said:
            return said.split()[0]
        time.sleep(0.1)
    return ""


def _look_at(parts: list[Part], environment: Mapping[str, str], restarted: Restarted) -> None:
    """Start again what has ended. Raises ``WorkerStopped`` where it had hardly begun."""
    for n, part in enumerate(parts):
        code = part.process.poll()
        if code is None:
            continue
        if time.monotonic() - part.began < LIVED:
            words = part.log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]
            raise WorkerStopped(f"{part.name} ended with exit code {code}; it said last:\n{words}")
        parts[n] = _start(part.name, part.command, part.log.parent, environment)
        restarted(part.name, code)


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
