"""`make faults`: the bytes of a replay of files, from any number of workers over any number of partitions.

The real pair copied under 24 force codes, and a simulated fortnight of several forces.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import asdict

from service.hosts.feeding import simulated
from service.hosts.files import BadRow, open_rows, read_mapping
from service.hosts.kafka_topics import partition_of
from service.ingest.decode import Contract, Decoder
from service.ingest.source import Topic
from service.ledger import outputs
from service.simulation.generate import Settings
from tests.conftest import Fresh
from tests.hosts.command import recount, rows
from tests.kafka.faults_at_length import note
from tests.kafka.feed import SIDES, answer
from tests.kafka.site import Running, Site, await_that
from tests.kafka.test_faults import whole

pytestmark = pytest.mark.timeout(3600)
PARTITIONS = (4, 12)
WITHIN = 1200.0
"""Seconds for workers to apply everything."""
FORCES = tuple(f"{n:02}" for n in (*range(1, 22), 24, 25, 32))
SILENT = "21"
"""Its crime system never says anything: nothing can be proved of it."""
END = datetime(2022, 11, 1, tzinfo=UTC)
AS_OF = "2024-06-01T00:00:00Z"

Lines = dict[str, Path]
"""Native lines by side of the feed."""


def the_pair(folder: Path, shared_data: Path) -> tuple[Lines, dict[str, str]]:
    """Log and arrest ledger under each force code, as contracts; what reads each topic."""
    data = shared_data / "linked_umd"
    mapping = folder / "pair.yaml"
    mapping.write_text(_native_pair(), encoding="utf-8")
    written = {}
    for side, name in (("log", "incidents"), ("crimes", "records")):
        written[side] = folder / f"{name}.jsonl"
        with written[side].open("wb") as lines:
            for contract in _contracts(data / f"{name}.csv.gz", name):
                for force in FORCES:
                    if side == "log" or force != SILENT:
                        lines.write(_as_line(contract, force))
            for force in FORCES:
                if side == "log" or force != SILENT:
                    beat = {"kind": "heartbeat", "force": force, "until": END.isoformat()}
                    lines.write(json.dumps(beat).encode() + b"\n")
    reads = {side: f"{mapping}/{SIDES[side]}" for side in written}
    return written, {"rules": "umd", "source": str(mapping), **reads}


def _native_pair() -> str:
    """The shipped mapping's codes and limit, over contracts instead of columns."""
    feed = next(f for f in read_mapping("umd").feeds if f.side == "incidents")
    codes = feed.source.code_map
    assert codes is not None
    said = {code: str(says) for code, says in codes.columns[0].indicates.items()}
    levels = "levels: [crime_ref, incident_ref]"
    return (
        "name: pair\ntitle: The pair under many codes\nzone: America/New_York\nlimit: 24h\n"
        f"incidents:\n  native: true\n  {levels}\n  codes:\n    closing:\n      blank: no_crime\n"
        f"      indicates: {json.dumps(said)}\nrecords:\n  native: true\n  {levels}\n"
    )


def _contracts(path: Path, side: str) -> Iterator[dict[str, Any]]:
    """Rows of a file as the contract that the shipped mapping makes of them."""
    feed = next(f for f in read_mapping("umd").feeds if f.side == side)
    opened = open_rows(path, feed)
    decoder = Decoder(feed, path.name, opened.header)
    for number, (_, row) in enumerate(opened.rows):
        assert not isinstance(row, BadRow)
        read = decoder.decode(row, number)
        assert isinstance(read, Contract)
        yield read.model_dump(mode="json", exclude_defaults=True)


def _as_line(contract: dict[str, Any], force: str) -> bytes:
    return json.dumps({**contract, "force": force}).encode() + b"\n"


def the_fortnight(folder: Path, _: Path) -> tuple[Lines, dict[str, str]]:
    """Three simulated forces, each with its own chance."""
    names = {Topic.INCIDENT_LOG: "log", Topic.CRIME_RECORD: "crimes", Topic.REFERRAL: "referrals"}
    written = {side: folder / f"{name}.jsonl" for side, name in SIDES.items()}
    opened = {side: path.open("wb") for side, path in written.items()}
    for seed, force in enumerate(("33", "07", "21"), 1):
        days = Settings(days=14, starts=date(2023, 5, 1), force=force)
        for fed in simulated(days, seed):
            opened[names[fed.topic]].write(fed.value + b"\n")
    for each in opened.values():
        each.close()
    reads = {side: f"native/{SIDES[side]}" for side in written}
    return written, {"rules": "england_and_wales", "source": "native", **reads}


@pytest.mark.parametrize("partitions", PARTITIONS)
@pytest.mark.parametrize("stretch", [the_pair, the_fortnight])
def test_any_number_of_workers_gives_the_bytes_of_a_replay(
    kafka_bootstrap: str,
    postgres_databases: Fresh,
    shared_data: Path,
    tmp_path: Path,
    stretch: Callable[[Path, Path], tuple[Lines, dict[str, str]]],
    partitions: int,
) -> None:
    lines, how = stretch(tmp_path, shared_data)
    files = [each for side, path in lines.items() for each in (f"--{SIDES[side]}", path)]
    given = ("--source", how["source"], "--rules", how["rules"], "--as-of", AS_OF)
    assert recount("replay", *given, *files, "--out", tmp_path / "out") == 0
    verdicts = tuple((tmp_path / "out" / "verdicts.jsonl").read_bytes().splitlines())
    claims = rows(tmp_path / "out" / "claims.jsonl")

    site = Site(kafka_bootstrap, postgres_databases(), tmp_path, partitions)
    site.environment |= {
        "RECOUNT_TOPICS": json.dumps({site.topics[side]: how[side] for side in lines}),
        "RECOUNT_RULES": how["rules"],
        "RECOUNT_TURN_INPUTS_MAX": "2000",
        "RECOUNT_LOG_LEVEL": "info",
    }
    site.make_topics()
    count = asyncio.run(_put(site, lines))
    try:
        for workers in (1, 2, 3):
            ledger = site.anew(postgres_databases())
            running = [site.start() for _ in range(workers)]
            site.await_applied(ledger, count, *running, within=WITHIN)
            site.await_ticked(ledger, *running)
            assert [worker.stop() for worker in running] == [0] * workers
            held = answer(ledger)
            assert held.lines == verdicts
            assert [_written(claim) for claim in held.claims] == [_shown(row) for row in claims]
            whole(ledger)
            ledger.close()
            figures = {"events": count, "reports": len(verdicts), "claims": len(claims)}
            note(stretch.__name__, partitions=partitions, workers=workers, **figures)
    finally:
        site.end()


def _written(claim: outputs.Claim) -> tuple[str, ...]:
    held = asdict(claim)
    at = held["effective_at"].isoformat().replace("+00:00", "Z")
    return (claim.force, claim.ref, claim.type.value, at)


def _shown(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["force"], row["ref"], row["type"], row["effective_at"])


async def _put(site: Site, lines: Lines) -> int:
    """Put lines on their topics, keyed by force; how many."""
    count = 0
    async with AIOKafkaProducer(
        bootstrap_servers=site.bootstrap, compression_type="lz4", acks="all", linger_ms=20
    ) as producer:
        for side, path in lines.items():
            with path.open("rb") as file:
                for line in file:
                    force = json.loads(line)["force"].encode()
                    await producer.send(site.topics[side], line.rstrip(b"\n"), key=force)
                    count += 1
    return count


def test_every_partition_of_the_pair_holds_a_force() -> None:
    for partitions in PARTITIONS:
        assert {partition_of(force, partitions) for force in FORCES} == {*range(partitions)}


@pytest.mark.parametrize("partitions", PARTITIONS)
def test_one_to_five_workers_each_hold_the_same_partitions_of_every_topic(
    kafka_bootstrap: str, postgres_databases: Fresh, tmp_path: Path, partitions: int
) -> None:
    site = Site(kafka_bootstrap, postgres_databases(), tmp_path, partitions)
    site.environment["RECOUNT_STALL_AFTER"] = "5"  # whoever holds nothing waits, and is not stalled
    ledger = site.set_up()
    running: list[Running] = []
    try:
        for _ in range(5):
            running.append(site.start())
            running[-1].await_said("ready")
            await_that(lambda: _shared(site, running, partitions), "shared", *running)
        time.sleep(10.0)
        assert [worker.process.poll() for worker in running] == [None] * 5
        assert _shared(site, running, partitions)
    finally:
        site.end()
        ledger.close()


def _shared(site: Site, running: list[Running], partitions: int) -> bool:
    """Is every partition of every topic with one worker, and partition n of all with the same?"""
    held = [owned for each in running if (owned := each.owned())]
    if len(held) < min(len(running), partitions):
        return False
    if sum(map(len, held)) != partitions * len(site.topics):
        return False
    for owned in held:
        numbers = {each.rsplit("/", 1)[1] for each in owned}
        if owned != {f"{topic}/{n}" for topic in site.topics.values() for n in numbers}:
            return False
    return True
