"""Load as people feel it: messages that a simulated force's receivers get, against what they can bear.

    python -m benchmarks.load [--days 30] [--settings 2017,2018,2025] [--seed 1]

Simulates a force, puts what it sends through real turns and a planner that looks every ten minutes, on
the clock of the simulation, and counts interrupts and digests for each receiver by hour and shift. Nobody
acts: nothing is acknowledged, so these are the most that people can get. Prints Markdown tables: a short
one, one for each recording rate, one by hour of the day.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog, Referral
from service.alerts.escalation import A_SHIFT, AN_HOUR, HOUR, SHIFT
from service.alerts.notice import Notice, NoticeClass
from service.alerts.routes import Rank, Routes, Told
from service.alerts.shifts import Shifts, on_shift
from service.delivery.numbers import number
from service.delivery.planning import plan_round
from service.effects import HeartbeatSeen, Input, RecordSeen, ReportSeen, Tick
from service.hosts.files import read_mapping, read_pack
from service.hosts.planning import read_routes
from service.ingest.source import Topic
from service.ledger.attention import audit, most_within
from service.ledger.notices import Choice, listed
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.simulation.feeds import Event
from service.simulation.generate import Settings, events
from service.simulation.parameters import parameters
from service.simulation.story import Feed
from service.turn import Batch, turn

STEP = timedelta(minutes=10)
LONDON = ZoneInfo("Europe/London")
INTERRUPT, DIGEST = NoticeClass.INTERRUPT, NoticeClass.DIGEST
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
        return most_within(self.of(receiver, INTERRUPT), within)

    def in_shifts(self, receiver: str, start: str) -> list[int]:
        """Interrupts of a receiver in each shift that begins at that time, where there were any."""
        found: Counter[datetime] = Counter()
        for at in self.of(receiver, INTERRUPT):
            shift = on_shift(ROUND_THE_CLOCK, at)
            assert shift is not None
            if f"{shift.start.astimezone(LONDON):%H:%M}" == start:
                found[shift.start] += 1
        return list(found.values())

    def digests_a_day(self, receiver: str) -> int:
        """Digests of a receiver on the worst day."""
        days = Counter(at.astimezone(LONDON).date() for at in self.of(receiver, DIGEST))
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
            number(ledger)
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


# -- telling ----------------------------------------------------------------------------------------

ROUND_THE_CLOCK = Shifts(starts=("07:00", "19:00"), hours=12)
"""The shifts by which everybody's load is counted, whatever their own."""


def short(runs: Mapping[str, Felt], routes: Routes) -> Iterator[str]:
    """Every receiver beside the budgets, one column for each rate."""
    yield f"| receiver | budget: an hour; 12 h | {' | '.join(f'at {rate}' for rate in runs)} |"
    yield "|---|---|" + "---|" * len(runs)
    for name in routes.written.receivers:
        told = routes.receiver(name, "33")
        cells = []
        for run in runs.values():
            given, digests = (run.of(name, kind) for kind in (INTERRUPT, DIGEST))
            worst = f"{run.most(name, HOUR)}; {run.most(name, SHIFT)}"
            a_day = f"{len(given) / run.days:.1f} ({worst})" if given else "none"
            cells.append(f"{a_day}, {len(digests) / run.days:.1f} digests")
        yield f"| {told.role} | {'; '.join(_budget(told))} | {' | '.join(cells)} |"


def _budget(told: Told) -> tuple[str, str]:
    """In an hour, and in twelve; none of twelve hours for those with the hour's alone."""
    if told.digest_only:
        return "0", "0"
    return str(AN_HOUR), str(A_SHIFT) if told.rank is Rank.INSPECTOR else "-"


def by_shift(rate: str, run: Felt, routes: Routes) -> Iterator[str]:
    """One recording rate: every receiver by shift."""
    raised = sum(run.alerts[word] for word in ("due_soon", "missed", "partly_recorded"))
    yield (
        f"{rate}: {run.days} days, {run.reports / run.days:,.0f} reports and "
        f"{raised / run.days:,.0f} due-soon and missed alerts a day"
    )
    yield ""
    yield (
        "| receiver | interrupts a day | worst hour (budget) | worst 12 h (budget) "
        "| day shift: mean, worst | night shift: mean, worst | digests a day: mean, worst |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name in routes.written.receivers:
        told = routes.receiver(name, "33")
        hour, shift = _budget(told)
        day, night = (run.in_shifts(name, start) for start in ("07:00", "19:00"))
        yield (
            f"| {told.role} | {len(run.of(name, INTERRUPT)) / run.days:.1f} "
            f"| {run.most(name, HOUR)} ({hour}) | {run.most(name, SHIFT)} ({shift}) "
            f"| {sum(day) / run.days:.1f}, {max(day, default=0)} "
            f"| {sum(night) / run.days:.1f}, {max(night, default=0)} "
            f"| {len(run.of(name, DIGEST)) / run.days:.1f}, {run.digests_a_day(name)} |"
        )
    kinds = Counter(n.kind.value for n in run.notices)
    sent = ", ".join(f"{word} {n / run.days:.1f}" for word, n in sorted(kinds.items()))
    yield ""
    yield f"Messages a day: {sent}. Late by the auditor's count: {run.overdue}."


def by_hour(runs: Mapping[str, Felt], routes: Routes) -> Iterator[str]:
    """Interrupts a day in each hour by the clock on the wall, at each rate."""
    names = [
        name
        for name in routes.written.receivers
        if any(run.of(name, INTERRUPT) for run in runs.values())
    ]
    roles = [routes.receiver(name, "33").role for name in names]
    yield f"| hour | {' | '.join(roles)} |"
    yield "|---|" + "---|" * len(names)
    for hour in range(24):
        cells = []
        for name in names:
            counts = (
                sum(at.astimezone(LONDON).hour == hour for at in run.of(name, INTERRUPT)) / run.days
                for run in runs.values()
            )
            cells.append(" / ".join(f"{n:.1f}" for n in counts))
        yield f"| {hour:02} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=30)
    asked.add_argument("--settings", default="2017,2018,2025")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    routes = read_routes("default")
    runs = {}
    for setting in given.settings.split(","):
        rate = f"{parameters().settings[setting].overall:.1%}".replace("%", " %")
        runs[rate] = felt(given.days, setting, given.seed, routes)
        print("\n".join(by_shift(rate, runs[rate], routes)), end="\n\n", flush=True)
    for table in (short, by_hour):
        print("\n".join(table(runs, routes)), end="\n\n")


if __name__ == "__main__":
    main()
