"""Reports and records with known links: made, not drawn from any force, the same for the same seed.

Hard on purpose: places geocoded twice, the same victims and addresses again and again, records made
under another class, people missing on one side, crimes recorded that nobody called about.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random
from typing import Any

from msgspec import Struct

from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog
from service.ingest.source import Source, Topic
from service.matching.linkage_profile import Profile, counted, of_record, of_report
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.observe import Observer
from service.rules.pack import Pack

START = datetime(2024, 3, 4, tzinfo=UTC)
SOURCES = {
    "log": Source(name="log", topic=Topic.INCIDENT_LOG),
    "crimes": Source(name="crimes", topic=Topic.CRIME_RECORD),
}

KINDS: tuple[tuple[str, float, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "assault",
        30,
        ("105/01", "008/06", "008/01"),
        ("punched", "slapped", "black eye", "bruising"),
    ),
    ("theft", 22, ("046/00", "049/10"), ("stolen", "without paying", "purse taken", "theft")),
    ("criminal damage", 14, ("058/00", "149/00"), ("smashed", "graffiti", "keyed", "was damaged")),
    ("burglary", 12, ("028/03", "030/02"), ("door forced", "laptop taken", "broken into")),
    ("vehicle crime", 10, ("045/10", "048/01"), ("car stolen", "number plates stolen")),
    ("harassment", 7, ("008/66", "195/94"), ("harassing", "keeps messaging", "following her")),
    ("robbery", 3, ("034/01",), ("robbed", "mugged", "demanded his phone")),
    ("threats to kill", 2, ("003/01",), ("threatened to kill", "threatened to stab")),
)
"""Opening code, share, offence codes, words."""


class History(Struct, frozen=True):
    """What was generated: both sides as facts, as rows, and which belong together."""

    reports: tuple[ReportFacts, ...]
    records: tuple[RecordFacts, ...]
    links: dict[str, str]
    """Record by the report it was made for."""
    incidents: tuple[dict[str, Any], ...]
    """The same reports as contracts."""
    crimes: tuple[dict[str, Any], ...]


def generate(
    pack: Pack, reports: int = 4000, days: float = 20, seed: int = 1, referenced: float = 0.0
) -> History:
    """``referenced``: share of records that name their report."""
    made = _Force(Random(seed), days, referenced)
    for number in range(reports):
        made.happen(number)
    made.incidents.sort(key=lambda each: str(each["received_at"]))
    made.crimes.sort(key=lambda each: str(each["recorded_at"]))
    logs, crimes = Observer(pack, SOURCES["log"]), Observer(pack, SOURCES["crimes"])
    return History(
        tuple(logs.report(IncidentLog.model_validate(each)) for each in made.incidents),
        tuple(crimes.record(CrimeRecord.model_validate(each)) for each in made.crimes),
        made.links,
        tuple(made.incidents),
        tuple(made.crimes),
    )


def profiles(
    pack: Pack, history: History, rarity: Mapping[str, int]
) -> tuple[list[Profile], list[Profile]]:
    """Both sides as linkage compares them."""
    return (
        [of_report(facts, pack, SOURCES, rarity) for facts in history.reports],
        [of_record(facts, pack, rarity) for facts in history.records],
    )


def accounts(history: History) -> list[frozenset[str]]:
    """The terms of every account."""
    terms = [each.terms for each in history.reports] + [each.terms for each in history.records]
    return [counted(each) for each in terms]


class _Force:
    """Happenings one after another, with the people and places they share."""

    def __init__(self, chance: Random, days: float, referenced: float) -> None:
        self.chance = chance
        self.span = days * 86400
        self.referenced = referenced
        self.areas = [
            (f"E{n:04}", 52.5 + chance.random() * 0.3, -1.3 + chance.random() * 0.5)
            for n in range(300)
        ]
        self.shares = [1 / (n + 3) for n in range(300)]
        self.known: list[tuple[str, int]] = []
        self.incidents: list[dict[str, Any]] = []
        self.crimes: list[dict[str, Any]] = []
        self.links: dict[str, str] = {}

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def happen(self, number: int) -> None:
        """One incident: a log, mostly a record; now and then a record nobody called about."""
        chance = self.chance
        received = START + timedelta(seconds=chance.random() * self.span)
        victim, area = self._somebody()
        kind = chance.choices(KINDS, weights=[each[1] for each in KINDS])[0]
        place = self._placed(area, 0.003)
        back = chance.choice([0.1, 0.3, 1, 8, 30]) * chance.random()
        happened = received - timedelta(hours=back)
        suspect = f"k1:s{chance.randrange(3000)}" if self.often(0.4) else ""
        told = chance.sample(kind[3], chance.randint(1, min(3, len(kind[3]))))
        ref = f"L{number:06}"
        if self.often(0.93):
            self._log(ref, received, kind[0], victim, suspect, area, place, happened, told)
        if self.often(0.78):
            record = self._record(number, received, kind, victim, suspect, area, place, told)
            record.update(
                committed_from=_z(happened - timedelta(hours=chance.random() * 2)),
                committed_to=_z(happened + timedelta(minutes=chance.random() * 30)),
            )
            if self.often(self.referenced):
                record["incident_refs"] = [ref]
            self.crimes.append(record)
            self.links[ref] = record["ref"]

    def _somebody(self) -> tuple[str, int]:
        """A victim and the area, often both seen before."""
        if self.known and self.often(0.2):
            return self.chance.choice(self.known)
        area = self.chance.choices(range(300), weights=self.shares)[0]
        self.known.append((f"k1:v{len(self.known)}", area))
        return self.known[-1]

    def _hashed(self, person: str) -> str:
        """Now and then a name was typed otherwise, and the hash is another."""
        return f"{person}x" if self.often(0.06) else person

    def _placed(self, area: int, spread: float) -> tuple[float, float]:
        _, north, east = self.areas[area]
        return (
            north + self.chance.gauss(0, spread),
            east + self.chance.gauss(0, spread * 1.6),
        )

    def _where(self, area: int, place: tuple[float, float], slip: float) -> dict[str, Any]:
        name: str | None = self.areas[area][0]
        if self.often(slip):
            name = self.chance.choice([None, self.areas[max(0, area - 1)][0]])
        if self.often(0.85):
            north = place[0] + self.chance.gauss(0, 0.0002)
            east = place[1] + self.chance.gauss(0, 0.0003)
            if self.often(slip):
                north, east = self._placed(area, 0.003)
            return {"area": name, "latitude": round(north, 6), "longitude": round(east, 6)}
        return {"area": name}

    def _log(
        self,
        ref: str,
        received: datetime,
        code: str,
        victim: str,
        suspect: str,
        area: int,
        place: tuple[float, float],
        happened: datetime,
        told: list[str],
    ) -> None:
        people: list[dict[str, str]] = [{"role": "victim"}]
        if self.often(0.65):
            people[0]["key"] = victim
        if suspect and self.often(0.5):
            people.append({"role": "suspect", "key": suspect})
        log: dict[str, Any] = {
            "kind": "incident",
            "force": "33",
            "ref": ref,
            "received_at": _z(received),
            "reported_by": "victim",
            "opening_codes": [code],
            "people": people,
            "place": self._where(area, place, 0.05),
            "narrative": [{"writer": "call_handler", "text": ". ".join(told)}],
        }
        if self.often(0.4):
            log["occurred_from"] = log["occurred_to"] = _z(happened)
        if self.often(0.4):
            log["officer"] = f"k1:o{self.chance.randrange(400)}"
        self.incidents.append(log)

    def _record(
        self,
        number: int,
        received: datetime,
        kind: tuple[str, float, tuple[str, ...], tuple[str, ...]],
        victim: str,
        suspect: str,
        area: int,
        place: tuple[float, float],
        told: list[str],
    ) -> dict[str, Any]:
        chance = self.chance
        recorded = received + timedelta(hours=exp(chance.gauss(1.4, 1.2)))
        classed = kind if self.often(0.9) else chance.choice(KINDS)
        words = [word for word in told if self.often(0.7)]
        if self.often(0.4):
            words.append(chance.choice(classed[3]))
        record: dict[str, Any] = {
            "force": "33",
            "ref": f"C{number:06}",
            "kind": "crime",
            "recorded_at": _z(recorded),
            "offence_code": chance.choice(classed[2]),
            "place": self._where(area, place, 0.08),
            "mo_text": ". ".join(words),
            "victims": [self._hashed(victim)] if self.often(0.85) else [],
            "suspects": [self._hashed(suspect)] if suspect and self.often(0.6) else [],
        }
        if self.often(0.75):
            minutes = chance.choice([0, 0, 0, 1, 5, 5, 30, 200]) * (chance.random() - 0.3)
            record["reported_at"] = _z(min(received + timedelta(minutes=minutes), recorded))
        if self.often(0.5):
            record["officer"] = f"k1:o{chance.randrange(400)}"
        return record


def _z(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
