"""Before a worker reads: is everything there, and how is Faust told to behave?"""

import os
import ssl
from collections.abc import Callable
from socket import gethostname
from typing import Any

from aiokafka import codec
from msgspec import Struct
from yarl import URL

from service.hosts import kafka_topics
from service.hosts.kafka_reading import Reading
from service.hosts.kafka_topics import Found, Topic
from service.hosts.opened import open_current
from service.hosts.stopped import WorkerStopped
from service.hosts.transport import App, Reader, Secured
from service.ledger.opening import Ledger
from service.settings import Settings

FATAL = ("is not there", "partition counts differ", "is compacted")
"""What a worker refuses to start with; everything else that a check finds is logged."""

_CODECS: dict[str, Callable[[], bool]] = {
    "gzip": codec.has_gzip,
    "snappy": codec.has_snappy,
    "lz4": codec.has_lz4,
    "zstd": codec.has_zstd,
}


class Parts(Struct, frozen=True):
    """Everything a worker needs, probed."""

    ledger: Ledger
    reading: Reading
    topics: dict[str, Topic]
    """Input topics by name."""
    warnings: tuple[Found, ...]
    """What a check of the topics found that can be lived with."""


def probe(settings: Settings) -> Parts:
    """Find everything ready, within seconds. Raises ``WorkerStopped`` naming what is not."""
    lacking = [name for name, has in _CODECS.items() if not has()]
    if lacking:
        names = ", ".join(lacking)
        raise WorkerStopped(
            f"batches in {names} could not be read; install aiokafka[lz4,snappy,zstd]"
        )
    reading = Reading(settings)
    inputs = tuple(settings.topics)
    with kafka_topics.administering(settings) as client:
        topics = kafka_topics.describe(client, inputs)
    found = kafka_topics.check(topics, inputs, (), dev=False)
    for each in found:
        if each.what.startswith(FATAL):
            raise WorkerStopped(f"topic {each.topic} {each.what}; {each.remedy}")
    ledger = open_current(settings.ledger_url(), settings.probe_within)
    return Parts(ledger, reading, topics, tuple(found))


def make_app(settings: Settings, reader: Reader) -> App:
    """Faust, told to read and nothing else; nothing exists before this is called."""
    hosts = settings.kafka_bootstrap.split(",")
    app = App(
        settings.group,
        broker=[URL(f"recount://{host.strip()}") for host in hosts],
        store="memory://",
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        key_serializer="raw",
        value_serializer="raw",
        broker_client_id=f"{settings.group}-{gethostname()}-{os.getpid()}",
        broker_max_poll_records=settings.turn_inputs_max,
        broker_commit_every=1000,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=min(3.0, settings.session_timeout / 3),
        broker_request_timeout=max(60.0, settings.session_timeout),
        broker_max_poll_interval=300.0,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=4,
        stream_wait_empty=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.reader = reader
    app.secured = _secured(settings)
    every = app.topic(*settings.topics, value_type=bytes)

    async def read(stream: Any) -> None:
        async for event in stream.events():
            await reader.apply(event.value)

    app.agent(every, concurrency=1, name="reader")(read)
    return app


def _secured(settings: Settings) -> Secured:
    security = settings.kafka_security
    context = None
    if security.endswith("SSL"):
        context = ssl.create_default_context(cafile=settings.kafka_ca)
        if settings.kafka_certificate is not None:
            context.load_cert_chain(settings.kafka_certificate, settings.kafka_key)
    if not security.startswith("SASL"):
        return Secured(security, context)
    return Secured(security, context, settings.kafka_sasl, settings.kafka_user, settings.password())
