"""What waits for a topic, as messages: alert events as CloudEvents, dead letters without their values."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from cloudevents.core.bindings.kafka import to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from msgspec import Struct
from sqlalchemy import Connection, and_, bindparam, delete, select, update

from service.ledger.instants import instant
from service.ledger.tables import alert_events, chain_payloads, dead_letters, outbox, published

KIND = "alert_event"
"""Rows of the outbox that are for the topic of alerts."""

_json = JSONFormat()


class Message(Struct, frozen=True):
    """One message for a topic, and the row that it empties."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    row: dict[str, Any]
    """Key of the row to mark once it is sent."""
    number: int = 0
    """Published number, where it has one."""


def waiting_alerts(connection: Connection, after: int, limit: int) -> list[Message]:
    """Numbered events nobody has sent, in order, from beyond a number."""
    same = and_(outbox.c.force == published.c.force, outbox.c.seq == published.c.seq)
    event = and_(alert_events.c.force == published.c.force, alert_events.c.seq == published.c.seq)
    said = and_(
        chain_payloads.c.force == published.c.force, chain_payloads.c.seq == published.c.seq
    )
    columns = (alert_events.c.event_id, alert_events.c.type, alert_events.c.at)
    query = (
        select(published.c.number, published.c.force, published.c.seq, *columns)
        .add_columns(chain_payloads.c.payload)
        .select_from(published.join(outbox, same).join(alert_events, event))
        .outerjoin_from(published, chain_payloads, said)
        .where(published.c.number > after, outbox.c.kind == KIND, outbox.c.status == "waiting")
        .order_by(published.c.number)
        .limit(limit)
    )
    return [_alert(*row) for row in connection.execute(query).tuples()]


def _alert(
    number: int, force: str, seq: int, event_id: str, type_: str, at: int, payload: str | None
) -> Message:
    attributes = {
        "id": event_id,
        "source": f"recount/{force}",
        "type": f"recount.{type_}",
        "time": instant(at),
        "datacontenttype": "application/json",
        "sequence": f"{number:019}",  # the extension compares as text
    }
    data = msgspec.json.decode(payload) if payload is not None else None
    if data is not None:
        data.pop("evidence", None)  # codes as systems wrote them stay in the ledger
    made = to_structured(CloudEvent(attributes, data), _json)
    row = {"a_force": force, "a_seq": seq}
    return Message(force.encode(), made.value, tuple(made.headers.items()), row, number)


def mark_alerts_sent(connection: Connection, sent: Sequence[Message]) -> None:
    """They need not be sent again."""
    if sent:
        here = and_(outbox.c.force == bindparam("a_force"), outbox.c.seq == bindparam("a_seq"))
        change = update(outbox).where(here, outbox.c.kind == KIND).values(status="sent")
        connection.execute(change, [message.row for message in sent])


def let_go(connection: Connection) -> int:
    """Where there is no broker nothing waits for one: empty the outbox; how many events that were."""
    waits = (outbox.c.kind == KIND, outbox.c.status == "waiting")
    return connection.execute(delete(outbox).where(*waits)).rowcount


def waiting_dead_letters(connection: Connection, limit: int) -> list[Message]:
    """Dead letters nobody has told of, by place; never the value."""
    kept = [c for c in dead_letters.columns if c.name not in ("raw_encrypted", "status")]
    query = select(*kept).where(dead_letters.c.status == "waiting")
    rows = connection.execute(query.order_by(*dead_letters.primary_key).limit(limit)).mappings()
    return [_dead_letter(dict(row)) for row in rows]


def _dead_letter(held: dict[str, Any]) -> Message:
    key = {f"a_{column.name}": held[column.name] for column in dead_letters.primary_key}
    known_at = instant(held.pop("known_at"))
    value = msgspec.json.encode({**held, "known_at": known_at})
    where = f"{held['topic_id']}/{held['partition']}"
    return Message(where.encode(), value, (("content-type", b"application/json"),), key)


def mark_dead_letters_told(connection: Connection, told: Iterable[Message]) -> None:
    """They are kept, and need not be told again."""
    rows = [message.row for message in told]
    if rows:
        held = dead_letters.primary_key.columns
        here = and_(*(column == bindparam(f"a_{column.name}") for column in held))
        here = and_(here, dead_letters.c.status == "waiting")  # not one replayed or discarded since
        connection.execute(update(dead_letters).where(here).values(status="kept"), rows)
