"""Verdict lines to count with: made by hand, by chance, and by the engine."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from schemas.words import Grade, TimeBound, Verdict
from service.ingest.source import CutBy, Topic
from service.insight.page import About, SourceShown
from service.matching.judgement import CrimeLine, Digests, Line
from service.matching.watermark import Basis, SourceState
from tests.timeline import MONDAY

RECORDED = (Verdict.RECORDED, Verdict.RECORDED_LATE)


def crime(verdict: str, hours: float = 1, **fields: Any) -> CrimeLine:
    """One crime of a report received on Monday; recorded ``hours`` after receipt, where it is."""
    word = Verdict(verdict)
    known: dict[str, Any] = {
        "id": "violence:1",
        "category": "violence",
        "grade": Grade.CLEAR,
        "due_at": MONDAY + timedelta(hours=24),
        "verdict": word,
    }
    if word in RECORDED:
        known |= {"record": "C1", "recorded_at": MONDAY + timedelta(hours=hours)}
    return CrimeLine(**{**known, **fields})


def line(ref: str = "R1", *crimes: CrimeLine, **fields: Any) -> Line:
    """A report received on Monday at midnight, with these crimes."""
    verdict = crimes[0].verdict if crimes else Verdict.NO_CRIME_INDICATED
    known: dict[str, Any] = {
        "force": "33",
        "ref": ref,
        "received_at": MONDAY,
        "verdict": verdict,
        "grade": crimes[0].grade if crimes else None,
        "crimes": crimes,
        "digests": Digests(pack="d" * 64),
    }
    return Line(**{**known, **fields})


def about(**fields: Any) -> About:
    """What a page says it is about, with a log and a crime system read for two days."""
    read_to = MONDAY + timedelta(days=2)
    shown = tuple(
        SourceShown(
            state=SourceState(
                force="33",
                source=name,
                since=MONDAY - timedelta(days=10),
                until=read_to,
                watermark=read_to,
                basis=Basis.COVERAGE,
            ),
            topic=topic,
            cut_by=CutBy.RECORDED,
            declared=True,
        )
        for name, topic in (("log", Topic.INCIDENT_LOG), ("crimes", Topic.CRIME_RECORD))
    )
    known: dict[str, Any] = {
        "title": "Crimes reported and not recorded",
        "as_of": MONDAY + timedelta(days=3),
        "zone": "UTC",
        "forces": ("33",),
        "pack": "umd",
        "pack_title": "One crime where the code map says yes",
        "pack_digest": "d" * 64,
        "sources": shown,
        "inputs": {"read": 5, "applied": 5, "dead": 0},
        "records": {"rows": 4, "linked": 3, "unlinked": 1, "withdrawn": 0},
        "blind_spots": (Topic.REFERRAL,),
    }
    return About(**{**known, **fields})


# -- by chance ----------------------------------------------------------------------------------

CRIME_VERDICTS = (*RECORDED, Verdict.MISSED, Verdict.ACCOUNTED, Verdict.NOT_PROVABLE)


@st.composite
def _crimes(draw: st.DrawFn, received: datetime) -> CrimeLine:
    verdict = draw(st.sampled_from((*CRIME_VERDICTS, Verdict.PENDING)))
    made = received + timedelta(hours=draw(st.integers(-3, 900)))
    return CrimeLine(
        id="c",
        category=draw(st.sampled_from(("violence", "theft"))),
        grade=draw(st.sampled_from((Grade.CLEAR, Grade.CLEAR, Grade.POSSIBLE))),
        due_at=received + timedelta(hours=draw(st.sampled_from((24, 72)))),
        harm=draw(st.booleans()),
        verdict=verdict,
        reason=draw(st.sampled_from(("", "no_record"))),
        recorded_at=made if verdict in RECORDED else None,
        timing=draw(st.sampled_from(TimeBound)),
    )


@st.composite
def _lines(draw: st.DrawFn, ref: str) -> Line:
    received = MONDAY + timedelta(minutes=draw(st.integers(0, 30_000)))
    crimes = tuple(draw(st.lists(_crimes(received), max_size=3)))
    graded: Mapping[str, Any] = {"grade": crimes[0].grade} if crimes else {}
    return Line(
        force=draw(st.sampled_from(("33", "34"))),
        ref=ref,
        route=draw(st.sampled_from(("log", "referral"))),
        received_at=received,
        verdict=crimes[0].verdict if crimes else draw(st.sampled_from(Verdict)),
        crimes=crimes,
        same_as="" if crimes else draw(st.sampled_from(("", "R0"))),
        unknown_codes=tuple(draw(st.lists(st.sampled_from("abcdef"), max_size=2))),
        carve_outs=tuple(draw(st.lists(st.just("on-duty"), max_size=1))),
        decision=draw(st.sampled_from(("", "refused:victim_declined:accepted_reason"))),
        digests=Digests(pack="d"),
        **graded,
    )


@st.composite
def many(draw: st.DrawFn) -> list[Line]:
    """Lines of some reports, each with a reference of its own."""
    return [draw(_lines(f"R{number}")) for number in range(draw(st.integers(0, 12)))]
