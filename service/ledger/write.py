"""Writing: what a decision asks for, as rows, each written once a turn, all lanes together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from service.effects import (
    Count,
    Effect,
    HeartbeatSeen,
    Input,
    Intake,
    Lane,
    RaiseEvent,
    RecordSeen,
    RecordState,
    ReportSeen,
    ReportState,
    TrackRecord,
    TrackReport,
    TrackSource,
)
from service.ledger.chain import Links
from service.ledger.instants import micros
from service.ledger.load import Held
from service.ledger.statements import Row, add, delete, insert_once, upsert
from service.ledger.tables import (
    dead_letters,
    intake,
    lanes,
    mentions,
    records,
    reports,
    sources,
    tallies,
)
from service.pointers import Rulebook, record_mentions, report_mentions

READ = "read"
"""Beside what became of inputs (``Intake``): how many there were."""

_encode = msgspec.json.Encoder().encode


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An input that could not be read at all; kept by its place, never by its value."""

    source: str
    topic_id: str
    partition: int
    position: int
    digest: str
    """Digest of the raw bytes."""
    reason: str
    """Why, as a word of a closed list."""
    field: str = ""
    """Path of the field at fault, where it is one; never its value."""
    force: str = ""
    """Empty where it cannot be told."""
    known_at: datetime | None = None
    raw_encrypted: bytes | None = None
    """The input itself, encrypted by the host, where it is to be replayed later."""


class _Deadline(Struct):
    """The part of a verdict line that queries sort by."""

    deadline: datetime | None = None


_read_deadline = msgspec.json.Decoder(_Deadline).decode


class Writing:
    """The rows of one turn: gathered lane by lane, each once, then written table by table."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._reports: dict[Row, Row] = {}
        self._records: dict[Row, Row] = {}
        self._sources: dict[Row, Row] = {}
        self._mentions: dict[Row, None] = {}
        self._mentions_gone: dict[Row, None] = {}
        self._links = Links()
        self._lanes: list[Row] = []
        self._dead: list[Row] = []
        self._intake: Counter[Row] = Counter()
        self._tallies: Counter[Row] = Counter()
        self.events: list[RaiseEvent] = []
        """What is said, lane by lane, in order."""
        self.counts: dict[Intake, int] = dict.fromkeys(Intake, 0)
        """What became of the inputs."""

    def add_lane(
        self, held: Held, lane: Lane, inputs: Sequence[Input], effects: Sequence[Effect]
    ) -> None:
        """Take in what was decided for one lane; ``held`` is how it was loaded."""
        force = lane.force
        events: list[RaiseEvent] = []
        tracked: dict[str, ReportState] = {}
        for effect in effects:
            match effect:
                case TrackReport():
                    self._track_report(held, effect)
                    tracked[effect.state.facts.ref] = effect.state
                case TrackRecord():
                    self._track_record(held, effect)
                case TrackSource():
                    state = effect.state
                    row = (force, state.source, _encode(state).decode())
                    self._sources[force, state.source] = row
                case RaiseEvent():
                    events.append(effect)
                case Count():
                    self.counts[effect.result] += 1
                    self._count(force, effect.source, effect.result.value)
                case _:
                    assert_never(effect)
        for ref, now in tracked.items():
            self._tally(force, held.lane.reports.get(ref), now)
        for each in inputs:
            if isinstance(each, ReportSeen | RecordSeen):
                self._count(force, each.facts.source, READ)
            elif isinstance(each, HeartbeatSeen):
                self._count(force, each.source, READ)
        head = self._links.extend(force, held.head, held.lane.seq, events)
        now, alert_from = micros(lane.now), micros(lane.alert_from)
        self._lanes.append((force, held.version + 1, lane.seq, now, alert_from, head))
        self.events += events

    def add_dead(self, letters: Iterable[DeadLetter]) -> None:
        """Take in inputs that could not be read."""
        for letter in letters:
            self._count(letter.force, letter.source, READ)
            self.counts[Intake.DEAD] += 1
            self._count(letter.force, letter.source, Intake.DEAD.value)
            self._dead.append(
                (
                    letter.topic_id,
                    letter.partition,
                    letter.position,
                    letter.force,
                    letter.source,
                    micros(letter.known_at),
                    letter.reason,
                    letter.field,
                    letter.digest,
                    1,
                    "waiting",
                    letter.raw_encrypted,
                )
            )

    def write(self, connection: Connection) -> None:
        """Write everything, in the same order in every turn."""
        upsert(connection, reports, list(self._reports.values()))
        upsert(connection, records, list(self._records.values()))
        gone = [row for row in self._mentions_gone if row not in self._mentions]
        delete(connection, mentions, gone)
        insert_once(connection, mentions, list(self._mentions))
        upsert(connection, sources, list(self._sources.values()))
        insert_once(connection, dead_letters, self._dead)
        self._links.write(connection)
        upsert(connection, lanes, self._lanes)
        add(connection, intake, self._intake)
        add(connection, tallies, self._tallies)

    def _track_report(self, held: Held, effect: TrackReport) -> None:
        state, force = effect.state, held.lane.force
        facts, ref = state.facts, state.facts.ref
        if ref not in held.asked.reports:
            raise AssertionError(f"report {force}/{ref} was decided on without being loaded")
        said = state.alert.said
        self._reports[force, ref] = (
            force,
            ref,
            micros(facts.received_at),
            state.verdict.value,
            state.grade.value if state.grade else "",
            said.value if said else None,
            micros(_read_deadline(effect.line).deadline) if state.grade else None,
            state.waits_on,
            micros(state.next_by_watermark),
            micros(state.next_by_clock),
            _encode(state).decode(),
            effect.line.decode(),
        )
        if effect.mentions is not None:
            before = held.lane.reports.get(ref)
            gone = report_mentions(before.facts) if before else ()
            self._mention(force, "report", ref, effect.mentions, gone)

    def _track_record(self, held: Held, effect: TrackRecord) -> None:
        state, force = effect.state, held.lane.force
        facts, ref = state.facts, state.facts.ref
        if ref not in held.asked.records:
            raise AssertionError(f"record {force}/{ref} was decided on without being loaded")
        self._records[force, ref] = (
            force,
            ref,
            micros(facts.recorded_at),
            state.rows,
            len(state.linked_to),
            int(state.standing is None or state.standing.live),
            _encode(state).decode(),
        )
        if effect.mentions is not None:
            before = held.lane.records.get(ref)
            gone = record_mentions(before, self._rulebook) if before else ()
            self._mention(force, "record", ref, effect.mentions, gone)

    def _mention(
        self, force: str, kind: str, ref: str, keys: Iterable[str], gone: Iterable[str]
    ) -> None:
        for key in gone:
            self._mentions_gone[force, key, kind, ref] = None
        for key in keys:
            self._mentions[force, key, kind, ref] = None

    def _count(self, force: str, source: str, result: str) -> None:
        declared = self._rulebook.sources.get(source)
        topic = declared.topic.value if declared else ""
        self._intake[force, source, topic, result] += 1

    def _tally(self, force: str, before: ReportState | None, now: ReportState) -> None:
        if before is not None:
            self._tallies[_tallied(force, before)] -= 1
        self._tallies[_tallied(force, now)] += 1


def _tallied(force: str, state: ReportState) -> Row:
    return (force, state.verdict.value, state.grade.value if state.grade else "")
