"""A small deterministic stretch of several forces, and what it means when applied without any broker."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from benchmarks.events import write
from service.effects import Input, Tick
from service.hosts.arrivals import arrival_of
from service.hosts.files import read_mapping, read_pack
from service.ingest.decode import Decoder, Refused
from service.ledger import outputs
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.rules.pack import Pack
from service.turn import Batch, turn

PACK = "england_and_wales"
SIDES = {"log": "incidents", "crimes": "records", "referrals": "referrals"}
FORCES = tuple(f"{n:02}" for n in range(1, 9))
CODECS = (None, "gzip", "snappy", "lz4", "zstd")


class Event(NamedTuple):
    """One message of one input."""

    side: str
    """``log``, ``crimes`` or ``referrals``."""
    force: str
    value: bytes | None
    at: datetime


class Answer(NamedTuple):
    """What must come out alike, byte for byte."""

    lines: tuple[bytes, ...]
    claims: tuple[outputs.Claim, ...]


@cache
def events(count: int) -> tuple[Event, ...]:
    """Logs, records and referrals of eight forces in time order, then heartbeats two days later."""
    with TemporaryDirectory() as folder:
        files = write(Path(folder), count, forces=len(FORCES), open_reports=count // 6)
        told = [
            _event(side, line)
            for side, file in zip(("log", "crimes"), files, strict=True)
            for line in file.read_bytes().splitlines()
        ]
    told += [_referral(event) for event in told[:: len(told) // 40] if event.side == "log"]
    told.sort(key=lambda event: event.at)
    return (*told, *heartbeats(told[-1].at + timedelta(hours=48)))


def heartbeats(until: datetime, sides: Iterable[str] = SIDES) -> list[Event]:
    """Nothing more from before ``until``, of every force."""
    said = {"kind": "heartbeat", "until": until.isoformat()}
    return [
        Event(side, force, json.dumps({**said, "force": force}).encode(), until)
        for side in sides
        for force in FORCES
    ]


def _event(side: str, line: bytes) -> Event:
    held = json.loads(line)
    at = held.get("updated_at") or held["recorded_at"]
    return Event(side, held["force"], line, datetime.fromisoformat(at))


def _referral(log: Event) -> Event:
    assert log.value is not None
    held = json.loads(log.value)
    kept = ("force", "received_at", "opening_codes", "narrative", "people", "version", "updated_at")
    made = {"kind": "referral", "ref": "REF-" + held["ref"], **{name: held[name] for name in kept}}
    return log._replace(side="referrals", value=json.dumps(made).encode())


def applied_directly(told: Sequence[Event], folder: Path, now: datetime) -> Answer:
    """The same events turn by turn into a fresh SQLite ledger: no broker, no worker."""
    ledger = open_ledger(f"sqlite:///{folder / 'direct.db'}", durable=False)
    upgrade(ledger.engine)
    apply_to(ledger, told, now)
    found = answer(ledger)
    ledger.close()
    return found


def apply_to(ledger: Ledger, told: Sequence[Event], now: datetime) -> None:
    """Events turn by turn into a ledger, then a tick of every force."""
    pack = read_pack(PACK)
    rulebook = Rulebook(
        pack, {feed.source.name: feed.source for feed in read_mapping("native").feeds}
    )
    inputs = inputs_of(pack, [(SIDES[event.side], event.value or b"") for event in told])
    inputs += [Tick(force, now) for force in FORCES]
    for start in range(0, len(inputs), 700):
        turn(ledger, rulebook, Batch(inputs=tuple(inputs[start : start + 700])))


def inputs_of(pack: Pack, lines: Iterable[tuple[str, bytes]]) -> list[Input]:
    """What the native mapping makes of lines, each with its side; without those refused."""
    readers = {
        feed.side: (Decoder(feed, feed.side, None), Observer(pack, feed.source), feed.source.name)
        for feed in read_mapping("native").feeds
    }
    inputs: list[Input] = []
    for side, line in lines:
        decoder, observer, source = readers[side]
        read = decoder.decode(line)
        if read is not None and not isinstance(read, Refused):
            inputs.append(arrival_of(read, observer, source))
    return inputs


def answer(ledger: Ledger) -> Answer:
    """What a ledger says."""
    with ledger.reading() as connection:
        return Answer(tuple(outputs.lines(connection)), tuple(outputs.claims(connection)))


def produce(
    bootstrap: str, topics: dict[str, str], told: Sequence[Event], codec: str | None = None
) -> None:
    """Put events on their topics, keyed by force, each with its own (old) time."""
    asyncio.run(_produce(bootstrap, topics, told, codec))


async def _produce(
    bootstrap: str, topics: dict[str, str], told: Sequence[Event], codec: str | None
) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type=codec, acks="all", linger_ms=5
    ) as producer:
        for event in told:
            at = int(event.at.timestamp() * 1000)
            key = event.force.encode()
            await producer.send(topics[event.side], event.value, key, timestamp_ms=at)


NOW = datetime.now(UTC)
"""Long after everything above."""
