"""Where reading begins, and when it must not: the ledger's positions against what the broker holds."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from faust.types import TP
from msgspec import Struct
from sqlalchemy import Connection

from service.effects import InputLost
from service.hosts.kafka_topics import Span, Topic, partition_of
from service.hosts.stopped import WorkerStopped
from service.hosts.transport import PartitionBatch
from service.ledger import outputs
from service.ledger.positions import Advance, Held, applied


class Standing(Struct, frozen=True):
    """Where to begin on each partition, and what the ledger must be told first."""

    seek: dict[TP, int]
    claims: tuple[Advance, ...] = ()
    """Partitions read for the first time, and those that were cut before they were read."""
    lost: frozenset[TP] = frozenset()
    """Partitions with input that is gone unread."""
    ends: dict[TP, int] = {}
    """Where each partition ends now."""


def standing(
    owned: Iterable[TP],
    topics: Mapping[str, Topic],
    held: Mapping[str, Held],
    spans: Mapping[TP, Span],
    accepted: frozenset[str],
) -> Standing:
    """Where to begin; ``accepted`` are ids of topics made anew on purpose.

    Raises ``WorkerStopped`` where a topic is another than the one read before, or ends before where
    the ledger stands: going on would skip input, and say misses that are none.
    """
    seek: dict[TP, int] = {}
    claims: list[Advance] = []
    lost: set[TP] = set()
    for tp in sorted(owned):
        topic, span = topics[tp.topic], spans[tp]
        at = held[tp.topic].get((topic.id, tp.partition))
        if at is None:
            before = any(partition == tp.partition for _, partition in held[tp.topic])
            if before and topic.id not in accepted:
                raise WorkerStopped(made_anew(tp.topic, topic.id))
            lost |= {tp} if before else set()
            claims.append(Advance(topic.id, tp.topic, tp.partition, 0, span.start))
            at = span.start
        if at > span.end:
            raise WorkerStopped(
                f"topic {tp.topic}/{tp.partition} ends at {span.end}, before position {at} that is "
                "already applied: the broker lost what it had acknowledged. Restore it; or make the "
                f"topic anew and start with --accept-recreated {tp.topic}"
            )
        if at < span.start:
            lost.add(tp)
            claims.append(Advance(topic.id, tp.topic, tp.partition, at, span.start))
            at = span.start
        seek[tp] = at
    ends = {tp: spans[tp].end for tp in seek}
    return Standing(seek, tuple(claims), frozenset(lost), ends)


def made_anew(topic: str, topic_id: str) -> str:
    """What is wrong with a topic that has another id than the one read before, and the remedy."""
    return (
        f"topic {topic} was made anew: its id is {topic_id}, not the one read before. "
        f"Where that was meant, start once with --accept-recreated {topic}: what was "
        "not read of the old one counts as lost"
    )


def fitted(batch: PartitionBatch, at: int) -> PartitionBatch | None:
    """The part of a batch that begins where the ledger stands; None where all of it is applied.

    A batch that begins further on is not for this function: the reader seeks back instead.
    """
    if batch.after <= at:
        return None
    if batch.before >= at:
        return batch
    rest = tuple(record for record in batch.records if record.offset >= at)
    return PartitionBatch(batch.tp, at, batch.after, rest, batch.poll, batch.last)


def held_positions(connection: Connection, topics: Iterable[str]) -> dict[str, Held]:
    """What the ledger holds, by topic, under every id that it has had."""
    return {topic: applied(connection, topic) for topic in topics}


def losses(
    connection: Connection, lost: TP, partitions: int, source: str, now: datetime
) -> tuple[InputLost, ...]:
    """For every force of a partition with lost input: from when its source is in doubt."""
    forces = outputs.forces(connection)
    marks = {(s.force, s.source): s.watermark for s in outputs.source_states(connection)}
    return tuple(
        InputLost(force, source, marks.get((force, source)), now)
        for force in forces
        if partition_of(force, partitions) == lost.partition
    )


def behind(
    until: Mapping[TP, int], places: Mapping[TP, int], applied: Mapping[TP, int]
) -> dict[TP, int]:
    """Of the ends that are to be reached, those that are not: read past, and what was read applied."""
    return {
        tp: end
        for tp, end in until.items()
        if tp in applied and applied[tp] < end and places.get(tp, 0) < end
    }
