"""One installation: its topics, its ledger, its workers, as somebody would run them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import func, select

from service.hosts import kafka_topics
from service.ledger.instants import micros
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tables import lanes, positions
from service.ledger.upgrading import upgrade
from service.settings import Settings, read_settings
from tests.kafka.feed import PACK, SIDES, Event, produce

PATIENCE = 90.0
"""Seconds after which something that should happen is called missing."""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Site:
    """Topics and a group of their own on a shared broker."""

    def __init__(self, bootstrap: str, database: str, folder: Path, partitions: int = 4) -> None:
        self.bootstrap = bootstrap
        self.database = database
        self._partitions = partitions
        self._folder = folder
        self._workers: list[Running] = []
        mark = uuid4().hex[:8]
        self.topics = {side: f"{side}-{mark}" for side in SIDES}
        named = {self.topics[side]: f"native/{name}" for side, name in SIDES.items()}
        self.environment = {
            "KAFKA_BOOTSTRAP": bootstrap,
            "DATABASE_URL": database,
            "RECOUNT_TOPICS": json.dumps(named),
            "RECOUNT_ALERTS_TOPIC": f"alerts-{mark}",
            "RECOUNT_DEAD_LETTERS_TOPIC": f"dead-{mark}",
            "RECOUNT_RULES": PACK,
            "RECOUNT_GROUP": f"recount-{mark}",
            "RECOUNT_SESSION_TIMEOUT": "6",
            "RECOUNT_TICK_EVERY": "0.5",
            "RECOUNT_TURN_INPUTS_MAX": "100",
            "RECOUNT_LOG_LEVEL": "debug",
        }

    def set_up(self) -> Ledger:
        """Make topics and tables; the ledger, to look into."""
        self.make_topics()
        ledger = open_ledger(self.database)
        upgrade(ledger.engine)
        return ledger

    def settings(self, **changes: Any) -> Settings:
        """What a command run here would read from its environment."""
        held = {**self.environment, **changes}
        given = {name: held[name] for name in ("KAFKA_BOOTSTRAP", "DATABASE_URL")}
        rest = {k.removeprefix("RECOUNT_").lower(): v for k, v in held.items() if k not in given}
        return read_settings(**given, **{**rest, "topics": json.loads(held["RECOUNT_TOPICS"])})

    def make_topics(self) -> None:
        """Make those that are not there."""
        settings = self.settings()
        with kafka_topics.administering(settings) as client:
            there = client.list_topics()
            every = (*settings.topics, settings.alerts_topic, settings.dead_letters_topic)
            missing = [name for name in every if name not in there]
            kafka_topics.create(
                client,
                missing,
                partitions=self._partitions,
                replication=1,
                append_time_days=None,
            )

    def anew(self, database: str) -> Ledger:
        """The same topics, read from their start by another group into another ledger."""
        self.database = database
        self.environment["DATABASE_URL"] = database
        self.environment["RECOUNT_GROUP"] = f"recount-{uuid4().hex[:8]}"
        ledger = open_ledger(database)
        upgrade(ledger.engine)
        return ledger

    def run(self, *command: str, **environment: str) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", *command],
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def produce(self, told: Sequence[Event], codec: str | None = None) -> None:
        """Put events on their topics."""
        produce(self.bootstrap, self.topics, told, codec)

    def start(self, *options: str, command: str = "worker", **environment: str) -> "Running":
        """Start a worker, or another command that stays."""
        log = self._folder / f"worker-{len(self._workers)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", command, *options],
                env={**os.environ, **self.environment, **environment},
                stderr=file,
                stdout=file,
            )
        self._workers.append(Running(process, log))
        return self._workers[-1]

    def end(self) -> None:
        """Leave no worker behind."""
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()

    def running(self) -> "list[Running]":
        """Those that have not ended."""
        return [each for each in self._workers if each.process.poll() is None]

    def await_applied(
        self, ledger: Ledger, count: int, *alive: "Running", within: float = PATIENCE
    ) -> None:
        """Wait until so many positions are applied."""
        await_that(lambda: applied(ledger) >= count, f"{count} applied", *alive, within=within)

    def await_ticked(self, ledger: Ledger, *alive: "Running") -> None:
        """Wait until time has passed for every force since now."""
        now = micros(datetime.now(UTC))

        def ticked() -> bool:
            with ledger.reading() as connection:
                oldest = connection.scalars(select(func.min(lanes.c.now))).one()
            return oldest is not None and oldest >= now

        await_that(ticked, "ticked", *alive)


class Running(NamedTuple):
    """A worker, and what it says."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self, action: str) -> list[dict[str, Any]]:
        """Lines of its log with one action; a line not yet whole is left out."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        told = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [each for each in told if each["action"] == action]

    def owned(self) -> set[str]:
        """Topic and partition of what it was given last."""
        assigned = self.said("assigned")
        return set(assigned[-1]["positions"]) if assigned else set()

    def await_said(self, action: str, times: int = 1) -> dict[str, Any]:
        """Wait for a line of its log."""
        await_that(lambda: len(self.said(action)) >= times, f"{action} said", self)
        return self.said(action)[-1]

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def ended(self) -> int:
        """Wait for it to end by itself; its exit code."""
        return self.process.wait(PATIENCE)


@contextmanager
def dev_running(
    folder: Path, *more: str, **environment: str
) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """`recount dev` with a history of a day, and where it says that everything is. What it says on
    standard error goes to ``errors`` in the folder, which is its place for temporary files too."""
    own = {k: v for k, v in os.environ.items() if k not in ("KAFKA_BOOTSTRAP", "DATABASE_URL")}
    options = ["dev", "--days", "1", "--speed", "1e7", "--json", *more]
    with (folder / "errors").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *options],
            env={**own, "TMPDIR": str(folder), "RECOUNT_TICK_EVERY": "0.5", **environment},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    try:
        assert process.stdout is not None
        yield process, json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
    finally:
        process.terminate()
        process.communicate()


def workers_of(dev: "subprocess.Popen[str]") -> list[int]:
    """Processes of the workers that `recount dev` started."""
    children = Path(f"/proc/{dev.pid}/task/{dev.pid}/children").read_text(encoding="ascii")
    return [
        int(each)
        for each in children.split()
        if Path(f"/proc/{each}/cmdline").read_bytes().endswith(b"\0worker\0")
    ]


def applied(ledger: Ledger) -> int:
    """Positions applied, over all topics."""
    with ledger.reading() as connection:
        return int(connection.scalars(select(func.sum(positions.c.next))).one() or 0)


def await_that(
    holds: Callable[[], bool], what: str, *alive: Running, within: float = PATIENCE
) -> None:
    """Wait until something holds; fail at once where a worker that should live has ended."""
    deadline = time.monotonic() + within
    while not holds():
        for worker in alive:
            if worker.process.poll() is not None:
                raise AssertionError(f"{what}: ended {worker.process.returncode}\n{_tail(worker)}")
        if time.monotonic() > deadline:
            raise AssertionError(f"not {what}\n" + "\n".join(_tail(worker) for worker in alive))
        time.sleep(0.02)


def _tail(worker: Running) -> str:
    return worker.log.read_text(encoding="utf-8")[-3000:]
