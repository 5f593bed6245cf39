"""`make rehearse`, its second part: what rules tell while a worker dies and the database restarts.

`recount dev` with three workers, fed a force, and a real Prometheus with the shipped rules, made
impatient (in a real one each waits for some minutes). Times go to ``out/walk-through.json``.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from service.hosts.real_parts import RealPostgres, scratch
from service.ledger import outputs
from service.ledger.opening import Ledger, open_ledger
from tests.kafka.site import await_that, dev_running, workers_of
from tests.kafka.test_faults import whole
from tests.operations.test_prometheus import Prometheus, health_of

WORKERS = 3
OUT = Path(__file__).parents[2] / "out" / "walk-through.json"
DOWN, UNREAD, STILL = "RecountProcessDown", "RecountLedgerUnread", "RecountTimeStandsStill"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def postgres() -> Iterator[RealPostgres]:
    with scratch() as folder:
        server = RealPostgres(folder)
        server.start()
        yield server
        server.stop()


class Watch:
    """Seconds from one moment to others."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self._began = time.monotonic()

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for something, and note how long after the beginning it was."""
        await_that(holds, what)
        self.seen[what] = round(time.monotonic() - self._began, 1)


def applied_of(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        return sum(sum(each.values()) for each in outputs.taken_in(connection).values())


def test_the_story_is_told(tmp_path: Path, postgres: RealPostgres) -> None:
    found: dict[str, Any] = {"workers": WORKERS}
    options = ("--workers", str(WORKERS), "--speed", "20000")
    given = {"DATABASE_URL": postgres.url, "RECOUNT_SESSION_TIMEOUT": "10"}
    with dev_running(tmp_path, *options, **given) as (process, where):
        logs = Path(where["logs"])
        parts = [*(f"worker-{n}" for n in range(1, WORKERS + 1)), "relay", "serve"]
        await_that(lambda: all(health_of(logs / f"{name}.log") for name in parts), "ports said")
        targets = {f"recount-{name}": health_of(logs / f"{name}.log") for name in parts}
        prometheus = Prometheus(tmp_path, targets)
        ledger = open_ledger(postgres.url)
        try:
            await_that(prometheus.answers, "Prometheus up")
            everybody = f"sum(up) == {len(parts)} and sum(recount_ready) == {len(parts)}"
            await_that(lambda: prometheus.value(everybody) > 0, "everything ready")
            found["worker killed"] = _worker_dies(process, prometheus, ledger)
            found["database restarted"] = _database_restarts(postgres, prometheus, ledger, parts)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            whole(ledger)
        finally:
            ledger.close()
            prometheus.end()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _worker_dies(dev: Any, prometheus: Prometheus, ledger: Ledger) -> dict[str, float]:
    """One of three; its partitions go to the others, dev starts it again."""
    first = workers_of(dev)[0]
    time.sleep(10)  # dev starts again what had lived for so long
    watch, before = Watch(), applied_of(ledger)
    os.kill(first, signal.SIGKILL)
    watch.until("alert: process down", lambda: any(n == DOWN for n, _ in prometheus.firing()))
    watch.until("started again", lambda: len(workers_of(dev)) == WORKERS)
    watch.until("inputs applied", lambda: applied_of(ledger) > before)
    watch.until(
        "every clock goes on", lambda: prometheus.value("max(recount_lane_behind_seconds)") < 15
    )
    return watch.seen


def _database_restarts(
    postgres: RealPostgres, prometheus: Prometheus, ledger: Ledger, parts: list[str]
) -> dict[str, float]:
    """Stopped for some seconds, whoever is connected."""
    watch, before = Watch(), applied_of(ledger)
    postgres.stop()
    watch.until("alert: ledger unread", lambda: any(n == UNREAD for n, _ in prometheus.firing()))
    postgres.start()
    watch.until("database back", lambda: _reads(ledger))
    watch.until("inputs applied", lambda: applied_of(ledger) > before)
    watch.until("alert gone", lambda: not any(n == UNREAD for n, _ in prometheus.firing()))
    conserved = prometheus.value("max(recount_conservation_difference)")
    assert conserved == 0
    return watch.seen


def _reads(ledger: Ledger) -> bool:
    try:
        return applied_of(ledger) >= 0
    except DBAPIError:
        return False
