"""An incident night: very many high-harm reports of one minute, none recorded, and what people get.

    python -m benchmarks.night [--alerts 10000] [--webhooks]

All of them fall due in one minute: warned of four hours before the deadline, missed at it. Real turns, the
planner's real rounds with a look every ten minutes, the ledger a durable SQLite file. Says what the rounds
took, how memory grew, and what came to each receiver; every alert must have been told by a message of its
own or by a digest, and no message may be there twice. ``--webhooks`` also brings the messages to a receiver
in a process of its own, which counts keys.
"""

import argparse
import multiprocessing
import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct
from sqlalchemy import select

from benchmarks.sending import SECRET, receive
from schemas.reports import IncidentLog
from service.alerts.notice import Notice, NoticeClass
from service.alerts.routes import Routes
from service.alerts.routing_file import parse_routes
from service.delivery.numbers import number
from service.delivery.planning import PLANNED_AT_ONCE, Planned, plan_round
from service.effects import HeartbeatSeen, ReportSeen, Tick
from service.hosts.files import read_mapping, read_pack
from service.hosts.planning import default_text, read_routes
from service.hosts.sending import Sending
from service.ingest.source import Topic
from service.ledger.notices import Choice, listed
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tables import escalations, on_lists
from service.ledger.upgrading import upgrade
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.settings import read_settings
from service.turn import Batch, turn

RECEIVED = datetime(2025, 11, 1, 20, tzinfo=UTC)
"""A Saturday evening; due on Sunday at eight in the evening."""
LOOK = timedelta(minutes=10)


class Night(Struct):
    """A night in a ledger, and what looking at it took."""

    ledger: Ledger
    routes: Routes
    rulebook: Rulebook
    rounds: int = 0
    longest: float = 0
    """Seconds that one round took at most."""

    def plan(self, now: datetime, limit: int = PLANNED_AT_ONCE) -> None:
        """Rounds until nothing is left to do."""
        more = True
        while more:
            began = time.perf_counter()
            more = self.round(now, limit).more
            self.longest = max(self.longest, time.perf_counter() - began)
            self.rounds += 1

    def round(self, now: datetime, limit: int) -> Planned:
        """One round."""
        number(self.ledger, limit)
        return plan_round(self.ledger, self.routes, now, limit)

    def time_passes(self, now: datetime) -> None:
        """Every feed says that it has nothing more."""
        beats = [HeartbeatSeen("33", name, now, now) for name in self.rulebook.sources]
        turn(self.ledger, self.rulebook, Batch(inputs=(*beats, Tick("33", now))))

    def notices(self) -> list[Notice]:
        """Every message there is."""
        with self.ledger.reading() as connection:
            return [each.notice for each in listed(connection, Choice())]

    def untold(self) -> int:
        """Alerts that nobody was told of, by message or by digest."""
        told = select(on_lists.c.alert_id).where(on_lists.c.told_at.is_not(None))
        query = select(escalations.c.alert_id).where(escalations.c.alert_id.not_in(told))
        with self.ledger.reading() as connection:
            return len(connection.scalars(query).all())


def fallen(ledger: Ledger, routes: Routes, count: int) -> Night:
    """A ledger with so many reports of one minute."""
    since = {"covers_from": RECEIVED - timedelta(days=400)}
    native = (feed.source for feed in read_mapping("native").feeds)
    source = {each.topic: msgspec.structs.replace(each, **since) for each in native}
    rulebook = Rulebook(read_pack("england_and_wales"), {s.name: s for s in source.values()})
    observer = Observer(rulebook.pack, source[Topic.INCIDENT_LOG])
    codes = {"opening_codes": ["harassment"], "received_at": RECEIVED, "updated_at": RECEIVED}
    for start in range(0, count, 1000):
        made = [
            IncidentLog.model_validate({"force": "33", "ref": f"N{n:05}", "version": 1, **codes})
            for n in range(start, min(start + 1000, count))
        ]
        seen = [ReportSeen(observer.report(each), RECEIVED, RECEIVED) for each in made]
        turn(ledger, rulebook, Batch(inputs=tuple(seen)))
    return Night(ledger, routes, rulebook)


def moments() -> Iterator[datetime]:
    """When the planner looks: around the warning, around the miss, and until the next shifts' digests."""
    for hours, until in ((20, 21), (24, 25), (36, 37)):
        at = RECEIVED + timedelta(hours=hours)
        while at <= RECEIVED + timedelta(hours=until):
            yield at
            at += LOOK


def resident() -> float:
    """MiB of this process in memory at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def told(notices: list[Notice]) -> Iterator[str]:
    """What came to each receiver, as rows of a table."""
    kinds = Counter((each.receiver, each.kind) for each in notices)
    yield "| receiver | interrupts | digests |"
    yield "|---|---|---|"
    for name in sorted({each.receiver for each in notices}):
        spoken, digests = kinds[name, NoticeClass.INTERRUPT], kinds[name, NoticeClass.DIGEST]
        yield f"| {name} | {spoken} | {digests} |"


def to_webhooks(port: int) -> Routes:
    """The shipped routes, with every receiver reached by webhook on this machine."""
    text = default_text().replace("channel: email", "channel: webhook")
    return parse_routes(text.replace('address: "', f'address: "http://127.0.0.1:{port}/'), "night")


def bring(night: Night, folder: Path) -> str:
    """Send every message to the receiver; what came of it."""
    for name in night.routes.written.receivers:
        (folder / name).write_text(SECRET)
    settings = read_settings(receiver_secrets=folder, receiver_networks=["127.0.0.0/8"])
    began = time.perf_counter()
    done = Sending(settings, night.ledger).round()
    counted = ", ".join(f"{n} {status}" for status, n in done.statuses.items())
    return f"{counted} in {time.perf_counter() - began:.1f} s"


def main() -> None:
    """Let it happen, and say what came of it."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--alerts", type=int, default=10_000)
    asked.add_argument("--webhooks", action="store_true")
    given = asked.parse_args()
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    port = ours.recv()
    with TemporaryDirectory() as name:
        ledger = open_ledger(f"sqlite:///{Path(name) / 'night.db'}")
        upgrade(ledger.engine)
        routes = to_webhooks(port) if given.webhooks else read_routes("default")
        night = fallen(ledger, routes, given.alerts)
        planned = 0.0
        for at in moments():
            night.time_passes(at)
            before, began = resident(), time.perf_counter()
            night.plan(at)
            planned += time.perf_counter() - began
            grown = resident() - before
            if grown > 1 or at == RECEIVED + timedelta(hours=20):
                print(f"{at:%H:%M}: {resident():.0f} MiB resident, {grown:.0f} more by planning")
        notices = night.notices()
        keys = {each.notice_id for each in notices}
        print(
            f"{given.alerts:,} alerts: {night.rounds} rounds in {planned:.1f} s, the longest "
            f"{night.longest:.2f} s (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
        )
        print(f"{len(notices)} messages, {night.untold()} alerts untold")
        print("\n".join(told(notices)))
        assert len(keys) == len(notices)
        assert night.untold() == 0
        if given.webhooks:
            print(bring(night, Path(name)))
        ledger.close()
    ours.send(None)
    came, different = ours.recv()
    receiver.join()
    assert came == different == (len(notices) if given.webhooks else 0)


if __name__ == "__main__":
    main()
