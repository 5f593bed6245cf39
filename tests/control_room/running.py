"""The service as somebody would run it: a process of its own, over a file or a database."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from service.control_room.gate import CSRF_HEADER, csrf_of
from service.ledger import outputs
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tokens import make_token
from tests.kafka.feed import NOW, Event

PATIENCE = 60.0
"""Seconds after which something that should happen is called missing."""

PATHS = {"log": "incidents", "crimes": "crimes", "referrals": "referrals"}
SOURCES = {"log": "native/incidents", "crimes": "native/records", "referrals": "native/referrals"}
NDJSON = {"Content-Type": "application/x-ndjson"}


SETTINGS = {"RECOUNT_TICK_EVERY": "0.5", "RECOUNT_REQUESTS_PER_MINUTE": "100000"}


class Running:
    """One process; it may be killed and started again."""

    def __init__(
        self, folder: Path, *options: str, command: str = "run", **environment: str
    ) -> None:
        self.ledger_file = folder / "recount.db"
        self._log = folder / f"{command}.log"
        self._command = [sys.executable, "-m", "service.cli", command, *options]
        if command == "run":
            self._command += ["--ledger", str(self.ledger_file)]
        self._environment = {**os.environ, **SETTINGS, **environment}
        self.process: subprocess.Popen[bytes]
        self.url = self.link = ""
        self.start()

    def start(self, port: int = 0) -> None:
        """Start, and wait until it answers."""
        begins = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, "--port", str(port)],
                env=self._environment,
                stderr=log,
                stdout=log,
            )
        marker = "Recount answers at "

        def answers() -> bool:
            said = self._log.read_bytes()[begins:].decode()
            if marker not in said or not said.endswith("\n"):
                return False
            self.link = said.split(marker)[1].split()[0]
            self.url = self.link.partition("/enter")[0]
            return True

        self.await_that(answers, "answering")

    @property
    def port(self) -> int:
        """Where it answers."""
        return httpx.URL(self.url).port or 0

    def await_that(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds; fail where the process has ended."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if self.process.poll() is not None:
                raise AssertionError(f"{what}: ended {self.process.returncode}\n{self.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not {what}\n{self.log()}")
            time.sleep(0.02)

    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Leave no process behind."""
        if self.process.poll() is None:
            self.kill()

    def token(self, source: str, force: str) -> str:
        """A token of a source of a force."""
        ledger = self.ledger()
        with ledger.writing() as connection:
            _, written = make_token(connection, source, force, NOW)
        ledger.close()
        return written

    def client(self) -> httpx.Client:
        """Signed in by the printed link."""
        client = httpx.Client(base_url=self.url, timeout=PATIENCE)
        assert client.get(self.link).status_code in (200, 303)
        client.headers[CSRF_HEADER] = csrf_of(client.cookies["recount"])
        return client

    def ledger(self) -> Ledger:
        """The ledger, to look into."""
        return open_ledger(f"sqlite:///{self.ledger_file}", create=False)


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def ndjson(events: Sequence[Event]) -> bytes:
    """A body of many."""
    return b"\n".join(event.value or b"" for event in events) + b"\n"


def frames(stream: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    """Events of a stream: name, id, data; a page as it is."""
    held: dict[str, str] = {}
    for line in stream.iter_lines():
        if not line:
            if "data" in held:
                name, data = held.get("event", ""), held["data"]
                yield name, held.get("id", ""), data if name == "page" else json.loads(data)
            held = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            held[name] = value


def said(ledger: Ledger) -> list[tuple[str, int]]:
    """Force and number of everything in the chains."""
    with ledger.reading() as connection:
        return [(each.force, each.seq) for each in outputs.events(connection)]
