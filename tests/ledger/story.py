"""A few days of two forces in small batches: everything a ledger must be able to hold happens once."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from schemas.words import RecordKind, RecordStatus
from service.effects import (
    CoverageStated,
    HeartbeatSeen,
    Input,
    RecordSeen,
    ReportSeen,
    Tick,
)
from service.ledger.positions import Advance
from service.ledger.write import DeadLetter
from service.pointers import Rulebook
from service.rules.facts import RecordFacts, ReportFacts
from service.turn import Batch
from tests.timeline import MONDAY, shipped_pack, sources

TOPIC = "topic-1"


def rulebook() -> Rulebook:
    """The small pack, a log, a crime system and referrals that are expected to speak daily."""
    quiet = {"believable_silence": timedelta(days=3)}
    return Rulebook(shipped_pack("umd"), sources(log=quiet, crimes=quiet))


def at(hours: float) -> datetime:
    """So many hours after Monday 15 January 2024, UTC."""
    return MONDAY + timedelta(hours=hours)


def report(
    ref: str, when: float, force: str = "33", code: str = "crime", **more: Any
) -> ReportSeen:
    """A report that is received ``when`` and known at once, or ``known`` hours after Monday."""
    known = at(more.pop("known", when))
    fields = {"version": 1, "updated_at": known, "opening": (code,), **more}
    facts = ReportFacts(
        force=force,
        ref=ref,
        source="log",
        received_at=at(when),
        digest=_digest(ref, when, fields),
        **fields,
    )
    return ReportSeen(facts, known, known)


def record(ref: str, when: float, force: str = "33", **more: Any) -> RecordSeen:
    """A record made ``when`` and known at once, or ``known`` hours after Monday."""
    known = at(more.pop("known", when))
    fields = {"version": 1, "updated_at": known, "kind": RecordKind.CRIME, **more}
    facts = RecordFacts(
        force=force,
        ref=ref,
        source="crimes",
        recorded_at=at(when),
        digest=_digest(ref, when, fields),
        **fields,
    )
    return RecordSeen(facts, known, known)


def heartbeat(source: str, when: float, force: str = "33") -> HeartbeatSeen:
    """Nothing more from before ``when``."""
    return HeartbeatSeen(force, source, at(when), at(when))


def tick(when: float, force: str = "33") -> Tick:
    """Time passes."""
    return Tick(force, at(when))


def _digest(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def days() -> list[list[Input]]:
    """What arrives, batch by batch."""
    return [
        [
            report("R1", 1),
            report("R2", 2),
            report("R3", 3, code="welfare"),
            report("S1", 3, force="7'\"é%"),
            record("C1", 5, incident_refs=("R1",)),
        ],
        [
            report("R1", 1),  # read twice
            report("R2", 2, version=2, known=6, closing=("closed",)),
            report("R4", 7, code="nobody knows this"),
            record("C2", 8, incident_refs=("R2x",)),  # names nobody
            record("D1", 8, force="7'\"é%", incident_refs=("S1",)),
            report("R1", 1, opening=("crime", "crime")),  # another content, same version
        ],
        [
            heartbeat("log", 30),
            heartbeat("crimes", 30),  # R2 is missed
            record(  # R1 is owed again
                "C1",
                5,
                version=2,
                known=31,
                status=RecordStatus.CANCELLED,
                incident_refs=("R1",),
            ),
            report("R5", 29, same_incident=("R6",)),
            report("R6", 29.5),
        ],
        [
            record("C3", 32, incident_refs=("R2",)),  # late: R2's miss is taken back
            record("C4", 33, incident_refs=("R6",)),
            tick(34),
            tick(50, force="7'\"é%"),
        ],
        [],
        [
            CoverageStated("33", "crimes", None, at(60), at(60)),
            CoverageStated("33", "log", None, at(60), at(60)),
            report("S2", 55, force="7'\"é%"),
            tick(140),
            tick(140, force="7'\"é%"),  # its sources have fallen silent
        ],
    ]


def batches(inputs: Sequence[Sequence[Input]] | None = None) -> Iterator[Batch]:
    """The same with positions, and one dead letter in each batch."""
    next_ = 0
    for n, each in enumerate(days() if inputs is None else inputs):
        start, next_ = next_, next_ + len(each) + 1
        letter = DeadLetter(
            source="log",
            topic_id=TOPIC,
            partition=0,
            position=next_ - 1,
            digest=_digest(n),
            reason="not_json",
            force="33",
            known_at=at(n),
        )
        advance = Advance(TOPIC, "incident-log", 0, start, next_)
        yield Batch(inputs=tuple(each), dead=(letter,), advances=(advance,))
