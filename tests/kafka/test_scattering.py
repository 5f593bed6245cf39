"""A force keyed wrongly: nothing is proved of it before every partition was read far enough."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from aiokafka import AIOKafkaProducer
from sqlalchemy import select

from schemas.words import AlertType
from service.hosts.kafka_scattering import prove, told, write_down
from service.hosts.kafka_topics import partition_of
from service.ledger import outputs
from service.ledger.instants import EPOCH
from service.ledger.opening import Ledger
from service.ledger.positions import Advance
from service.ledger.scattering import Scattered, known_scattered
from service.ledger.tables import scattered
from service.pointers import Rulebook
from service.turn import Batch, turn
from tests.kafka.feed import NOW, Event, answer, applied_directly, events
from tests.kafka.site import Site, applied, await_that
from tests.kafka.test_faults import whole
from tests.kafka.test_topics import GOOD
from tests.timeline import shipped_pack, sources

HOUR = timedelta(hours=1)
LOG = {"incident-log": GOOD}
PLACE = Scattered(GOOD.id, "03", "log")


def read_to(ledger: Ledger, before: int, after: int, partition: int) -> None:
    """Somebody's turn moves a position."""
    advance = Advance(GOOD.id, "incident-log", partition, before, after)
    turn(ledger, Rulebook(shipped_pack("umd"), sources()), Batch(advances=(advance,)))


def test_a_promise_counts_once_every_partition_was_read_past_where_it_ended_then(
    ledger: Ledger,
) -> None:
    ends = {0: 5, 1: 9, 2: 0}
    ids = {"incident-log": GOOD.id}

    def proved() -> list[tuple[str, object]]:
        found, rows = prove(ledger, ids, ["03"], lambda topic: ends)
        told(ledger, rows)
        return list(found.get("03", ()))

    write_down(ledger, LOG, {PLACE: EPOCH + HOUR})
    assert proved() == []  # the ends are only asked for now
    read_to(ledger, 0, 5, 0)
    ends[0] = 50  # what came later is not waited for
    write_down(ledger, LOG, {PLACE: EPOCH + 2 * HOUR})
    write_down(ledger, LOG, {PLACE: EPOCH})  # an earlier one takes nothing back
    assert proved() == []
    read_to(ledger, 0, 9, 1)
    assert proved() == [("log", EPOCH + HOUR)]
    assert proved() == []
    read_to(ledger, 5, 50, 0)
    assert proved() == [("log", EPOCH + 2 * HOUR)]
    assert proved() == []
    with ledger.reading() as connection:
        assert known_scattered(connection) == {(GOOD.id, "03")}
    assert prove(ledger, {"incident-log": "another"}, ["03"], lambda topic: ends) == ({}, [])


def test_a_force_in_two_partitions_is_judged_as_if_it_lay_in_one(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    """Half of force 03's records lie in another partition, and come last; no miss is said before."""
    told_all = events(600)
    mine = [event for event in told_all if event.force == "03" and event.side == "crimes"]
    beats = [event for event in mine if b"heartbeat" in (event.value or b"")]
    moved = [event for event in mine if event not in beats][::2]
    others = [event for event in told_all if event not in moved]
    own = partition_of("03", 4)
    topic = site.topics["crimes"]
    # One astray first, so that the force is known to be scattered; the rest after everything else.
    _put(site, topic, moved[:1], (own + 1) % 4)
    worker = site.start(RECOUNT_TURN_INPUTS_MAX="20")
    second = site.start(RECOUNT_TURN_INPUTS_MAX="20")
    await_that(lambda: applied(ledger) == 1, "the first astray", worker, second)
    _put(site, topic, moved[1:], (own + 1) % 4)
    site.produce(others)
    site.await_applied(ledger, len(told_all), worker, second)

    def proved() -> bool:
        with ledger.reading() as connection:
            query = select(scattered.c.force).where(scattered.c.promised.is_not(None))
            return connection.execute(query).first() is None

    await_that(proved, "promises proved", worker, second)
    site.await_ticked(ledger, worker, second)
    assert [worker.stop(), second.stop()] == [0, 0]
    assert any(each.said("scattered") for each in (worker, second))
    assert answer(ledger) == applied_directly(told_all, tmp_path, NOW)
    whole(ledger)
    with ledger.reading() as connection:
        taken_back = [
            json.loads(said.payload or b"{}")
            for said in outputs.events(connection, "03")
            if said.type == AlertType.RECORDED_LATE
        ]
        missed = [s for s in outputs.events(connection, "03") if s.type == AlertType.MISSED]
        claims = list(outputs.claims(connection, "03"))
    assert missed
    assert len(missed) - len(taken_back) == len(claims)  # none was said and then taken back


def _put(site: Site, topic: str, told: list[Event], partition: int) -> None:
    """Onto one partition, whatever the key."""

    async def put() -> None:
        async with AIOKafkaProducer(bootstrap_servers=site.bootstrap, acks="all") as producer:
            for event in told:
                at = int(event.at.timestamp() * 1000)
                key = event.force.encode()
                await producer.send_and_wait(topic, event.value, key, partition, timestamp_ms=at)

    asyncio.run(put())
