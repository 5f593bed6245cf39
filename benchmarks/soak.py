"""Does the worker's memory grow? A worker under a steady feed for half an hour, and the slope of its size.

    python -m benchmarks.soak [--minutes 30] [--rate 300]

The first quarter warms up and is left out. Prints a line a minute, then the slope, and exits with 1 where
it is above the limit.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path

from service.hosts import kafka_topics
from service.hosts.feeding import Fed, TopicSender, simulated
from service.hosts.real_parts import RealKafka, RealPostgres, scratch
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.settings import read_settings
from service.simulation.generate import Settings

SLOPE_MAX = 20.0
"""MB an hour: what the allocator may still be taking after the warm-up."""
SAMPLE_EVERY = 1.0
"""Seconds between two looks, and between two handfuls fed."""


def main() -> None:
    """Measure, print, judge."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--minutes", type=float, default=30.0)
    arguments.add_argument("--rate", type=int, default=300, help="events a second")
    given = arguments.parse_args()
    samples = list(_samples(given.minutes * 60, given.rate))
    warm = [each for each in samples if each[0] >= given.minutes * 15]
    grown = slope(warm) * 3600
    print(f"{len(samples)} samples; last {samples[-1][1]:.0f} MB; slope {grown:+.1f} MB an hour")
    if grown > SLOPE_MAX and given.minutes >= 10:  # of a short run the warm-up is most
        sys.exit(1)


def slope(samples: list[tuple[float, float]]) -> float:
    """Least squares of (seconds, MB): MB a second."""
    n = len(samples)
    x = sum(at for at, _ in samples) / n
    y = sum(size for _, size in samples) / n
    spread = sum((at - x) ** 2 for at, _ in samples)
    return sum((at - x) * (size - y) for at, size in samples) / spread if spread else 0.0


def _samples(seconds: float, rate: int) -> Iterator[tuple[float, float]]:
    with scratch() as folder:
        kafka, postgres = RealKafka(folder / "kafka"), RealPostgres(folder / "postgres")
        kafka.start()
        postgres.start()
        worker = None
        try:
            where = {"KAFKA_BOOTSTRAP": kafka.bootstrap, "DATABASE_URL": postgres.url}
            settings = read_settings(**where)
            with kafka_topics.administering(settings) as client:
                kafka_topics.create(
                    client,
                    list(settings.topics),
                    partitions=4,
                    replication=1,
                    append_time_days=None,
                )
            ledger = open_ledger(postgres.url)
            upgrade(ledger.engine)
            ledger.close()
            worker = _worker(folder, where)
            yield from _watched(worker, TopicSender(settings), seconds, rate)
        finally:
            if worker is not None:
                worker.terminate()
                worker.wait(60)
            postgres.stop()
            kafka.stop()


def _worker(folder: Path, where: dict[str, str]) -> "subprocess.Popen[bytes]":
    with (folder / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "service.cli", "worker"]
        return subprocess.Popen(command, env={**os.environ, **where}, stdout=log, stderr=log)


def _watched(
    worker: "subprocess.Popen[bytes]", sender: TopicSender, seconds: float, rate: int
) -> Iterator[tuple[float, float]]:
    told: Iterator[Fed] = simulated(Settings(days=4000, starts=date(2015, 5, 1)), 1)
    began, said = time.monotonic(), 0.0
    try:
        while (at := time.monotonic() - began) < seconds:
            if worker.poll() is not None:
                raise SystemExit(f"the worker ended with exit code {worker.returncode}")
            sender.send(list(islice(told, int(rate * SAMPLE_EVERY))))
            size = _megabytes(worker.pid)
            yield at, size
            if at - said >= 60:
                said = at
                print(f"{at / 60:6.1f} min {size:8.1f} MB", flush=True)
            time.sleep(max(0.0, SAMPLE_EVERY - (time.monotonic() - began - at)))
    finally:
        sender.close()


def _megabytes(pid: int) -> float:
    """Resident size of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
