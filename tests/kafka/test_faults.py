"""Killed, joined and left under load, the answer is that of the same inputs applied one after another."""

import signal
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from service.hosts.real_parts import RealPostgres, scratch
from service.ledger import chain, outputs
from service.ledger.opening import Ledger
from tests.kafka.feed import CODECS, NOW, Event, answer, applied_directly, events
from tests.kafka.site import Site, await_that


def test_kills_under_load_and_one_to_two_to_one_change_nothing(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    told = events(9_000)
    again = told[500:700]  # produced twice
    parts = [*_portions(told, 4), again]
    written = 0
    worker = site.start()
    for kill, part in enumerate(parts):
        site.produce(part, CODECS[kill])
        begun, written = written, written + len(part)
        if kill == 3:
            break
        site.await_applied(ledger, begun + len(part) // 2, worker)
        worker.kill()
        worker = site.start()
    worker.await_said("assigned")
    second = site.start()
    await_that(lambda: len(second.owned()) == 6 and len(worker.owned()) == 6, "shared", worker)
    assert not worker.owned() & second.owned()
    for owner in (worker, second):
        places = [each.rsplit("/", 1) for each in owner.owned()]
        assert {topic for topic, _ in places} == set(site.topics.values())
        assert len({partition for _, partition in places}) == 2  # the same two of every topic
    site.produce(again, CODECS[4])
    written += len(again)
    site.await_applied(ledger, written, worker, second)
    site.await_ticked(ledger, worker, second)
    assert second.stop() == 0
    await_that(lambda: len(worker.owned()) == 12, "taken back", worker)
    site.await_ticked(ledger, worker)
    assert worker.stop() == 0
    assert answer(ledger) == applied_directly(told, tmp_path, NOW)
    whole(ledger)


def test_the_database_killed_under_load_and_started_again_changes_nothing(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    with scratch() as folder:
        postgres = RealPostgres(folder)
        postgres.start()
        site = Site(kafka_bootstrap, postgres.url, tmp_path)
        try:
            _kill_the_database(site, postgres, tmp_path)
        finally:
            site.end()
            postgres.stop()


def _kill_the_database(site: Site, postgres: RealPostgres, tmp_path: Path) -> None:
    ledger = site.set_up()
    try:
        told = events(3_000)
        site.produce(told)
        worker = site.start(RECOUNT_TURN_INPUTS_MAX="20")
        site.await_applied(ledger, len(told) // 3, worker)
        postgres.kill()
        worker.await_said("database_gone")
        postgres.start()
        ledger.close()
        site.await_applied(ledger, len(told), worker)
        site.await_ticked(ledger, worker)
        assert worker.stop() == 0
        assert answer(ledger) == applied_directly(told, tmp_path, NOW)
        whole(ledger)
    finally:
        ledger.close()


def test_a_worker_that_stood_still_while_another_took_over_changes_nothing(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    told = events(3_000)
    site.produce(told)
    still = site.start(RECOUNT_TURN_INPUTS_MAX="20")
    site.await_applied(ledger, len(told) // 4, still)
    still.process.send_signal(signal.SIGSTOP)
    second = site.start()
    await_that(lambda: len(second.owned()) == 12, "taken over", second)
    site.await_applied(ledger, len(told), second)
    still.process.send_signal(signal.SIGCONT)
    await_that(lambda: len(still.said("assigned")) > 1, "back in the group", still, second)
    site.await_ticked(ledger, still, second)
    assert [still.stop(), second.stop()] == [0, 0]
    assert answer(ledger) == applied_directly(told, tmp_path, NOW)
    whole(ledger)


def whole(ledger: Ledger) -> None:
    """Nothing counted wrong, no chain broken, nothing said twice under two ids."""
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds
        for force in outputs.forces(connection):
            assert chain.verify(connection, force).fault is None
        said = [msgspec.json.decode(each.payload or b"") for each in outputs.events(connection)]
    assert said
    assert len({each["event_id"] for each in said}) == len(said)
    by_alert: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in said:
        by_alert[each["alert_id"]].append(each)
    for alert in by_alert.values():
        assert [each.get("n") for each in alert] == list(range(len(alert)))
        reports = [each for each in alert if not each["subject"].startswith("source:")]
        told = [(each["type"], each.get("due_at")) for each in reports]
        assert all(one != other for one, other in pairwise(told))


def _portions(told: tuple[Event, ...], count: int) -> list[tuple[Event, ...]]:
    size = -(-len(told) // count)
    return [told[start : start + size] for start in range(0, len(told), size)]
