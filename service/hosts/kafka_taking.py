"""Topics read like files, for a replay: a stated stretch of each partition, by nobody's group.

Partitions are assigned, never subscribed to, and nothing is committed: the live group does not notice.
What is read lies in a folder for as long as the replay takes, a file a partition.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from service.hosts import kafka_topics
from service.hosts.files import NotGiven, named_feed
from service.hosts.kafka_topics import Span, connection
from service.hosts.rows import TAKEN, write_taken
from service.hosts.stopped import BrokerUnreachable
from service.settings import Settings

SILENT_FOR_MS = 30_000
"""How long a broker may bring nothing of a stretch that is there before the replay gives up."""


class Bounds(Struct, frozen=True, kw_only=True):
    """Which stretch is read: by the time of records, or by position."""

    since: datetime | None = None
    """First record at or after this moment; None: the first that is held."""
    until: datetime | None = None
    """Up to the first record at or after this moment; None: the end as it is now."""
    spans: Mapping[tuple[str, int], Span] = {}
    """By topic and partition: positions instead, the end exclusive."""


def take(
    settings: Settings,
    mapping: str,
    bounds: Bounds,
    folder: Path,
    tell: Callable[[int], None],
) -> dict[str, tuple[Path, ...]]:
    """Read the topics that this mapping reads; files by side, as a replay wants them.

    Raises ``NotGiven`` where no topic is read by the mapping or a position is not held, and
    ``BrokerUnreachable``.
    """
    sides = {
        topic: named_feed(named, f"topic {topic}: ").files
        for topic, named in settings.topics.items()
        if named.rpartition("/")[0] == mapping
    }
    if not sides:
        raise NotGiven(f"RECOUNT_TOPICS: no topic is read by '{mapping}'")
    with kafka_topics.administering(settings) as client:
        topics = kafka_topics.describe(client, tuple(sides))
        for name in sides:
            if name not in topics:
                raise NotGiven(f"topic {name} is not there; see: recount topics describe")
        held = kafka_topics.spans(client, {name: t.partitions for name, t in topics.items()})
    taken: dict[str, list[Path]] = {}
    try:
        consumer = KafkaConsumer(
            **connection(settings),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        try:
            for place, span in _stretches(consumer, held, bounds).items():
                topic, partition = place
                (folder / topic).mkdir(parents=True, exist_ok=True)
                path = folder / topic / f"{partition}{TAKEN}"
                _write(consumer, TopicPartition(topic, partition), span, path, tell)
                taken.setdefault(sides[topic], []).append(path)
        finally:
            consumer.close()
    except KafkaError as error:
        raise BrokerUnreachable(
            f"the broker at {settings.kafka_bootstrap}: {type(error).__name__}; check "
            "KAFKA_BOOTSTRAP and that it runs"
        ) from None
    return {side: tuple(paths) for side, paths in taken.items()}


def _stretches(
    consumer: Any, held: Mapping[tuple[str, int], Span], bounds: Bounds
) -> dict[tuple[str, int], Span]:
    """What to read of each partition."""
    for place, span in bounds.spans.items():
        if place not in held:
            raise NotGiven(f"--span {place[0]}/{place[1]}: there is no such partition")
        if span.start < held[place].start or span.end > held[place].end:
            has = f"{held[place].start}:{held[place].end}"
            raise NotGiven(f"--span {place[0]}/{place[1]}: only {has} is held")
    starts, ends = (_offsets(consumer, list(held), at) for at in (bounds.since, bounds.until))
    found = {}
    for place, span in sorted(held.items()):
        start, end = span.start, span.end
        if bounds.since is not None:
            start = starts.get(place, span.end)
        if bounds.until is not None:
            end = ends.get(place, span.end)
        found[place] = bounds.spans.get(place, Span(start, end))
    return found


def _offsets(
    consumer: Any, places: Sequence[tuple[str, int]], at: datetime | None
) -> dict[tuple[str, int], int]:
    """The first position at or after a moment, where there is one."""
    if at is None:
        return {}
    asked = {TopicPartition(*place): int(at.timestamp() * 1000) for place in places}
    found = consumer.offsets_for_times(asked)
    return {(tp.topic, tp.partition): each.offset for tp, each in found.items() if each is not None}


def _write(
    consumer: Any, tp: TopicPartition, span: Span, path: Path, tell: Callable[[int], None]
) -> None:
    consumer.assign([tp])
    consumer.seek(tp, span.start)
    with path.open("wb") as file:
        while consumer.position(tp) < span.end:
            before = consumer.position(tp)
            records = consumer.poll(timeout_ms=SILENT_FOR_MS).get(tp, ())
            kept = [record for record in records if record.offset < span.end]
            for record in kept:
                write_taken(file, record.offset, record.value)
            tell(len(kept))
            if not records and consumer.position(tp) == before:
                where = f"{tp.topic}/{tp.partition}/{before}"
                raise BrokerUnreachable(f"nothing came from {where} on, though there is more")
