"""Bytes off a topic to the inputs of a turn, without any broker."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from msgspec.structs import replace

from service.effects import HeartbeatSeen, RecordSeen, ReportSeen
from service.hosts.kafka_reading import Read, Reading
from service.hosts.kafka_topics import partition_of
from service.hosts.transport import PartitionBatch
from service.ledger.positions import Advance
from service.settings import read_settings
from tests.kafka.feed import NOW, Event, events
from tests.kafka.test_topics import GOOD

TOPICS = {
    name: replace(GOOD, name=name, id=f"id-{name}") for name in ("incident-log", "crime-record")
}
PLACES = {"log": "incident-log", "crimes": "crime-record"}


def read(*told: Event, partition: int | None = None) -> Read:
    """One poll: a batch a topic."""
    batches = []
    for side, topic in PLACES.items():
        mine = [event for event in told if event.side == side]
        if mine:
            n = partition_of(mine[0].force, 12) if partition is None else partition
            records = tuple(record(event, at, n) for at, event in enumerate(mine, 5))
            batches.append(PartitionBatch(TP(topic, n), 5, 5 + len(mine), records, 1, False))
    return Reading(read_settings()).read(batches, TOPICS, NOW)


def record(event: Event, offset: int, partition: int) -> Any:
    return SimpleNamespace(value=event.value, offset=offset, partition=partition)


def of_force(force: str) -> list[Event]:
    return [e for e in events(300) if e.force == force and e.side in PLACES]


def test_a_poll_is_one_batch_in_order_of_arrival_with_an_advance_for_every_partition() -> None:
    told = of_force("03")
    got = read(*told)
    times = [each.known_at for each in got.batch.inputs]
    assert times == sorted(times)
    assert {type(each) for each in got.batch.inputs} == {ReportSeen, RecordSeen, HeartbeatSeen}
    assert got.records == len(got.batch.inputs) == len(told)
    n, logs = partition_of("03", 12), sum(event.side == "log" for event in told)
    assert got.batch.advances == (
        Advance("id-incident-log", "incident-log", n, 5, 5 + logs),
        Advance("id-crime-record", "crime-record", n, 5, 5 + len(told) - logs),
    )
    assert not got.scattered


def test_a_force_in_another_partition_is_named_and_moves_no_watermark() -> None:
    told = of_force("03")
    own = partition_of("03", 12)
    got = read(*told, partition=(own + 1) % 12)
    assert got.scattered == {("incident-log", "03"), ("crime-record", "03")}
    assert len(got.batch.inputs) == len(told)
    for each in got.batch.inputs:
        if isinstance(each, ReportSeen | RecordSeen):
            assert each.scattered
        else:
            assert isinstance(each, HeartbeatSeen)
            assert each.until.year == 1970


def test_what_claims_to_be_from_the_future_is_set_aside_and_time_stands_still() -> None:
    soon, late = NOW + timedelta(seconds=200), NOW + timedelta(hours=1)
    beats = [
        Event("log", "03", json.dumps({"kind": "heartbeat", "force": "03", **said}).encode(), NOW)
        for said in (
            {"until": NOW.isoformat(), "known_at": soon.isoformat()},  # within the clocks' skew
            {"until": NOW.isoformat(), "known_at": late.isoformat()},
            {"until": late.isoformat()},
        )
    ]
    got = read(*beats)
    assert [each.known_at for each in got.batch.inputs] == [soon]
    assert [letter.reason for letter in got.batch.dead] == ["in_the_future"] * 2
    assert [letter.position for letter in got.batch.dead] == [6, 7]


def test_a_record_without_a_value_and_one_that_is_not_text_are_dead_letters() -> None:
    got = read(Event("crimes", "03", None, NOW), Event("crimes", "03", b"\xff", NOW))
    assert not got.batch.inputs
    assert [letter.reason for letter in got.batch.dead] == ["not_json", "not_json"]
    assert [letter.topic_id for letter in got.batch.dead] == ["id-crime-record"] * 2
    assert all(letter.known_at == NOW and len(letter.digest) == 32 for letter in got.batch.dead)
