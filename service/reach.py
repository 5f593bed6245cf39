"""What a decision must be able to see: which reports and records a turn loads before it decides.

Everything an input touches, everything that falls due while the inputs are applied, and what those
point at. Asking for too much is slow; asking for too little would be wrong, so bounds err upwards.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from schemas.words import Verdict
from service.effects import (
    CoverageStated,
    HeartbeatSeen,
    Input,
    InputLost,
    Lane,
    RecordSeen,
    ReportSeen,
    RulesChanged,
    Tick,
)
from service.matching.levels import slips
from service.matching.watermark import Basis, silent_at
from service.pointers import Rulebook, crime_key, log_key, may_repair
from service.rules.facts import RecordFacts

UNPROVED = frozenset({Verdict.NOT_PROVABLE, Verdict.PARTLY_RECORDED})
CLAIMED = frozenset({Verdict.MISSED, Verdict.PARTLY_RECORDED})


class Wanted(Struct, frozen=True, kw_only=True):
    """What to load of one lane; its sources are always loaded first."""

    reports: frozenset[str] = frozenset()
    """References of reports."""
    records: frozenset[str] = frozenset()
    """References of records."""
    mentions: frozenset[str] = frozenset()
    """Keys: every report and record that mentions one."""
    clock: datetime | None = None
    """Reports whose ``next_by_clock`` is no later."""
    watermarks: dict[str, datetime] = {}
    """By ``waits_on``: reports that wait on it and whose ``next_by_watermark`` is no later."""
    verdicts: frozenset[Verdict] = frozenset()
    """All reports with one of these verdicts (rare: coverage, loss, a source newly connected)."""


def wanted(lane: Lane, rulebook: Rulebook, inputs: Sequence[Input]) -> Wanted:
    """What these inputs touch in a lane, and what falls due by the time they are applied."""
    reports: set[str] = set()
    records: set[str] = set()
    mentions: set[str] = set()
    verdicts: set[Verdict] = set()
    marks = {name: state.watermark for name, state in lane.sources.items()}
    clock = lane.now
    for each in inputs:
        clock = each.known_at if clock is None else max(clock, each.known_at)
        match each:
            case ReportSeen():
                facts = each.facts
                reports.add(facts.ref)
                reports.update(facts.same_incident)
                records.update(facts.crime_refs)
                mentions.add(log_key(facts.ref))
                _raise_mark(marks, facts.source, each.event_at)
            case RecordSeen():
                records.add(each.facts.ref)
                reports.update(each.facts.incident_refs)
                mentions.add(crime_key(each.facts.ref))
                _raise_mark(marks, each.facts.source, each.event_at)
                if each.facts.source not in lane.sources:
                    verdicts |= UNPROVED
            case HeartbeatSeen():
                _raise_mark(marks, each.source, each.until)
                if each.source not in lane.sources:
                    verdicts |= UNPROVED
            case CoverageStated():
                _raise_mark(marks, each.source, each.known_at)
                verdicts |= UNPROVED
            case InputLost():
                verdicts |= CLAIMED
            case RulesChanged():
                reports.update(each.refs)
            case Tick():
                for name in each.read_to_end:
                    _raise_mark(marks, name, each.known_at)
    if clock is not None and _silence_may_end_belief(lane, rulebook, clock):
        verdicts |= CLAIMED
    return Wanted(
        reports=frozenset(reports),
        records=frozenset(records),
        mentions=frozenset(mentions),
        clock=clock,
        watermarks=_bounds(lane, rulebook, marks),
        verdicts=frozenset(verdicts),
    )


def further(lane: Lane, rulebook: Rulebook, inputs: Sequence[Input]) -> Wanted:
    """What the loaded part points at. The loader leaves out what it has asked for before, and
    repeats until nothing is left."""
    reports: set[str] = set()
    records: set[str] = set()
    mentions: set[str] = set()
    for state in lane.reports.values():
        reports.update(state.facts.same_incident)
        records.update(state.facts.crime_refs)
        mentions.add(log_key(state.facts.ref))
    for record in lane.records.values():
        reports.update(record.linked_to)
        _around(record.facts, lane, rulebook, reports, records, mentions)
    for each in inputs:
        if isinstance(each, RecordSeen):
            _around(each.facts, lane, rulebook, reports, records, mentions)
    return Wanted(
        reports=frozenset(reports - lane.reports.keys()),
        records=frozenset(records - lane.records.keys()),
        mentions=frozenset(mentions),
    )


def _around(
    facts: RecordFacts,
    lane: Lane,
    rulebook: Rulebook,
    reports: set[str],
    records: set[str],
    mentions: set[str],
) -> None:
    """The reports a record names, those it may name by a slip, the record in which it continues."""
    reports.update(facts.incident_refs)
    if facts.cancellation is not None and facts.cancellation.other_ref:
        records.add(facts.cancellation.other_ref)
    exact = any(ref in lane.reports for ref in facts.incident_refs)
    if not exact and may_repair(facts, rulebook):
        mentions.add(crime_key(facts.ref))
        reports.update(slip for ref in facts.incident_refs for slip in slips(ref))


def _raise_mark(marks: dict[str, datetime | None], name: str, at: datetime | None) -> None:
    held = marks.get(name)
    if at is not None and (held is None or at > held):
        marks[name] = at


def _bounds(
    lane: Lane, rulebook: Rulebook, marks: dict[str, datetime | None]
) -> dict[str, datetime]:
    """By report source, the furthest that it and every record source can be read to."""
    sources = rulebook.sources
    records = [
        marks.get(source.name)
        for source in sources.values()
        if not source.reports and (source.name in marks or lane.force in source.forces)
    ]
    if not records or None in records:
        return {}
    behind = min(mark for mark in records if mark is not None)
    own = {n: min(m, behind) for n, m in marks.items() if m is not None and sources[n].reports}
    return {"": behind, **own}


def _silence_may_end_belief(lane: Lane, rulebook: Rulebook, clock: datetime) -> bool:
    return any(
        state.basis is Basis.SILENCE
        and (at := silent_at(state, rulebook.sources[name])) is not None
        and at <= clock
        for name, state in lane.sources.items()
    )
