"""The closed sets: what goes into a decision, what a lane holds, what a decision asks for.

Everything here is a frozen value. Inputs are past facts with the instant at which they were known;
state is what the ledger keeps; effects are what the turn writes. Nothing else passes between them.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from schemas.words import AlertType, Grade, Verdict
from service.alerts.lifecycle import AlertState
from service.matching.watermark import Basis, SourceState
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.values import Standing

# -- inputs -----------------------------------------------------------------------------------


class ReportSeen(Struct, frozen=True, tag=True):
    """A version of a report was read."""

    facts: ReportFacts
    known_at: datetime
    """When it reached us; moves the lane's clock."""
    event_at: datetime | None
    """When this version was made, which moves its source's watermark; None: it moves none."""
    scattered: bool = False
    """It lies in one of several partitions of its force, and moves no watermark."""


class RecordSeen(Struct, frozen=True, tag=True):
    """A version of a record was read."""

    facts: RecordFacts
    known_at: datetime
    event_at: datetime | None
    """None where the source only bounds it: such a row moves no watermark."""
    scattered: bool = False
    """As of ``ReportSeen``."""


class HeartbeatSeen(Struct, frozen=True, tag=True):
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


Input = (
    ReportSeen
    | RecordSeen
    | HeartbeatSeen
    | CoverageStated
    | InputLost
    | RulesChanged
    | Settling
    | Tick
)


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


class ReportState(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One report in the ledger."""

    facts: ReportFacts
    known_at: datetime
    """Earliest arrival of any version."""
    verdict: Verdict = Verdict.NO_CRIME_INDICATED
    grade: Grade | None = None
    """Grade of the crimes it rests on; None where none is expected."""
    basis: Basis | None = None
    """What the watermarks behind a miss rest on; None where no miss is said."""
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


class RecordState(Struct, frozen=True, omit_defaults=True, kw_only=True):
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


# -- effects ----------------------------------------------------------------------------------


class TrackReport(Struct, frozen=True):
    """Write a report's state and, where it was judged, its canonical verdict line."""

    state: ReportState
    line: bytes
    """Canonical JSON of its verdict, without newline."""
    deadline: datetime | None
    """The deadline in that line, by which queries sort."""
    mentions: tuple[str, ...] | None
    """Keys by which others find this report; None: as they were."""


class TrackRecord(Struct, frozen=True):
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
    quiet: bool = False
    """Due before ``alert_from``, and nothing of its alert was said aloud: figures, worklist and one
    digest, never a single message."""


class Count(Struct, frozen=True):
    """Count one input."""

    source: str
    result: Intake


Effect = TrackReport | TrackRecord | TrackSource | RaiseEvent | Count
