"""Writing: what a decision asks for, as rows, each written once a turn, all lanes together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from service.alerts.lifecycle import CLAIMS
from service.effects import (
    AnswerCommand,
    ChainCommand,
    Count,
    Effect,
    HeartbeatSeen,
    Input,
    Intake,
    Lane,
    RaiseEvent,
    RecordSeen,
    ReportSeen,
    ReportState,
    TrackMute,
    TrackRecord,
    TrackReport,
    TrackSource,
)
from service.ledger.acts import write_answers, write_mutes, write_texts
from service.ledger.chain import Links
from service.ledger.instants import micros
from service.ledger.letters import Letter
from service.ledger.load import Held
from service.ledger.statements import Row, add, delete, insert_once, upsert
from service.ledger.tables import (
    OPEN,
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


class Writing:
    """The rows of one turn: gathered lane by lane, each once, then written table by table."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._reports: list[Row] = []
        self._records: list[Row] = []
        self._sources: list[Row] = []
        self._mentions: dict[Row, None] = {}
        self._mentions_gone: dict[Row, None] = {}
        self._links = Links()
        self._lanes: list[Row] = []
        self._dead: list[Row] = []
        self._intake: Counter[Row] = Counter()
        self._tallies: Counter[Row] = Counter()
        self.events: list[RaiseEvent] = []
        """What is said, lane by lane, in order."""
        self.answers: list[AnswerCommand] = []
        """What becomes of commands, in order."""
        self._commands: list[ChainCommand] = []
        self._mutes: list[TrackMute] = []
        self.counts: Counter[Intake] = Counter(dict.fromkeys(Intake, 0))
        """What became of the inputs."""
        self.results: dict[str, list[Intake]] = {}
        """The same by force, input by input; only what is counted."""

    def add_lane(
        self, held: Held, lane: Lane, inputs: Sequence[Input], effects: Sequence[Effect]
    ) -> None:
        """Take in what was decided for one lane; ``held`` is how it was loaded."""
        force = lane.force
        chained: list[RaiseEvent | ChainCommand] = []
        counted: Counter[tuple[str, Intake]] = Counter()
        results = self.results.setdefault(force, [])
        reported: dict[str, TrackReport] = {}
        recorded: dict[str, TrackRecord] = {}
        heard: dict[str, TrackSource] = {}
        for effect in effects:
            match effect:
                case Count():
                    counted[effect.source, effect.result] += 1
                    results.append(effect.result)
                case TrackReport():
                    reported[effect.state.facts.ref] = effect
                case TrackRecord():
                    recorded[effect.state.facts.ref] = effect
                case TrackSource():
                    heard[effect.state.source] = effect
                case RaiseEvent() | ChainCommand():
                    chained.append(effect)
                case AnswerCommand():
                    self.answers.append(effect)
                case TrackMute():
                    self._mutes.append(effect)
                case _:
                    assert_never(effect)
        self._reports += [self._report(held, ref, each) for ref, each in reported.items()]
        self._records += [self._record(held, ref, each) for ref, each in recorded.items()]
        self._sources += [(force, n, _encode(e.state).decode()) for n, e in heard.items()]
        self._tally(force, held.lane.reports, reported)
        self._count_read(force, inputs)
        for (source, result), n in counted.items():
            self._count(force, source, result, n)
            self.counts[result] += n
        head = self._links.extend(force, held.head, held.lane.seq, chained)
        now, alert_from = micros(lane.now), micros(lane.alert_from)
        self._lanes.append((force, held.version + 1, lane.seq, now, alert_from, head))
        self.events += [each for each in chained if isinstance(each, RaiseEvent)]
        self._commands += [each for each in chained if isinstance(each, ChainCommand)]

    def add_dead(self, letters: Iterable[DeadLetter]) -> None:
        """Take in inputs that could not be read."""
        for letter in letters:
            self._count(letter.force, letter.source, READ, 1)
            self._count(letter.force, letter.source, Intake.DEAD, 1)
            self.counts[Intake.DEAD] += 1
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
                    None,
                )
            )

    def forget_dead(self, letters: Iterable[Letter]) -> None:
        """Dead letters that are read after all: their inputs are counted anew."""
        for letter in letters:
            self._count(letter.force, letter.source, READ, -1)
            self._count(letter.force, letter.source, Intake.DEAD, -1)

    def write(self, connection: Connection) -> None:
        """Write everything, in the same order in every turn."""
        upsert(connection, reports, self._reports)
        upsert(connection, records, self._records)
        gone = [row for row in self._mentions_gone if row not in self._mentions]
        delete(connection, mentions, gone)
        insert_once(connection, mentions, list(self._mentions))
        upsert(connection, sources, self._sources)
        insert_once(connection, dead_letters, self._dead)
        self._links.write(connection)
        write_texts(connection, self._commands)
        write_answers(connection, self.answers)
        write_mutes(connection, self._mutes)
        upsert(connection, lanes, self._lanes)
        add(connection, intake, self._intake)
        add(connection, tallies, self._tallies)

    def _report(self, held: Held, ref: str, effect: TrackReport) -> Row:
        state, force = effect.state, held.lane.force
        if ref not in held.asked.reports:
            raise AssertionError(f"report {force}/{ref} was decided on without being looked for")
        if effect.mentions is not None:
            before = held.lane.reports.get(ref)
            gone = report_mentions(before, self._rulebook) if before else ()
            self._mention(force, "report", ref, effect.mentions, gone)
        said, place = state.alert.said, effect.place
        deadline = effect.deadline if state.verdict in OPEN else None
        return (
            force,
            ref,
            micros(state.facts.received_at),
            str(state.verdict),
            str(state.grade or ""),
            str(said) if said in CLAIMS else None,
            micros(deadline),
            state.waits_on,
            micros(state.next_by_watermark),
            micros(state.next_by_clock),
            _encode(state).decode(),
            effect.line.decode(),
            str(place.group or ""),
            place.category,
            state.facts.area,
            1 if place.on_board else None,
            int(place.queues) or None,
            place.owner or None,
        )

    def _record(self, held: Held, ref: str, effect: TrackRecord) -> Row:
        state, force = effect.state, held.lane.force
        if ref not in held.asked.records:
            raise AssertionError(f"record {force}/{ref} was decided on without being looked for")
        if effect.mentions is not None:
            before = held.lane.records.get(ref)
            gone = record_mentions(before, self._rulebook) if before else ()
            self._mention(force, "record", ref, effect.mentions, gone)
        return (
            force,
            ref,
            micros(state.facts.recorded_at),
            state.rows,
            len(state.linked_to) or int(bool(state.taken_by)),
            int(state.standing is None or state.standing.live),
            _encode(state).decode(),
        )

    def _mention(
        self, force: str, kind: str, ref: str, keys: Iterable[str], gone: Iterable[str]
    ) -> None:
        for key in gone:
            self._mentions_gone[force, key, kind, ref] = None
        for key in keys:
            self._mentions[force, key, kind, ref] = None

    def _count_read(self, force: str, inputs: Sequence[Input]) -> None:
        read = [
            each.source if isinstance(each, HeartbeatSeen) else each.facts.source
            for each in inputs
            if isinstance(each, ReportSeen | RecordSeen | HeartbeatSeen)
        ]
        for source, n in Counter(read).items():
            self._count(force, source, READ, n)

    def _count(self, force: str, source: str, result: str, n: int) -> None:
        declared = self._rulebook.sources.get(source)
        topic = str(declared.topic) if declared else ""
        self._intake[force, source, topic, str(result)] += n

    def _tally(
        self, force: str, before: Mapping[str, ReportState], now: Mapping[str, TrackReport]
    ) -> None:
        come = Counter((each.state.verdict, each.state.grade) for each in now.values())
        come.subtract((s.verdict, s.grade) for ref in now if (s := before.get(ref)) is not None)
        for (verdict, grade), n in come.items():
            self._tallies[force, str(verdict), str(grade or "")] += n
