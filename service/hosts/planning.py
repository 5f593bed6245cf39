"""Messages to people, planned: routes from their file, rounds until nothing is left, an auditor beside.

Any number may run; one plans at a time. An auditor's figures go to the log every minute, and to whoever
asks to hear them: a planner that is behind, or that lives no more, is seen there.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from service.alerts.routes import Routes
from service.alerts.routing_file import faults_of, parse_routes
from service.delivery.numbers import number
from service.delivery.planning import Planned, plan_round
from service.hosts.files import NotGiven
from service.ingest.lined import Fault
from service.ledger.active import check_active, parts_of_routes
from service.ledger.attention import Audit, audit
from service.ledger.opening import Ledger
from service.log import log
from service.settings import Settings

DEFAULT = "default"
"""Name of the routes that are shipped."""

AUDITED_EVERY = timedelta(minutes=1)
PATIENCE = 5.0
"""Seconds to wait while the database is gone."""


def read_routes(name_or_path: str) -> Routes:
    """Routes from a file, or ``default``. Raises ``Fault`` or ``NotGiven``."""
    return parse_routes(_text(name_or_path), name_or_path)


def faults_of_routes(name_or_path: str) -> list[Fault]:
    """Everything that is wrong with a file of routes. Raises ``NotGiven``."""
    return list(faults_of(_text(name_or_path), name_or_path))


def default_text() -> str:
    """The routes that are shipped, as written."""
    file = resources.files("service.alerts") / "default_routes.yaml"
    return file.read_text(encoding="utf-8")


def _text(name_or_path: str) -> str:
    if name_or_path == DEFAULT:
        return default_text()
    path = Path(name_or_path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = bytes(error.object).count(b"\n", 0, error.start) + 1
        raise Fault(name_or_path, line, "not UTF-8", "save the file as UTF-8") from None
    except OSError as error:
        remedy = f"give the path of a .yaml file, or '{DEFAULT}'"
        raise NotGiven(f"{name_or_path} cannot be read: {error.strerror}; {remedy}") from None


class Planning:
    """One planner; any number may run."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        hear: Callable[[Audit], None] = lambda found: None,
    ) -> None:
        """``hear`` is told what the auditor finds. Raises ``Fault`` or ``NotGiven`` for the routes."""
        self._settings, self._ledger, self._hear = settings, ledger, hear
        self._routes = read_routes(settings.routes)
        self.parts = parts_of_routes(self._routes.digest)
        """What must be active for this to plan."""
        self._audited_at: datetime | None = None

    def round(self, now: datetime) -> Planned:
        """Number what is new and plan until nothing is left; what was done in all. Raises ``NotActive``
        where other routes are active."""
        with self._ledger.reading() as connection:
            check_active(connection, self.parts)
        heard = looked = told = digests = 0
        more = True
        while more:
            number(self._ledger)
            done = plan_round(self._ledger, self._routes, now)
            heard, looked = heard + done.heard, looked + done.looked_at
            told, digests = told + done.messages, digests + done.digests
            more = done.more
        return Planned(heard, looked, told, digests, False)

    def audit(self, now: datetime) -> Audit:
        """Count what should have been done by now and was not."""
        with self._ledger.reading() as connection:
            found = audit(connection, now)
        late = found.steps_overdue or found.digests_overdue
        write = log().warning if late else log().info
        write(
            "planner_audited",
            steps_overdue=found.steps_overdue,
            steps=[f"{e.force}/{e.subject}: {e.step} to {e.receiver}" for e in found.named],
            digests_overdue=found.digests_overdue,
            events_unheard=found.events_unheard,
            open=found.open,
        )
        self._hear(found)
        return found

    def run(self, stop: threading.Event) -> None:
        """Plan until told to stop. Raises ``NotActive`` once other routes are active."""
        while not stop.is_set():
            now = datetime.now(UTC)
            try:
                done = self.round(now)
                if done.messages:
                    log().info("planned", messages=done.messages, digests=done.digests)
                if self._audited_at is None or now - self._audited_at >= AUDITED_EVERY:
                    self._audited_at = now
                    self.audit(now)
            except DBAPIError as error:
                log().warning("planning_failed", error=type(error.orig).__name__)
                stop.wait(PATIENCE)
            stop.wait(self._settings.plan_every)
