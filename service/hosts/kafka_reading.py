"""Bytes off a topic to inputs of a turn: decoded by the topic's mapping, read with the active pack.

What cannot be read becomes a dead letter by its place and digest; its value is kept only sealed.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from heapq import merge
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from schemas.feeds import Heartbeat
from service.effects import HeartbeatSeen
from service.hosts.arrivals import Arrival, arrival_of, by_arrival, from_the_future, proving_nothing
from service.hosts.files import model_in_use, named_feed, read_pack, read_person_key
from service.hosts.kafka_topics import Topic, partition_of
from service.hosts.transport import PartitionBatch
from service.ingest.decode import Contract, Decoder, Refused, RefusedReason
from service.ingest.mapping import Feed
from service.ledger.positions import Advance
from service.ledger.scattering import Scattered
from service.ledger.sealed import read_keys, seal_letter
from service.ledger.write import DeadLetter
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.settings import Settings
from service.turn import Batch


class Read(Struct, frozen=True):
    """What a poll says, ready for a turn."""

    batch: Batch
    records: int
    """How many there were."""
    scattered: frozenset[tuple[str, str]]
    """Topic and force of records that lie in another partition than the force's own."""
    promises: dict[Scattered, datetime | None]
    """Of scattered forces: the latest watermark that each source said; it counts later."""


class _Feed(Struct, frozen=True):
    """What reads one topic."""

    feed: Feed
    decoder: Decoder
    observer: Observer


class Reading:
    """The mappings and the pack in use."""

    def __init__(self, settings: Settings) -> None:
        """Raises ``Fault`` and ``NotGiven`` for what the settings name."""
        self.pack = read_pack(settings.rules)
        key = read_person_key(settings.person_key_file) if settings.person_key_file else None
        self._feeds = {
            topic: _feed(topic, named, self.pack, key) for topic, named in settings.topics.items()
        }
        sources = [each.feed.source for each in self._feeds.values()]
        model = model_in_use(settings.linkage, self.pack)
        self.rulebook = Rulebook(self.pack, {source.name: source for source in sources}, model)
        self._keys = read_keys(settings.text_key_file) if settings.text_key_file else None
        self._skew = timedelta(seconds=settings.clock_skew)

    def source_of(self, topic: str) -> str:
        """Name of the source that a topic carries."""
        return self._feeds[topic].feed.source.name

    def read(
        self,
        batches: Sequence[PartitionBatch],
        topics: dict[str, Topic],
        now: datetime,
        known: AbstractSet[tuple[str, str]] = frozenset(),
    ) -> Read:
        """Decode a poll. Inputs come in order of arrival, those of a partition as they lie in it.
        ``known``: topic ids and forces found scattered before."""
        dead: list[DeadLetter] = []
        astray = {
            (topics[batch.tp.topic].id, force)
            for batch in batches
            for force in self._astray(batch, topics[batch.tp.topic])
        }
        promises: dict[Scattered, datetime | None] = {}
        scattered = known | astray
        streams = [self._stream(b, topics, now, dead, scattered, promises) for b in batches]
        inputs = tuple(merge(*streams, key=by_arrival))
        advances = tuple(
            Advance(topics[b.tp.topic].id, b.tp.topic, b.tp.partition, b.before, b.after)
            for b in batches
        )
        batch = Batch(inputs=inputs, dead=tuple(dead), advances=advances)
        names = {topic.id: name for name, topic in topics.items()}
        found = frozenset((names[topic_id], force) for topic_id, force in astray)
        return Read(batch, sum(len(b.records) for b in batches), found, promises)

    def _sealed(self, letter: DeadLetter, value: bytes | None) -> DeadLetter:
        """With the input as it came, where there are keys to seal it."""
        if self._keys is None or value is None:
            return letter
        at = (letter.topic_id, letter.partition, letter.position)
        return replace(letter, raw_encrypted=seal_letter(self._keys, *at, value))

    def _astray(self, batch: PartitionBatch, topic: Topic) -> set[str]:
        """Forces of which something lies in this partition that should lie in another. Told before
        anything is decoded: its own partition's records in the same poll must prove nothing either."""
        force_of = self._feeds[batch.tp.topic].decoder.force_of
        forces = {force_of(record.value) for record in batch.records if record.value is not None}
        at = batch.tp.partition
        return {force for force in forces if force and _partition(force, topic.partitions) != at}

    def _stream(
        self,
        batch: PartitionBatch,
        topics: dict[str, Topic],
        now: datetime,
        dead: list[DeadLetter],
        scattered: AbstractSet[tuple[str, str]],
        promises: dict[Scattered, datetime | None],
    ) -> Iterator[Arrival]:
        reads, topic = self._feeds[batch.tp.topic], topics[batch.tp.topic]
        source, not_after = reads.feed.source.name, now + self._skew
        for record in batch.records:
            read = _decode(reads.decoder, record)
            if read is None:
                continue
            if not isinstance(read, Refused):
                arrival = arrival_of(read, reads.observer, source)
                if arrival.known_at <= not_after:
                    if scattered and (topic.id, read.force) in scattered:
                        where = Scattered(topic.id, read.force, source)
                        said, before = _promise(arrival, reads.feed), promises.get(where)
                        promises[where] = max(filter(None, (said, before)), default=None)
                        arrival = proving_nothing(arrival)
                    yield arrival
                    continue
                read = from_the_future(read)
            letter = _dead_letter(source, topic, record, read, now)
            dead.append(self._sealed(letter, record.value))


def _feed(topic: str, named: str, pack: Any, key: Any) -> _Feed:
    feed = named_feed(named, f"topic {topic}: ")
    return _Feed(feed, Decoder(feed, topic, None, None, key), Observer(pack, feed.source))


def _decode(decoder: Decoder, record: Any) -> Contract | Heartbeat | Refused | None:
    if record.value is None:
        remedy = "a record that is gone is said by its status, never by an empty message"
        return Refused(reason=RefusedReason.NOT_JSON, remedy=remedy)
    return decoder.decode(record.value, record.offset)


def _promise(arrival: Arrival, feed: Feed) -> datetime | None:
    """How far its source says to be read, wherever it lies."""
    if isinstance(arrival, HeartbeatSeen):
        return min(arrival.until, arrival.known_at)
    if arrival.event_at is None or feed.source.runs_on:
        return None
    return min(arrival.event_at, arrival.known_at) - feed.source.lateness


def _dead_letter(
    source: str, topic: Topic, record: Any, refused: Refused, now: datetime
) -> DeadLetter:
    return DeadLetter(
        source=source,
        topic_id=topic.id,
        partition=record.partition,
        position=record.offset,
        digest=blake2b(record.value or b"", digest_size=16).hexdigest(),
        reason=refused.reason,
        field=refused.field,
        force=refused.force,
        known_at=now,
    )


@cache
def _partition(force: str, partitions: int) -> int:
    return partition_of(force, partitions)
