"""What a person's command does: weighed like everything else, and refused with what it lacks.

Pure, as the engine that calls it. A command that is refused changes nothing; one that is accepted changes
what people have done about a report (``Handling``), what they made of a record's cancellation, or a mute.
Verdicts follow from these by the same rules as from the feeds.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import assert_never
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.words import RecordStatus, Verdict
from service.alerts.actors import SPEAKS_AS, ActorRole, acts_as, for_force, on_own_case
from service.alerts.handling import (
    REFUSED_HOLDS,
    CancellationView,
    Handling,
    Hold,
)
from service.alerts.identity import alert_identity
from service.alerts.lifecycle import (
    HANDLED,
    AlertState,
    IllegalTransition,
    Passing,
    Stage,
    step,
)
from service.alerts.mutes import Matchers, Mute
from service.effects import (
    AcceptCancellation,
    Acknowledge,
    Answer,
    AnswerCommand,
    Answered,
    ApproveHold,
    AskHold,
    Assign,
    ChainCommand,
    CommandGiven,
    ConfirmMatch,
    Decide,
    EndMute,
    LinkRecord,
    MuteAlerts,
    QueryCancellation,
    RecordState,
    Refusal,
    RefuseHold,
    RefuseMatch,
    Reopen,
    ReportState,
    UnlinkRecord,
)
from service.matching.judgement import Line
from service.matching.levels import CERTAIN, Link
from service.rules.decisions import decision
from service.rules.facts import CancellationFacts, ClosureFacts, ReportFacts
from service.rules.given import Decided
from service.rules.pack import Pack
from service.rules.settle import Because
from service.rules.standing import standing
from service.rules.values import CancellationDemand, Expected, Standing

MET = frozenset({Verdict.RECORDED, Verdict.RECORDED_LATE, Verdict.ACCOUNTED})

REFERENCE = re.compile(r"(?=.*\d)[0-9A-Za-z][0-9A-Za-z/*._\- ]{0,39}")
"""A reference has a digit in it: a name put there by mistake does not pass."""
PERSON = re.compile(r"[0-9A-Za-z][0-9A-Za-z@|:._\-]{0,127}")
"""An opaque id of a person or a desk: one word."""
BODY = re.compile(r"[0-9A-Za-z][0-9A-Za-z&._\- ]{0,39}")

FEED = re.compile(r"source:[0-9A-Za-z][0-9A-Za-z/_.\-]{0,79}")

_encode = msgspec.json.Encoder(order="sorted").encode


class Desk(Struct, frozen=True, kw_only=True):
    """What lies before whoever weighs a command: the report's incident as it stands."""

    pack: Pack
    now: datetime
    logs: Sequence[ReportFacts] = ()
    """Of the incident, the first of which answers for it; empty where the report is not known."""
    reports: Mapping[str, ReportState]
    records: Mapping[str, RecordState]
    ties: Mapping[str, Link] = {}
    """Records linked to the incident."""
    expected: Sequence[Expected] = ()
    line: Line | None = None
    mutes: Mapping[str, Mute]
    live: Callable[[str], bool]


class Done(Struct, frozen=True, kw_only=True):
    """What an accepted command changes."""

    role: ActorRole
    """In which he acted."""
    officer_checked: bool
    reports: tuple[ReportState, ...] = ()
    records: tuple[RecordState, ...] = ()
    mute: Mute | None = None
    version: int = 0


class _Refused(Exception):
    """Out of the middle of weighing; never leaves this file."""

    def __init__(
        self, why: Refusal, lacks: Sequence[str] = (), see: str = "", version: int = 0
    ) -> None:
        super().__init__(why)
        self.answer = Answer(refused=why, lacks=tuple(map(str, lacks)), see=see, version=version)


def digest(given: CommandGiven) -> str:
    """What a command asks for, whenever it is asked: the same id with another digest is a mistake."""
    fields = given.text.fields if given.text else ()
    said = _encode([given.ref, given.actor.id, given.asked, given.expected, fields])
    return blake2b(said, digest_size=16).hexdigest()


def command_identity(alert: UUID, command_id: str) -> str:
    """Id of the chain row of a command."""
    return str(uuid5(alert, f"command/{command_id}"))


def obey(
    given: CommandGiven, held: Answered | None, desk: Desk, seq: int
) -> tuple[AnswerCommand, Done | None]:
    """The answer, the same however often it is asked, and what is to be done the first time; ``seq``:
    the number that its chain row would have. ``held``: how it was answered before."""
    asked = digest(given)
    done: Done | Answer | None = None
    if held is None:
        done = weigh(given, desk, seq)
        answer = done if isinstance(done, Answer) else Answer(seq=seq, version=done.version)
        answered = Answered(asked, answer)
    elif held.digest == asked:
        answered = held
    else:
        answered = Answered(asked, Answer(refused=Refusal.COMMAND_ID_TAKEN))
    effect = AnswerCommand(
        force=given.force,
        command_id=given.command_id,
        answered=answered,
        at=desk.now,
        again=held is not None,
    )
    return effect, done if isinstance(done, Done) else None


def weigh(given: CommandGiven, desk: Desk, seq: int) -> Done | Answer:
    """What the command does, or why it is refused."""
    try:
        if not for_force(given.actor, given.force):
            raise _Refused(Refusal.NOT_YOUR_FORCE)
        if isinstance(given.asked, MuteAlerts | EndMute):
            return _about_mutes(given, desk, seq)
        return _about_report(given, desk)
    except _Refused as refused:
        return refused.answer


# -- what holds for every command -----------------------------------------------------------------


def _about_mutes(given: CommandGiven, desk: Desk, seq: int) -> Done:
    role = acts_as(given.actor, given.action, referral=False)
    if role is None:
        raise _Refused(Refusal.NOT_YOUR_ROLE)
    made = _mute(given, desk, seq)
    return Done(role=role, officer_checked=True, mute=made)


def _mute(given: CommandGiven, desk: Desk, seq: int) -> Mute:
    asked = given.asked
    if isinstance(asked, MuteAlerts):
        since = asked.since or desk.now
        if asked.until <= max(since, desk.now):
            raise _Refused(Refusal.NOT_AHEAD)
        _commented(given)
        if not _plain(asked.matchers):
            raise _Refused(Refusal.BAD_REFERENCE)
        return Mute(
            id=given.command_id,
            force=given.force,
            matchers=asked.matchers,
            since=since,
            until=asked.until,
            author=given.actor.id,
            seq=seq,
        )
    assert isinstance(asked, EndMute)
    held = desk.mutes.get(asked.mute)
    if held is None:
        raise _Refused(Refusal.MUTE_UNKNOWN)
    over = held.ended_at is not None or held.until <= desk.now
    _step(Stage.AUDIBLE if over else Stage.MUTED, given)
    return replace(held, ended_at=desk.now, ended_by=given.actor.id)


def _about_report(given: CommandGiven, desk: Desk) -> Done:
    state = desk.reports.get(given.ref)
    if state is None or not desk.logs:
        raise _Refused(Refusal.REPORT_UNKNOWN)
    role = acts_as(given.actor, given.action, referral=state.facts.referral)
    if role is None:
        raise _Refused(Refusal.NOT_YOUR_ROLE)
    officers = _officers(given, desk)
    if on_own_case(given.actor, given.action, officers):
        raise _Refused(Refusal.OFFICER_IN_CASE)
    version = state.handling.version
    if desk.logs[0].ref != given.ref:
        raise _Refused(Refusal.SAME_INCIDENT, see=desk.logs[0].ref, version=version)
    if given.expected is not None and given.expected != version:
        raise _Refused(Refusal.CHANGED_MEANWHILE, version=version)
    stage = _step(state.alert.stage, given, state.alert)
    change = _Change(given, desk, state, role)
    change.apply()
    handling = replace(change.handling, version=version + 1)
    held = replace(state, handling=handling, alert=replace(state.alert, stage=stage))
    return Done(
        role=role,
        officer_checked=bool(given.actor.officer_hash) and bool(officers),
        reports=(held, *change.others),
        records=tuple(change.records),
        version=handling.version,
    )


def _officers(given: CommandGiven, desk: Desk) -> frozenset[str]:
    record = desk.records.get(getattr(given.asked, "record", ""))
    named = [log.officer for log in desk.logs]
    return frozenset([*named, record.facts.officer if record else ""]) - {""}


def _step(stage: Stage, given: CommandGiven, alert: AlertState | None = None) -> Stage:
    try:
        return step(stage, given.action, alert.said if alert else None)
    except IllegalTransition:
        raise _Refused(Refusal.NOT_NOW) from None


def _commented(given: CommandGiven) -> None:
    if given.text is None or "comment" not in given.text.fields:
        raise _Refused(Refusal.COMMENT_MISSING)


def _plain(matchers: Matchers) -> bool:
    """Is nothing in them but words and references? They stand in the chain as they are."""
    subject = matchers.subject
    known = REFERENCE.fullmatch(subject) or FEED.fullmatch(subject) if subject else True
    words = (matchers.area, matchers.category)
    return bool(known) and all(BODY.fullmatch(each) for each in words if each)


# -- what each command does to a report -----------------------------------------------------------


class _Change:
    """One command, applied to what was held; refused from anywhere inside."""

    def __init__(
        self, given: CommandGiven, desk: Desk, state: ReportState, role: ActorRole
    ) -> None:
        self._given = given
        self._desk = desk
        self._role = role
        self._state = state
        self.handling: Handling = state.handling
        self.others: tuple[ReportState, ...] = ()
        self.records: list[RecordState] = []

    def apply(self) -> None:
        """Change ``handling``, ``others`` and ``records``. Raises ``_Refused``."""
        asked = self._given.asked
        match asked:
            case Acknowledge():
                self._put(acknowledged_by=self._given.actor.id, acknowledged_at=self._desk.now)
            case Assign():
                self._assign(asked.to)
            case LinkRecord() | ConfirmMatch():
                self._link(asked.record)
            case UnlinkRecord():
                self._unlink(asked.record)
            case RefuseMatch():
                self._refuse_match(asked.record)
            case Decide():
                self._decide(asked)
            case AcceptCancellation():
                self._accept(asked)
            case QueryCancellation():
                self._query(asked.record)
            case AskHold():
                self._ask(asked)
            case ApproveHold():
                self._approve()
            case RefuseHold():
                self._refuse_hold()
            case Reopen():
                self._reopen()
            case MuteAlerts() | EndMute():
                raise AssertionError("about no report")
            case _:
                assert_never(asked)

    def _put(self, **changes: object) -> None:
        self.handling = replace(self.handling, **changes)

    def _assign(self, to: str) -> None:
        if not PERSON.fullmatch(to):
            raise _Refused(Refusal.BAD_REFERENCE)
        if self.handling.assigned_to == to:
            raise _Refused(Refusal.NO_CHANGE)
        self._put(assigned_to=to, assigned_at=self._desk.now)

    # -- records ----------------------------------------------------------------------------------

    def _record(self, ref: str) -> RecordState:
        state = self._desk.records.get(ref)
        if state is None:
            raise _Refused(Refusal.RECORD_UNKNOWN)
        return state

    def _link(self, ref: str) -> None:
        self._record(ref)
        tie = self._desk.ties.get(ref)
        if ref in self.handling.links or (tie is not None and tie.level in CERTAIN):
            raise _Refused(Refusal.NO_CHANGE)
        links = tuple(sorted({*self.handling.links, ref}))
        self._put(links=links, refused=_without(self.handling.refused, ref))

    def _unlink(self, ref: str) -> None:
        if ref not in self.handling.links:
            raise _Refused(Refusal.NOT_LINKED)
        self._put(links=_without(self.handling.links, ref))

    def _refuse_match(self, ref: str) -> None:
        self._record(ref)
        tie = self._desk.ties.get(ref)
        if tie is not None and tie.level in CERTAIN:
            raise _Refused(Refusal.TIED_BY_REFERENCE)
        if ref in self.handling.refused:
            raise _Refused(Refusal.NO_CHANGE)
        refused = tuple(sorted({*self.handling.refused, ref}))
        self._put(refused=refused, links=_without(self.handling.links, ref))

    # -- decisions not to record ------------------------------------------------------------------

    def _decide(self, asked: Decide) -> None:
        closure = self._closure(asked)
        crimes = self._unmet(asked.crimes)
        lacks: dict[str, None] = {}
        for crime in crimes:
            weighed = decision(self._desk.pack, crime, closure, self._desk.logs)
            lacks.update(dict.fromkeys(weighed.lacks))
            if not weighed.accepted and not weighed.lacks:
                lacks["accepted_reason"] = None
        if lacks:
            raise _Refused(Refusal.LACKS, tuple(lacks), version=self._state.handling.version)
        made = Decided(closure=closure, crimes=tuple(c.id for c in crimes), by=self._given.actor.id)
        self._put(decisions=(*self.handling.decisions, made))

    def _closure(self, asked: Decide) -> ClosureFacts:
        if asked.other_ref and not REFERENCE.fullmatch(asked.other_ref):
            raise _Refused(Refusal.BAD_REFERENCE)
        if asked.other_body and not BODY.fullmatch(asked.other_body):
            raise _Refused(Refusal.BAD_REFERENCE)
        return ClosureFacts(
            reason=asked.reason,
            decided_by=SPEAKS_AS[self._role],
            decided_at=self._desk.now,
            rationale=self._typed("rationale"),
            told_at=self._past(asked.told_at),
            evidence_what=self._typed("evidence_what"),
            evidence_from=self._typed("evidence_from"),
            evidence_at=asked.evidence_at,
            other_ref=asked.other_ref,
            other_body=asked.other_body,
            signed_off_by=asked.signed_off_by,
        )

    def _unmet(self, wanted: Sequence[str]) -> list[Expected]:
        """The crimes it is for: those named, or all that nothing meets."""
        assert self._desk.line is not None
        verdicts = {crime.id: crime.verdict for crime in self._desk.line.crimes}
        if any(crime not in verdicts for crime in wanted):
            raise _Refused(Refusal.CRIME_UNKNOWN)
        chosen = [
            crime
            for crime in self._desk.expected
            if verdicts[crime.id] not in MET and (not wanted or crime.id in wanted)
        ]
        if not chosen:
            raise _Refused(Refusal.NOTHING_OWED)
        return chosen

    def _typed(self, field: str) -> bool:
        return self._given.text is not None and field in self._given.text.fields

    def _past(self, at: datetime | None) -> datetime | None:
        """What is said to have happened later than now has not happened."""
        return at if at is not None and at <= self._desk.now else None

    # -- cancellations ----------------------------------------------------------------------------

    def _cancelled(self, ref: str) -> RecordState:
        state = self._record(ref)
        if ref not in self._desk.ties:
            raise _Refused(Refusal.NOT_LINKED)
        if state.facts.status is not RecordStatus.CANCELLED:
            raise _Refused(Refusal.NOT_CANCELLED)
        return state

    def _accept(self, asked: AcceptCancellation) -> None:
        state = self._cancelled(asked.record)
        if asked.other_ref and not REFERENCE.fullmatch(asked.other_ref):
            raise _Refused(Refusal.BAD_REFERENCE)
        if state.standing is not None and state.standing.accounts:
            raise _Refused(Refusal.NO_CHANGE)
        held = state.viewed.cancellation
        code = held.code if held else asked.code
        if code is None:
            raise _Refused(Refusal.LACKS, ("cancellation_code",))
        held = held or CancellationFacts(code)
        accepted = CancellationFacts(
            code=code,
            decided_by=SPEAKS_AS[self._role],
            independent=asked.independent,
            decided_at=self._desk.now,
            what=held.what or self._typed("what"),
            where_from=held.where_from or self._typed("where_from"),
            verifiable=held.verifiable or self._typed("verifiable"),
            victim_told_at=self._past(asked.victim_told_at) or held.victim_told_at,
            other_ref=asked.other_ref or held.other_ref,
        )
        found = standing(
            self._desk.pack,
            replace(state.facts, cancellation=accepted),
            state.known_at,
            timedelta.max,
            self._desk.live,
        )
        if not found.accounts:
            self._refuse_acceptance(found)
        self.records.append(replace(state, view=CancellationView(accepted=accepted)))

    def _refuse_acceptance(self, found: Standing) -> None:
        role_lacks = CancellationDemand.REGISTRAR_OR_DECISION_MAKER.value in found.lacks
        registrar = role_lacks and self._role is ActorRole.DECISION_MAKER
        why = Refusal.REGISTRAR_ONLY if registrar else Refusal.LACKS
        raise _Refused(why, found.lacks, version=self._state.handling.version)

    def _query(self, ref: str) -> None:
        state = self._cancelled(ref)
        _commented(self._given)
        if state.view is not None and state.view.queried_at is not None:
            raise _Refused(Refusal.NO_CHANGE)
        self._doubt(state)

    def _doubt(self, state: RecordState) -> None:
        view = replace(state.view or CancellationView(), queried_at=self._desk.now)
        self.records.append(replace(state, view=view))

    # -- holds ------------------------------------------------------------------------------------

    def _ask(self, asked: AskHold) -> None:
        if asked.reason in REFUSED_HOLDS:
            raise _Refused(Refusal.HOLD_NEVER_FOR_THIS)
        if asked.until <= self._desk.now:
            raise _Refused(Refusal.NOT_AHEAD)
        if self._desk.line is None or all(c.verdict in MET for c in self._desk.line.crimes):
            raise _Refused(Refusal.NOTHING_OWED)
        _commented(self._given)
        by, now = self._given.actor.id, self._desk.now
        self._put(asked=Hold(reason=asked.reason, until=asked.until, asked_by=by, asked_at=now))

    def _approve(self) -> None:
        asked = self.handling.asked
        if asked is None:
            raise _Refused(Refusal.NO_HOLD_ASKED)
        hold = replace(asked, approved_by=self._given.actor.id, approved_at=self._desk.now)
        self._put(asked=None, hold=hold)

    def _refuse_hold(self) -> None:
        if self._state.alert.stage is Stage.HELD:
            self._end_hold()
        elif self.handling.asked is None:
            raise _Refused(Refusal.NO_HOLD_ASKED)
        self._put(asked=None)

    def _end_hold(self) -> None:
        hold = self.handling.hold
        if hold is not None and hold.until > self._desk.now:
            self._put(hold=replace(hold, until=self._desk.now))

    # -- appeals ----------------------------------------------------------------------------------

    def _reopen(self) -> None:
        """What was decided before counts no longer, in any log of the incident."""
        assert self._desk.line is not None
        cancelled = {
            ref
            for ref in self._desk.ties
            if self._desk.records[ref].facts.status is RecordStatus.CANCELLED
        }
        accounted = [
            crime
            for crime in self._desk.line.crimes
            if crime.verdict is Verdict.ACCOUNTED
            and (crime.record in cancelled or (not crime.record and _by_decision(crime.reason)))
        ]
        if not accounted:
            raise _Refused(Refusal.NOTHING_TO_REOPEN)
        now = self._desk.now
        for ref in sorted({crime.record for crime in accounted} - {""}):
            self._doubt(self._desk.records[ref])
        if self._state.alert.stage is Stage.HELD:
            self._end_hold()
        self._put(decisions=(), appealed_at=now, asked=None)
        self.others = tuple(
            replace(other, handling=replace(h, decisions=(), version=h.version + 1))
            for log in self._desk.logs[1:]
            if (h := (other := self._desk.reports[log.ref]).handling).decisions
        )


def _by_decision(reason: str) -> bool:
    """Was it a decision, rather than the fact that a national body records it?"""
    return reason != "recorded_nationally"


def _without(refs: tuple[str, ...], ref: str) -> tuple[str, ...]:
    return tuple(each for each in refs if each != ref)


def chained(given: CommandGiven, done: Done, seq: int, now: datetime) -> ChainCommand:
    """The chain row of an accepted command."""
    subject = f"mute:{done.mute.id}" if done.mute else given.ref
    alert = alert_identity(given.force, subject)
    return ChainCommand(
        force=given.force,
        seq=seq,
        alert_id=str(alert),
        event_id=command_identity(alert, given.command_id),
        type=given.action,
        subject=subject,
        at=now,
        actor=given.actor.id,
        role=done.role,
        via=given.actor.via,
        asked=given.asked,
        version=done.version,
        officer_checked=done.officer_checked,
        command_id=given.command_id,
        text=given.text,
    )


def doubted(found: Standing, state: RecordState) -> Standing:
    """A cancellation that somebody doubts accounts for nothing."""
    queried = state.view is not None and state.view.queried_at is not None
    if not queried or found.live or not found.accounts:
        return found
    if state.facts.status is not RecordStatus.CANCELLED:
        return found
    return replace(
        found,
        accounts=False,
        reason=Because.CANCELLED_WITHOUT_PROOF.value,
        lacks=(*found.lacks, "answer_to_query"),
    )


# -- what follows from time and from what is said -------------------------------------------------


def moved(
    before: AlertState, alert: AlertState, handling: Handling, verdict: Verdict, now: datetime
) -> tuple[AlertState, Handling]:
    """The alert and its handling after a verdict: a hold that is over ends, what was acknowledged and
    is said again comes back, and what was met in silence is quiet again."""
    stage, hold = alert.stage, handling.hold
    if stage is Stage.HELD and hold is not None and hold.until <= now:
        stage = step(stage, Passing.HOLD_OVER, alert.said)
    met = verdict in MET or verdict is Verdict.NO_CRIME_INDICATED
    if met and alert.said is None and stage is not Stage.QUIET:
        stage = step(stage, Passing.MET)
    if handling.acknowledged_at is not None and before.stage in HANDLED and stage not in HANDLED:
        version = handling.version + 1
        handling = replace(handling, acknowledged_by="", acknowledged_at=None, version=version)
    return (alert if stage is alert.stage else replace(alert, stage=stage)), handling


def look_again(alert: AlertState, handling: Handling, at: datetime | None) -> datetime | None:
    """The next moment to look, which a running hold may bring forward to its end."""
    if alert.stage is not Stage.HELD or handling.hold is None:
        return at
    return handling.hold.until if at is None else min(at, handling.hold.until)
