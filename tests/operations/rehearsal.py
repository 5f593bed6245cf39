"""`make rehearse`: copies, restoring and upgrading while a loaded service runs, as an operator does it.

Each is judged as every fault is: nothing lost, no alert event under two ids, the same answer byte for byte.
Upgrades begin with the program of the revision before, taken from this repository's own history.

RECOUNT_REHEARSED: how many events are sent (20,000).
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import revision, upgrade, wanted_revision
from service.matching.judgement import decode, encode
from tests.conftest import Fresh
from tests.control_room.running import NDJSON, PATHS, SOURCES, bearer
from tests.control_room.running import Running as Embedded
from tests.kafka.feed import NOW, Answer, Event, answer, applied_directly, events
from tests.kafka.site import PATIENCE, Running, Site, applied, await_that
from tests.kafka.test_faults import whole
from tests.kafka.test_relay import read, waits

ROOT = Path(__file__).parents[2]
VERSIONS = "service/ledger/migrations/versions"
COUNT = int(os.environ.get("RECOUNT_REHEARSED", "20000"))
AT_ONCE = 100
"""Events sent together."""
EVERY = 0.25
"""Seconds between two lots: 400 events a second; the whole country has about 1,300 at its peak."""

pytestmark = pytest.mark.timeout(900)


@cache
def before() -> tuple[str, str]:
    """The last commit whose ledger was of the revision before, and that revision."""
    mine = sorted(path.name for path in (ROOT / VERSIONS).glob("r*.py"))
    for commit in _git("rev-list", "HEAD").split():
        files = _git("ls-tree", "--name-only", commit, f"{VERSIONS}/").split()
        if sorted(Path(each).name for each in files if "/r0" in each) == mine[:-1]:
            return commit, mine[-2][1:5]
    pytest.skip("the program of the revision before is not in this repository's history")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The program of the revision before, as a folder to run it from."""
    commit, _ = before()
    held = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    folder = tmp_path / "earlier"
    with tarfile.open(fileobj=io.BytesIO(held.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def with_code(folder: Path) -> dict[str, str]:
    """An environment in which the program is the one in that folder."""
    return {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}


@contextmanager
def loaded(send: Callable[[Sequence[Event]], None], told: Sequence[Event]) -> Iterator[None]:
    """While this lasts it is sent bit by bit; at the end all of it has been."""
    failed: list[BaseException] = []
    hurry = threading.Event()

    def sending() -> None:
        try:
            for start in range(0, len(told), AT_ONCE):
                send(told[start : start + AT_ONCE])
                hurry.wait(EVERY)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=sending)
    thread.start()
    try:
        yield
    finally:
        hurry.set()
        thread.join()
    assert not failed, failed


def once(site: Site) -> None:
    """What lies on the topic: the same event of an alert, and the same claim, has one id."""
    ids: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for record in read(site, site.environment["RECOUNT_ALERTS_TOPIC"]):
        said = json.loads(record.value)
        data = said["data"]
        ids[data["alert_id"], data["n"]].add(said["id"])
        if data["type"] in ("missed", "partly_recorded"):
            ids[data["alert_id"], data["type"], data["effective_at"]].add(said["id"])
    assert ids
    assert all(len(each) == 1 for each in ids.values())


def judge(
    site: Site, ledger: Ledger, expected: Answer, read: Callable[[Ledger], Answer] = answer
) -> None:
    """Nothing lost, and nothing under two ids."""
    assert read(ledger) == expected
    whole(ledger)
    relay = site.start(command="relay")
    relay.await_said("relaying")
    await_that(lambda: not waits(ledger), "all sent", relay)
    assert relay.stop() == 0
    once(site)


def essence(found: Answer) -> Answer:
    """Without what words made of a narrative: text is read once, by the words of its day, and let go."""
    lines = []
    for line in map(decode, found.lines):
        crimes = tuple(replace(each, evidence=(), rules=()) for each in line.crimes)
        lines.append(encode(replace(line, crimes=crimes)))
    return found._replace(lines=tuple(lines))


def essential(ledger: Ledger) -> Answer:
    """What a ledger says, in essence."""
    return essence(answer(ledger))


# -- PostgreSQL, a worker and a relay -----------------------------------------------------------------


def finish(site: Site, ledger: Ledger, *parts: Running) -> None:
    """Everything applied, time passed, and all of them gone in order."""
    site.await_applied(ledger, len(events(COUNT)), *parts)
    site.await_ticked(ledger, *parts)
    assert [each.stop() for each in parts] == [0] * len(parts)


def test_copied_under_load_and_restored_into_another_database(
    site: Site, ledger: Ledger, postgres_databases: Fresh, tmp_path: Path
) -> None:
    told, copy = events(COUNT), str(tmp_path / "copy.db")
    expected = applied_directly(told, tmp_path, NOW)
    worker, relay = site.start(), site.start(command="relay")
    with loaded(site.produce, told):
        await_that(lambda: applied(ledger) > COUNT // 10, "some applied", worker, relay)
        done = site.run("db", "backup", copy)
        assert done.code == 0, done.err
        at_copy = applied(ledger)
        await_that(lambda: applied(ledger) > min(at_copy + 500, COUNT), "more applied", worker)
        worker.kill()  # the database is lost, and what it was told after the copy with it
        relay.kill()
    site.database = site.environment["DATABASE_URL"] = postgres_databases()
    done = site.run("db", "restore", copy)
    assert done.code == 0, done.err
    assert site.run("db", "check").code == 0
    restored = open_ledger(site.database)
    assert applied(restored) < len(told)
    finish(site, restored, site.start())
    judge(site, restored, expected)
    restored.close()


def test_upgraded_under_load_from_the_program_before(
    site: Site, earlier: Path, tmp_path: Path
) -> None:
    told, old = events(COUNT), with_code(earlier)
    expected = applied_directly(told, tmp_path, NOW)
    site.make_topics()
    assert site.run("db", "upgrade", **old).code == 0
    ledger = open_ledger(site.database)
    assert revision(ledger.engine).held == before()[1]
    workers = [site.start(**old), site.start(**old)]
    relay = site.start(command="relay", **old)
    with loaded(site.produce, told):
        await_that(lambda: applied(ledger) > COUNT // 10, "some applied", *workers, relay)
        done = site.run("db", "upgrade")  # the tables first: what runs goes on with them
        assert done.code == 0, done.err
        stood = applied(ledger)
        await_that(lambda: applied(ledger) > stood, "the program before goes on", *workers, relay)
        for each in (*workers, relay):  # then one after the other
            new = site.start(command="relay" if each is relay else "worker")
            assert each.stop() == 0
            assert new.process.poll() is None
    done = site.run("config", "activate", "--yes")  # where the new program brings other rules
    assert done.code == 0, done.err
    assert revision(ledger.engine).held == wanted_revision()
    finish(site, ledger, *(each for each in site.running()))
    judge(site, ledger, essence(expected), essential)
    ledger.close()


# -- SQLite, everything in one process ----------------------------------------------------------------


def recount() -> list[str]:
    """The command, with this program."""
    return [sys.executable, "-m", "service.cli"]


def over(file: Path) -> dict[str, str]:
    """An environment in which the ledger is that file."""
    return {**os.environ, "DATABASE_URL": f"sqlite:///{file}"}


class Sender:
    """Sends over HTTP, in order, again until it is answered, as a connector does."""

    def __init__(self, service: Embedded, told: Sequence[Event]) -> None:
        self.service = service
        self._tokens = {
            (side, force): service.token(SOURCES[side], force)
            for side, force in sorted({(each.side, each.force) for each in told})
        }

    def __call__(self, told: Sequence[Event]) -> None:
        lots: dict[tuple[str, str, bool], list[bytes]] = defaultdict(list)
        for each in told:
            beats = b'"heartbeat"' in (each.value or b"")[:40]
            lots[each.side, each.force, beats].append(each.value or b"")
        for (side, force, beats), lines in lots.items():
            self._post("heartbeats" if beats else PATHS[side], self._tokens[side, force], lines)

    def _post(self, path: str, token: str, lines: list[bytes]) -> None:
        body, headers = b"\n".join(lines) + b"\n", {**bearer(token), **NDJSON}
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                answered = httpx.post(
                    f"{self.service.url}/v1/{path}", content=body, headers=headers, timeout=PATIENCE
                )
                if answered.status_code not in (429, 503):
                    assert answered.status_code == 200, answered.text
                    return
            time.sleep(0.1)
        raise AssertionError("not taken in")


def settled(service: Embedded, expected: Answer, read: Callable[[Ledger], Answer] = answer) -> None:
    """What is due is said once time has passed; then everything is as it should be."""
    ledger = service.ledger()
    service.await_that(lambda: read(ledger) == expected, "the same answer")
    assert service.stop() == 0
    whole(ledger)
    ledger.close()


def test_one_process_copied_under_load_and_restored_into_another_file(tmp_path: Path) -> None:
    told = events(3_000)
    expected = applied_directly(told, tmp_path, NOW)
    service, copy = Embedded(tmp_path), tmp_path / "copy.db"
    try:
        sender = Sender(service, told)
        with loaded(sender, told[:2_000]):
            time.sleep(1.0)
            subprocess.run(
                [*recount(), "db", "backup", str(copy)], env=over(service.ledger_file), check=True
            )
        service.kill()
        other = tmp_path / "other"
        other.mkdir()
        file = other / "recount.db"
        subprocess.run([*recount(), "db", "restore", str(copy)], env=over(file), check=True)
        service = sender.service = Embedded(other)
        sender(told)  # connectors send again what was answered after the copy; more does no harm
        settled(service, expected)
    finally:
        service.end()


def test_one_process_upgraded_under_load_from_the_program_before(
    tmp_path: Path, earlier: Path
) -> None:
    told = events(3_000)
    expected = applied_directly(told, tmp_path, NOW)
    service = Embedded(tmp_path, **with_code(earlier))
    try:
        ledger = service.ledger()
        assert revision(ledger.engine).held == before()[1]
        ledger.close()
        sender = Sender(service, told)
        with loaded(sender, told):
            time.sleep(1.0)
            port = service.port
            assert service.stop() == 0
            service = sender.service = Embedded(tmp_path, "--port", str(port))
        activate = ["config", "activate", "--ledger", str(service.ledger_file), "--yes"]
        subprocess.run([*recount(), *activate], check=True)
        ledger = service.ledger()
        assert revision(ledger.engine).held == wanted_revision()
        upgrade(ledger.engine)
        ledger.close()
        settled(service, essence(expected), essential)
    finally:
        service.end()
