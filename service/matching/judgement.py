"""The verdict on one report as written out: canonical JSON, equal bytes for equal inputs (G7).

Left out on purpose, because they are observations and not answers: how far sources were read, what
a watermark rested on, when anything arrived (and so which records look backdated), positions,
processing times, sequence numbers.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from schemas.words import Grade, TimeBound, Verdict
from service.rules.facts import ReportFacts

CLAIMED = frozenset({Verdict.MISSED, Verdict.PARTLY_RECORDED})
"""Verdicts that speak though nothing was said before; all others only answer what was."""

UNPROVED = frozenset({Verdict.NOT_PROVABLE, Verdict.PARTLY_RECORDED})
"""Verdicts under which a crime may be not provable."""


class CrimeLine(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One crime expected, and what became of it."""

    id: str
    category: str
    classes: tuple[str, ...] = ()
    grade: Grade
    due_at: datetime
    harm: bool = False
    verdict: Verdict
    reason: str = ""
    """Why, as a word: the settlement's, the decision's or the missing proof's."""
    record: str = ""
    """Reference of the record that settles or accounts for it."""
    recorded_at: datetime | None = None
    timing: TimeBound = TimeBound.EXACT
    rules: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    unsourced: bool = False
    delay_approved: bool = False
    """Recorded late, within a delay that the registrar had approved."""


class LinkLine(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One record linked to the report, at the strongest level found."""

    record: str
    level: str
    evidence: str
    standing: str = ""
    """Why the record no longer stands; empty: it stands."""
    cancelled: str = ""
    """Code of its cancellation, proved or not; empty: not cancelled."""
    lacks: tuple[str, ...] = ()
    """What its cancellation, transfer or reclassification lacks."""


class RefusedLine(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One record, linked or likely, that settles nothing here, and why."""

    record: str
    reason: str
    weight: int | None = None
    """Match weight in 1e-6, where no reference ties the record to the report."""


class SignLine(Struct, frozen=True, omit_defaults=True, gc=False):
    """One way in which crimes go unrecorded that the report bears the marks of."""

    id: str
    harm: int
    """Order in which people should look: 1 is the most harmful."""


class Digests(Struct, frozen=True, kw_only=True, gc=False):
    """What the verdict was computed with."""

    pack: str
    linkage: str = ""


class Line(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One line of ``verdicts.jsonl``."""

    force: str
    ref: str
    route: str = "log"
    """``log`` or ``referral``."""
    received_at: datetime
    verdict: Verdict
    grade: Grade | None = None
    deadline: datetime | None = None
    timing: TimeBound = TimeBound.EXACT
    same_as: str = ""
    crimes: tuple[CrimeLine, ...] = ()
    carve_outs: tuple[str, ...] = ()
    unknown_codes: tuple[str, ...] = ()
    domestic: bool = False
    """Do a qualifier or code of the incident mark it as domestic abuse?"""
    decision: str = ""
    """Reason of the closure, where one was given and not accepted: ``refused:`` and what it lacks."""
    told: bool = False
    """Was the victim or reporter told of a decision not to record?"""
    links: tuple[LinkLine, ...] = ()
    refused: tuple[RefusedLine, ...] = ()
    signs: tuple[SignLine, ...] = ()
    """Ways of going unrecorded it bears the marks of, the most harmful first; looked for only where a
    crime is not met in time."""
    sources: tuple[str, ...] = ()
    """Sources that had passed the deadline, where the verdict rests on silence in them."""
    digests: Digests


def answered_by(head: Line, log: ReportFacts) -> Line:
    """The line of a log for whose incident another one answers."""
    return Line(
        force=log.force,
        ref=log.ref,
        route="referral" if log.referral else "log",
        received_at=log.received_at,
        verdict=head.verdict,
        grade=head.grade,
        deadline=head.deadline,
        same_as=head.ref,
        digests=head.digests,
    )


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Line)


def encode(line: Line) -> bytes:
    """Canonical bytes of a verdict line: sorted keys, UTC instants, no newline."""
    return _encoder.encode(line)


def decode(line: bytes) -> Line:
    """Read a verdict line back."""
    return _decoder.decode(line)
