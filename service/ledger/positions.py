"""Positions: how far each partition of each topic is applied, moved by compare-and-set.

A worker that was replaced and does not know it finds that the ledger is no longer where it left it,
and changes nothing.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, select, tuple_

from service.ledger.statements import insert_once, upsert
from service.ledger.tables import positions


class Advance(Struct, frozen=True):
    """One partition's part of a batch: applied only if the ledger stands at ``before``."""

    topic_id: str
    """Identity of the topic, so that a recreated one of the same name is another."""
    topic: str
    partition: int
    before: int
    """First position not applied before the batch; 0: nothing is, wherever the log may start."""
    after: int
    """First position not applied once the batch is."""


Held = Mapping[tuple[str, int], int]
"""By topic id and partition, the first position not yet applied; 0: nothing is."""


class PositionsDiffer(Exception):
    """A batch does not begin where the ledger stands; nothing was changed."""

    def __init__(self, held: Held) -> None:
        super().__init__(", ".join(f"{t}/{p} is at {at}" for (t, p), at in sorted(held.items())))
        self.held = held
        """What the ledger holds for every partition of the batch."""


class PositionsBehind(PositionsDiffer):
    """The batch repeats what is applied already: trim it to what the ledger holds, or drop it."""


class PositionsAhead(PositionsDiffer):
    """The batch skips what is not applied yet: seek back to what the ledger holds."""


def advance(connection: Connection, advances: Sequence[Advance]) -> None:
    """Move positions from ``before`` to ``after``, all or none.

    Raises ``PositionsAhead`` where any partition would skip input, else ``PositionsBehind`` where
    any would repeat it.
    """
    if not advances:
        return
    ordered = sorted(advances, key=lambda each: (each.topic_id, each.partition))
    new = [(each.topic_id, each.partition, each.topic, 0) for each in ordered if each.before == 0]
    insert_once(connection, positions, new)
    held = _hold(connection, [(each.topic_id, each.partition) for each in ordered])
    if any(each.before > held[each.topic_id, each.partition] for each in ordered):
        raise PositionsAhead(held)
    if any(each.before < held[each.topic_id, each.partition] for each in ordered):
        raise PositionsBehind(held)
    moved = [(each.topic_id, each.partition, each.topic, each.after) for each in ordered]
    upsert(connection, positions, moved)


def applied(connection: Connection, topic: str) -> Held:
    """What the ledger holds for a topic by name, under every id it has had."""
    query = select(positions.c.topic_id, positions.c.partition, positions.c.next)
    rows = connection.execute(query.where(positions.c.topic == topic))
    return {(topic_id, partition): at for topic_id, partition, at in rows}


def _hold(connection: Connection, wanted: Sequence[tuple[str, int]]) -> Held:
    """Lock exactly these positions, in order, until the transaction ends; where they stand."""
    key = (positions.c.topic_id, positions.c.partition)
    query = select(*key, positions.c.next).where(tuple_(*key).in_(wanted)).order_by(*key)
    rows = connection.execute(query.with_for_update())
    return dict.fromkeys(wanted, 0) | {(topic_id, part): at for topic_id, part, at in rows}
