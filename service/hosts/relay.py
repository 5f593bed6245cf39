"""``recount relay``: what the ledger holds for others, onto topics and to people; in order.

Rows are marked in the transaction in which they were sent, after the broker has taken all of them. A crash
between sends them again under the same ids; each force's order stays, since one relay sends at a time.
"""

import threading
import time
from datetime import UTC, datetime

from kafka import KafkaProducer
from kafka.errors import KafkaError
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from service import metrics
from service.delivery.numbers import SENDER, alone, number
from service.delivery.topics import (
    Message,
    mark_alerts_sent,
    mark_dead_letters_told,
    waiting_alerts,
    waiting_dead_letters,
)
from service.hosts.agreeing import agree, agree_in_time
from service.hosts.beside import beside
from service.hosts.health import Health, served
from service.hosts.kafka_topics import connection
from service.hosts.planning import Planning
from service.hosts.sending import Sending
from service.hosts.stopped import BrokerUnreachable, WorkerStopped, told_to_stop
from service.ledger.opening import IDLE_TIMEOUT_MS, Ledger
from service.log import log
from service.metrics import Origin
from service.settings import Settings

TAKEN_WITHIN = 0.8 * IDLE_TIMEOUT_MS / 1000
"""Seconds in which the broker must have taken them: the database ends a transaction that idles longer,
so that a relay that hangs holds nobody up."""

BACK_OFF = (0.5, 1.0, 2.0, 5.0)
"""Seconds to wait after a first failure, a second, and so on."""


class Round(Struct, frozen=True):
    """What one round did."""

    numbered: int
    alerts: int
    dead_letters: int

    @property
    def idle(self) -> bool:
        """Was there nothing to do?"""
        return not (self.numbered or self.alerts or self.dead_letters)


class Relay:
    """One relay; any number may run, one sends at a time."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        """Raises ``BrokerUnreachable``."""
        self._settings, self._ledger = settings, ledger
        self._after = 0
        try:
            self._producer = KafkaProducer(
                **connection(settings),
                acks="all",
                enable_idempotence=True,
                compression_type="gzip",
                linger_ms=5,
                max_block_ms=int(TAKEN_WITHIN * 1000),
            )
        except KafkaError as error:
            raise BrokerUnreachable(
                f"the broker at {settings.kafka_bootstrap}: {type(error).__name__}; check "
                "KAFKA_BOOTSTRAP and that it runs"
            ) from None

    def round(self) -> Round:
        """Number what is new and send what waits, each in a transaction of its own."""
        numbered = number(self._ledger)
        with self._ledger.writing() as held:
            alone(held, SENDER)
            alerts = waiting_alerts(held, self._after, self._settings.relay_at_once)
            letters = waiting_dead_letters(held, self._settings.relay_at_once)
            self._send(self._settings.alerts_topic, alerts)
            self._send(self._settings.dead_letters_topic, letters)
            mark_alerts_sent(held, alerts)
            mark_dead_letters_told(held, letters)
        if alerts:
            self._after = alerts[-1].number
        return Round(numbered, len(alerts), len(letters))

    def _send(self, topic: str, messages: list[Message]) -> None:
        """Returns once the broker has taken all of them. Raises ``KafkaError``."""
        sent = [
            self._producer.send(topic, key=each.key, value=each.value, headers=list(each.headers))
            for each in messages
        ]
        deadline = time.monotonic() + TAKEN_WITHIN
        for future in sent:
            future.get(timeout=max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Let go of the broker; what it has not taken stays in the outbox."""
        self._producer.close(timeout=TAKEN_WITHIN)


def run_relay(
    settings: Settings, ledger: Ledger, *, once: bool = False, people: bool = True
) -> int:
    """Relay, and plan and send for ``people``, until told to stop; ``once``: until nothing waits. The
    exit code."""
    with told_to_stop() as told, served(settings, Origin.RELAY) as health:
        health.watch(ledger)
        if not people:
            return _relay(settings, ledger, told, health, once=once)
        planning, sending = Planning(settings, ledger), Sending(settings, ledger)
        if once:
            code = _relay(settings, ledger, told, health, once=True)
            agree(ledger, planning.parts)
            planning.round(datetime.now(UTC))
            sending.round()
            return code
        if not agree_in_time(ledger, planning.parts, told, health):
            return 0
        with beside(planning.run, told, "planner"), beside(sending.run, told, "sender"):
            return _relay(settings, ledger, told, health, once=False)


def run_sender(settings: Settings, ledger: Ledger, *, once: bool = False) -> int:
    """Plan and send to people alone until told to stop (``once``: until nothing is due); the exit code."""
    with told_to_stop() as told, served(settings, Origin.RELAY) as health:
        log().info("sending")
        planning, sending = Planning(settings, ledger), Sending(settings, ledger)
        health.watch(ledger)
        if once:
            agree(ledger, planning.parts)
        elif not agree_in_time(ledger, planning.parts, told, health):
            return 0
        health.started.set()
        if once:
            planning.round(datetime.now(UTC))
            sending.round()
        else:
            with beside(planning.run, told, "planner"):
                sending.run(told)
    log().info("stopped")
    return 0


def _relay(
    settings: Settings, ledger: Ledger, told: threading.Event, health: Health, *, once: bool
) -> int:
    relay = Relay(settings, ledger)
    log().info("relaying", topic=settings.alerts_topic)
    sent = health.counted.counter(metrics.RELAYED)
    failed = health.counted.counter(metrics.RELAY_FAILED)
    failures = 0
    failing_since = time.monotonic()
    health.reasons = lambda: ("nothing can be sent; it is tried again",) if failures else ()
    try:
        while not told.is_set():
            try:
                done = relay.round()
            except (KafkaError, DBAPIError) as error:
                failing_since = failing_since if failures else time.monotonic()
                if time.monotonic() - failing_since > settings.stall_after:
                    raise WorkerStopped(
                        f"nothing could be sent for {settings.stall_after:g} s "
                        f"({type(error).__name__}); it stays in the outbox"
                    ) from None
                failed.inc()
                log().warning("relay_failed", error=type(error).__name__, failures=failures + 1)
                told.wait(BACK_OFF[min(failures, len(BACK_OFF) - 1)])
                failures += 1
                continue
            failures = 0
            health.started.set()
            sent.labels("alert").inc(done.alerts)
            sent.labels("dead_letter").inc(done.dead_letters)
            if not done.idle:
                log().info("relayed", alerts=done.alerts, dead_letters=done.dead_letters)
            elif once:
                break
            else:
                told.wait(settings.relay_every)
    finally:
        relay.close()
    log().info("stopped")
    return 0
