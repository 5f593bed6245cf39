"""Loading: lanes locked in order, then, in rounds, what a decision must be able to see.

Each round asks one statement per kind for all lanes together. What was asked for once is never asked
for again, so the rounds end when the loaded part points at nothing new.
"""
# ruff: noqa: S608  # names come from this file; values never stand in the text

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from service.effects import Input, Lane, RecordState, ReportState
from service.ledger.instants import instant, micros
from service.ledger.statements import Query, Row, by_force, by_keys, insert_once
from service.ledger.tables import OPEN, lanes
from service.matching.watermark import SourceState
from service.pointers import Rulebook
from service.reach import NOTHING_ASIDE, Aside, Wanted, further, wanted

KNOWN_LANES = by_force("t.force", "lanes")
_LANE = "t.force, t.version, t.seq, t.now, t.alert_from, t.head"
LANES = by_force(_LANE, "lanes")
LOCKED_LANES = by_force(_LANE, "lanes", " ORDER BY t.force FOR UPDATE")
SOURCES = by_force("t.force, t.source, t.state", "sources")

_STATE = "t.force, t.ref, t.state"

REPORTS_BY_REF = by_keys(_STATE, "reports", "ref")
RECORDS_BY_REF = by_keys(_STATE, "records", "ref")
MENTIONING = by_keys("t.force, t.kind, t.ref", "mentions", "key")
OPEN_BY_VERDICT = by_keys(_STATE, "reports", "verdict", " AND t.deadline IS NOT NULL")
"""Reports by verdict, for the verdicts that leave something open."""

DUE_BY_CLOCK = Query(
    f"SELECT {_STATE} FROM json_each(?) AS f CROSS JOIN reports AS t "
    "WHERE t.force = f.key AND t.next_by_clock <= f.value",
    f"SELECT {_STATE} FROM json_each_text(%s::json) AS f(force, until) JOIN reports AS t "
    "ON t.force = f.force AND t.next_by_clock <= f.until::bigint",
)
"""Reports to look at again by the clock: ``{force: until}``."""

DUE_BY_WATERMARK = Query(
    f"SELECT {_STATE} FROM json_each(?) AS f CROSS JOIN json_each(f.value) AS k "
    "CROSS JOIN reports AS t "
    "WHERE t.force = f.key AND t.waits_on = k.key AND t.next_by_watermark <= k.value",
    f"SELECT {_STATE} FROM json_each(%s::json) AS f "
    "CROSS JOIN json_each_text(f.value) AS k(waits_on, until) JOIN reports AS t "
    "ON t.force = f.key AND t.waits_on = k.waits_on AND t.next_by_watermark <= k.until::bigint",
)
"""Reports to look at again by what they wait on: ``{force: {waits_on: until}}``."""

_read_report = msgspec.json.Decoder(ReportState).decode
_read_record = msgspec.json.Decoder(RecordState).decode
_read_source = msgspec.json.Decoder(SourceState).decode


class Asked(Struct):
    """What was looked for in one lane, whether it was there or not."""

    reports: set[str] = msgspec.field(default_factory=set)
    records: set[str] = msgspec.field(default_factory=set)
    mentions: set[str] = msgspec.field(default_factory=set)
    aside_reports: set[str] = msgspec.field(default_factory=set)
    """Loaded only because they share a key of likely pairs with something."""
    aside_records: set[str] = msgspec.field(default_factory=set)

    def aside(self) -> Aside:
        """What points no further."""
        if not (self.aside_reports or self.aside_records):
            return NOTHING_ASIDE
        return Aside(frozenset(self.aside_reports), frozenset(self.aside_records))


class Held(Struct, frozen=True):
    """One lane as the ledger holds it, locked until the transaction ends."""

    lane: Lane
    version: int
    head: bytes
    """Hash of the last row of its chain."""
    asked: Asked


def lock(connection: Connection, forces: Iterable[str]) -> dict[str, Held]:
    """Lock the lanes of these forces in their order, making those that are new; with their sources.

    Everybody who locks several lanes does so in this order, so no two can wait in a circle.
    """
    names = sorted(set(forces))
    if not names:
        return {}
    known = {force for (force,) in KNOWN_LANES.run(connection, names)}
    new = [(force, 0, 0, None, None, b"") for force in names if force not in known]
    insert_once(connection, lanes, new)
    return _with_sources(connection, LOCKED_LANES, names)


def look_at(connection: Connection, forces: Iterable[str]) -> dict[str, Held]:
    """Lanes as they stand in a transaction that only reads; unlocked, so nothing may be written."""
    return _with_sources(connection, LANES, sorted(set(forces)))


def _with_sources(connection: Connection, query: Query, names: Sequence[str]) -> dict[str, Held]:
    held = {row[0]: _held(row) for row in query.run(connection, names)}
    for force, source, state in SOURCES.run(connection, names):
        held[force].lane.sources[source] = _read_source(state)
    return held


def _held(row: Row) -> Held:
    force, version, seq, now, alert_from, head = row
    lane = Lane(
        force=force,
        now=instant(now),
        seq=seq,
        alert_from=instant(alert_from),
        sources={},
        reports={},
        records={},
        answered={},
        mutes={},
    )
    return Held(lane, version, bytes(head), Asked())


def load(
    connection: Connection,
    held: Mapping[str, Held],
    rulebook: Rulebook,
    inputs: Mapping[str, Sequence[Input]],
) -> None:
    """Fill locked lanes with all that deciding on these inputs must be able to see."""
    wants = {name: wanted(each.lane, rulebook, inputs[name]) for name, each in held.items()}
    _load_due(connection, held, wants)
    _load_named(connection, held, wants)
    more = True
    while more:
        wants = {
            name: further(each.lane, rulebook, inputs[name], each.asked.aside())
            for name, each in held.items()
        }
        more = _load_named(connection, held, wants)


def _load_due(
    connection: Connection, held: Mapping[str, Held], wants: Mapping[str, Wanted]
) -> None:
    """Reports to look at again whatever the inputs name: by time, and by verdict."""
    clocks = {name: micros(want.clock) for name, want in wants.items() if want.clock}
    marks = {
        name: {waits_on: micros(until) for waits_on, until in want.watermarks.items()}
        for name, want in wants.items()
    }
    verdicts = {name: sorted(want.verdicts) for name, want in wants.items()}
    assert all(OPEN.issuperset(want.verdicts) for want in wants.values())
    _take_reports(held, _run(connection, DUE_BY_CLOCK, clocks))
    _take_reports(held, _run(connection, DUE_BY_WATERMARK, marks))
    _take_reports(held, _run(connection, OPEN_BY_VERDICT, verdicts))


def _load_named(
    connection: Connection, held: Mapping[str, Held], wants: Mapping[str, Wanted]
) -> bool:
    """What is named and was not looked for before. Was there any such name?"""
    keys = {name: _unasked(held[name].asked.mentions, w.mentions) for name, w in wants.items()}
    reports = {name: set(want.reports) for name, want in wants.items()}
    records = {name: set(want.records) for name, want in wants.items()}
    for force, kind, ref in _run(connection, MENTIONING, keys):
        (reports if kind == "report" else records)[force].add(ref)
    likely = [_no_longer_aside(held[name].asked, reports[name], records[name]) for name in wants]
    near = {name: _unasked(held[name].asked.mentions, want.near) for name, want in wants.items()}
    for force, kind, ref in _run(connection, MENTIONING, near):
        asked = held[force].asked
        if kind == "report" and ref not in asked.reports and ref not in reports[force]:
            asked.aside_reports.add(ref)
            reports[force].add(ref)
        elif kind == "record" and ref not in asked.records and ref not in records[force]:
            asked.aside_records.add(ref)
            records[force].add(ref)
    report_refs = {name: _unasked(held[name].asked.reports, refs) for name, refs in reports.items()}
    record_refs = {name: _unasked(held[name].asked.records, refs) for name, refs in records.items()}
    _take_reports(held, _run(connection, REPORTS_BY_REF, report_refs))
    for force, ref, state in _run(connection, RECORDS_BY_REF, record_refs):
        held[force].lane.records[ref] = _read_record(state)
    return any(likely) or any(
        any(named.values()) for named in (keys, near, report_refs, record_refs)
    )


def _no_longer_aside(asked: Asked, reports: set[str], records: set[str]) -> bool:
    """What is named in its own right points further from now on. Was there any such?"""
    likely = not (
        asked.aside_reports.isdisjoint(reports) and asked.aside_records.isdisjoint(records)
    )
    asked.aside_reports -= reports
    asked.aside_records -= records
    return likely


def _run(connection: Connection, query: Query, keys: Mapping[str, object]) -> Sequence[Row]:
    given = {force: wanted_keys for force, wanted_keys in keys.items() if wanted_keys}
    return query.run(connection, given) if given else ()


def _take_reports(held: Mapping[str, Held], rows: Iterable[Row]) -> None:
    for force, ref, state in rows:
        each = held[force]
        if ref not in each.lane.reports:
            each.asked.reports.add(ref)
            each.lane.reports[ref] = _read_report(state)


def _unasked(asked: set[str], wanted_keys: AbstractSet[str]) -> list[str]:
    """Keys not asked for before, in order: neighbours lie on one page."""
    new = wanted_keys - asked
    asked |= new
    return sorted(new)
