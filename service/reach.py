"""What a decision must be able to see: which reports and records a turn loads before it decides.

Everything an input touches, everything that falls due while the inputs are applied, and what those
point at. Asking for too much is slow; asking for too little would be wrong, so bounds err upwards.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from schemas.words import Verdict
from service.effects import (
    CommandGiven,
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
from service.matching.judgement import CLAIMED, UNPROVED
from service.matching.levels import slips
from service.matching.watermark import Basis, reaches_back, silent_at
from service.pointers import BESIDE, OWED, Rulebook, crime_key, log_key, may_repair, near_key
from service.rules.facts import RecordFacts, ReportFacts


class Wanted(Struct, frozen=True, kw_only=True):
    """What to load of one lane; its sources are always loaded first."""

    reports: frozenset[str] = frozenset()
    """References of reports."""
    records: frozenset[str] = frozenset()
    """References of records."""
    mentions: frozenset[str] = frozenset()
    """Keys: every report and record that mentions one."""
    near: frozenset[str] = frozenset()
    """Keys of likely pairs: what is found by these alone is looked at, and goes no further (see
    ``Aside``) until it turns out to be likely."""
    clock: datetime | None = None
    """Reports whose ``next_by_clock`` is no later."""
    watermarks: dict[str, datetime] = {}
    """By ``waits_on``: reports that wait on it and whose ``next_by_watermark`` is no later."""
    verdicts: frozenset[Verdict] = frozenset()
    """All reports with one of these verdicts (rare: coverage, loss, a source newly connected)."""


class Aside(Struct, frozen=True):
    """What was loaded only because it shares a key of likely pairs: it points no further."""

    reports: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()


NOTHING_ASIDE = Aside()


def wanted(lane: Lane, rulebook: Rulebook, inputs: Sequence[Input]) -> Wanted:
    """What these inputs touch in a lane, and what falls due by the time they are applied."""
    reports: set[str] = set()
    records: set[str] = set()
    mentions: set[str] = set()
    verdicts: set[Verdict] = set()
    marks = {name: state.watermark for name, state in lane.sources.items()}
    clock = lane.now
    connects = False
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
                held = lane.sources.get(each.facts.source)
                connects |= held is None
                if held is not None and reaches_back(held, each.event_at):
                    verdicts |= UNPROVED
            case HeartbeatSeen():
                _raise_mark(marks, each.source, each.until)
                connects |= _connects(lane, rulebook, each.source)
            case CoverageStated():
                _raise_mark(marks, each.source, each.known_at)
                connects |= _connects(lane, rulebook, each.source)
                verdicts |= UNPROVED
            case InputLost():
                connects |= _connects(lane, rulebook, each.source)
                verdicts |= CLAIMED
                mentions.add(OWED)
            case RulesChanged():
                reports.update(each.refs)
                records.update(each.records)
            case CommandGiven():
                reports.update(filter(None, [each.ref]))
                named = (getattr(each.asked, "record", ""), getattr(each.asked, "other_ref", ""))
                records.update(filter(None, named))
                mentions.update(map(crime_key, filter(None, named)))
            case Tick():
                for name in each.read_to_end:
                    _raise_mark(marks, name, each.known_at)
                for name, until in each.promised:
                    _raise_mark(marks, name, until)
    if connects:
        verdicts |= UNPROVED
    if connects or (clock is not None and _silence_may_end_belief(lane, rulebook, clock)):
        verdicts |= CLAIMED
        mentions.add(OWED)
    if verdicts:
        mentions.add(BESIDE)
    return Wanted(
        reports=frozenset(reports),
        records=frozenset(records),
        mentions=frozenset(mentions),
        clock=clock,
        watermarks=_bounds(lane, rulebook, marks),
        verdicts=frozenset(verdicts),
    )


def further(
    lane: Lane, rulebook: Rulebook, inputs: Sequence[Input], aside: Aside = NOTHING_ASIDE
) -> Wanted:
    """What the loaded part points at. The loader leaves out what it has asked for before, and
    repeats until nothing is left."""
    whole = lane
    if rulebook.linkage is not None:
        lane = _without(lane, aside)
    reports: set[str] = set()
    records: set[str] = set()
    mentions: set[str] = set()
    for state in lane.reports.values():
        reports.update(state.facts.same_incident)
        records.update(state.facts.crime_refs)
        records.update(state.handling.links)
        mentions.add(log_key(state.facts.ref))
    known = set(lane.reports)
    for record in lane.records.values():
        reports.update(record.linked_to)
        _around(record.viewed, known, rulebook, reports, records, mentions)
    for each in inputs:
        if isinstance(each, RecordSeen):
            _around(each.facts, known, rulebook, reports, records, mentions)
        elif isinstance(each, ReportSeen):
            known.add(each.facts.ref)  # by the time a record behind it comes
    near: set[str] = set()
    if rulebook.linkage is not None:
        likely = _Likely(rulebook, whole, lane, inputs)
        near = likely.keys
        reports |= likely.reports
        records |= likely.records
    return Wanted(
        reports=frozenset(reports - lane.reports.keys()),
        records=frozenset(records - lane.records.keys()),
        mentions=frozenset(mentions),
        near=frozenset(near),
    )


def _around(
    facts: RecordFacts,
    known: AbstractSet[str],
    rulebook: Rulebook,
    reports: set[str],
    records: set[str],
    mentions: set[str],
) -> None:
    """The reports a record names, those it may name by a slip, the record in which it continues."""
    reports.update(facts.incident_refs)
    if facts.cancellation is not None and facts.cancellation.other_ref:
        records.add(facts.cancellation.other_ref)
    exact = any(ref in known for ref in facts.incident_refs)
    if not exact and may_repair(facts, rulebook):
        mentions.add(crime_key(facts.ref))
        reports.update(slip for ref in facts.incident_refs for slip in slips(ref))


def _without(lane: Lane, aside: Aside) -> Lane:
    return replace(
        lane,
        reports={r: s for r, s in lane.reports.items() if r not in aside.reports},
        records={r: s for r, s in lane.records.items() if r not in aside.records},
    )


class _Likely:
    """What likely pairs reach: from each report that may have to take, and each record that may be
    taken, the keys that bring others near; and of those near, the ones that are likely."""

    def __init__(
        self, rulebook: Rulebook, whole: Lane, lane: Lane, inputs: Sequence[Input]
    ) -> None:
        self.keys: set[str] = set()
        self.reports: set[str] = set()
        self.records: set[str] = set()
        index = rulebook.near()
        assert index is not None
        for ref, report in whole.reports.items():
            if ref not in lane.reports:
                index.add_report(report.facts)
        for ref, record in whole.records.items():
            if ref not in lane.records:
                index.add_record(record.facts)
        for state in lane.reports.values():
            self.records.update(state.takes)
        for each in lane.records.values():
            if each.taken_by:
                self.reports.add(each.taken_by)
        for facts in _may_take(rulebook, lane, inputs):
            self.keys.update(map(near_key, index.keys_of_report(facts)))
            self.records.update(index.records_of(facts))
        for made in _may_be_taken(rulebook, lane, inputs):
            self.keys.update(map(near_key, index.keys_of_record(made)))
            self.reports.update(index.reports_of(made))


def _may_take(rulebook: Rulebook, lane: Lane, inputs: Sequence[Input]) -> Iterator[ReportFacts]:
    """Versions of reports whose deadline may have passed by the time the inputs are applied."""
    known = [each.known_at for each in inputs]
    clock = max([*known, lane.now] if lane.now else known, default=None)
    if clock is None:
        return
    limits = [timedelta(hours=limit.hours) for limit in rulebook.pack.written.limits]
    limits += [s.limit for s in rulebook.sources.values() if s.limit is not None]
    received_by = clock - min(limits)
    versions = [state.facts for state in lane.reports.values()]
    versions += [each.facts for each in inputs if isinstance(each, ReportSeen)]
    shared = {ref for facts in versions for ref in facts.same_incident}
    for facts in versions:
        in_company = bool(facts.same_incident) or facts.ref in shared
        if in_company or facts.received_at <= received_by:
            yield facts


def _may_be_taken(rulebook: Rulebook, lane: Lane, inputs: Sequence[Input]) -> Iterator[RecordFacts]:
    """Versions of records that may, for a moment at least, be tied to no report."""
    for state in lane.records.values():
        if not _surely_tied(state.facts, lane, rulebook):
            yield state.facts
    for each in inputs:
        if isinstance(each, RecordSeen) and not _surely_tied(each.facts, lane, rulebook):
            yield each.facts


def _surely_tied(facts: RecordFacts, lane: Lane, rulebook: Rulebook) -> bool:
    """Does it name a report that is known already, at a level that both sources allow?"""
    level = "incident_ref"
    return level in rulebook.sources[facts.source].levels and any(
        (held := lane.reports.get(ref)) is not None
        and level in rulebook.sources[held.facts.source].levels
        for ref in facts.incident_refs
    )


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


def _connects(lane: Lane, rulebook: Rulebook, name: str) -> bool:
    """Is this a record source that has not been heard of in this lane?"""
    return name not in lane.sources and not rulebook.sources[name].reports


def _silence_may_end_belief(lane: Lane, rulebook: Rulebook, clock: datetime) -> bool:
    return any(
        state.basis is Basis.SILENCE
        and (at := silent_at(state, rulebook.sources[name])) is not None
        and at <= clock
        for name, state in lane.sources.items()
    )
