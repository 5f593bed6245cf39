"""The chain of one force: an append-only row for everything said or done, each sealing the one before.

A row holds opaque ids and the digest of a salted payload; salt and payload lie in a table of their
own, so that what they say can be erased and the chain still proves order and completeness.
"""

import secrets
from collections.abc import Iterator, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, and_, select

from service.effects import ChainCommand, RaiseEvent
from service.ledger.instants import micros
from service.ledger.statements import Row, insert
from service.ledger.tables import alert_events, chain_payloads, lanes, outbox

SALT_BYTES = 16

_encode = msgspec.json.Encoder(order="sorted").encode


class ChainFault(Struct, frozen=True):
    """The first row at which a chain does not hold, and how."""

    force: str
    seq: int
    what: str
    """``missing``, ``altered``, ``payload_altered``, ``not_linked`` or ``cut_off``."""


class ChainProof(Struct, frozen=True):
    """What a walk along a force's chain found."""

    force: str
    rows: int
    erased: int
    """Rows whose payload is no longer there."""
    fault: ChainFault | None = None


class Links(Struct):
    """Rows for the chains of one or more lanes, to be written together."""

    rows: list[Row] = msgspec.field(default_factory=list)
    payloads: list[Row] = msgspec.field(default_factory=list)
    outbox: list[Row] = msgspec.field(default_factory=list)

    def extend(
        self, force: str, head: bytes, last: int, events: Sequence[RaiseEvent | ChainCommand]
    ) -> bytes:
        """Link events and commands to a force's chain after number ``last``; its new head.

        Raises ``ValueError`` where the events do not carry on from that number.
        """
        salts = secrets.token_bytes(SALT_BYTES * len(events))
        for n, event in enumerate(events):
            if event.seq != last + 1 + n:
                raise ValueError(f"{force}: event {event.seq} does not follow {last + n}")
            salt = salts[SALT_BYTES * n : SALT_BYTES * (n + 1)]
            command = event if isinstance(event, ChainCommand) else None
            payload = _encode(event if command is None else _without_text(command))
            sealed = (
                force,
                event.seq,
                event.event_id,
                event.type.value,
                micros(event.at),
                event.alert_id,
                command.actor if command else "",
                sha256(salt + payload).digest(),
            )
            previous, head = head, seal(sealed, head)
            self.rows.append((*sealed, previous, head))
            self.payloads.append((force, event.seq, salt, payload.decode()))
            if command is None:
                row = (force, event.seq, "alert_event", "waiting", 0, None, None, None)
                self.outbox.append(row)
        return head

    def write(self, connection: Connection) -> None:
        """Append the rows, and put each alert event into the outbox; a command is for no topic."""
        insert(connection, alert_events, self.rows)
        insert(connection, chain_payloads, self.payloads)
        insert(connection, outbox, self.outbox)


def _without_text(command: ChainCommand) -> ChainCommand:
    """What was typed is kept apart; that it was is told."""
    if command.text is None:
        return command
    return replace(command, text=replace(command.text, data=b""))


def seal(row: Row, previous: bytes) -> bytes:
    """Hash of a chain row: force, seq, event id, type, at, subject, actor, payload hash; then the
    hash before it. JSON keeps the parts apart, whatever they hold."""
    *plain, payload_hash = row
    return sha256(_encode([*plain, payload_hash.hex(), previous.hex()])).digest()


def verify(connection: Connection, force: str) -> ChainProof:
    """Walk a force's chain from its first row to the head that its lane holds."""
    lane = connection.execute(select(lanes.c.seq, lanes.c.head).where(lanes.c.force == force))
    last, head = lane.one_or_none() or (0, b"")
    previous, seq, erased = b"", 0, 0
    for *row, salt, payload in _chain(connection, force):
        sealed, said_previous, said_hash = tuple(row[:8]), row[8], row[9]
        seq += 1
        fault = _fault(seq, sealed, said_previous, said_hash, previous)
        if not fault and payload is not None:
            told = sha256(salt + payload.encode()).digest()
            fault = "" if told == sealed[7] else "payload_altered"
        if fault:
            return ChainProof(force, seq, erased, ChainFault(force, seq, fault))
        erased += payload is None
        previous = said_hash
    if (seq, previous) != (last, head):
        return ChainProof(force, seq, erased, ChainFault(force, seq + 1, "cut_off"))
    return ChainProof(force, seq, erased)


def _chain(connection: Connection, force: str) -> Iterator[Row]:
    same = and_(
        alert_events.c.force == chain_payloads.c.force, alert_events.c.seq == chain_payloads.c.seq
    )
    query = (
        select(*alert_events.columns, chain_payloads.c.salt, chain_payloads.c.payload)
        .select_from(alert_events.outerjoin(chain_payloads, same))
        .where(alert_events.c.force == force)
        .order_by(alert_events.c.seq)
    )
    yield from connection.execute(query, execution_options={"yield_per": 1000}).tuples()


def _fault(seq: int, sealed: Row, said_previous: bytes, said_hash: bytes, previous: bytes) -> str:
    if sealed[1] != seq:
        return "missing"
    if said_previous != previous:
        return "not_linked"
    return "" if said_hash == seal(sealed, said_previous) else "altered"
