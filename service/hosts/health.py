"""The port on which a running process says how it is: ``/livez``, ``/readyz``, ``/startupz``, ``/metrics``.

Answered by threads of their own, so that a process that is busy, or stuck, still answers. ``/livez`` asks
nobody. ``/readyz`` gives its reasons in words, one a line.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any

from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from service import metrics
from service.hosts.stopped import WorkerStopped
from service.ledger.figures import DUE_WITHIN, Figures, figures
from service.ledger.looks import Look, look
from service.ledger.opening import Ledger
from service.ledger.upgrading import wanted_revision
from service.log import log
from service.metrics import Counted, Family, Forces, Metric, Origin, family
from service.outages import running
from service.settings import Settings, SettingsWrong

LOOKED_EVERY = timedelta(seconds=60)
"""Time between two counts of what reads many rows; a scrape never waits for one."""

STARTING = "starting"


class Pack(Struct, frozen=True):
    """The rule pack in use, for build information."""

    name: str = ""
    digest: str = ""


class Health:
    """How one process is. What it learns about itself is set by its host, from any thread."""

    def __init__(self, settings: Settings, *parts: Origin) -> None:
        self._settings = settings
        self.counted = Counted(*parts)
        self.started = threading.Event()
        """Set once the process has done what it does for the first time."""
        self.pack = Pack()
        self.address = ""
        """Where the port is, once it is served."""
        self.reasons: Callable[[], Sequence[str]] = tuple
        """Why it is not ready, asked at every look; nothing: it is."""
        self.gauges: Callable[[], Sequence[Family]] = tuple
        """What the host computes for a scrape."""
        self._ledger: Ledger | None = None
        self._looked: tuple[datetime, Look] | None = None
        self._looking = threading.Lock()
        self.looked = threading.Event()
        """Set once what reads many rows has been counted for the first time."""
        self.counted.registry.register(self)

    def watch(self, ledger: Ledger) -> None:
        """From now on the ledger is asked, and its statements are timed."""
        self._ledger = ledger
        self._look_soon(ledger)
        _time_statements(ledger.engine, self.counted.histogram(metrics.STATEMENT).observe)

    def unready(self) -> tuple[str, ...]:
        """Why this process is not ready, in words; nothing: it is."""
        if not self.started.is_set():
            return (STARTING,)
        return (*self.reasons(), *self._unread())

    def _unread(self) -> tuple[str, ...]:
        if self._ledger is None:
            return ()
        try:
            with self._ledger.reading() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError as error:
            return (f"the ledger does not answer ({type(error).__name__})",)
        return ()

    # -- metrics --------------------------------------------------------------------------------

    def describe(self) -> tuple[Family, ...]:
        """Nothing is known before a scrape; asked by the registry."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Everything that is computed for a scrape."""
        pack = self.pack
        build = (version("recount"), wanted_revision(), pack.name, pack.digest)
        yield family(metrics.BUILD, [(build, 1)])
        yield family(metrics.READY, [((), not self.unready())])
        yield from self.gauges()
        yield self._outages(datetime.now(UTC))
        if self._ledger is not None:
            yield from self._of_ledger(self._ledger)

    def _outages(self, now: datetime) -> Family:
        """A file that cannot be read declares nothing: somebody is paged rather than nobody."""
        forces = self.counted.forces
        try:
            found = running(self._settings.outages_file, now)
        except SettingsWrong as error:
            log().warning("outages_unread", why=str(error))
            found = {}
        return family(metrics.OUTAGE, [(key, 1) for key in found], forces)

    def _of_ledger(self, ledger: Ledger) -> Iterator[Family]:
        began, now = time.monotonic(), datetime.now(UTC)
        try:
            with ledger.reading() as connection:
                held = figures(connection, now)
            if self._looked is None or now - self._looked[0] > LOOKED_EVERY:
                self._look_soon(ledger)
        except SQLAlchemyError as error:
            log().warning("ledger_unread", error=type(error).__name__)
            yield family(metrics.LEDGER_UP, [((), 0)])
            return
        yield family(metrics.LEDGER_UP, [((), 1)])
        yield family(metrics.LEDGER_READ, [((), time.monotonic() - began)])
        yield from of_figures(held, now, self.counted.forces)
        if self._looked is not None:
            looked_at, looked = self._looked
            yield family(metrics.AUDIT_AGE, [((), (now - looked_at).total_seconds())])
            yield from of_look(looked, self.counted.forces)

    def _look_soon(self, ledger: Ledger) -> None:
        """Count beside what goes on, unless that is being done."""
        if self._looking.acquire(False):
            threading.Thread(target=self._look, args=(ledger,), daemon=True).start()

    def _look(self, ledger: Ledger) -> None:
        """Failing leaves what was counted before, and its age rises."""
        try:
            now = datetime.now(UTC)
            with ledger.reading() as connection:
                self._looked = (now, look(connection, now))
            self.looked.set()
        except SQLAlchemyError as error:
            log().warning("ledger_unread", error=type(error).__name__)
        finally:
            self._looking.release()

    def rest(self) -> None:
        """Wait until nothing is being counted."""
        with self._looking:
            self._ledger = None


def of_figures(held: Figures, now: datetime, forces: Forces) -> Iterator[Family]:
    """What the ledger tells, as metrics."""

    def since(at: datetime) -> float:
        return (now - at).total_seconds()

    def by_lane(metric: Metric, ats: Sequence[tuple[str, datetime | None]], sign: int) -> Family:
        return family(metric, [((force,), sign * since(at)) for force, at in ats if at], forces)

    yield family(metrics.READ, held.read.items(), forces)
    yield family(metrics.INPUTS, held.inputs.items(), forces)
    yield family(metrics.REPORTS, held.reports.items(), forces)
    within = [f"{each.total_seconds():.0f}" for each in DUE_WITHIN]
    due = [
        ((lane.force, w), n) for lane in held.lanes for w, n in zip(within, lane.due, strict=True)
    ]
    yield family(metrics.REPORTS_DUE, due, forces)
    yield by_lane(metrics.NEAREST_DEADLINE, [(e.force, e.next_due_at) for e in held.lanes], -1)
    oldest = [
        ((e.force, str(verdict)), max(0.0, since(at)))
        for e in held.lanes
        for verdict, at in e.oldest
    ]
    yield family(metrics.OLDEST_OWED, oldest, forces)
    yield by_lane(metrics.LANE_BEHIND, [(e.force, e.now) for e in held.lanes], 1)
    live = [(s, (s.force, s.source)) for s in held.sources if not s.ended]
    behind = [(key, since(s.watermark)) for s, key in live if s.watermark]
    yield family(metrics.SOURCE_BEHIND, behind, forces)
    quiet = [(key, since(s.last_known)) for s, key in live if s.last_known]
    yield family(metrics.SOURCE_QUIET, quiet, forces)
    yield family(metrics.SOURCE_STOPPED, [(key, s.silent) for s, key in live], forces)
    yield family(metrics.OUTBOX_WAITING, [((), held.outbox_waiting)])
    unsent = held.outbox_oldest_at
    yield family(metrics.OUTBOX_OLDEST, [((), since(unsent) if unsent else 0)])
    yield from _of_notices(held, now, forces)
    yield family(metrics.ACTIVE, [(each, 1) for each in held.active])


def _of_notices(held: Figures, now: datetime, forces: Forces) -> Iterator[Family]:
    told = held.notices
    standing = [((each.receiver, s), n) for each in told for s, n in each.statuses.items()]
    yield family(metrics.NOTIFICATIONS, standing)
    late = [
        ((e.receiver,), max(0.0, (now - e.oldest_due_at).total_seconds()) if e.oldest_due_at else 0)
        for e in told
    ]
    yield family(metrics.NOTIFICATION_OLDEST, late)
    spent = [((f, r, str(h)), n, bound) for (f, r, h), (n, bound) in held.interrupts.items()]
    yield family(metrics.INTERRUPTS, [(key, n) for key, n, _ in spent], forces)
    budgets = [(key, bound) for key, _, bound in spent if bound is not None]
    yield family(metrics.INTERRUPTS_BUDGET, budgets, forces)
    heard = [((), (now - held.planner_at).total_seconds())] if held.planner_at else []
    yield family(metrics.PLANNER_QUIET, heard)


def of_look(looked: Look, forces: Forces) -> Iterator[Family]:
    """What is counted now and then, as metrics."""
    lost, found = looked.conservation, looked.audit
    yield family(metrics.CONSERVATION, [(("inputs",), lost.inputs), (("reports",), lost.reports)])
    missed = [(("steps",), found.steps_overdue), (("digests",), found.digests_overdue)]
    yield family(metrics.STEPS_MISSED, missed)
    yield family(metrics.UNHEARD, [((), found.events_unheard)])
    yield family(metrics.CRIMES, looked.crimes.items(), forces)
    acted = [((force,), each) for force, each in looked.acted.items()]
    yield family(metrics.WARNED, [(key, each.warned) for key, each in acted], forces)
    shares = [(key, each.share) for key, each in acted if each.share is not None]
    yield family(metrics.ACTED, shares, forces)
    yield family(metrics.OUTCOMES, looked.outcomes.items())


@contextmanager
def served(settings: Settings, *parts: Origin) -> Iterator[Health]:
    """A port that answers until the end. Raises ``WorkerStopped`` where it cannot be had."""
    health = Health(settings, *parts)
    where = (settings.health_host, settings.health_port)
    try:
        server = ThreadingHTTPServer(where, _answering(health))
    except OSError as error:
        raise WorkerStopped(
            f"{where[0]}:{where[1]}: {error.strerror}; give RECOUNT_HEALTH_PORT a free port, or 0"
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    host, port = server.server_address[:2]
    health.address = f"http://{host!s}:{port}"
    log().info("health", address=health.address)
    try:
        yield health
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        health.rest()


def _answering(health: Health) -> type[BaseHTTPRequestHandler]:
    """A class, as the library wants one: one object of it answers one request."""

    class Answering(BaseHTTPRequestHandler):
        """Answers one request."""

        timeout = 10
        server_version, sys_version = "recount", ""

        def do_GET(self) -> None:
            """Answer by path."""
            match self.path.partition("?")[0]:
                case "/livez":
                    self._say(200, "alive\n")
                case "/startupz":
                    begun = health.started.is_set()
                    self._say(200 if begun else 503, "started\n" if begun else f"{STARTING}\n")
                case "/readyz":
                    reasons = health.unready()
                    told = "".join(f"{reason}\n" for reason in reasons) or "ready\n"
                    self._say(503 if reasons else 200, told)
                case "/metrics":
                    told = generate_latest(health.counted.registry).decode()
                    self._say(200, told, CONTENT_TYPE_LATEST)
                case _:
                    self._say(404, "/livez /readyz /startupz /metrics\n")

        do_HEAD = do_GET

        def _say(self, code: int, text: str, content: str = "text/plain; charset=utf-8") -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", content)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not worth a line."""

    return Answering


def _time_statements(engine: Engine, observe: Callable[[float], None]) -> None:
    """Of transactions that write: what is asked for a scrape would tell nothing of turns."""

    @event.listens_for(engine, "before_cursor_execute")
    def begin(_c: Any, _cursor: Any, _s: Any, _p: Any, context: Any, _many: bool) -> None:
        context.recount_began = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def end(held: Connection, _cursor: Any, _s: Any, _p: Any, context: Any, _many: bool) -> None:
        if held.get_execution_options().get("ledger_writes"):
            observe(time.perf_counter() - context.recount_began)
