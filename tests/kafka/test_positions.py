"""Where reading begins and what of a batch is left to apply, without any broker."""

from types import SimpleNamespace

import pytest
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.types import TP
from msgspec.structs import replace

from service.hosts.kafka_positions import Standing, fitted, standing
from service.hosts.kafka_topics import Span
from service.hosts.kafka_watch import Readable
from service.hosts.stopped import WorkerStopped
from service.hosts.transport import PartitionBatch
from service.ledger.positions import Advance
from tests.kafka.test_topics import GOOD

LOG = TP("incident-log", 0)
NEW = replace(GOOD, id="new")


def stand(held: dict[tuple[str, int], int], span: Span, *accepted: str) -> Standing:
    """Where to begin on one partition of a topic whose id is ``new``."""
    topics = {LOG.topic: NEW}
    return standing([LOG], topics, {LOG.topic: held}, {LOG: span}, frozenset(accepted))


def test_a_partition_never_read_begins_at_the_start_of_its_log() -> None:
    found = stand({}, Span(7, 90))
    assert found.seek == {LOG: 7}
    assert found.claims == (Advance("new", LOG.topic, 0, 0, 7),)
    assert not found.lost


def test_a_partition_read_before_goes_on_where_the_ledger_stands() -> None:
    found = stand({("new", 0): 30, ("old", 0): 900}, Span(0, 90))
    assert (found.seek, found.claims) == ({LOG: 30}, ())
    assert stand({("new", 0): 90}, Span(90, 90)).seek == {LOG: 90}


def test_a_log_that_begins_after_the_ledgers_position_has_lost_input() -> None:
    found = stand({("new", 0): 30}, Span(40, 90))
    assert found.seek == {LOG: 40}
    assert found.claims == (Advance("new", LOG.topic, 0, 30, 40),)
    assert found.lost == {LOG}


def test_a_log_that_ends_before_the_ledgers_position_is_refused() -> None:
    with pytest.raises(WorkerStopped, match="ends at 90, before position 91"):
        stand({("new", 0): 91}, Span(0, 90))


def test_another_topic_of_the_same_name_is_refused_until_accepted() -> None:
    with pytest.raises(WorkerStopped, match="--accept-recreated incident-log"):
        stand({("old", 0): 30}, Span(0, 90))
    found = stand({("old", 0): 30}, Span(0, 90), "new")
    assert found.seek == {LOG: 0}
    assert found.lost == {LOG}
    assert stand({("old", 1): 30}, Span(0, 90)).seek == {LOG: 0}  # another partition was read


@pytest.mark.parametrize(
    ("at", "left"),
    [
        (0, [10, 11, 14]),
        (10, [10, 11, 14]),
        (11, [11, 14]),
        (12, [14]),
        (15, []),
        (16, None),
        (20, None),
    ],
)
def test_only_what_is_not_applied_is_left_of_a_batch(at: int, left: list[int] | None) -> None:
    records = tuple(SimpleNamespace(offset=offset) for offset in (10, 11, 14))
    batch = PartitionBatch(LOG, 10, 16, records, 1, True)
    part = fitted(batch, at)
    if left is None:
        assert part is None
        return
    assert part is not None
    assert [record.offset for record in part.records] == left
    assert (part.before, part.after) == (max(at, 10), 16)


@pytest.mark.parametrize("partitions", [4, 12])
@pytest.mark.parametrize("workers", range(1, 6))
def test_partition_n_of_every_topic_is_with_one_worker(partitions: int, workers: int) -> None:
    topics = ["incident-log", "crime-record", "public-protection-referral"]
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(partitions)))
    metadata = ConsumerProtocolMemberMetadata(version=0, subscription=topics, user_data=b"")
    members = {f"member-{n}": metadata for n in range(workers)}
    given = RangePartitionAssignor.assign(cluster, members)
    held: dict[int, set[str]] = {}
    for member, assignment in given.items():
        for _, numbers in assignment.assignment:
            for number in numbers:
                held.setdefault(number, set()).add(member)
    assert sorted(held) == list(range(partitions))
    assert all(len(owners) == 1 for owners in held.values())


@pytest.mark.parametrize(
    ("polls", "flood"),
    [
        ([(100, 0), (100, 49)], False),
        ([(100, 0), (100, 60)], True),
        ([(5, 5)], False),
        ([(1, 1)] * 20, True),
        ([(1, 0), (1, 1)] * 50, False),
        ([(2000, 0), (1, 1)], False),
        ([(2000, 1500)], True),
    ],
)
def test_a_flood_is_most_of_what_was_read_lately(polls: list[tuple[int, int]], flood: bool) -> None:
    readable = Readable(0.5)
    assert any([readable.is_flood(records, dead) for records, dead in polls]) is flood
    assert not any([Readable(1.0).is_flood(records, dead) for records, dead in polls])
