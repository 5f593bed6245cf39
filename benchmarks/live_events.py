"""What the live measurements read: reports of crime, records of most of them, heartbeats every hour.

A log is about 700 bytes with its narrative, a record about 300. 76 % of reports are recorded within 20
hours, the others never. The same arguments give the same bytes.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from benchmarks.events import CLOSINGS, OFFENCES, OPENINGS

START = datetime(2025, 3, 1, tzinfo=UTC)
LIMIT = timedelta(hours=24)
OPEN_AT_ONCE = 20_000
"""Reports that await their deadline at any moment."""
RECORDED = 0.76
CRIMES = [(code, words) for code, words in OPENINGS if code in OFFENCES]
LOGS, RECORDS = "incident-log", "crime-record"


class Message(NamedTuple):
    """One message of one topic."""

    topic: str
    force: str
    ref: str
    """The report that it is about; empty: a heartbeat."""
    at: datetime
    value: bytes


class Stretch(NamedTuple):
    """Everything that is read, in order of time, and what is true of it."""

    messages: list[Message]
    missed: frozenset[str]
    """Reports never recorded whose deadline lies before the end."""


def stretch(reports: int, forces: int) -> Stretch:
    """So many reports over so many forces; it ends with the last report, and nothing says so."""
    chance, gap = Random(1), LIMIT / OPEN_AT_ONCE
    end = START + gap * reports
    waiting: list[tuple[datetime, int, Message]] = []
    never: set[str] = set()
    for number in range(1, reports + 1):
        at = START + gap * number
        force, ref = f"{number % forces + 1:02}", f"LOG-{number:09}"
        heappush(waiting, (at, number * 2, Message(LOGS, force, ref, at, log(number, force, at))))
        if chance.random() < RECORDED:
            made = at + timedelta(hours=0.2 + chance.random() * 19.8)
            value = record(number, force, at, made)
            heappush(waiting, (made, number * 2 + 1, Message(RECORDS, force, ref, made, value)))
        elif at + LIMIT <= end:
            never.add(ref)
    messages = []
    while waiting and waiting[0][0] <= end:
        messages.append(heappop(waiting)[2])
    beats = _heartbeats(forces, end)
    messages = sorted([*messages, *beats], key=lambda message: message.at)
    return Stretch(messages, frozenset(never))


def _heartbeats(forces: int, end: datetime) -> Iterator[Message]:
    at = START
    while (at := at + timedelta(hours=1)) <= end:
        for number in range(forces):
            for topic in (LOGS, RECORDS):
                yield heartbeat(topic, f"{number + 1:02}", at)


def heartbeat(topic: str, force: str, at: datetime) -> Message:
    """Nothing more from before ``at``."""
    told = {"kind": "heartbeat", "force": force, "until": at.isoformat()}
    return Message(topic, force, "", at, json.dumps(told).encode())


def log(number: int, force: str, at: datetime) -> bytes:
    """A report of a crime, as its log stands."""
    code, words = CRIMES[number % len(CRIMES)]
    text = f"{words}, {number % 97} minutes ago. {CLOSINGS[number % 2]}"
    return (
        f'{{"kind":"incident","force":"{force}","ref":"LOG-{number:09}","received_at":"{_z(at)}",'
        f'"received_via":"emergency_call","reported_by":"victim","victim_kind":"person",'
        f'"opened_at":"{_z(at)}","opening_codes":["{code}"],"priority":"2",'
        f'"place":{{"area":"BEAT{number % 40:02}","latitude":52.63,"longitude":-1.13}},'
        f'"people":[{{"role":"victim","key":"k1:{number:024x}"}}],"version":1,'
        f'"updated_at":"{_z(at)}","narrative":[{{"at":"{_z(at)}","writer":"call_handler",'
        f'"text":"{text}"}}]}}'
    ).encode()


def record(number: int, force: str, at: datetime, made: datetime) -> bytes:
    """The record of the crime that a report shows."""
    offence = OFFENCES[CRIMES[number % len(CRIMES)][0]]
    return (
        f'{{"force":"{force}","ref":"CR{number:09}","version":1,"kind":"crime",'
        f'"recorded_at":"{_z(made)}","reported_at":"{_z(at)}","offence_code":"{offence}",'
        f'"incident_refs":["LOG-{number:09}"],"victims":["k1:{number:024x}"],'
        f'"place":{{"area":"BEAT{number % 40:02}"}}}}'
    ).encode()


def _z(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
