"""What is kept of a report or a record once it has been read: codes, references, times, term ids.

Free text, names and addresses end here (G9). Everything a later decision may need lies in these
values, so a new code map or a new rule decides again from them without the text.
"""

from datetime import datetime

from msgspec import Struct

from schemas.words import (
    CancellationCode,
    NotRecordedReason,
    ReceivedVia,
    RecordKind,
    RecordStatus,
    ReportedBy,
    Result,
    Role,
    TimeBound,
    VictimConfirmed,
    VictimKind,
)


class Term(Struct, frozen=True, omit_defaults=True, array_like=True, gc=False):
    """One lexicon entry found in the text, by id; never the words themselves."""

    id: str
    """Lexicon id."""
    writer: Role = Role.OTHER
    """Role of whoever wrote the entry."""
    first: bool = False
    """Was it in the first account?"""
    assertion: str = "affirmed"
    """What is said of it: a word of ``assertion.WEIGHT`` (affirmed, negated, attempted ...)."""


class ClosureFacts(Struct, frozen=True, omit_defaults=True, gc=False):
    """A decision not to record, as claimed, with what it brings as proof."""

    reason: NotRecordedReason | None = None
    decided_by: Role | None = None
    decided_at: datetime | None = None
    rationale: bool = False
    told_at: datetime | None = None
    evidence_what: bool = False
    evidence_from: bool = False
    evidence_at: datetime | None = None
    other_ref: str = ""
    other_body: str = ""
    signed_off_by: Role | None = None


class CancellationFacts(Struct, frozen=True, omit_defaults=True, gc=False):
    """A cancellation, as claimed, with what it brings as proof."""

    code: CancellationCode
    decided_by: Role | None = None
    independent: bool = False
    decided_at: datetime | None = None
    what: bool = False
    where_from: bool = False
    verifiable: bool = False
    victim_told_at: datetime | None = None
    other_ref: str = ""


class ReportFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One version of one report, reduced to what decisions read. Times are aware UTC."""

    force: str
    ref: str
    source: str
    """Name of the source that brought it."""
    version: int = 0
    updated_at: datetime
    digest: str
    """Digest of everything the source said that decisions read, and of its text: tells a repeat from a
    conflict."""
    received_at: datetime
    referral: bool = False
    """True for a public-protection referral, False for an incident log."""
    received_via: ReceivedVia = ReceivedVia.OTHER
    reported_by: ReportedBy = ReportedBy.UNKNOWN
    victim_kind: VictimKind = VictimKind.UNKNOWN
    victim_confirmed: VictimConfirmed = VictimConfirmed.NOT_ASKED
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    opening: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    qualifiers: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()
    terms: tuple[Term, ...] = ()
    victims: tuple[str, ...] = ()
    """Keyed hashes of identified victims, sorted, each once."""
    unnamed_victims: int = 0
    """Victims in the report without a hash."""
    suspects: tuple[str, ...] = ()
    child_victim: bool = False
    """Is any victim under 18?"""
    officer: str = ""
    area: str = ""
    latitude: float | None = None
    longitude: float | None = None
    school_premises: bool = False
    school_in_hours: bool = False
    school_crime_requested: bool = False
    sending_body: str = ""
    crime_refs: tuple[str, ...] = ()
    """Records it names; never blank, each once."""
    same_incident: tuple[str, ...] = ()
    """Logs said to be the same incident (or its duplicate); never blank, never itself."""
    related: tuple[str, ...] = ()
    """Logs merely related."""
    recording_body: str = ""
    recording_body_ref: str = ""
    closure: ClosureFacts | None = None


class RecordFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One version of one record, reduced to what decisions read. Times are aware UTC."""

    force: str
    ref: str
    source: str
    version: int = 0
    updated_at: datetime
    digest: str
    kind: RecordKind = RecordKind.UNKNOWN
    recorded_at: datetime
    recorded_bound: TimeBound = TimeBound.EXACT
    reported_at: datetime | None = None
    code: str = ""
    status: RecordStatus = RecordStatus.RECORDED
    cancellation: CancellationFacts | None = None
    reclassified_from: str = ""
    reclassified_by: Role | None = None
    reclassified_at: datetime | None = None
    transferred_to: str = ""
    transferred_ref: str = ""
    incident_refs: tuple[str, ...] = ()
    """Reports it names; never blank, each once."""
    offender_dealt_with_at: datetime | None = None
    officer: str = ""
    victims: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    area: str = ""
    latitude: float | None = None
    longitude: float | None = None
    committed_from: datetime | None = None
    committed_to: datetime | None = None
    terms: tuple[Term, ...] = ()
    flags: tuple[str, ...] = ()
