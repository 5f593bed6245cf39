"""The closed sets: what goes into a decision, what a lane holds, what a decision asks for.

Everything here is a frozen value. Inputs are past facts with the instant at which they were known;
state is what the ledger keeps; effects are what the turn writes. Nothing else passes between them.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from schemas.words import (
    AlertType,
    CancellationCode,
    Grade,
    NotRecordedReason,
    RecordStatus,
    Role,
    Verdict,
)
from service.alerts.actors import Action, Actor, ActorRole
from service.alerts.handling import UNTOUCHED, CancellationView, Handling, HoldReason
from service.alerts.lifecycle import AlertState
from service.alerts.mutes import Matchers, Mute
from service.alerts.queues import Place
from service.matching.watermark import Basis, SourceState
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.values import Standing

# -- inputs -----------------------------------------------------------------------------------


class ReportSeen(Struct, frozen=True, tag=True, gc=False):
    """A version of a report was read."""

    facts: ReportFacts
    known_at: datetime
    """When it reached us; moves the lane's clock."""
    event_at: datetime | None
    """When this version was made, which moves its source's watermark; None: it moves none."""
    scattered: bool = False
    """It lies in one of several partitions of its force, and moves no watermark."""


class RecordSeen(Struct, frozen=True, tag=True, gc=False):
    """A version of a record was read."""

    facts: RecordFacts
    known_at: datetime
    event_at: datetime | None
    """None where the source only bounds it: such a row moves no watermark."""
    scattered: bool = False
    """As of ``ReportSeen``."""


class HeartbeatSeen(Struct, frozen=True, tag=True, gc=False):
    """A source promised that nothing from before ``until`` is still to come."""

    force: str
    source: str
    until: datetime
    known_at: datetime


class CoverageStated(Struct, frozen=True, tag=True):
    """A file was read to its end: what it covers, as declared or as first and last time seen."""

    force: str
    source: str
    since: datetime | None
    until: datetime | None
    known_at: datetime
    """The as-of instant: coverage beyond it proves nothing yet."""


class InputLost(Struct, frozen=True, tag=True):
    """Positions were lost to retention before they were read; the gap is never guessed away."""

    force: str
    source: str
    since: datetime | None
    """Verdicts with a deadline after this rest on lost input; None: all do."""
    known_at: datetime


class RulesChanged(Struct, frozen=True, tag=True):
    """Another pack, mapping or code map is active: these reports are judged again from their facts."""

    force: str
    refs: tuple[str, ...]
    """Reports to look at; an activation pages through a lane in slices."""
    known_at: datetime
    """No later than the lane's now: other rules do not make time pass."""
    records: tuple[str, ...] = ()
    """Records to be found by the keys of what is active now."""


class Settling(Struct, frozen=True, tag=True):
    """A force is read for the first time, or again after a standstill: settle first, then one digest."""

    force: str
    before: datetime
    """Misses due before this go without single messages."""
    known_at: datetime
    """No later than the lane's now: reading on does not make time pass."""


class Tick(Struct, frozen=True, tag=True):
    """Time passed and nothing arrived."""

    force: str
    known_at: datetime
    read_to_end: tuple[str, ...] = ()
    """Sources known to be read to their end; those that declare ``idle_advance`` move with it."""
    promised: tuple[tuple[str, datetime], ...] = ()
    """Sources with a moment before which nothing is still to come, proved apart from their order: a
    scattered force's promise counts once every partition was read past it."""


# -- what a person asks for: one value per action, fields closed, never text ----------------------


class Acknowledge(Struct, frozen=True, tag=Action.ACKNOWLEDGE.value):
    """I have seen it."""


class Assign(Struct, frozen=True, tag=Action.ASSIGN.value):
    """This person is on it; empty: nobody is."""

    to: str


class LinkRecord(Struct, frozen=True, tag=Action.LINK.value):
    """This record belongs to this report."""

    record: str


class UnlinkRecord(Struct, frozen=True, tag=Action.UNLINK.value):
    """It was linked here by hand and does not belong."""

    record: str


class ConfirmMatch(Struct, frozen=True, tag=Action.CONFIRM_MATCH.value):
    """This likely record does belong to this report."""

    record: str


class RefuseMatch(Struct, frozen=True, tag=Action.REFUSE_MATCH.value):
    """This likely record does not: it is never offered again."""

    record: str


class Decide(Struct, frozen=True, kw_only=True, tag=Action.DECIDE.value):
    """Not to record, for a reason of the closed list. Who decides, in which role and when, is the
    actor and the moment; rationale and evidence are what was typed (``Sealed.fields``)."""

    reason: NotRecordedReason
    told_at: datetime | None = None
    """When victim or reporter was told."""
    evidence_at: datetime | None = None
    other_ref: str = ""
    other_body: str = ""
    signed_off_by: Role | None = None
    crimes: tuple[str, ...] = ()
    """Ids of the crimes it is for; empty: all that are unmet."""


class AcceptCancellation(Struct, frozen=True, kw_only=True, tag=Action.ACCEPT_CANCELLATION.value):
    """This record's cancellation is right, with what the crime system did not say."""

    record: str
    code: CancellationCode | None = None
    """Where the crime system gives none."""
    independent: bool = False
    """Is whoever accepts it independent of the investigation?"""
    victim_told_at: datetime | None = None
    other_ref: str = ""


class QueryCancellation(Struct, frozen=True, tag=Action.QUERY_CANCELLATION.value):
    """This record's cancellation is doubted: it accounts for nothing until somebody accepts it."""

    record: str


class AskHold(Struct, frozen=True, kw_only=True, tag=Action.ASK_HOLD.value):
    """Ask the registrar for a delay."""

    reason: HoldReason
    until: datetime


class ApproveHold(Struct, frozen=True, tag=Action.APPROVE_HOLD.value):
    """The registrar approves the delay asked for."""


class RefuseHold(Struct, frozen=True, tag=Action.REFUSE_HOLD.value):
    """The registrar refuses the delay asked for, or ends one that runs."""


class MuteAlerts(Struct, frozen=True, kw_only=True, tag=Action.MUTE.value):
    """Keep back messages about what matches; its id is the command's."""

    matchers: Matchers
    until: datetime
    since: datetime | None = None
    """None: from now on."""


class EndMute(Struct, frozen=True, tag=Action.END_MUTE.value):
    """End a mute before its time."""

    mute: str


class Reopen(Struct, frozen=True, tag=Action.REOPEN.value):
    """The victim appeals: what was decided before counts no longer."""


Asked = (
    Acknowledge
    | Assign
    | LinkRecord
    | UnlinkRecord
    | ConfirmMatch
    | RefuseMatch
    | Decide
    | AcceptCancellation
    | QueryCancellation
    | AskHold
    | ApproveHold
    | RefuseHold
    | MuteAlerts
    | EndMute
    | Reopen
)


class Sealed(Struct, frozen=True):
    """What a person typed, encrypted before it comes here (``service.ledger.sealed``)."""

    key_id: str
    data: bytes
    fields: tuple[str, ...]
    """Which fields were filled in: ``comment``, ``rationale``, ``evidence_what`` ..."""


class CommandGiven(Struct, frozen=True, kw_only=True, tag=True):
    """A person does something about a report, or mutes alerts of a force."""

    force: str
    command_id: str
    """Given by whoever asks, once per press of a button: repeated, it is answered and not done again."""
    actor: Actor
    known_at: datetime
    asked: Asked
    ref: str = ""
    """The report; empty for mutes."""
    expected: int | None = None
    """Version of ``Handling`` that the person has seen; None: he did not look, and takes it as it is."""
    text: Sealed | None = None

    @property
    def action(self) -> Action:
        """What is asked for, as a word."""
        return Action(str(self.asked.__struct_config__.tag))


Input = (
    ReportSeen
    | RecordSeen
    | HeartbeatSeen
    | CoverageStated
    | InputLost
    | RulesChanged
    | Settling
    | Tick
    | CommandGiven
)


class Refusal(StrEnum):
    """Why a command was refused; nothing was changed."""

    NOT_YOUR_FORCE = "not_your_force"
    NOT_YOUR_ROLE = "not_your_role"
    OFFICER_IN_CASE = "officer_in_case"
    REGISTRAR_ONLY = "registrar_only"
    COMMAND_ID_TAKEN = "command_id_taken"
    REPORT_UNKNOWN = "report_unknown"
    RECORD_UNKNOWN = "record_unknown"
    SAME_INCIDENT = "same_incident"
    CHANGED_MEANWHILE = "changed_meanwhile"
    NOT_NOW = "not_now"
    NO_CHANGE = "no_change"
    NOT_LINKED = "not_linked"
    TIED_BY_REFERENCE = "tied_by_reference"
    NOT_CANCELLED = "not_cancelled"
    LACKS = "lacks"
    NOTHING_OWED = "nothing_owed"
    CRIME_UNKNOWN = "crime_unknown"
    NOTHING_TO_REOPEN = "nothing_to_reopen"
    HOLD_NEVER_FOR_THIS = "hold_never_for_this"
    NO_HOLD_ASKED = "no_hold_asked"
    NOT_AHEAD = "not_ahead"
    COMMENT_MISSING = "comment_missing"
    BAD_REFERENCE = "bad_reference"
    MUTE_UNKNOWN = "mute_unknown"


class Answer(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of a command; the same however often it is repeated."""

    seq: int = 0
    """Number of its row in the force's chain; 0: refused."""
    refused: Refusal | None = None
    lacks: tuple[str, ...] = ()
    """What the rules demand and the command does not bring."""
    see: str = ""
    """Another report that answers for the incident."""
    version: int = 0
    """Of ``Handling`` after it; where somebody was first, the version that holds."""

    @property
    def accepted(self) -> bool:
        """Was it done?"""
        return self.refused is None


class Answered(Struct, frozen=True):
    """A command answered before: what it was, by digest, and what became of it."""

    digest: str
    answer: Answer


class Intake(StrEnum):
    """What became of an input; read = the sum of these, for every source (G6)."""

    APPLIED = "applied"
    REPEATED = "repeated"
    STALE = "stale"
    HEARTBEAT = "heartbeat"
    DEAD = "dead"


def contradiction(held: ReportFacts | RecordFacts, new: ReportFacts | RecordFacts) -> str:
    """Two contents under one version, whichever came first."""
    return "+".join(sorted((held.digest, new.digest)))


def compare(held: ReportFacts | RecordFacts, new: ReportFacts | RecordFacts) -> tuple[Intake, bool]:
    """What a further version is, and whether it contradicts the one held (decision 11)."""
    if held.digest == new.digest and held.version == new.version:
        return Intake.REPEATED, False
    before = (held.version, held.updated_at, held.digest)
    after = (new.version, new.updated_at, new.digest)
    conflict = before[:2] == after[:2]
    return (Intake.APPLIED if after > before else Intake.STALE), conflict


# -- state ------------------------------------------------------------------------------------


class ReportState(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One report in the ledger."""

    facts: ReportFacts
    known_at: datetime
    """Earliest arrival of any version."""
    verdict: Verdict = Verdict.NO_CRIME_INDICATED
    grade: Grade | None = None
    """Grade of the crimes it rests on; None where none is expected."""
    basis: Basis | None = None
    """What the watermarks behind a miss of any grade rest on; None where there is none."""
    beside: bool = False
    """Is a possible crime missed or not provable beside the clear ones that the verdict rests on?"""
    same_as: str = ""
    """The log that answers for this incident, where it is not this one."""
    alert: AlertState = AlertState()
    next_by_watermark: datetime | None = None
    """Look again when the watermarks it waits on reach this."""
    waits_on: str = ""
    """The report source that lags; empty: the record sources."""
    next_by_clock: datetime | None = None
    """Look again at this moment."""
    owed_at: datetime | None = None
    """Deadline of a crime that references leave missed: from then on it may take a record that no
    reference ties. None: it may not, or no linkage model is active."""
    takes: tuple[str, ...] = ()
    """Records it has taken so, sorted."""
    handling: Handling = UNTOUCHED
    """What people have done about it."""


class RecordState(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One record in the ledger."""

    facts: RecordFacts
    known_at: datetime
    """Earliest arrival of any version: later than recording by more than the lag is backdated."""
    rows: int = 1
    """Rows read that made it up, repeats included."""
    linked_to: tuple[str, ...] = ()
    """Reports it is linked to, sorted."""
    standing: Standing | None = None
    conflicts: tuple[str, ...] = ()
    """Digests of contradicting versions already alerted."""
    taken_by: str = ""
    """Report that has taken it, no reference tying it to any."""
    taken_due: datetime | None = None
    """That report's ``owed_at``: whoever is due before may take the record from it."""
    view: CancellationView | None = None
    """What people made of its cancellation."""

    @property
    def viewed(self) -> RecordFacts:
        """Its facts, with the cancellation as somebody answerable accepted it."""
        accepted = self.view.accepted if self.view is not None else None
        if accepted is None or self.facts.status is not RecordStatus.CANCELLED:
            return self.facts
        held = self.facts.cancellation
        if held is not None and held.code is not accepted.code:
            return self.facts
        return replace(self.facts, cancellation=accepted)


class Lane(Struct, frozen=True, kw_only=True):
    """The part of one force's state that a turn has loaded."""

    force: str
    now: datetime | None = None
    """Never goes back."""
    seq: int = 0
    """Last alert event number given in this lane."""
    alert_from: datetime | None = None
    """Misses due before this are settled without single messages; None: there are none such."""
    sources: dict[str, SourceState] = {}
    reports: dict[str, ReportState] = {}
    records: dict[str, RecordState] = {}
    answered: dict[str, Answered] = {}
    """By command id: those of the inputs' commands that were answered before."""
    mutes: dict[str, Mute] = {}
    """Mutes by id, where a command names one."""


# -- effects ----------------------------------------------------------------------------------


class TrackReport(Struct, frozen=True, gc=False):
    """Write a report's state and, where it was judged, its canonical verdict line."""

    state: ReportState
    line: bytes
    """Canonical JSON of its verdict, without newline."""
    deadline: datetime | None
    """The deadline in that line, by which queries sort."""
    mentions: tuple[str, ...] | None
    """Keys by which others find this report; None: as they were."""
    place: Place
    """Where it stands on the board and in queues."""


class TrackRecord(Struct, frozen=True, gc=False):
    """Write a record's state."""

    state: RecordState
    mentions: tuple[str, ...] | None
    """Keys by which others find this record; None: as they were."""


class TrackSource(Struct, frozen=True):
    """Write how far a source is read."""

    state: SourceState


class RaiseEvent(Struct, frozen=True, kw_only=True):
    """Append an alert event to the force's chain and put it into the outbox."""

    force: str
    seq: int
    alert_id: str
    event_id: str
    n: int
    type: AlertType
    subject: str
    """Reference of the report, or name of the source."""
    at: datetime
    """When it was said (the lane's now)."""
    effective_at: datetime
    """The deadline, for claims; otherwise the moment it became true."""
    category: str = ""
    grade: Grade | None = None
    harm: bool = False
    due_at: datetime | None = None
    detail: dict[str, str] = {}
    """Words and references only; never text, never a person."""
    evidence: tuple[str, ...] = ()
    """What the crimes rest on, as the verdict line names it (``slot:code``, ``term:id``), and
    ``record:ref`` of what meets them. For the chain alone: codes are a system's own, and go to no topic."""
    quiet: bool = False
    """Due before ``alert_from``, and nothing of its alert was said aloud: figures, worklist and one
    digest, never a single message."""


class Count(Struct, frozen=True, gc=False):
    """Count one input."""

    source: str
    result: Intake


class ChainCommand(Struct, frozen=True, kw_only=True):
    """Append an accepted command to the force's chain; it goes to no topic."""

    force: str
    seq: int
    alert_id: str
    event_id: str
    type: Action
    subject: str
    at: datetime
    actor: str
    role: ActorRole
    """The role in which he acted."""
    via: str
    asked: Asked
    version: int
    """Of ``Handling`` after it."""
    officer_checked: bool
    """Was it known that he is not the officer in the case, rather than merely not known otherwise?"""
    command_id: str
    text: Sealed | None = None
    """Kept apart from the chain, where it can be erased."""


class AnswerCommand(Struct, frozen=True, kw_only=True):
    """Tell what became of a command, and remember it."""

    force: str
    command_id: str
    answered: Answered
    at: datetime
    again: bool = False
    """It was answered before."""


class TrackMute(Struct, frozen=True):
    """Write a mute, made or ended."""

    mute: Mute


Effect = (
    TrackReport
    | TrackRecord
    | TrackSource
    | RaiseEvent
    | Count
    | ChainCommand
    | AnswerCommand
    | TrackMute
)
