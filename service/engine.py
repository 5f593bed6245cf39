"""``decide``: what follows from inputs, for one force. A left fold with due moments in time order.

``decide(s, [a, b]) == decide(decide(s, [a]), [b])``: before an input is applied, everything that fell
due up to the moment it became known is decided at its own moment; after it, everything that the
watermarks now prove. No clock, no I/O, no log, no randomness: the lane's now is the latest moment at
which anything became known, and it never goes back.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import assert_never

from msgspec.structs import replace

from schemas.words import AlertType, RecordStatus
from service import commands
from service.alerts.handling import given
from service.alerts.lifecycle import Situation, next_sayings
from service.alerts.queues import place
from service.effects import (
    CommandGiven,
    Count,
    CoverageStated,
    Effect,
    HeartbeatSeen,
    Input,
    InputLost,
    Intake,
    Lane,
    RecordSeen,
    RecordState,
    ReportSeen,
    ReportState,
    RulesChanged,
    Settling,
    Tick,
    TrackMute,
    TrackRecord,
    TrackReport,
    TrackSource,
    compare,
    contradiction,
)
from service.leftovers import Leftovers
from service.matching import watermark
from service.matching.join import Judgement, Linked, Offer, judge, sight
from service.matching.judgement import CLAIMED, UNPROVED, Line, answered_by, encode
from service.matching.levels import BY_HAND, CERTAIN, Link, link, repaired, slips
from service.matching.watermark import Basis, SourceState
from service.pointers import Pointers, Rulebook, may_repair, record_mentions, report_mentions
from service.rules.expect import expect
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.standing import standing
from service.voice import Voice


def decide(
    lane: Lane, rulebook: Rulebook, inputs: Sequence[Input]
) -> tuple[Lane, tuple[Effect, ...]]:
    """Fold inputs of one force into its lane; the lane must hold what ``reach`` asks for."""
    fold = _Fold(lane, rulebook)
    for each in inputs:
        fold.apply(each)
    return fold.result()


class _Fold:
    """One pass over inputs. Mutable inside, invisible outside."""

    def __init__(self, lane: Lane, rulebook: Rulebook) -> None:
        self._force = lane.force
        self._now = lane.now
        self._rulebook = rulebook
        self._sources = dict(lane.sources)
        self._reports = dict(lane.reports)
        self._records = dict(lane.records)
        self._answered = dict(lane.answered)
        self._mutes = dict(lane.mutes)
        self._effects: list[Effect] = []
        self._voice = Voice(lane.force, lane.seq, lane.alert_from, self._effects)
        self._held = lane
        self._lines: dict[str, Line] = {}
        self._changed_reports: dict[str, None] = {}
        self._changed_records: dict[str, None] = {}
        self._filed_anew: set[str] = set()  # their keys may be others by other rules
        self._pointers = Pointers()
        for report in self._reports.values():
            self._pointers.add_report(report.facts)
        for record in self._records.values():
            self._pointers.add_record(record)
        for record in self._records.values():
            self._note_slips(record.facts)
        self._leftovers: Leftovers | None = None
        if rulebook.linkage is not None:
            self._leftovers = Leftovers(rulebook.pack, rulebook.sources, rulebook.linkage)
            self._leftovers.add(self._reports.values(), self._records.values())
        self._watched = [s.name for s in rulebook.sources.values() if s.believable_silence]
        self._sight = sight(rulebook.sources, self._sources, lane.force)
        self._moved = True
        self._by_clock: list[tuple[datetime, str]] = []
        self._by_watermark: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for state in self._reports.values():
            self._schedule(state)

    def result(self) -> tuple[Lane, tuple[Effect, ...]]:
        """The lane after, and what must be written: each row once, events in order."""
        lane = Lane(
            force=self._force,
            now=self._now,
            seq=self._voice.seq,
            alert_from=self._voice.alert_from,
            sources=self._sources,
            reports=self._reports,
            records=self._records,
            answered=self._answered,
            mutes=self._mutes,
        )
        for name, source in self._sources.items():
            if source != self._held.sources.get(name):
                self._effects.append(TrackSource(source))
        for ref in self._changed_records:
            self._effects.append(self._track_record(self._records[ref]))
        for ref in self._changed_reports:
            self._effects.append(self._track_report(self._reports[ref]))
        return lane, tuple(self._effects)

    def _track_record(self, state: RecordState) -> TrackRecord:
        held = self._held.records.get(state.facts.ref)
        same = held is not None and held.facts is state.facts and held.view is state.view
        same = same and held is not None and held.linked_to == state.linked_to
        same = same and state.facts.ref not in self._filed_anew
        return TrackRecord(state, None if same else record_mentions(state, self._rulebook))

    def _track_report(self, state: ReportState) -> TrackReport:
        held, line = self._held.reports.get(state.facts.ref), self._lines[state.facts.ref]
        same = (
            held is not None
            and held.facts is state.facts
            and held.facts.ref not in self._filed_anew
            and (held.owed_at is None, held.beside) == (state.owed_at is None, state.beside)
        )
        mentions = None if same else report_mentions(state, self._rulebook)
        where = place(state.facts, line, state.handling)
        return TrackReport(state, encode(line), line.deadline, mentions, where)

    # -- inputs -------------------------------------------------------------------------------

    def apply(self, each: Input) -> None:
        """Time first, then the input, then what the watermarks prove."""
        self._pass_time(each.known_at)
        self._evaluate(self._take(each))
        self._pass_watermarks()

    def _take(self, each: Input) -> Collection[str]:
        """Apply one input; the reports it touches."""
        match each:
            case ReportSeen():
                connected, touched = self._hear(each), self._see_report(each.facts, each.known_at)
                return {*touched, *connected} if connected else touched
            case RecordSeen():
                connected, touched = self._hear(each), self._see_record(each.facts, each.known_at)
                return {*touched, *connected} if connected else touched
            case HeartbeatSeen():
                self._effects.append(Count(each.source, Intake.HEARTBEAT))
                state, connected = self._source(each.source)
                self._put_source(watermark.by_heartbeat(state, each.until, each.known_at))
                return connected
            case CoverageStated():
                state, connected = self._source(each.source)
                covered = watermark.by_coverage(state, each.since, each.until, each.known_at)
                self._put_source(covered)
                return {*self._unproved(), *connected}
            case InputLost():
                state, connected = self._source(each.source)
                self._put_source(watermark.by_loss(state, each.since))
                self._say_of_source(each.source, AlertType.INPUT_LOST, {})
                return {*self._claimed(), *connected}
            case RulesChanged():
                self._voice.settle_before(each.known_at)
                return self._relearn(each)
            case Settling():
                self._voice.settle_before(each.before)
                return ()
            case CommandGiven():
                return self._obey(each)
            case Tick():
                for name in each.read_to_end:
                    if name in self._sources:
                        held, source = self._sources[name], self._rulebook.sources[name]
                        self._put_source(watermark.by_idling(held, source, each.known_at))
                for name, until in each.promised:
                    state, _ = self._source(name)
                    self._put_source(watermark.by_heartbeat(state, until, each.known_at))
                return ()
            case _:
                assert_never(each)

    def _see_report(self, facts: ReportFacts, known: datetime) -> Collection[str]:
        held = self._reports.get(facts.ref)
        if held is None:
            self._effects.append(Count(facts.source, Intake.APPLIED))
            self._pointers.add_report(facts)
            self._put_report(ReportState(facts=facts, known_at=known))
            named = self._pointers.exact(facts)
            return {facts.ref, *self._retied(named)} if named else (facts.ref,)
        result, conflict = compare(held.facts, facts)
        self._effects.append(Count(facts.source, result))
        neighbours = tuple(self._pointers.same_incident.get(facts.ref, ()))
        state = held
        if known < held.known_at:
            state = replace(state, known_at=known)
        if conflict:
            state = self._voice.of_conflict(self._now, state, facts)
        if result is Intake.APPLIED:
            self._pointers.drop_report(held.facts, self._reports)
            self._pointers.add_report(facts)
            state = replace(state, facts=facts)
        if state is held:
            return ()
        self._put_report(state)
        renamed = {*held.facts.crime_refs} ^ {*state.facts.crime_refs}
        return {facts.ref, *neighbours, *self._retied(renamed)}

    def _see_record(self, facts: RecordFacts, known: datetime) -> Collection[str]:
        held = self._records.get(facts.ref)
        if held is None:
            self._effects.append(Count(facts.source, Intake.APPLIED))
            self._put_record(self._stand(RecordState(facts=facts, known_at=known)))
            return self._reports_of(facts.ref) | self._continued(facts.ref)
        result, conflict = compare(held.facts, facts)
        self._effects.append(Count(facts.source, result))
        touched = self._reports_of(facts.ref)
        state = replace(held, rows=held.rows + 1, known_at=min(held.known_at, known))
        pair = contradiction(held.facts, facts)
        if conflict and pair not in held.conflicts:
            self._say_of_source(facts.source, AlertType.VERSION_CONFLICT, {"record": facts.ref})
            state = replace(state, conflicts=(*held.conflicts, pair))
        if result is Intake.APPLIED:
            state = replace(state, facts=facts)
        state = self._stand(state)
        self._put_record(state)
        if (state.facts, state.standing) == (held.facts, held.standing):
            return ()
        return touched | self._reports_of(facts.ref) | self._continued(facts.ref)

    def _continued(self, ref: str) -> set[str]:
        """Records cancelled as part of this one stand or fall with it."""
        touched: set[str] = set()
        for other in sorted(self._pointers.continued_by.get(ref, ())):
            held = self._records[other]
            state = self._stand(held)
            if state != held:
                self._put_record(state)
                touched |= self._reports_of(other)
        return touched

    def _relearn(self, each: RulesChanged) -> Collection[str]:
        self._filed_anew.update(each.records, each.refs)
        for ref, held in list(self._records.items()):
            state = self._stand(held)
            if state != held or ref in self._filed_anew:
                self._put_record(state)
        return [ref for ref in each.refs if ref in self._reports]

    # -- commands -----------------------------------------------------------------------------

    def _obey(self, each: CommandGiven) -> Collection[str]:
        """Do what a person asks, or refuse it; the reports that this touches."""
        assert self._now is not None
        held = self._answered.get(each.command_id)
        desk = self._desk(each)
        answer, done = commands.obey(each, held, desk, self._voice.seq + 1)
        self._answered.setdefault(each.command_id, answer.answered)
        self._effects.append(answer)
        if done is None:
            return ()
        self._effects.append(commands.chained(each, done, self._voice.next(), self._now))
        if done.mute is not None:
            self._mutes[done.mute.id] = done.mute
            self._effects.append(TrackMute(done.mute))
        for report in done.reports:
            self._put_report(report)
        touched = {report.facts.ref for report in done.reports}
        for record in done.records:
            self._put_record(self._stand(record))
            touched |= self._reports_of(record.facts.ref) | self._continued(record.facts.ref)
        return touched

    def _desk(self, each: CommandGiven) -> commands.Desk:
        assert self._now is not None
        book = self._rulebook
        logs = self._pointers.incident(each.ref, self._reports) if each.ref in self._reports else []
        links = self._relink(logs)[0] if logs else {}
        return commands.Desk(
            pack=book.pack,
            now=self._now,
            logs=logs,
            reports=self._reports,
            records=self._records,
            ties=links,
            expected=expect(book.pack, book.sources, logs).crimes if logs else (),
            line=self._judge_in_full(logs, links).line if logs else None,
            mutes=self._mutes,
            live=self._is_live,
        )

    def _unproved(self) -> list[str]:
        """Reports that may turn out to be missed where sources prove more."""
        return [ref for ref, s in self._reports.items() if s.verdict in UNPROVED or s.beside]

    def _claimed(self) -> list[str]:
        """Reports that rest on a miss, said or met by a likely record."""
        held = self._reports.items()
        return [ref for ref, s in held if s.verdict in CLAIMED or s.owed_at or s.beside]

    # -- sources ------------------------------------------------------------------------------

    def _source(self, name: str) -> tuple[SourceState, Collection[str]]:
        """A source's state; where it has just been connected, also the reports that may change."""
        state = self._sources.get(name)
        if state is not None:
            return state, ()
        source = self._rulebook.sources[name]
        state = watermark.connected(self._force, source)
        return state, () if source.reports else {*self._unproved(), *self._claimed()}

    def _hear(self, each: ReportSeen | RecordSeen) -> Collection[str]:
        """Note that a source brought this; reports that may change because it answers for more."""
        state, connected = self._source(each.facts.source)
        source, at, proves = self._rulebook.sources[state.source], each.event_at, not each.scattered
        self._put_source(watermark.by_event(state, source, at, each.known_at, proves=proves))
        if not connected and not source.reports and watermark.reaches_back(state, at):
            return self._unproved()
        return connected

    def _put_source(self, state: SourceState) -> None:
        held = self._sources.get(state.source)
        if state is held:
            return
        self._sources[state.source] = state
        self._moved = True
        if not self._rulebook.sources[state.source].reports:
            self._sight = sight(self._rulebook.sources, self._sources, self._force)
        if held is not None and held.silent and not state.silent:
            self._voice.settle_before(self._now)
            self._say_of_source(state.source, AlertType.SOURCE_BACK, {})

    # -- time ---------------------------------------------------------------------------------

    def _pass_time(self, until: datetime) -> None:
        """Decide everything that falls due up to ``until``, each at its own moment."""
        while self._watched or (self._by_clock and self._by_clock[0][0] <= until):
            silence = watermark.next_silence(self._watched, self._sources, self._rulebook.sources)
            report = self._by_clock[0] if self._by_clock else None
            if silence and silence[0] <= until and (report is None or silence[0] <= report[0]):
                self._advance(silence[0])
                self._fall_silent(silence[1])
            elif report and report[0] <= until:
                at, ref = heappop(self._by_clock)
                if self._reports[ref].next_by_clock == at:
                    self._advance(at)
                    self._evaluate((ref,))
            else:
                break
        self._advance(until)

    def _advance(self, at: datetime) -> None:
        if self._now is None or at > self._now:
            self._now = at

    def _fall_silent(self, name: str) -> None:
        self._put_source(watermark.by_silence(self._sources[name]))
        self._say_of_source(name, AlertType.SOURCE_SILENT, {})
        self._evaluate([ref for ref, s in self._reports.items() if s.basis is Basis.SILENCE])

    def _schedule(self, state: ReportState, held: ReportState | None = None) -> None:
        if state.next_by_clock and (held is None or state.next_by_clock != held.next_by_clock):
            heappush(self._by_clock, (state.next_by_clock, state.facts.ref))
        if state.next_by_watermark:
            heappush(self._by_watermark[state.waits_on], (state.next_by_watermark, state.facts.ref))

    def _pass_watermarks(self) -> None:
        """Decide everything that the watermarks now prove, in time order."""
        if not self._moved:
            return
        self._moved = False
        ready: list[tuple[datetime, str]] = []
        for name, waiting in self._by_watermark.items():
            mark = self._mark(name) if waiting else None
            while mark and waiting and waiting[0][0] <= mark:
                ready.append(heappop(waiting))
        for at, ref in sorted(ready):
            if self._reports[ref].next_by_watermark == at:
                self._evaluate((ref,))

    def _mark(self, name: str) -> datetime | None:
        """How far every record source, and the named report source, are read; None: not at all."""
        states = [*self._sight.records, *([self._sources.get(name)] if name else [])]
        marks = [state.watermark for state in states if state is not None and state.watermark]
        return min(marks) if marks and len(marks) == len(states) else None

    # -- links --------------------------------------------------------------------------------

    def _reports_of(self, ref: str) -> set[str]:
        """Loaded reports that a record is, or may be, linked to."""
        state = self._records[ref]
        named = {*state.linked_to, *state.facts.incident_refs}
        named |= self._pointers.logs_of_record.get(ref, set())
        if self._repairable(state.facts):
            named |= {slip for each in state.facts.incident_refs for slip in slips(each)}
        return {each for each in named if each in self._reports}

    def _retied(self, records: Collection[str]) -> set[str]:
        """Reports tied to these records by a slip, or that may be from now on: an exact reference to
        them came, or went."""
        held = [self._records[ref] for ref in records if ref in self._records]
        for record in held:
            self._note_slips(record.facts)
        return {report for record in held for report in self._reports_of(record.facts.ref)}

    def _repairable(self, record: RecordFacts) -> bool:
        """May it be tied by a slip? Not where an exact reference ties it to a known report."""
        named = self._pointers.logs_of_record.get(record.ref)
        exact = named or any(ref in self._reports for ref in record.incident_refs)
        return not exact and may_repair(record, self._rulebook)

    def _note_slips(self, record: RecordFacts) -> None:
        if self._repairable(record):
            self._pointers.add_slips(record)

    def _ties(self, log: ReportFacts) -> dict[str, Link]:
        """Records tied directly to one log, at levels that both sources allow."""
        levels = self._rulebook.sources[log.source].levels
        ties: dict[str, Link] = {}
        handling = self._reports[log.ref].handling
        candidates = self._pointers.candidates(log)
        candidates.update(handling.links)
        for ref in candidates:
            if (state := self._records.get(ref)) is None:
                continue
            tie = link(log, state.facts)
            if (tie is None or tie.level not in CERTAIN) and ref in handling.links:
                ties[ref] = Link(ref, BY_HAND, "")
                continue
            if tie is None and ref not in handling.refused and self._repairable(state.facts):
                tie = repaired(log, state.facts)
            allowed = self._rulebook.sources[state.facts.source].levels
            if tie is not None and tie.level in levels and tie.level in allowed:
                ties[ref] = tie
        return ties

    def _relink(self, logs: list[ReportFacts]) -> tuple[dict[str, Link], set[str]]:
        """Records of an incident by their level for its first log; other reports this reaches."""
        links: dict[str, Link] = {}
        if len(logs) == 1 and not (
            self._pointers.candidates(logs[0]) or self._reports[logs[0].ref].handling.links
        ):
            return links, set()
        tied: dict[str, set[str]] = defaultdict(set)
        for log in logs:
            for ref, tie in self._ties(log).items():
                tied[ref].add(log.ref)
                if log is logs[0]:
                    links[ref] = tie
                elif tie.level == BY_HAND:
                    links.setdefault(ref, tie)
                elif "same_incident" in self._rulebook.sources[log.source].levels:
                    links.setdefault(ref, Link(ref, "same_incident", log.ref))
        members = {log.ref for log in logs}
        reached: set[str] = set()
        linked_before = {ref for each in members for ref in self._pointers.linked.get(each, ())}
        for ref in sorted({*tied, *linked_before}):
            held = self._records[ref]
            now = tuple(sorted({*held.linked_to} - members | tied.get(ref, set())))
            if now != held.linked_to:
                state = replace(held, linked_to=now)
                if now and held.taken_by:
                    state = replace(state, taken_by="", taken_due=None)
                self._put_record(state)
                reached |= (self._reports_of(ref) | {*held.linked_to}) - members
        return links, reached

    # -- judgement ----------------------------------------------------------------------------

    def _evaluate(self, refs: Collection[str]) -> None:
        """Judge the incidents of these reports, and of reports that a change of link reaches."""
        waiting = sorted(refs) if len(refs) > 1 else list(refs)
        done: set[str] = set()
        for ref in waiting:
            if ref in done or ref not in self._reports:
                continue
            logs = self._pointers.incident(ref, self._reports)
            done.update([log.ref for log in logs])
            links, reached = self._relink(logs)
            waiting += sorted(reached)
            judged = self._judge(logs, links)
            if self._leftovers is None:
                self._conclude_incident(logs, judged)
            elif judged.owed_at is not None:
                self._leftovers.ask((judged.owed_at, logs[0].ref))
            else:
                self._hand_out(self._leftovers, logs, judged)
        if self._leftovers is not None:
            self._share_out(self._leftovers)

    def _judge(
        self, logs: list[ReportFacts], links: dict[str, Link], offers: Sequence[Offer] = ()
    ) -> Judgement:
        assert self._now is not None
        linked = [self._linked(links[ref]) for ref in sorted(links)] if links else ()
        book, sight = self._rulebook, self._sight
        people = given([self._reports[log.ref].handling for log in logs])
        return judge(
            book.pack, book.sources, logs, linked, sight, self._now, book.linkage, offers, people
        )

    def _judge_in_full(self, logs: list[ReportFacts], links: dict[str, Link]) -> Judgement:
        """With what no reference ties, where references leave a crime missed."""
        judged = self._judge(logs, links)
        if self._leftovers is None or judged.owed_at is None:
            return judged
        refused = given([self._reports[log.ref].handling for log in logs]).refused
        offers = [
            Offer(weight, self._linked(Link(record, "probable", str(weight))), taken)
            for weight, record, taken in self._leftovers.offers(logs, (judged.owed_at, logs[0].ref))
            if record not in refused
        ]
        return self._judge(logs, links, offers)

    def _share_out(self, leftovers: Leftovers) -> None:
        """Let reports that provably miss a record take what no reference ties, each in its turn."""
        while (ref := leftovers.next()) is not None:
            logs = self._pointers.incident(ref, self._reports)
            if logs[0].ref != ref:
                continue
            links, _ = self._relink(logs)
            self._hand_out(leftovers, logs, self._judge_in_full(logs, links))

    def _hand_out(self, leftovers: Leftovers, logs: list[ReportFacts], judged: Judgement) -> None:
        """Write down who has which record now, and say so of the incident."""
        members = {log.ref for log in logs}
        before = {record for ref in members for record in self._reports[ref].takes}
        held = [self._records[ref] for ref in sorted(before.union(judged.takes))]
        order = (judged.owed_at, logs[0].ref) if judged.owed_at else None
        for state in leftovers.hand_out(held, members, order, judged.takes):
            self._put_record(state)
        self._conclude_incident(logs, judged)

    def _conclude_incident(self, logs: list[ReportFacts], judged: Judgement) -> None:
        head = self._reports[logs[0].ref]
        self._conclude(head, judged.line, judged, same_as="")
        for log in logs[1:]:
            line = answered_by(judged.line, log)
            self._conclude(self._reports[log.ref], line, judged, same_as=logs[0].ref)

    def _linked(self, tie: Link) -> Linked:
        state = self._records[tie.record]
        assert state.standing is not None
        return Linked(tie, state.facts, state.standing)

    def _conclude(self, held: ReportState, line: Line, judged: Judgement, same_as: str) -> None:
        """Write down the verdict on one report and say what must be said."""
        alert = held.alert
        if alert.said is not None or judged.warn or judged.unexplained or (line.verdict in CLAIMED):
            situation = Situation(
                verdict=line.verdict,
                grade=line.grade,
                due_at=judged.due_at,
                same_as=same_as,
                warn=judged.warn,
                closed=held.facts.closed_at is not None,
                unexplained=judged.unexplained,
            )
            alert, sayings = next_sayings(alert, situation)
            for saying in sayings:
                alert = self._voice.of_report(self._now, held.facts, alert, saying, judged)
        handling, next_by_clock = held.handling, judged.next_by_clock
        if handling.version:
            assert self._now is not None
            alert, handling = commands.moved(held.alert, alert, handling, line.verdict, self._now)
            next_by_clock = commands.look_again(alert, handling, next_by_clock)
        if line.unknown_codes:
            self._say_unknown_codes(held.facts.source, line.unknown_codes)
        state = replace(
            held,
            verdict=line.verdict,
            grade=line.grade,
            basis=judged.basis,
            beside=judged.beside and not same_as,
            same_as=same_as,
            alert=alert,
            handling=handling,
            next_by_watermark=None if same_as else judged.next_by_watermark,
            waits_on="" if same_as else judged.waits_on,
            next_by_clock=None if same_as else next_by_clock,
            owed_at=judged.owed_at,
            takes=() if same_as else judged.takes,
        )
        self._lines[held.facts.ref] = line
        self._put_report(state)
        self._schedule(state, held)

    def _stand(self, state: RecordState) -> RecordState:
        lag = self._rulebook.sources[state.facts.source].lag
        now = standing(self._rulebook.pack, state.viewed, state.known_at, lag, self._is_live)
        now = commands.doubted(now, state)
        return state if now == state.standing else replace(state, standing=now)

    def _is_live(self, ref: str) -> bool:
        other = self._records.get(ref)
        return other is not None and other.facts.status is RecordStatus.RECORDED

    def _put_report(self, state: ReportState) -> None:
        if self._leftovers is not None:
            self._leftovers.put_report(self._reports.get(state.facts.ref), state)
        self._reports[state.facts.ref] = state
        self._changed_reports[state.facts.ref] = None

    def _put_record(self, state: RecordState) -> None:
        held = self._records.get(state.facts.ref)
        if held is not None:
            self._pointers.drop_record(held)
        self._records[state.facts.ref] = state
        self._pointers.add_record(state)
        self._note_slips(state.facts)
        if self._leftovers is not None:
            self._leftovers.put_record(state)
        self._changed_records[state.facts.ref] = None

    # -- events -------------------------------------------------------------------------------

    def _say_unknown_codes(self, name: str, codes: tuple[str, ...]) -> None:
        known = self._sources[name].unknown_codes
        for code in codes:
            if code not in known:
                self._say_of_source(name, AlertType.UNKNOWN_CODE, {"code": code[:60]})
                state = self._sources[name]
                self._put_source(replace(state, unknown_codes=(*state.unknown_codes, code)))

    def _say_of_source(self, name: str, type_: AlertType, detail: dict[str, str]) -> None:
        state = self._sources[name]
        self._voice.say(
            self._now, subject=f"source:{name}", n=state.alerts, type=type_, detail=detail
        )
        self._put_source(replace(state, alerts=state.alerts + 1))
