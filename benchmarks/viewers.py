"""A board that many watch while reports pour in: python -m benchmarks.viewers [--json]

Fills a ledger (once, where --folder keeps it): 1,000,000 events of one force, 100,000 of its reports open.
Then measures, against ``recount run`` over it:

- how long board and worklist take, one after another, while nothing else happens;
- with 200 live viewers, each of whom is sent the board as its page is, and 500 events a second of
  which one in twenty changes the board: how long it is from the moment at which a deadline can be proved
  to have passed (both feeds have been read past it: their answers are there) until a viewer has the new
  board, how long pages take meanwhile, and what memory the process holds.
"""

import argparse
import asyncio
import json
import re
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from service.effects import HeartbeatSeen, Input
from service.hosts.incoming import Incoming
from service.hosts.planning import Planning
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.settings import read_settings
from service.turn import Batch, turn
from tests.control_room.running import NDJSON, Running, bearer

FORCE = "33"
SOURCES = ("native/incidents", "native/records")
DAY = timedelta(hours=24)
TEXT = (
    "Caller states her ex partner came to the address and punched her in the face, some minutes ago. "
    "Officer attended, spoke with the informant, area search made with no trace of the suspect."
)
A_TURN = 5_000

PAGES = ("board", "worklist", "worklist?choice=past_due", "worklist?choice=all")

MISSED = re.compile(rb'"type":"missed"[^{}]*?"subject":"(D[^"]+)"')


# -- what is in the ledger --------------------------------------------------------------------------


def log(ref: str, at: datetime, version: int, code: str, **more: Any) -> bytes:
    """A version of an incident log, of about 700 bytes."""
    return json.dumps(
        {
            "force": FORCE,
            "ref": ref,
            "version": version,
            "received_at": at.isoformat(),
            "updated_at": at.isoformat(),
            "received_via": "emergency_call",
            "reported_by": "victim",
            "victim_kind": "person",
            "opening_codes": [code],
            "place": {"area": f"B{sum(ref.encode()) % 40:02}"},
            "people": [{"role": "victim", "key": f"k1:{ref}"}],
            "narrative": [{"at": at.isoformat(), "writer": "call_handler", "text": TEXT}],
            **more,
        }
    ).encode()


def crime(ref: str, incident: str, at: datetime) -> bytes:
    """A crime record that names its log."""
    return json.dumps(
        {
            "force": FORCE,
            "ref": ref,
            "version": 1,
            "kind": "crime",
            "reported_at": at.isoformat(),
            "recorded_at": at.isoformat(),
            "updated_at": at.isoformat(),
            "offence_code": "008/01",
            "status": "recorded",
            "incident_refs": [incident],
        }
    ).encode()


def history(now: datetime, events: int, open_: int) -> Iterator[tuple[str, bytes]]:
    """Source and row, in order of time: settled reports of three months, then the open ones of a day."""
    settled = (events - open_) // 3
    gap = timedelta(days=88) / max(settled, 1)
    waiting: list[tuple[datetime, int, str, bytes]] = []
    ticket = count()
    for n in range(settled):
        at, ref = now - timedelta(days=90) + n * gap, f"H{n:07}"
        plain = n % 3 == 0
        code = "asb nuisance" if plain else "assault with injury"
        closed = at + timedelta(hours=2)
        yield from _until(waiting, at)
        yield SOURCES[0], log(ref, at, 1, code, narrative=[])
        for version in (2, 3) if plain else (2,):
            row = log(ref, at, version, code, closed_at=closed.isoformat(), narrative=[])
            heappush(waiting, (closed, next(ticket), SOURCES[0], row))
        if not plain:
            recorded = at + timedelta(hours=1)
            heappush(waiting, (recorded, next(ticket), SOURCES[1], crime(f"C{n}", ref, recorded)))
    yield from _until(waiting, now)
    for n in range(open_):
        # Most are due within a day; of one in ten the deadline has passed.
        back = DAY * 1.1 * (1 - n / open_)
        code = ("assault with injury", "burglary dwelling", "criminal damage")[n % 3]
        marked = {"qualifiers": ["domestic abuse"]} if n % 7 == 0 else {}
        yield SOURCES[0], log(f"N{n:07}", now - back, 1, code, **marked)


def _until(
    waiting: list[tuple[datetime, int, str, bytes]], at: datetime
) -> Iterator[tuple[str, bytes]]:
    while waiting and waiting[0][0] <= at:
        _, _, source, row = heappop(waiting)
        yield source, row


def fill(file: Path, events: int, open_: int) -> float:
    """Make the ledger; seconds."""
    began, now = time.monotonic(), datetime.now(UTC)
    incoming = Incoming(read_settings(), ("native",))
    ledger = open_ledger(f"sqlite:///{file}")
    upgrade(ledger.engine)
    rows = history(now, events, open_)
    while some := list(islice(rows, A_TURN)):
        inputs: list[Input] = []
        for source, row in some:
            (read,) = incoming.read_rows(source, FORCE, [(1, row)], now)
            assert read.input is not None, read.refused
            inputs.append(read.input)
        turn(ledger, incoming.rulebook, Batch(inputs=tuple(inputs)))
    beats = tuple(HeartbeatSeen(FORCE, source, now, now) for source in SOURCES)
    turn(ledger, incoming.rulebook, Batch(inputs=beats))
    Planning(read_settings(), ledger).round(now)  # as a service that lived through it would have
    ledger.close()
    return time.monotonic() - began


# -- one page after another -------------------------------------------------------------------------


def paged(client: httpx.Client, times: int) -> dict[str, list[float]]:
    """Milliseconds of each page, asked for one after another by somebody who is signed in."""
    taken: dict[str, list[float]] = {page: [] for page in PAGES}
    for _ in range(times):
        for page in PAGES:
            taken[page].append(_asked(client, page))
    return taken


def _asked(client: httpx.Client, page: str) -> float:
    began = time.perf_counter()
    answer = client.get(f"/{page}")
    answer.raise_for_status()
    return (time.perf_counter() - began) * 1000


# -- many who watch -----------------------------------------------------------------------------------


class Watched:
    """What viewers saw, and when."""

    def __init__(self) -> None:
        self.shown: dict[str, list[float]] = {}
        """By reference of a report that came to be missed: when each viewer had the board anew."""
        self.boards = 0
        self.refused = 0
        self.live = 0


async def watch(client: httpx.AsyncClient, seen: Watched) -> None:
    """One viewer: a live stream that carries the board, as that of its page does."""
    told: set[bytes] = set()
    query = {"show": "/board", "force": FORCE}
    async with client.stream("GET", "/v1/stream", params=query, timeout=None) as stream:
        seen.refused += stream.status_code != 200
        seen.live += 1
        async for chunk in stream.aiter_bytes():
            told.update(MISSED.findall(chunk))
            if b"event: page" in chunk:
                now = time.monotonic()
                seen.boards += 1
                for ref in told:
                    seen.shown.setdefault(ref.decode(), []).append(now)
                told = set()


async def read(
    client: httpx.AsyncClient, taken: dict[str, list[float]], until: asyncio.Event
) -> None:
    """Somebody who goes from page to page meanwhile."""
    while not until.is_set():
        for page, times in taken.items():
            began = time.perf_counter()
            answer = await client.get(f"/{page}")
            answer.raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.2)


class Pouring:
    """Sends so many events a second; one in twenty is of a report that changes the board."""

    def __init__(self, running: Running, rate: int) -> None:
        self._client = httpx.AsyncClient(base_url=running.url, timeout=60)
        self._tokens = {source: running.token(source, FORCE) for source in SOURCES}
        self._rate = rate
        self._number = count()
        self.provable: dict[str, float] = {}
        """When each deadline could be proved to have passed."""
        self.sent = 0
        self.late = 0.0
        """Seconds by which sending fell behind."""

    async def pour(self, until: asyncio.Event, pieces: int = 4) -> None:
        """A body of logs ``pieces`` times a second, and deadlines that pass once a second."""
        began, turn_ = time.monotonic(), 0
        while not until.is_set():
            due = began + turn_ / pieces
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.late = max(self.late, time.monotonic() - due)
            await self._logs(self._rate // pieces)
            if turn_ % pieces == 1:
                await self._deadline()
            turn_ += 1

    async def _logs(self, many: int) -> None:
        now = datetime.now(UTC)
        rows = []
        for _ in range(many):
            n = next(self._number)
            code = "assault with injury" if n % 20 == 0 else "asb nuisance"
            rows.append(log(f"L{n:07}", now, 1, code))
        await self._post("incidents", SOURCES[0], rows)

    async def _deadline(self) -> None:
        """A report whose deadline passes in a moment, then both feeds read past it."""
        ref = f"D{next(self._number):07}"
        received = datetime.now(UTC) - DAY + timedelta(milliseconds=150)
        await self._post("incidents", SOURCES[0], [log(ref, received, 1, "burglary dwelling")])
        await asyncio.sleep(0.2)
        until = datetime.now(UTC)
        beat = json.dumps({"kind": "heartbeat", "force": FORCE, "until": until.isoformat()})
        await self._post("incidents", SOURCES[0], [beat.encode()])
        sent = time.monotonic()
        await self._post("crimes", SOURCES[1], [beat.encode()])
        self.provable[ref] = sent

    async def _post(self, path: str, source: str, rows: Sequence[bytes]) -> None:
        answer = await self._client.post(
            f"/v1/{path}",
            content=b"\n".join(rows),
            headers={**bearer(self._tokens[source]), **NDJSON},
        )
        answer.raise_for_status()
        assert "dead" not in answer.json(), answer.text
        self.sent += len(rows)


async def watched(
    running: Running, cookie: dict[str, str], viewers: int, rate: int, seconds: float
) -> dict[str, Any]:
    """Let so many watch for so long while so much pours in; what they saw."""
    pouring, seen, until = Pouring(running, rate), Watched(), asyncio.Event()
    clients = [
        httpx.AsyncClient(
            base_url=running.url, cookies=cookie, timeout=60, limits=httpx.Limits(max_connections=2)
        )
        for _ in range(viewers)
    ]
    watching = [asyncio.create_task(watch(client, seen)) for client in clients]
    while seen.live < viewers:
        await asyncio.sleep(0.1)
    rss = memory(running.process.pid)
    taken: dict[str, list[float]] = {"board": [], "worklist": []}
    reader = httpx.AsyncClient(base_url=running.url, cookies=cookie, timeout=60)
    flow = asyncio.gather(pouring.pour(until), read(reader, taken, until))
    await asyncio.sleep(seconds / 2)
    halfway = memory(running.process.pid)
    await asyncio.sleep(seconds / 2)
    until.set()
    await flow
    await asyncio.sleep(1)
    for each in watching:
        each.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    late = [
        (at - sent) * 1000
        for ref, sent in pouring.provable.items()
        for at in seen.shown.get(ref, ())
    ]
    whole = [ref for ref in pouring.provable if len(seen.shown.get(ref, ())) == viewers]
    for client in (*clients, reader):
        await client.aclose()
    return {
        "viewers": viewers,
        "events_per_second": round(pouring.sent / seconds),
        "sending_fell_behind_s": round(pouring.late, 2),
        "deadlines": len(pouring.provable),
        "seen_by_all": len(whole),
        "provable_to_shown_ms": spread(late),
        "boards_per_second": round(seen.boards / seconds),
        "board_under_load_ms": spread(taken["board"]),
        "worklist_under_load_ms": spread(taken["worklist"]),
        "refused": seen.refused,
        "memory_mb": {"before": rss, "halfway": halfway, "after": memory(running.process.pid)},
    }


def memory(pid: int) -> float:
    """MB that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024)
    return 0.0


def spread(taken: Sequence[float]) -> dict[str, float]:
    """Median, 95th, 99th and largest."""
    some = sorted(taken) or [0.0]

    def at(share: float) -> float:
        return round(some[min(len(some) - 1, int(len(some) * share))], 1)

    return {"n": len(taken), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1)}


# -- telling ----------------------------------------------------------------------------------------


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Everything."""
    found: dict[str, Any] = {"open": given.open, "events": given.events}
    file = folder / "recount.db"
    if not file.exists():
        found["filled_in_s"] = round(fill(file, given.events, given.open))
    running = Running(
        folder,
        RECOUNT_REQUESTS_PER_MINUTE="10000000",
        RECOUNT_TICK_EVERY="5",
    )
    try:
        client = running.client()
        running.await_that(lambda: client.get("/board").is_success, "a first board")
        time.sleep(given.rest)
        taken = paged(client, given.times)
        cookie = dict(client.cookies)
        client.close()
        found["pages_ms"] = {page: spread(each) for page, each in taken.items()}
        found["watched"] = asyncio.run(
            watched(running, cookie, given.viewers, given.rate, float(given.seconds))
        )
        assert running.stop() == 0
    finally:
        running.end()
    return found


def table(found: dict[str, Any]) -> Iterator[str]:
    """The same as Markdown."""
    yield f"{found['open']:,} open reports, {found['events']:,} events"
    yield "| | n | p50 | p95 | p99 | largest |"
    yield "|---|---|---|---|---|---|"
    rows = {f"{page}, alone": each for page, each in found["pages_ms"].items()}
    load = found["watched"]
    rows["board, under load"] = load["board_under_load_ms"]
    rows["worklist, under load"] = load["worklist_under_load_ms"]
    rows["provable to shown"] = load["provable_to_shown_ms"]
    for name, each in rows.items():
        figures = " | ".join(f"{each[key]:,.0f} ms" for key in ("p50", "p95", "p99", "max"))
        yield f"| {name} | {each['n']:,} | {figures} |"
    held = load["memory_mb"]
    yield (
        f"{load['viewers']} viewers, {load['events_per_second']} events a second, "
        f"{load['boards_per_second']} boards a second, {load['refused']} refused; "
        f"{load['seen_by_all']} of {load['deadlines']} deadlines seen by all; "
        f"memory {held['before']:.0f}, {held['halfway']:.0f}, {held['after']:.0f} MB"
    )


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--open", type=int, default=100_000)
    asked.add_argument("--events", type=int, default=1_000_000)
    asked.add_argument("--viewers", type=int, default=200)
    asked.add_argument("--rate", type=int, default=500)
    asked.add_argument("--seconds", type=int, default=60)
    asked.add_argument("--times", type=int, default=30)
    asked.add_argument("--rest", type=int, default=25, help="Seconds after the start.")
    asked.add_argument("--folder", type=Path, help="Keeps the ledger, to be used again.")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    with TemporaryDirectory() as folder:
        found = measure(given.folder or Path(folder), given)
    if given.json:
        json.dump(found, sys.stdout, indent=1)
        print()
    else:
        print("\n".join(table(found)))


if __name__ == "__main__":
    main()
