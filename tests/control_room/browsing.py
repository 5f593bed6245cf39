"""Browsers before a running service, and reports sent to it as its sources would."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from service.alerts.actors import Actor, ActorRole
from service.control_room.gate import Gate, Kept
from service.control_room.viewers import Special
from service.hosts.embedded import wall_clock
from service.settings import read_settings
from tests.control_room.running import Running, bearer

FORCE = "33"
WAIT_MS = 8_000

DESK = (ActorRole.DECISION_MAKER, ActorRole.SUPERVISOR, ActorRole.REGISTRAR, ActorRole.OPS)


def hours_ago(hours: float) -> datetime:
    """An instant so long ago, by the wall clock, as the service reads it."""
    return datetime.now(UTC) - timedelta(hours=hours)


class Site:
    """A service with its sources."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        """As a stranger starts it: what people type is sealed by the key that it makes itself."""
        self.running = Running(
            folder,
            *options,
            RECOUNT_MARKING="OFFICIAL-SENSITIVE",
            RECOUNT_RELAY_EVERY="0.1",
            RECOUNT_REQUESTS_PER_MINUTE="6000",
            **environment,
        )
        self._tokens: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.running.url

    def begin(self) -> None:
        """Connect log and crime system, as of ten days ago."""
        for source in ("native/incidents", "native/records"):
            self._tokens[source] = self.running.token(source, FORCE)
        long_ago = hours_ago(240)
        self.report("OLD-1", long_ago)
        self.record("C-OLD-1", "OLD-1", long_ago + timedelta(hours=1))

    def report(
        self, ref: str, at: datetime, code: str = "assault with injury", **more: Any
    ) -> None:
        """A report comes in."""
        document = {
            "force": FORCE,
            "ref": ref,
            "received_at": at.isoformat(),
            "updated_at": at.isoformat(),
            "version": 1,
            "received_via": "emergency_call",
            "opening_codes": [code],
            "place": {"area": "B12"},
            **more,
        }
        self._send("incidents", "native/incidents", document)

    def record(self, ref: str, log: str, at: datetime) -> None:
        """A crime is recorded."""
        document = {
            "force": FORCE,
            "ref": ref,
            "version": 1,
            "updated_at": at.isoformat(),
            "kind": "crime",
            "recorded_at": at.isoformat(),
            "offence_code": "008/01",
            "incident_refs": [log],
        }
        self._send("crimes", "native/records", document)

    def promise(self) -> None:
        """Log and crime system are read up to now."""
        until = hours_ago(0).isoformat()
        for path, source in (("incidents", "native/incidents"), ("crimes", "native/records")):
            self._send(path, source, {"kind": "heartbeat", "force": FORCE, "until": until})

    def _send(self, path: str, source: str, document: dict[str, Any]) -> None:
        headers = bearer(self._tokens[source])
        answer = httpx.post(f"{self.url}/v1/{path}", json=document, headers=headers)
        assert answer.status_code == 200, answer.text
        assert "dead" not in answer.json(), answer.text

    def link(self, person: str, *roles: ActorRole, special: tuple[Special, ...] = ()) -> str:
        """An address that lets somebody in, once."""
        ledger = self.running.ledger()
        gate = Gate(read_settings(), ledger, wall_clock)
        actor = Actor(id=person, roles=roles, forces=(FORCE,), via="page")
        # Playwright's own loop runs in this thread.
        with ThreadPoolExecutor(1) as aside:
            key = aside.submit(lambda: asyncio.run(gate.make_link(Kept(actor, special)))).result()
        ledger.close()
        return f"{self.url}/enter?key={key}"

    def page(
        self,
        browser: Browser,
        person: str = "officer-1",
        roles: tuple[ActorRole, ...] = DESK,
        special: tuple[Special, ...] = tuple(Special),
        **context: Any,
    ) -> Page:
        """The page of somebody who is signed in, in a browser of their own."""
        page = browser.new_context(**context).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(self.link(person, *roles, special=special))
        return page
