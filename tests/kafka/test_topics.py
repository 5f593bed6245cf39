"""Topics: what is made, and what a check finds."""

import json

import pytest
from aiokafka.partitioner import DefaultPartitioner
from kafka import KafkaAdminClient
from msgspec.structs import replace

from service.hosts.kafka_topics import Topic, check, partition_of
from tests.kafka.site import Site

MADE = ("--partitions", "4", "--replication", "1", "--dev")

GOOD = Topic(
    name="incident-log",
    id="1",
    partitions=12,
    replication=3,
    policy="delete",
    retention_ms=-1,
    retention_bytes=-1,
    timestamps="CreateTime",
    min_insync=2,
)


def found(**changes: object) -> list[str]:
    """What a check finds wrong with one input."""
    topics = {"incident-log": replace(GOOD, **changes)}
    return [each.what for each in check(topics, ["incident-log"], [], dev=False)]


def test_a_topic_as_it_should_be_passes() -> None:
    assert found() == []
    assert found(retention_ms=86_400_000, timestamps="LogAppendTime") == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"replication": 1, "min_insync": 1}, "one copy"),
        ({"min_insync": 1}, "one copy counts as written"),
        ({"policy": "compact"}, "compacted"),
        ({"policy": "compact,delete"}, "compacted"),
        ({"retention_ms": 86_400_000}, "older than 24 h vanish"),
        ({"retention_bytes": 10}, "cut by size"),
    ],
)
def test_what_would_lose_input_is_found(changes: dict[str, object], what: str) -> None:
    said = found(**changes)
    assert len(said) == 1
    assert what in said[0]


def test_inputs_need_one_partition_count_and_must_be_there() -> None:
    topics = {"a": replace(GOOD, name="a"), "b": replace(GOOD, name="b", partitions=4)}
    said = [each.what for each in check(topics, ["a", "b", "c"], ["out"], dev=False)]
    assert said == ["is not there", "is not there", "partition counts differ: a has 12, b has 4"]


def test_outputs_may_have_any_retention_and_dev_needs_one_copy_only() -> None:
    out = replace(GOOD, name="out", retention_ms=1, policy="compact", replication=1, min_insync=1)
    assert check({"out": out}, [], ["out"], dev=True) == []


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_a_force_lies_where_kafkas_own_clients_put_it(partitions: int) -> None:
    every = list(range(partitions))
    for force in ("01", "33", "met", "dyfed-powys", "é"):
        theirs = DefaultPartitioner()(force.encode(), every, every)
        assert partition_of(force, partitions) == theirs


def test_topics_are_made_checked_and_described_on_a_broker(site: Site) -> None:
    refused = site.run("topics", "create", "--replication", "1")
    assert refused.code == 2
    assert "--dev" in refused.err
    assert site.run("topics", "check", "--dev").code == 1
    made = site.run("topics", "create", *MADE)
    assert made.code == 0
    assert f"{site.topics['log']}: made" in made.out
    again = site.run("topics", "create", *MADE)
    assert f"{site.topics['log']}: was there" in again.out
    assert site.run("topics", "check", "--dev").code == 0
    strict = site.run("topics", "check", "--json")
    assert strict.code == 1
    assert {each["topic"] for each in json.loads(strict.out)} >= set(site.topics.values())
    described = {
        each["name"]: each for each in json.loads(site.run("topics", "describe", "--json").out)
    }
    log = described[site.topics["log"]]
    assert (log["partitions"], log["retention_ms"], log["positions"]) == (4, -1, 0)
    client = KafkaAdminClient(bootstrap_servers=site.bootstrap)
    assert client.describe_topics([site.topics["log"]])[0]["topic_id"] == log["id"]
    client.close()
