"""The application as people reach it: over a real ledger, by real sessions, at a time that tests move."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from service.alerts.actors import Actor, ActorRole
from service.control_room.app import make_app
from service.control_room.gate import Gate, Kept
from service.control_room.viewers import Special
from service.hosts.embedded import PARTS, make_desk
from service.hosts.incoming import Incoming
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.metrics import Counted
from service.settings import read_settings

HERE = "http://127.0.0.1:8000"


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, passing: timedelta) -> None:
        self.now += passing


class Door:
    """One application, and browsers before it."""

    def __init__(self, app: FastAPI, gate: Gate, clock: Clock) -> None:
        self.app, self.gate, self.clock = app, gate, clock

    def browser(self) -> TestClient:
        """A browser that holds nothing; it does not follow, so that tests see each step."""
        return TestClient(self.app, HERE, follow_redirects=False, raise_server_exceptions=False)

    def link(
        self,
        *roles: ActorRole,
        forces: tuple[str, ...] = ("33",),
        special: tuple[Special, ...] = (),
    ) -> str:
        """A link that lets somebody in, once."""
        kept = Kept(Actor(id="person-1", roles=roles, forces=forces, via="page"), special)
        return f"/enter?key={asyncio.run(self.gate.make_link(kept))}"

    def signed_in(
        self,
        *roles: ActorRole,
        forces: tuple[str, ...] = ("33",),
        special: tuple[Special, ...] = (),
    ) -> TestClient:
        """The browser of somebody who is signed in."""
        browser = self.browser()
        answer = browser.get(self.link(*roles, forces=forces, special=special))
        assert answer.status_code == 303
        return browser


@cache
def _incoming() -> Incoming:
    """Packs and mappings, read once: no test here changes them."""
    return Incoming(read_settings(), ("native",))


@contextmanager
def a_door(folder: Path, *routers: APIRouter, **given: object) -> Iterator[Door]:
    """The application over a new ledger, with these settings and these further routes."""
    settings = read_settings(**given)
    clock = Clock()
    ledger = open_ledger(f"sqlite:///{folder / 'door.db'}")
    upgrade(ledger.engine)
    desk = make_desk(settings, ledger, _incoming(), Counted(*PARTS))
    gate = Gate(settings, ledger, clock)
    try:
        yield Door(make_app(desk, gate, routers), gate, clock)
    finally:
        ledger.close()
