"""Writes incident logs and crime records to measure with: native JSON Lines of about 700 bytes.

A share of reports is recorded in time, some late, some never; most logs come twice (opened, closed).
``open_reports`` sets how many reports are awaiting their deadline at any moment, by spreading the
same reports over less or more time. The same arguments give the same bytes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from random import Random

START = datetime(2025, 3, 1, tzinfo=UTC)

OPENINGS = (
    ("assault", "Caller states her ex partner came to the address and punched her in the face"),
    ("burglary", "Informant reports the rear door was forced and a laptop taken from the kitchen"),
    ("criminal damage", "Caller reports the windscreen of his car was smashed overnight"),
    ("theft", "Shop reports a male left without paying for goods worth about ninety pounds"),
    ("domestic incident", "Argument between partners over money, no assault, no threats made"),
    ("concern for safety", "Neighbour has not seen the occupant for three days, curtains closed"),
    ("rtc damage only", "Two vehicles, minor damage, details exchanged, road is clear"),
    ("asb nuisance", "Youths kicking a ball against garages, moved on by the caller"),
    ("suspicious circumstances", "Unknown van parked opposite for an hour, occupants left on foot"),
    ("missing person", "Sixteen year old not returned from school, no previous episodes"),
)
CLOSINGS = (
    "Officer attended, spoke with the informant, area search made with no trace of the suspect. "
    "Advice given about safety and further contact.",
    "Unit attended and spoke with all parties. House to house made, no further witnesses found, "
    "camera footage requested from the premises opposite.",
)
OFFENCES = {"assault": "105/01", "burglary": "028/03", "criminal damage": "058/00"}
OFFENCES["theft"] = "046/00"


def write(
    folder: Path, events: int, forces: int = 8, open_reports: int = 20_000, seed: int = 1
) -> tuple[Path, Path]:
    """Write ``incidents.jsonl`` and ``records.jsonl``, together ``events`` lines in time order."""
    incidents, records = folder / "incidents.jsonl", folder / "records.jsonl"
    with (
        incidents.open("w", encoding="utf-8") as logs,
        records.open("w", encoding="utf-8") as crimes,
    ):
        for is_record, line in _lines(events, forces, open_reports, Random(seed)):
            (crimes if is_record else logs).write(line)
    return incidents, records


def _lines(
    events: int, forces: int, open_reports: int, chance: Random
) -> Iterator[tuple[bool, str]]:
    gap = timedelta(hours=24) / open_reports
    waiting: list[tuple[datetime, int, bool, str]] = []
    now, number, written = START, 0, 0
    while written < events:
        number += 1
        now += gap
        for at, is_record, line in _report(number, now, forces, chance):
            heappush(waiting, (at, len(waiting) + number * 4, is_record, line))
        while waiting and (waiting[0][0] <= now) and written < events:
            _, _, is_record, line = heappop(waiting)
            written += 1
            yield is_record, line


def _report(
    number: int, at: datetime, forces: int, chance: Random
) -> Iterator[tuple[datetime, bool, str]]:
    force, ref = f"{number % forces + 1:02}", f"LOG-{number:09}"
    code, words = OPENINGS[chance.randrange(len(OPENINGS))]
    crime = OFFENCES.get(code)
    fields = (
        f'{{"kind":"incident","force":"{force}","ref":"{ref}","received_at":"{_z(at)}",'
        f'"received_via":"emergency_call","reported_by":"victim","victim_kind":"person",'
        f'"opened_at":"{_z(at)}","opening_codes":["{code}"],"priority":"2",'
        f'"place":{{"area":"BEAT{number % 40:02}","latitude":52.63,"longitude":-1.13}},'
        f'"people":[{{"role":"victim","key":"k1:{number:024x}"}}],'
    )
    first = (
        f'{{"at":"{_z(at)}","writer":"call_handler","text":"{words}, {number % 97} minutes ago."}}'
    )
    yield at, False, f'{fields}"version":1,"updated_at":"{_z(at)}","narrative":[{first}]}}\n'
    outcome, work = chance.random(), timedelta(minutes=20 + chance.random() * 400)
    recorded, named = None, ""
    if crime is not None and outcome < 0.85:
        recorded = at + timedelta(hours=0.5 + chance.random() * (20 if outcome < 0.78 else 60))
    elif crime is None and outcome < 0.5:
        recorded, ref = at + timedelta(hours=1), ""
    if crime is not None and recorded is not None and outcome < 0.6:
        work = max(work, recorded - at + timedelta(minutes=5))  # closed with its crime number
        named = f'"crime_refs":["CR{number:09}"],'
    closed = at + work
    text = CLOSINGS[chance.randrange(2)]
    second = f'{{"at":"{_z(closed)}","writer":"officer","text":"{text}"}}'
    yield (
        closed,
        False,
        f'{fields}"version":2,"updated_at":"{_z(closed)}","closed_at":"{_z(closed)}",{named}'
        f'"closing_codes":["attended"],"narrative":[{first},{second}]}}\n',
    )
    if recorded is not None:
        refs = f'["{ref}"]' if ref else "[]"
        yield (
            recorded,
            True,
            f'{{"force":"{force}","ref":"CR{number:09}","version":1,"kind":"crime",'
            f'"recorded_at":"{_z(recorded)}","reported_at":"{_z(at)}",'
            f'"offence_code":"{crime or "049/10"}","incident_refs":{refs},'
            f'"victims":["k1:{number:024x}"],"place":{{"area":"BEAT{number % 40:02}"}},'
            f'"committed_from":"{_z(at - timedelta(hours=1))}",'
            f'"mo_text":"{words}. Suspect left on foot before police arrival."}}\n',
        )


def _z(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
