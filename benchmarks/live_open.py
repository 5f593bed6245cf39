"""Does a worker slow down, or grow, with the reports that await their deadline?

The same load over ever more open reports: those received within the last hours, none of them due.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.live_events import LOGS, RECORDS, Message, log, record
from benchmarks.live_stage import FORCES, JOIN_ONLY, Stage, applied, peak_memory_mb

STEPS = (100, 10, 1)
"""The most open reports, and a tenth and a hundredth of that."""
LOAD = 100_000
"""Events of a measurement: reports, each with its record."""


def measure(stage: Stage, reports: int) -> Iterator[dict[str, Any]]:
    """A row for each number of open reports, one worker; first filled, then measured under load."""
    stage.topics(LOGS, RECORDS)
    ledger = stage.empty_ledger()
    began = datetime.now(UTC) - timedelta(hours=7)
    number, sent, opened = 0, 0, 0
    try:
        for n, part in enumerate(STEPS):
            fill = reports // part - opened
            opened += fill
            at = began + timedelta(hours=2 * n)
            filled = list(_opened(number, fill, at))
            number += fill
            stage.put(filled)
            sent += fill
            with stage.workers(JOIN_ONLY, 1) as running:
                _await(stage, ledger, sent, running)
            stage.rest()  # filled within minutes, it is in the state that it has by day
            load = list(_load(number, at + timedelta(hours=1)))
            number += LOAD // 2
            stage.put(load)
            for work in (JOIN_ONLY,):
                started = time.perf_counter()
                with stage.workers(work, 1) as running:
                    while applied(ledger) == sent:
                        time.sleep(0.01)
                    start_up = time.perf_counter() - started
                    sent += len(load)
                    speed = stage.speed(ledger, sent, running)
                    peak = peak_memory_mb(running[0].pid)
                yield {
                    "open_reports": opened,
                    "case": work.name,
                    "events_per_second": speed,
                    "peak_memory_mb": round(peak),
                    "first_turn_after_s": round(start_up, 2),
                }
    finally:
        ledger.close()


def _await(stage: Stage, ledger: Any, events: int, running: list[Any]) -> None:
    while applied(ledger) < events:
        if running[0].poll() is not None:
            raise RuntimeError(stage.last_words())
        time.sleep(0.1)


def _opened(first: int, count: int, begins: datetime) -> Iterator[Message]:
    gap = timedelta(hours=1) / max(count, 1)
    for n in range(first + 1, first + count + 1):
        at, force = begins + gap * (n - first), f"{n % FORCES + 1:02}"
        yield Message(LOGS, force, f"LOG-{n:09}", at, log(n, force, at))


def _load(first: int, begins: datetime) -> Iterator[Message]:
    """Reports recorded half a minute later."""
    gap = timedelta(hours=1) / LOAD
    for n in range(LOAD // 2):
        number, at = first + n + 1, begins + gap * 2 * n
        force = f"{number % FORCES + 1:02}"
        made = at + timedelta(seconds=30)
        yield Message(LOGS, force, f"LOG-{number:09}", at, log(number, force, at))
        yield Message(RECORDS, force, f"LOG-{number:09}", made, record(number, force, at, made))
