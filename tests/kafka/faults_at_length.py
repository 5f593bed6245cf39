"""`make faults`: what takes too long for every change. Each case is judged as the short ones are.

RECOUNT_KILLS: how often a worker is killed or stopped under load (50).
"""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.words import AlertType
from service.hosts.real_parts import RealKafka, RealPostgres, scratch
from service.ledger import outputs
from service.ledger.opening import Ledger
from tests.conftest import Fresh
from tests.kafka.feed import NOW, Event, answer, applied_directly, events
from tests.kafka.site import Running, Site, await_that
from tests.kafka.test_faults import whole
from tests.kafka.test_relay import read, said, waits

KILLS = int(os.environ.get("RECOUNT_KILLS", "50"))
pytestmark = pytest.mark.timeout(3600)


def judge(site: Site, ledger: Ledger, told: tuple[Event, ...], folder: Path) -> None:
    """Nothing lost, nothing false, nothing under two ids; in the ledger and on the topic."""
    assert answer(ledger) == applied_directly(told, folder, NOW)
    whole(ledger)
    relay = site.start(command="relay")
    await_that(lambda: not waits(ledger), "all sent", relay)
    assert relay.stop() == 0
    records = read(site, site.environment["RECOUNT_ALERTS_TOPIC"])
    ids = {json.loads(record.value)["id"] for record in records}
    assert ids == {event_id for _, _, event_id in said(ledger)}


def settled(site: Site, ledger: Ledger, written: int, *workers: Running) -> None:
    """Everything applied, time passed, and all workers gone in order."""
    site.await_applied(ledger, written, *workers)
    site.await_ticked(ledger, *workers)
    assert [worker.stop() for worker in workers] == [0] * len(workers)


def test_killed_at_random_points_again_and_again(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    told, chance = events(20_000), random.Random(1)
    site.produce(told)
    for _ in range(KILLS):
        worker = site.start(RECOUNT_TURN_INPUTS_MAX="50")
        worker.await_said("assigned")
        time.sleep(chance.uniform(0.0, 1.5))
        worker.kill()
    settled(site, ledger, len(told), site.start())
    judge(site, ledger, told, tmp_path)


def test_stopped_at_random_points_and_continued(site: Site, ledger: Ledger, tmp_path: Path) -> None:
    """Beyond the session timeout, inside a transaction or between two."""
    told, chance = events(9_000), random.Random(2)
    site.produce(told)
    workers = [site.start(RECOUNT_TURN_INPUTS_MAX="20") for _ in range(2)]
    for worker in workers:
        worker.await_said("assigned")
    for n in range(max(1, KILLS // 10)):
        still = workers[n % 2]
        time.sleep(chance.uniform(0.0, 1.0))
        before = len(still.said("assigned"))
        still.process.send_signal(signal.SIGSTOP)
        time.sleep(9.0)  # the session timeout is 6 s
        still.process.send_signal(signal.SIGCONT)
        await_that(lambda w=still, b=before: len(w.said("assigned")) > b, "back", *workers)  # type: ignore[misc]
    settled(site, ledger, len(told), *workers)
    judge(site, ledger, told, tmp_path)


def test_one_to_three_to_one_and_a_rolling_restart_under_load(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    told = events(9_000)
    site.produce(told)
    first = site.start(RECOUNT_TURN_INPUTS_MAX="50")
    site.await_applied(ledger, len(told) // 10, first)
    others = [site.start(RECOUNT_TURN_INPUTS_MAX="50") for _ in range(2)]
    for worker in others:
        worker.await_said("assigned")
    workers = [first, *others]
    for n in range(3):  # one after another is replaced
        assert workers[n].stop() == 0
        workers[n] = site.start(RECOUNT_TURN_INPUTS_MAX="50")
        workers[n].await_said("assigned")
    assert [worker.stop() for worker in workers[1:]] == [0, 0]
    settled(site, ledger, len(told), workers[0])
    judge(site, ledger, told, tmp_path)


@pytest.mark.parametrize("gone", [0.0, 60.0])
def test_a_broker_that_is_killed_and_started_again(
    postgres_databases: Fresh, tmp_path: Path, gone: float
) -> None:
    with scratch() as folder:
        kafka = RealKafka(folder)
        kafka.start()
        site = Site(kafka.bootstrap, postgres_databases(), tmp_path)
        ledger = site.set_up()
        try:
            told = events(3_000)
            site.produce(told)
            worker = site.start(RECOUNT_TURN_INPUTS_MAX="20", RECOUNT_STALL_AFTER="120")
            site.await_applied(ledger, len(told) // 4, worker)
            kafka.kill()
            time.sleep(gone)
            kafka.start()
            settled(site, ledger, len(told), worker)
            judge(site, ledger, told, tmp_path)
        finally:
            site.end()
            ledger.close()
            kafka.stop()


@pytest.mark.parametrize("away", [RealPostgres.stop, RealPostgres.kill, RealPostgres.pause])
def test_a_database_that_is_away_under_load(
    kafka_bootstrap: str, tmp_path: Path, away: Callable[[RealPostgres], None]
) -> None:
    with scratch() as folder:
        postgres = RealPostgres(folder)
        postgres.start()
        site = Site(kafka_bootstrap, postgres.url, tmp_path)
        ledger = site.set_up()
        try:
            told = events(3_000)
            site.produce(told)
            worker = site.start(RECOUNT_TURN_INPUTS_MAX="20")
            for part in (4, 2):
                site.await_applied(ledger, len(told) // part, worker)
                ledger.close()
                away(postgres)
                time.sleep(3.0)
                (postgres.resume if away is RealPostgres.pause else postgres.start)()
            settled(site, ledger, len(told), worker)
            judge(site, ledger, told, tmp_path)
        finally:
            site.end()
            ledger.close()
            postgres.stop()


def test_produced_twice_and_out_of_order(site: Site, ledger: Ledger, tmp_path: Path) -> None:
    """Wholly shuffled, beyond any lateness, a third of it sent again; heartbeats come before much of
    what they say is over. What was judged on less is judged again."""
    told = events(3_000)
    mixed = [*told, *told[::3]]
    random.Random(3).shuffle(mixed)
    site.produce(mixed)
    settled(site, ledger, len(mixed), site.start())
    judge(site, ledger, told, tmp_path)


def test_a_crime_feed_that_stops_for_hours_makes_no_false_miss(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    """Deadlines pass meanwhile; nothing is said missed before the feed has caught up."""
    told = events(3_000)
    crimes = [event for event in told if event.side == "crimes"]
    stopped = crimes[len(crimes) // 3].at
    before = [e for e in told if e.side != "crimes" or e.at < stopped]
    later = [e for e in told if e.side == "crimes" and e.at >= stopped]
    site.produce(before)
    worker = site.start()
    site.await_applied(ledger, len(before), worker)
    site.await_ticked(ledger, worker)
    with ledger.reading() as connection:
        early = [c.effective_at for c in outputs.claims(connection)]
    assert all(at <= stopped + timedelta(hours=1) for at in early)
    site.produce(later)
    site.await_applied(ledger, len(told), worker)
    site.await_ticked(ledger, worker)
    assert worker.stop() == 0
    judge(site, ledger, told, tmp_path)
    with ledger.reading() as connection:
        every = [each.type for each in outputs.events(connection)]
    assert every.count(AlertType.MISSED) == sum(
        claim.type is AlertType.MISSED for claim in answer(ledger).claims
    ) + every.count(AlertType.RECORDED_LATE)
