"""What was said reaches the topic: everything, in order, under one id each, whoever is killed."""

import json
from collections import defaultdict
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import func, select

from schemas.alerts import DeadLetterTold, RecordingAlert
from service.delivery.numbers import give_numbers
from service.hosts.kafka_topics import partition_of
from service.ledger.opening import Ledger
from service.ledger.tables import alert_events, dead_letters, outbox, published
from service.ledger.write import DeadLetter
from service.pointers import Rulebook
from service.turn import Batch, turn
from tests.kafka.feed import NOW, apply_to, events
from tests.kafka.site import Site, await_that
from tests.timeline import shipped_pack, sources


def read(site: Site, topic: str) -> list[Any]:
    """Everything a topic holds, partition by partition."""
    consumer = KafkaConsumer(bootstrap_servers=site.bootstrap, auto_offset_reset="earliest")
    parts = [TopicPartition(topic, n) for n in range(4)]
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    held: list[Any] = []
    while any(consumer.position(part) < ends[part] for part in parts):
        for records in consumer.poll(timeout_ms=500).values():
            held += records
    consumer.close()
    return held


def said(ledger: Ledger) -> list[tuple[str, int, str]]:
    """Force, number and id of everything in the chains."""
    columns = (alert_events.c.force, alert_events.c.seq, alert_events.c.event_id)
    with ledger.reading() as connection:
        rows = connection.execute(select(*columns).order_by(*columns[:2])).tuples().all()
    return [tuple(row) for row in rows]


def waits(ledger: Ledger) -> bool:
    """Does anything wait for the topic?"""
    with ledger.reading() as connection:
        query = select(outbox.c.seq).where(outbox.c.status == "waiting").limit(1)
        return connection.execute(query).first() is not None


def test_a_relay_killed_again_and_again_loses_nothing_and_keeps_each_forces_order(
    site: Site, ledger: Ledger
) -> None:
    apply_to(ledger, events(3_000), NOW)
    every = said(ledger)
    assert len(every) > 200
    site.environment["RECOUNT_RELAY_AT_ONCE"] = "7"
    relays = [site.start(command="relay") for _ in range(3)]
    for share in (0.2, 0.5):
        await_that(lambda part=share: sent_so_far(ledger) > part * len(every), "sent", *relays)  # type: ignore[misc]
        relays.pop(0).kill()
    await_that(lambda: not waits(ledger), "all sent", *relays)
    assert [relay.stop() for relay in relays] == [0]
    first: dict[str, dict[str, Any]] = {}
    by_force: dict[str, list[int]] = defaultdict(list)
    for record in read(site, site.environment["RECOUNT_ALERTS_TOPIC"]):
        event = json.loads(record.value)
        RecordingAlert.model_validate_json(record.value)  # as `schemas/` promises
        force = record.key.decode()
        assert record.partition == partition_of(force, 4)
        assert event["data"]["force"] == force
        assert event["source"] == f"recount/{force}"
        if event["id"] not in first:
            first[event["id"]] = event
            by_force[force].append(event["data"]["seq"])
        assert first[event["id"]] == event  # a repeat says the same
    assert sorted(first) == sorted(event_id for _, _, event_id in every)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_force.values())
    with ledger.reading() as connection:
        numbers = connection.scalars(select(published.c.number).order_by(published.c.number)).all()
    assert list(numbers) == list(range(1, len(every) + 1))


def sent_so_far(ledger: Ledger) -> int:
    """Events marked as sent."""
    query = select(func.count()).select_from(outbox).where(outbox.c.status == "sent")
    with ledger.reading() as connection:
        return int(connection.scalars(query).one())


def test_dead_letters_are_told_once_without_their_value(site: Site, ledger: Ledger) -> None:
    letter = DeadLetter(
        source="log",
        topic_id="t",
        partition=2,
        position=41,
        digest="ab12",
        reason="not_json",
        known_at=NOW,
        raw_encrypted=b"sealed",
    )
    turn(ledger, Rulebook(shipped_pack("umd"), sources()), Batch(dead=(letter,)))
    relays = [site.start("--once", command="relay") for _ in range(2)]
    assert [relay.ended() for relay in relays] == [0, 0]
    records = read(site, site.environment["RECOUNT_DEAD_LETTERS_TOPIC"])
    assert len(records) == 1
    told = json.loads(records[0].value)
    DeadLetterTold.model_validate_json(records[0].value)
    assert (told["topic_id"], told["partition"], told["position"]) == ("t", 2, 41)
    assert (told["reason"], told["digest"]) == ("not_json", "ab12")
    assert b"sealed" not in records[0].value
    with ledger.reading() as connection:
        assert connection.scalars(select(dead_letters.c.status)).all() == ["kept"]


def test_numbers_are_given_in_each_forces_order_and_never_again(ledger: Ledger) -> None:
    apply_to(ledger, events(1_000), NOW)
    with ledger.writing() as connection:
        assert give_numbers(connection, limit=10) == 10
    with ledger.writing() as connection:
        rest = give_numbers(connection)
    with ledger.writing() as connection:
        assert give_numbers(connection) == 0
        rows = connection.execute(select(published).order_by(published.c.number)).tuples().all()
    assert len(rows) == rest + 10 == len(said(ledger))
    last: dict[str, int] = defaultdict(int)
    for _, force, seq in rows:
        assert seq == last[force] + 1
        last[force] = seq
