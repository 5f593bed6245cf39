"""What being scraped costs, over a ledger of a million open reports, on SQLite and on PostgreSQL.

    python -m benchmarks.scrape

A few reports are made by turns and multiplied in SQL, one in ten received just now. Then: how long one
scrape takes, while what is counted once a minute is being counted for the first time and after; and how
long turns take with nobody scraping, and with a scrape every second, fifteen times as often
as usual, in alternating stretches, so that what else the machine does falls on both.
"""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.exposition import generate_latest

from benchmarks.events import write
from service.effects import Input
from service.hosts.arrivals import arrival_of
from service.hosts.files import read_mapping, read_pack
from service.hosts.health import Health
from service.hosts.real_parts import a_postgres
from service.ingest.decode import Decoder, Refused
from service.ledger.instants import micros
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from service.metrics import Origin
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.settings import read_settings
from service.turn import Batch, turn

OPEN = 1_000_000
MADE = 4_000
FORCES = 8
TURN = 100
STRETCH = 40
"""Turns in one stretch."""
STRETCHES = 4

_MULTIPLIED = """
INSERT INTO reports SELECT r.force, r.ref || '-' || g.n,
CASE WHEN mod(g.n, 10) = 0 THEN {now} ELSE r.received_at END, r.verdict, r.grade, r.claim,
r.deadline, r.waits_on, r.next_by_watermark, r.next_by_clock, r.state, r.line, r.harm_group, r.category,
r.area, r.on_board, r.queues, r.owner
FROM reports AS r CROSS JOIN ({numbers}) AS g WHERE r.deadline IS NOT NULL
"""
_NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(1, {times}) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {times}) "
    "SELECT n FROM s",
}


def inputs(count: int) -> tuple[list[Input], Rulebook]:
    """Reports of several forces, none of them recorded."""
    mapping, pack = read_mapping("native"), read_pack("england_and_wales")
    feed = next(each for each in mapping.feeds if each.side == "incidents")
    decoder, observer = Decoder(feed, "log", None), Observer(pack, feed.source)
    found: list[Input] = []
    with TemporaryDirectory() as folder:
        log, _ = write(Path(folder), count * 2, forces=FORCES, open_reports=count)
        for line in log.read_bytes().splitlines():
            read = decoder.decode(line)
            if read is not None and not isinstance(read, Refused):
                found.append(arrival_of(read, observer, feed.source.name))
    return found, Rulebook(pack, {each.source.name: each.source for each in mapping.feeds})


def filled(ledger: Ledger, told: list[Input], rulebook: Rulebook) -> int:
    """Make a few by turns, and many of them; how many are open."""
    upgrade(ledger.engine)
    for start in range(0, len(told), 500):
        turn(ledger, rulebook, Batch(inputs=tuple(told[start : start + 500])))
    with ledger.writing() as connection:
        count = "SELECT count(*) FROM reports WHERE deadline IS NOT NULL"
        held = connection.exec_driver_sql(count).scalar_one()
        numbers = _NUMBERS[ledger.dialect].format(times=OPEN // held)
        now = micros(datetime.now(UTC))
        connection.exec_driver_sql(_MULTIPLIED.format(numbers=numbers, now=now))
        connection.exec_driver_sql("DELETE FROM tallies")
        connection.exec_driver_sql(
            "INSERT INTO tallies SELECT force, verdict, grade, count(*) FROM reports GROUP BY 1, 2, 3"
        )
        found = connection.exec_driver_sql(count).scalar_one()
    if ledger.dialect == "postgresql":
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return int(found)


@contextmanager
def scraped(health: Health, every: float) -> Iterator[None]:
    """Somebody scrapes while this lasts."""
    told = threading.Event()

    def scraping() -> None:
        while not told.wait(every):
            generate_latest(health.counted.registry)

    thread = threading.Thread(target=scraping)
    thread.start()
    yield
    told.set()
    thread.join()


def turns(ledger: Ledger, rulebook: Rulebook, lots: list[list[Input]]) -> list[float]:
    """Milliseconds of each."""
    took = []
    for lot in lots:
        began = time.perf_counter()
        turn(ledger, rulebook, Batch(inputs=tuple(lot)))
        took.append(1000 * (time.perf_counter() - began))
    return took


def measure(ledger: Ledger) -> None:
    """One database."""
    told, rulebook = inputs(MADE + 2 * STRETCHES * STRETCH * TURN)
    held = filled(ledger, told[:MADE], rulebook)
    health = Health(read_settings(), Origin.TURNS)
    began = time.perf_counter()
    health.watch(ledger)
    took = []
    for _ in range(9):
        start = time.perf_counter()
        generate_latest(health.counted.registry)
        took.append(time.perf_counter() - start)
    health.looked.wait()
    looked = time.perf_counter() - began
    print(f"{ledger.dialect}: {held:,} open reports")
    print(
        f"  scrape: first {took[0]:.2f} s, median {statistics.median(took):.2f} s, worst {max(took):.2f} s"
    )
    print(f"  counted once a minute, beside: done {looked:.2f} s after the start")
    rest = told[MADE:]
    lots = [rest[n : n + TURN] for n in range(0, len(rest), TURN)]
    alone, beside = [], []
    for n in range(STRETCHES):
        some = lots[2 * n * STRETCH : 2 * (n + 1) * STRETCH]
        alone += turns(ledger, rulebook, some[:STRETCH])
        with scraped(health, 1.0):
            beside += turns(ledger, rulebook, some[STRETCH:])
    for name, each in (("alone", alone), ("scraped every second", beside)):
        worst = statistics.quantiles(each, n=20)[-1]
        print(
            f"  turn of {TURN}, {name}: median {statistics.median(each):.1f} ms, p95 {worst:.1f} ms"
        )
    health.rest()


def main() -> None:
    """Both databases."""
    with TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        measure(ledger)
        ledger.close()
    with a_postgres() as url:
        ledger = open_ledger(url)
        measure(ledger)
        ledger.close()


if __name__ == "__main__":
    main()
