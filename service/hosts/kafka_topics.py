"""Topics as the broker has them: made, described, and checked for what Recount needs of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError
from kafka.partitioner import murmur2
from msgspec import Struct

from service.hosts.stopped import BrokerUnreachable
from service.settings import Settings


class Topic(Struct, frozen=True, kw_only=True):
    """One topic as the broker has it."""

    name: str
    id: str
    """Given by the broker when the topic is made: one made anew under the same name has another."""
    partitions: int
    replication: int
    policy: str
    """``delete``, ``compact`` or both."""
    retention_ms: int
    """-1: kept for ever."""
    retention_bytes: int
    """-1: no limit."""
    timestamps: str
    """``CreateTime`` or ``LogAppendTime``: from when retention counts."""
    min_insync: int


class Found(Struct, frozen=True):
    """What a check found wrong with a topic."""

    topic: str
    what: str
    remedy: str


class Span(Struct, frozen=True):
    """First position held of a partition, and the first not yet written."""

    start: int
    end: int


def connection(settings: Settings) -> dict[str, Any]:
    """How to connect, in kafka-python's words."""
    given: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap.split(","),
        "client_id": settings.group,
        "security_protocol": settings.kafka_security,
        "ssl_cafile": _path(settings.kafka_ca),
        "ssl_certfile": _path(settings.kafka_certificate),
        "ssl_keyfile": _path(settings.kafka_key),
    }
    if settings.kafka_security.startswith("SASL"):
        given |= {
            "sasl_mechanism": settings.kafka_sasl,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.password(),
        }
    return given


@contextmanager
def administering(settings: Settings) -> Iterator[KafkaAdminClient]:
    """A connection to the brokers. Raises ``BrokerUnreachable``, also for what happens within."""
    try:
        client = KafkaAdminClient(
            **connection(settings), bootstrap_timeout_ms=int(settings.probe_within * 1000)
        )
    except (KafkaError, OSError, ValueError) as error:
        raise _unreachable(settings, error) from None
    try:
        yield client
    except KafkaError as error:
        raise _unreachable(settings, error) from None
    finally:
        client.close()


def describe(client: KafkaAdminClient, names: Sequence[str]) -> dict[str, Topic]:
    """The topics that are there, by name."""
    there = {t["name"]: t for t in client.describe_topics(list(names)) if not t["error_code"]}
    if not there:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in there]
    configs = client.describe_configs(asked, config_filter="all")["topic"]
    return {name: _topic(name, found, configs[name]) for name, found in sorted(there.items())}


def spans(client: KafkaAdminClient, topics: Mapping[str, int]) -> dict[tuple[str, int], Span]:
    """First and next position of every partition; ``topics`` by name with their partition counts."""
    every = [TopicPartition(name, n) for name, count in topics.items() for n in range(count)]
    if not every:
        return {}
    starts = client.list_partition_offsets(dict.fromkeys(every, OffsetSpec.EARLIEST))
    ends = client.list_partition_offsets(dict.fromkeys(every, OffsetSpec.LATEST))
    return {(tp.topic, tp.partition): Span(starts[tp].offset, ends[tp].offset) for tp in every}


def create(
    client: KafkaAdminClient,
    names: Sequence[str],
    *,
    partitions: int,
    replication: int,
    append_time_days: int | None,
) -> None:
    """Make topics that are not there yet.

    Records keep the times of the events they carry, and retention counts from those unless told
    otherwise: so either nothing is deleted, or (``append_time_days``) the broker's own time counts.
    """
    config = {"cleanup.policy": "delete", "min.insync.replicas": str(min(2, replication))}
    if append_time_days is None:
        config |= {"retention.ms": "-1", "message.timestamp.type": "CreateTime"}
    else:
        days = append_time_days * 24 * 3600 * 1000
        config |= {"retention.ms": str(days), "message.timestamp.type": "LogAppendTime"}
    wanted = {"num_partitions": partitions, "replication_factor": replication, "configs": config}
    if names:
        client.create_topics(dict.fromkeys(names, wanted), wait_for_metadata=True)


def check(
    topics: Mapping[str, Topic], inputs: Sequence[str], outputs: Sequence[str], *, dev: bool
) -> list[Found]:
    """Everything that Recount cannot work with, or that would lose input; inputs first."""
    found = []
    for name in (*inputs, *outputs):
        if name not in topics:
            found.append(Found(name, "is not there", "make it: recount topics create"))
            continue
        found += _check_one(topics[name], is_input=name in inputs, dev=dev)
    counts = {topics[name].partitions for name in inputs if name in topics}
    if len(counts) > 1:
        listed = ", ".join(f"{n} has {topics[n].partitions}" for n in inputs if n in topics)
        remedy = "give all inputs one count, so that one worker holds all of a force"
        found.append(Found(inputs[0], f"partition counts differ: {listed}", remedy))
    return found


def _check_one(topic: Topic, *, is_input: bool, dev: bool) -> Iterator[Found]:
    if topic.replication < 2 and not dev:
        remedy = "use three copies; --dev allows one for trying things out"
        yield Found(topic.name, "there is one copy: a lost disk loses it", remedy)
    if topic.replication >= 2 and topic.min_insync < 2 and not dev:
        remedy = "set min.insync.replicas=2"
        yield Found(topic.name, "one copy counts as written: a crash may lose it", remedy)
    if is_input and "compact" in topic.policy:
        remedy = "set cleanup.policy=delete"
        yield Found(topic.name, "is compacted: earlier versions vanish unread", remedy)
    if is_input and topic.retention_bytes != -1:
        remedy = "set retention.bytes=-1"
        yield Found(topic.name, "is cut by size: what is unread may vanish", remedy)
    if is_input and topic.retention_ms != -1 and topic.timestamps != "LogAppendTime":
        what = (
            f"events older than {topic.retention_ms / 3_600_000:g} h vanish soon after they arrive"
        )
        remedy = "set retention.ms=-1, or message.timestamp.type=LogAppendTime"
        yield Found(topic.name, what, remedy)


def partition_of(force: str, partitions: int) -> int:
    """The partition that a force's records belong in, as Kafka's own clients place a key."""
    return int((murmur2(force.encode()) & 0x7FFFFFFF) % partitions)


def _topic(name: str, found: Mapping[str, Any], config: Mapping[str, Any]) -> Topic:
    parts = found["partitions"]
    return Topic(
        name=name,
        id=str(found["topic_id"]),
        partitions=len(parts),
        replication=min((len(part["replica_nodes"]) for part in parts), default=0),
        policy=config["cleanup.policy"]["value"],
        retention_ms=int(config["retention.ms"]["value"]),
        retention_bytes=int(config["retention.bytes"]["value"]),
        timestamps=config["message.timestamp.type"]["value"],
        min_insync=int(config["min.insync.replicas"]["value"]),
    )


def _unreachable(settings: Settings, error: Exception) -> BrokerUnreachable:
    where = f"the broker at {settings.kafka_bootstrap} ({settings.kafka_security})"
    return BrokerUnreachable(
        f"{where}: {type(error).__name__}; check KAFKA_BOOTSTRAP, KAFKA_SECURITY and that it runs"
    )


def _path(given: object) -> str | None:
    return None if given is None else str(given)
