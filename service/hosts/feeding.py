"""A simulated force, or files of native lines, sent onwards at any speed: to topics or over HTTP.

Nothing is sent before its own time: history goes at the speed asked for, and what lies after now goes
as time passes. So a history that began some days ago runs into live operation by itself.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError
from msgspec import Struct

from service.hosts.files import NotGiven
from service.hosts.kafka_topics import connection
from service.hosts.stopped import BrokerUnreachable
from service.ingest.source import Topic
from service.settings import Settings
from service.simulation.generate import Settings as Simulated
from service.simulation.generate import as_line, events

AT_ONCE = 500
"""Messages sent before it is looked whether they were taken, at most."""

TAKEN_WITHIN = 30.0
"""Seconds in which whoever receives them must have taken them."""

PATHS = {
    Topic.INCIDENT_LOG: "incidents",
    Topic.CRIME_RECORD: "crimes",
    Topic.REFERRAL: "referrals",
}
"""Over HTTP: the last part of the path by topic; heartbeats have one of their own."""


class Fed(Struct, frozen=True):
    """One message."""

    at: datetime
    """When it reaches us."""
    topic: Topic
    force: str
    value: bytes


Send = Callable[[Sequence[Fed]], None]
"""Sends messages on, in order; returns once they are taken for good."""


def simulated(settings: Simulated, seed: int) -> Iterator[Fed]:
    """What a simulated force brings, in order of arrival. Raises ``SettingUnknown``."""
    for event in events(settings, seed):
        topic, force = Topic(event.feed.value), event.document["force"]
        yield Fed(event.arrives_at, topic, force, as_line(event).rstrip())


def written(files: Mapping[Topic, Sequence[Path]]) -> Iterator[Fed]:
    """Native lines of files, each file in order of arrival. Raises ``NotGiven`` for a line that names
    no force or no time."""
    streams = [_lines(topic, path) for topic, paths in files.items() for path in paths]
    return merge(*streams, key=lambda fed: fed.at)


class _Peek(Struct, frozen=True):
    force: str
    known_at: datetime | None = None
    updated_at: datetime | None = None
    recorded_at: datetime | None = None
    received_at: datetime | None = None
    until: datetime | None = None


_peek = msgspec.json.Decoder(_Peek).decode


def _lines(topic: Topic, path: Path) -> Iterator[Fed]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                held = _peek(line)
            except msgspec.MsgspecError:
                raise _unusable(path, number) from None
            at = held.known_at or held.updated_at or held.recorded_at or held.received_at
            at = at or held.until
            if at is None or at.tzinfo is None:
                raise _unusable(path, number)
            yield Fed(at, topic, held.force, line.rstrip())


def _unusable(path: Path, number: int) -> NotGiven:
    return NotGiven(
        f"{path}: line {number} names no force or no time with an offset; to be fed, write native "
        "contracts as `recount sources schemas` describes them"
    )


def feed(
    told: Iterable[Fed],
    send: Send,
    speed: float | None,
    *,
    until: Callable[[], bool] = lambda: False,
    heard: Callable[[int, datetime], None] = lambda many, at: None,
) -> int:
    """Send everything (``speed``: so many times faster than it happened, None: at once; never before
    its own time); how many. Ends early once ``until`` says so."""
    started, first, many = time.monotonic(), None, 0
    waiting: list[Fed] = []

    def empty() -> None:
        nonlocal many
        if waiting:
            send(waiting)
            many += len(waiting)
            heard(many, waiting[-1].at)
            waiting.clear()

    for each in told:
        first = first or each.at
        while speed is not None and not until():
            due = (each.at - first).total_seconds() / speed - (time.monotonic() - started)
            wait = max(due, (each.at - datetime.now(UTC)).total_seconds())
            if wait <= 0:
                break
            empty()
            time.sleep(min(wait, 0.5))
        if until():
            return many
        waiting.append(each)
        if len(waiting) >= AT_ONCE:
            empty()
    empty()
    return many


class TopicSender:
    """Onto the topics of the settings, each message with its own time, keyed by force."""

    def __init__(self, settings: Settings) -> None:
        """Raises ``BrokerUnreachable``, and ``NotGiven`` where a topic is read by no native mapping."""
        self._topics = _native_topics(settings)
        try:
            self._producer = KafkaProducer(
                **connection(settings), acks="all", enable_idempotence=True, linger_ms=5
            )
        except KafkaError as error:
            raise _not_taken(settings.kafka_bootstrap, error) from None
        self._where = settings.kafka_bootstrap

    def send(self, told: Sequence[Fed]) -> None:
        """Returns once the broker has taken all of them. Raises ``BrokerUnreachable``."""
        try:
            sent = [
                self._producer.send(
                    self._topics[each.topic],
                    key=each.force.encode(),
                    value=each.value,
                    timestamp_ms=int(each.at.timestamp() * 1000),
                )
                for each in told
            ]
            for future in sent:
                future.get(timeout=TAKEN_WITHIN)
        except KafkaError as error:
            raise _not_taken(self._where, error) from None

    def close(self) -> None:
        """Let go of the broker."""
        self._producer.close(timeout=TAKEN_WITHIN)


def _native_topics(settings: Settings) -> dict[Topic, str]:
    sides = {
        "native/incidents": Topic.INCIDENT_LOG,
        "native/records": Topic.CRIME_RECORD,
        "native/referrals": Topic.REFERRAL,
    }
    found = {sides[named]: topic for topic, named in settings.topics.items() if named in sides}
    if len(found) < len(sides):
        raise NotGiven("RECOUNT_TOPICS: a feed needs a topic for each of " + ", ".join(sides))
    return found


def _not_taken(where: str, error: Exception) -> BrokerUnreachable:
    return BrokerUnreachable(
        f"the broker at {where}: {type(error).__name__}; check KAFKA_BOOTSTRAP and that it runs"
    )


class HttpSender:
    """Over the ingest API, with one token for each source."""

    def __init__(self, url: str, tokens: Path) -> None:
        """``tokens``: a file with a line for each path: its name, a blank, the token. Raises
        ``NotGiven``; what the file holds is never repeated."""
        if not url.startswith(("http://", "https://")):
            raise NotGiven(f"--url {url}: write http://HOST:PORT")
        self._url, self._tokens = url.rstrip("/"), _tokens(tokens)

    def send(self, told: Sequence[Fed]) -> None:
        """Returns once all of them are durable. Raises ``BrokerUnreachable``."""
        runs: list[tuple[tuple[str, str], list[bytes]]] = []
        for each in told:
            path = PATHS[each.topic]
            way = ("heartbeats" if _is_heartbeat(each.value) else path, path)
            if not runs or runs[-1][0] != way:
                runs.append((way, []))
            runs[-1][1].append(each.value)
        for (path, source), lines in runs:
            self._post(path, self._tokens[source], b"\n".join(lines))

    def _post(self, path: str, token: str, body: bytes) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        asked = Request(f"{self._url}/v1/{path}", data=body, headers=headers, method="POST")
        for attempt in range(1, 6):
            try:
                with urlopen(asked, timeout=TAKEN_WITHIN) as answer:
                    answer.read()
                return
            except HTTPError as error:
                if error.code not in (429, 503) or attempt == 5:
                    raise BrokerUnreachable(f"{self._url}/v1/{path}: {error.code}") from None
            except (URLError, TimeoutError, OSError) as error:
                if attempt == 5:
                    raise BrokerUnreachable(
                        f"{self._url}: {type(error).__name__}; check --url and that it runs"
                    ) from None
            time.sleep(attempt)

    def close(self) -> None:
        """Nothing is held."""


def _is_heartbeat(value: bytes) -> bool:
    return b'"heartbeat"' in value and json.loads(value).get("kind") == "heartbeat"


def _tokens(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NotGiven(f"--tokens {path}: {error.strerror}") from None
    held: dict[str, Any] = dict(line.split(maxsplit=1) for line in lines if len(line.split()) == 2)
    lacking = [name for name in PATHS.values() if name not in held]
    if lacking:
        raise NotGiven(f"--tokens {path}: no line for {', '.join(lacking)}; write NAME TOKEN")
    return {name: str(token).strip() for name, token in held.items()}
