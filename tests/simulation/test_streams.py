"""What the simulated feeds bring: contracts, order, versions, heartbeats, outages, privacy."""

import hashlib
import os
import re
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from itertools import islice

from pydantic import TypeAdapter

from schemas.crimes import CrimeRecord
from schemas.feeds import Heartbeat
from schemas.reports import IncidentLog, Referral
from service.simulation.feeds import Event
from service.simulation.generate import Force, Settings, as_line, events, simulate
from service.simulation.story import Feed
from tests.simulation.conftest import Simulated

CONTRACTS: dict[Feed, TypeAdapter[IncidentLog | Referral | CrimeRecord | Heartbeat]] = {
    Feed.INCIDENTS: TypeAdapter(IncidentLog | Heartbeat),
    Feed.RECORDS: TypeAdapter(CrimeRecord | Heartbeat),
    Feed.REFERRALS: TypeAdapter(Referral | Heartbeat),
}
HASH = re.compile(r"sim1:[0-9a-f]{32}")


def _digest(seed: int) -> str:
    sha = hashlib.sha256()
    for each in simulate(Settings(days=1), seed):
        sha.update(as_line(each))
    return sha.hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    told = "from tests.simulation.test_streams import _digest; print(_digest(3))"
    done = subprocess.run(
        [sys.executable, "-c", told],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == _digest(3)


def test_another_seed_gives_another_force() -> None:
    assert _digest(3) != _digest(4)


def test_every_message_satisfies_its_contract(days: Simulated) -> None:
    for event in days.events:
        CONTRACTS[event.feed].validate_json(as_line(event))


def test_messages_come_in_order_of_arrival(days: Simulated) -> None:
    arrivals = [event.arrives_at for event in days.events]
    assert arrivals == sorted(arrivals)
    assert all(event.document["known_at"] == event.arrives_at for event in days.events)


def test_versions_rise_one_by_one_and_a_repeat_is_the_same_but_for_its_arrival(
    month: Simulated,
) -> None:
    repeats = 0
    for feed in Feed:
        held: dict[str, dict[int, object]] = defaultdict(dict)
        for document in month.of(feed):
            versions = held[document["ref"]]
            content = {key: value for key, value in document.items() if key != "known_at"}
            if document["version"] in versions:
                assert versions[document["version"]] == content
                repeats += 1
            else:
                assert document["version"] == len(versions) + 1
                versions[document["version"]] = content
    assert repeats


def test_no_heartbeat_promises_what_does_not_hold(month: Simulated) -> None:
    for feed in Feed:
        promised, seen = None, set()
        for event in month.events:
            if event.feed is not feed:
                continue
            document = event.document
            if document.get("kind") == "heartbeat":
                assert event.arrives_at > document["until"]
                promised = document["until"]
                continue
            version = (document["ref"], document["version"])
            if version not in seen and promised is not None:
                assert document["updated_at"] >= promised
            seen.add(version)


def test_nothing_arrives_from_a_feed_that_stands_still(month: Simulated) -> None:
    assert month.outages
    for outage in month.outages:
        assert timedelta(hours=2) <= outage.until - outage.since <= timedelta(hours=12)
        assert not [
            event
            for event in month.events
            if event.feed.value == outage.feed and outage.since <= event.arrives_at < outage.until
        ]


def test_people_are_keyed_hashes_and_the_same_on_both_sides(month: Simulated) -> None:
    in_logs, in_records = set(), set()
    for feed in (Feed.INCIDENTS, Feed.REFERRALS):
        for document in month.of(feed):
            in_logs |= {person["key"] for person in document.get("people", ()) if "key" in person}
    for document in month.of(Feed.RECORDS):
        people = {*document.get("victims", ()), *document.get("suspects", ())}
        in_records |= people
        assert all(map(HASH.fullmatch, [document.get("officer", "sim1:" + "0" * 32)]))
    assert all(map(HASH.fullmatch, in_logs | in_records))
    assert len(in_logs & in_records) > 500


def test_some_people_report_again_and_again(month: Simulated) -> None:
    logs: dict[str, set[str]] = defaultdict(set)
    for document in month.of(Feed.INCIDENTS):
        for person in document.get("people", ()):
            if person["role"] == "victim" and "key" in person:
                logs[person["key"]].add(document["ref"])
    assert sum(len(refs) > 1 for refs in logs.values()) > 50


def test_what_happens_to_logs_happens(month: Simulated) -> None:
    logs = month.of(Feed.INCIDENTS)
    assert any(log["version"] > 1 and log.get("closed_at", 0) is None for log in logs), "reopened"
    assert any(len(log.get("crime_refs", ())) > 1 for log in logs), "several crimes"
    assert any(len(log.get("people", ())) > 2 for log in logs), "several victims"
    closures = {log["closure"]["reason"] for log in logs if "closure" in log}
    assert {"credible_contrary_evidence", "victim_declined", "recorded_elsewhere"} <= closures
    records = month.of(Feed.RECORDS)
    cancelled = {r["cancellation"]["code"] for r in records if "cancellation" in r}
    assert cancelled == {"C1", "C2", "C3", "C4", "C5"}
    assert {"cancelled", "reclassified", "transferred"} <= {r.get("status") for r in records}
    assert {r["kind"] for r in records} == {
        "crime",
        "crime_related_incident",
        "reported_incident",
        "non_crime_occurrence",
    }
    assert any(r["recorded_at"] < r["reported_at"] for r in records), "before the call"


def test_events_are_the_run_without_the_truth() -> None:
    settings = Settings(days=1)
    run = [each for each in simulate(settings, 2) if isinstance(each, Event)]
    assert list(events(settings, 2)) == run


def test_a_run_without_end_holds_about_a_fortnight_of_what_is_to_come() -> None:
    force = Force(Settings(days=1_000_000), 1)
    waiting = [force.waiting for n, _ in enumerate(islice(force.run(), 60_000)) if n % 500 == 0]
    assert max(waiting[60:]) < 1.5 * max(waiting[30:60])
