"""Load as people feel it: messages that a simulated force's receivers get, against what they can bear.

    python -m benchmarks.load [--days 14] [--settings 2017,2025] [--seed 1] [--night 10000]

Simulates a force, puts what it sends through real turns and a planner that looks every ten minutes, on
the clock of the simulation, and counts interrupts and digests for each receiver by hour and shift. Nobody
acts: nothing is acknowledged, so these are the most that people can get. Prints a Markdown table.
``--night N`` instead lets N high-harm alerts fall due in one minute, and says what became of them.
"""

import argparse
import tempfile
import time
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog, Referral
from service.alerts.escalation import A_SHIFT, AN_HOUR, SHIFT
from service.alerts.notice import Notice, NoticeClass
from service.alerts.routes import Rank, Routes
from service.delivery.numbers import give_numbers
from service.delivery.planning import plan_round
from service.effects import HeartbeatSeen, Input, RecordSeen, ReportSeen, Tick
from service.hosts.files import read_mapping, read_pack
from service.hosts.planning import read_routes
from service.ingest.source import Topic
from service.ledger.attention import audit
from service.ledger.notices import Choice, listed
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.simulation.feeds import Event
from service.simulation.generate import Settings, events
from service.simulation.story import Feed
from service.turn import Batch, turn

STEP = timedelta(minutes=10)
TOPICS = {
    Feed.INCIDENTS: Topic.INCIDENT_LOG,
    Feed.RECORDS: Topic.CRIME_RECORD,
    Feed.REFERRALS: Topic.REFERRAL,
}


class Felt(Struct):
    """What the receivers of one run got."""

    days: int
    reports: int
    alerts: Counter[str]
    notices: list[Notice]
    overdue: int
    """Steps and digests that an auditor found late, at any look."""

    def of(self, receiver: str, kind: NoticeClass) -> list[datetime]:
        """When a receiver got messages of a kind, in order."""
        found = (n.due_at for n in self.notices if n.receiver == receiver and n.kind is kind)
        return sorted(found)

    def most(self, receiver: str, within: timedelta) -> int:
        """Interrupts of a receiver in the worst stretch of that length."""
        times = self.of(receiver, NoticeClass.INTERRUPT)
        return max((sum(at <= other < at + within for other in times) for at in times), default=0)

    def digests_a_day(self, receiver: str) -> int:
        """Digests of a receiver on the worst day."""
        days = Counter(at.date() for at in self.of(receiver, NoticeClass.DIGEST))
        return max(days.values(), default=0)


def felt(days: int, setting: str, seed: int, routes: Routes) -> Felt:
    """Simulate, decide, plan; what everybody got."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = _fresh(Path(folder))
        try:
            return _run(ledger, days, setting, seed, routes)
        finally:
            ledger.close()


def _fresh(folder: Path) -> Ledger:
    ledger = open_ledger(f"sqlite:///{folder / 'load.db'}", durable=False)
    upgrade(ledger.engine)
    return ledger


def _run(ledger: Ledger, days: int, setting: str, seed: int, routes: Routes) -> Felt:
    pack = read_pack("england_and_wales")
    sources = {feed.source.name: feed.source for feed in read_mapping("native").feeds}
    rulebook = Rulebook(pack, sources)
    counted: Counter[str] = Counter()
    overdue = reports = 0
    ends: datetime | None = None
    now: datetime | None = None
    for now, inputs in _steps(events(Settings(days=days, setting=setting), seed), rulebook):
        ends = ends or now + timedelta(days=days + 1)
        if now > ends:
            break
        done = turn(ledger, rulebook, Batch(inputs=(*inputs, Tick("33", now))))
        counted.update(event.type.value for event in done.events)
        reports += sum(isinstance(each, ReportSeen) and each.facts.version == 1 for each in inputs)
        more = True
        while more:
            with ledger.writing() as connection:
                give_numbers(connection)
            more = plan_round(ledger, routes, now).more
        if now.minute == 0:
            with ledger.reading() as connection:
                found = audit(connection, now)
            overdue += found.steps_overdue + found.digests_overdue
    with ledger.reading() as connection:
        notices = [each.notice for each in listed(connection, Choice())]
    return Felt(days, reports, counted, notices, overdue)


def _steps(made: Iterator[Event], rulebook: Rulebook) -> Iterator[tuple[datetime, list[Input]]]:
    """What arrives in each ten minutes, and their end."""
    by_topic = {source.topic: source for source in rulebook.sources.values()}
    observers = {feed: Observer(rulebook.pack, by_topic[topic]) for feed, topic in TOPICS.items()}
    until: datetime | None = None
    held: list[Input] = []
    for event in made:
        at = event.arrives_at
        if until is None:
            until = at.replace(minute=0, second=0, microsecond=0) + STEP
        while at >= until:
            yield until, held
            held, until = [], until + STEP
        held.append(_input(event, observers[event.feed], by_topic[TOPICS[event.feed]].name))
    if until is not None:
        yield until, held


def _input(event: Event, observer: Observer, source: str) -> Input:
    document, at = event.document, event.arrives_at
    if document.get("kind") == "heartbeat":
        return HeartbeatSeen("33", source, document["until"], at)
    if event.feed is Feed.RECORDS:
        record = observer.record(CrimeRecord.model_validate(document))
        return RecordSeen(record, at, record.updated_at)
    contract = IncidentLog if event.feed is Feed.INCIDENTS else Referral
    report = observer.report(contract.model_validate(document))
    return ReportSeen(report, at, report.updated_at)


# -- one night ---------------------------------------------------------------------------------------


def night(ledger: Ledger, count: int, routes: Routes) -> Iterator[str]:
    """So many reports of one minute, none recorded: messages, seconds and memory of planning them."""
    received = datetime(2025, 11, 1, 20, tzinfo=UTC)
    since = {"covers_from": received - timedelta(days=400)}
    native = (feed.source for feed in read_mapping("native").feeds)
    source = {each.topic: msgspec.structs.replace(each, **since) for each in native}
    rulebook = Rulebook(read_pack("england_and_wales"), {s.name: s for s in source.values()})
    observer = Observer(rulebook.pack, source[Topic.INCIDENT_LOG])
    codes = {"opening_codes": ["harassment"], "received_at": received, "updated_at": received}
    for start in range(0, count, 1000):
        made = [
            IncidentLog.model_validate({"force": "33", "ref": f"N{n:05}", "version": 1, **codes})
            for n in range(start, min(start + 1000, count))
        ]
        seen = [ReportSeen(observer.report(each), received, received) for each in made]
        turn(ledger, rulebook, Batch(inputs=tuple(seen)))
    for hours in (2, 21, 24):
        now = received + timedelta(hours=hours)
        beats = [HeartbeatSeen("33", each.name, now, now) for each in source.values()]
        turn(ledger, rulebook, Batch(inputs=tuple(beats)))
        rounds, began, more = 0, time.perf_counter(), True
        tracemalloc.start()
        while more:
            with ledger.writing() as connection:
                give_numbers(connection)
            more = plan_round(ledger, routes, now).more
            rounds += 1
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        seconds = time.perf_counter() - began
        yield f"{hours} h: {rounds} rounds, {seconds:.1f} s, {peak:.0f} MiB at most"
    plan_round(ledger, routes, now + STEP)
    with ledger.reading() as connection:
        found = [each.notice for each in listed(connection, Choice())]
    kinds = Counter((each.receiver, each.kind.value) for each in found)
    yield ", ".join(f"{who} {kind} {n}" for (who, kind), n in sorted(kinds.items()))


# -- telling ----------------------------------------------------------------------------------------


def table(name: str, run: Felt, routes: Routes) -> Iterator[str]:
    """One setting's table, as Markdown."""
    raised = sum(run.alerts[word] for word in ("due_soon", "missed", "partly_recorded"))
    yield f"### {name}: {run.days} days, {raised / run.days:.0f} due-soon and missed alerts a day"
    yield (
        "| receiver | interrupts a day | most in an hour (budget) | most in 12 h (budget) "
        "| digests a day | most |"
    )
    yield "|---|---|---|---|---|---|"
    for receiver in routes.written.receivers:
        told = routes.receiver(receiver, "33")
        spoken = run.of(receiver, NoticeClass.INTERRUPT)
        digests = run.of(receiver, NoticeClass.DIGEST)
        budget = "0" if told.digest_only else str(AN_HOUR)
        shift = {Rank.INSPECTOR: str(A_SHIFT), Rank.CHIEF: "0"}.get(told.rank, "-")
        yield (
            f"| {told.role} | {len(spoken) / run.days:.1f} "
            f"| {run.most(receiver, timedelta(hours=1))} ({budget}) "
            f"| {run.most(receiver, SHIFT)} ({shift}) "
            f"| {len(digests) / run.days:.1f} | {run.digests_a_day(receiver)} |"
        )
    kinds = Counter(n.kind.value for n in run.notices)
    sent = ", ".join(f"{word} {n / run.days:.1f}" for word, n in sorted(kinds.items()))
    yield f"messages a day: {sent}; late by the auditor's count: {run.overdue}"
    hours: dict[int, int] = defaultdict(int)
    for notice in run.notices:
        if notice.kind is NoticeClass.INTERRUPT:
            hours[notice.due_at.hour] += 1
    busiest = max(hours.items(), key=lambda each: each[1], default=(0, 0))
    yield f"busiest hour of the day (UTC): {busiest[0]:02}, {busiest[1] / run.days:.1f} interrupts"


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=14)
    asked.add_argument("--settings", default="2017,2025")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--night", type=int, default=0)
    given = asked.parse_args()
    routes = read_routes("default")
    if given.night:
        with tempfile.TemporaryDirectory() as folder:
            print("\n".join(night(_fresh(Path(folder)), given.night, routes)))
        return
    for setting in given.settings.split(","):
        run = felt(given.days, setting, given.seed, routes)
        print("\n".join(table(setting, run, routes)), flush=True)


if __name__ == "__main__":
    main()
