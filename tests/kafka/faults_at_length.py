"""`make faults`: what takes too long for every change. Each case is judged as the short ones are.

RECOUNT_KILLS: how often a worker is killed or stopped under load (50). Figures go to ``out/faults.jsonl``.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from schemas.words import AlertType, Verdict
from service.hosts.real_parts import RealKafka, RealPostgres, scratch
from service.ledger import outputs
from service.ledger.opening import Ledger
from tests.conftest import Fresh
from tests.kafka.feed import NOW, Event, answer, applied_directly, events
from tests.kafka.site import Running, Site, applied, await_that
from tests.kafka.test_faults import whole
from tests.kafka.test_relay import read, said, waits
from tests.kafka.test_worker import recreate, retain_nothing

KILLS = int(os.environ.get("RECOUNT_KILLS", "50"))
pytestmark = pytest.mark.timeout(3600)


TAKEN_OVER_WITHIN = 15.0
"""Seconds from a kill to the first turn on what the killed worker held, at a session timeout of 10 s."""
FIGURES = Path("out/faults.jsonl")


def note(case: str, **figures: float) -> None:
    """Keep figures of a case, a line each."""
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"case": case, **figures}) + "\n")


def judge(site: Site, ledger: Ledger, told: tuple[Event, ...], folder: Path) -> None:
    """Nothing lost, nothing false, nothing under two ids; in the ledger and on the topic."""
    held, expected = answer(ledger), applied_directly(told, folder, NOW)
    lost, false = ({*a.claims} - {*b.claims} for a, b in ((expected, held), (held, expected)))
    case = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition("::")[2].partition(" ")[0]
    reports, claims = len(expected.lines), len(expected.claims)
    repeats = _sent_whole(site, ledger)
    note(case, reports=reports, claims=claims, lost=len(lost), false=len(false), sent_again=repeats)
    assert held == expected
    whole(ledger)


def _sent_whole(site: Site, ledger: Ledger) -> int:
    """Everything said is on the topic, each under one id and saying one thing; how many came again."""
    relay = site.start(command="relay")
    relay.await_said("relaying")
    await_that(lambda: not waits(ledger), "all sent", relay)
    assert relay.stop() == 0
    records = read(site, site.environment["RECOUNT_ALERTS_TOPIC"])
    by_id: dict[str, bytes] = {}
    for record in records:
        assert by_id.setdefault(json.loads(record.value)["id"], record.value) == record.value
    assert by_id.keys() == {event_id for _, _, event_id in said(ledger)}
    return len(records) - len(by_id)


def settled(site: Site, ledger: Ledger, written: int, *workers: Running) -> None:
    """Everything applied, time passed, and all workers gone in order."""
    site.await_applied(ledger, written, *workers)
    site.await_ticked(ledger, *workers)
    assert [worker.stop() for worker in workers] == [0] * len(workers)


def test_killed_at_random_points_again_and_again(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    """The relay beside it is killed every fifth time."""
    told, chance = events(1_300 * KILLS), random.Random(1)
    site.produce(told)
    relay = site.start(command="relay", RECOUNT_RELAY_AT_ONCE="7")
    begun: list[int] = []
    for n in range(KILLS):
        worker = site.start(RECOUNT_TURN_INPUTS_MAX="50")
        worker.await_said("assigned")
        begun.append(applied(ledger))
        time.sleep(chance.uniform(0.0, 1.5))
        worker.kill()
        if n % 5 == 4:
            relay.kill()
            relay = site.start(command="relay", RECOUNT_RELAY_AT_ONCE="7")
    note("kills", workers=KILLS, relays=KILLS // 5, under_load=sum(at < len(told) for at in begun))
    settled(site, ledger, len(told), site.start())
    assert relay.stop() == 0
    judge(site, ledger, told, tmp_path)


def test_a_killed_workers_partitions_are_taken_over(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    """At a session timeout of 10 s; nothing is restored, reading goes on where the ledger stands."""
    told = events(20_000)
    site.environment |= {"RECOUNT_SESSION_TIMEOUT": "10", "RECOUNT_TURN_INPUTS_MAX": "20"}
    workers = [site.start(), site.start()]
    _await_shared(*workers)
    took: list[float] = []
    for part in range(3):
        site.produce(told[part * 3000 : (part + 1) * 3000])
        killed, other = workers
        await_that(lambda w=killed, n=part: w.said("turn")[n:] != [], "turns", *workers)  # type: ignore[misc]
        lost = killed.owned() - other.owned()
        killed.kill()
        at, before = time.monotonic(), len(other.said("turn"))
        await_that(lambda w=other, b=before, x=lost: _turned(w, b, x), "taken over", other)  # type: ignore[misc]
        took.append(time.monotonic() - at)
        workers = [other, site.start()]
        _await_shared(*workers)
    note("takeover", seconds_most=round(max(took), 1), seconds_least=round(min(took), 1))
    site.produce(told[9000:])
    settled(site, ledger, len(told), *workers)
    judge(site, ledger, told, tmp_path)
    assert max(took) <= TAKEN_OVER_WITHIN


def _await_shared(*workers: Running) -> None:
    """Each of two holds half of everything."""
    await_that(lambda: all(len(each.owned()) == 6 for each in workers), "shared", *workers)


def _turned(worker: Running, since: int, places: set[str]) -> bool:
    """Has a turn of its moved one of these positions since?"""
    return any(places & set(turn["positions"]) for turn in worker.said("turn")[since:])


@pytest.mark.parametrize("inside", [True, False])
def test_stopped_inside_or_outside_a_transaction_and_continued(
    site: Site, ledger: Ledger, tmp_path: Path, inside: bool
) -> None:
    """Beyond the session timeout, while another takes over all it held."""
    told = events(9_000)
    site.produce(told)
    still = site.start(RECOUNT_TURN_INPUTS_MAX="20")
    site.await_applied(ledger, len(told) // 10, still)
    _stop_where(still, ledger, inside=inside)
    at = time.monotonic()
    second = site.start(RECOUNT_TURN_INPUTS_MAX="20")
    await_that(lambda: bool(second.said("turn")), "taken over", second)
    note("stopped", inside=inside, seconds=round(time.monotonic() - at, 1))
    still.process.send_signal(signal.SIGCONT)
    await_that(lambda: len(still.said("assigned")) > 1, "back in the group", still, second)
    settled(site, ledger, len(told), still, second)
    judge(site, ledger, told, tmp_path)


WRITES = "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"


def _stop_where(worker: Running, ledger: Ledger, *, inside: bool) -> None:
    """Stop it where the transaction of its turn is open, or where none is."""
    chance = random.Random(4)
    for _ in range(500):
        worker.process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)  # whatever statement runs has ended
        with ledger.reading() as connection:
            if (int(connection.execute(text(WRITES)).scalar_one()) > 0) is inside:
                return
        worker.process.send_signal(signal.SIGCONT)
        time.sleep(chance.uniform(0.0, 0.03))
    raise AssertionError("never stopped where it should have been")


def test_stopped_at_random_points_and_continued(site: Site, ledger: Ledger, tmp_path: Path) -> None:
    """Beyond the session timeout, wherever they are, in turn."""
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


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own, of this size; making one needs root."""
    place = folder / "disk"
    place.mkdir()
    options = f"size={megabytes}m,mode=1777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _fill(place: Path) -> Path:
    """Take what is left of a disk."""
    ballast = place / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65_536))
    return ballast


def test_a_database_whose_disk_is_full_for_a_while(kafka_bootstrap: str, tmp_path: Path) -> None:
    """In the middle of turns, while it writes tables and its log; then there is room again."""
    with scratch() as folder, small_disk(folder, 300) as disk:
        postgres = RealPostgres(disk)
        postgres.start()
        site = Site(kafka_bootstrap, postgres.url, tmp_path)
        ledger = site.set_up()
        try:
            told = events(9_000)
            site.produce(told)
            worker = site.start(RECOUNT_TURN_INPUTS_MAX="20", RECOUNT_DATABASE_PATIENCE="120")
            for part in (8, 4):
                site.await_applied(ledger, len(told) // part, worker)
                ledger.close()
                said_before = len(worker.said("database_gone"))
                ballast = _fill(disk)
                worker.await_said("database_gone", said_before + 3)
                ballast.unlink()
                postgres.start()  # where it has given up
            note("disk_full", refused=len(worker.said("database_gone")))
            settled(site, ledger, len(told), worker)
            judge(site, ledger, told, tmp_path)
        finally:
            site.end()
            ledger.close()
            postgres.stop()


def test_a_topic_made_anew_makes_nothing_false(site: Site, ledger: Ledger, tmp_path: Path) -> None:
    """What was on it and had not been read is gone: said, and what rests on it is not provable."""
    told = events(3_000)
    half = told[: len(told) // 2]
    site.produce(half)
    worker = site.start(RECOUNT_TURN_INPUTS_MAX="20")
    site.await_applied(ledger, len(half) // 2, worker)
    worker.kill()
    recreate(site, site.topics["crimes"])
    refused = site.start()
    assert refused.ended() == 1
    site.produce(told[len(half) :])
    worker = site.start("--accept-recreated", site.topics["crimes"])
    _all_read(site, ledger, worker)
    _nothing_false(ledger, told, tmp_path)


def test_input_gone_by_retention_makes_nothing_false(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    """The same of what retention took before it was read."""
    told = events(3_000)
    half = told[: len(told) // 2]
    site.produce(half)
    worker = site.start(RECOUNT_TURN_INPUTS_MAX="20")
    site.await_applied(ledger, len(half) // 2, worker)
    worker.kill()
    retain_nothing(site, site.topics["crimes"])
    site.produce(told[len(half) :])
    worker = site.start()
    _all_read(site, ledger, worker)
    _nothing_false(ledger, told, tmp_path)


def _all_read(site: Site, ledger: Ledger, worker: Running) -> None:
    """Wait until nothing more comes and time has passed; then stop."""
    worker.await_said("ready")
    at = -1
    while at != (at := applied(ledger)):
        time.sleep(5.0)
    site.await_ticked(ledger, worker)
    assert worker.stop() == 0


def _nothing_false(ledger: Ledger, told: tuple[Event, ...], folder: Path) -> None:
    """No miss that whoever read everything would not say; those not said are not provable, aloud."""
    held, expected = answer(ledger), applied_directly(told, folder, NOW)
    whole(ledger)
    lines = [json.loads(line) for line in held.lines]
    words = {(line["force"], line["ref"]): Verdict(line["verdict"]) for line in lines}
    unsaid = {*expected.claims} - {*held.claims}
    lost = [c for c in unsaid if words[c.force, c.ref] is not Verdict.NOT_PROVABLE]
    false = {*held.claims} - {*expected.claims}
    case = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition("::")[2].partition(" ")[0]
    note(
        case,
        claims=len(expected.claims),
        not_provable=len(unsaid),
        lost=len(lost),
        false=len(false),
    )
    assert not lost
    assert not false
    with ledger.reading() as connection:
        assert AlertType.INPUT_LOST in {each.type for each in outputs.events(connection)}


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
