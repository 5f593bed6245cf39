"""Reports: the incident log, and referrals that never had one.

State-carrying: each message is the whole report as it now stands, with a rising ``version``.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import (
    Closure,
    Code,
    Contract,
    Instant,
    KeyedHash,
    LinkedLog,
    Name,
    NarrativeEntry,
    Person,
    Place,
    Ref,
    School,
)
from schemas.words import ReceivedVia, ReportedBy, Result, VictimConfirmed, VictimKind


class _Report(Contract):
    schema_version: Literal[1] = 1
    """Version of this contract; older ones are raised to it on reading."""
    force: Name
    """The force that owns the report; the lane in which it is decided."""
    ref: Name
    """The report's own reference, unique in its force."""
    version: Annotated[int, Field(ge=0)] = 0
    """Rises with every change of the report; orders versions, with ``updated_at``."""
    updated_at: Instant | None = None
    """When this version was made; absent: when the report was received."""
    known_at: Instant | None = None
    """When this version reached us; absent: when it was made."""
    received_at: Instant
    """When the police received the report by any route: the clock starts here [HOCR p10]."""
    received_via: ReceivedVia = ReceivedVia.OTHER
    """By which route."""
    reported_by: ReportedBy = ReportedBy.UNKNOWN
    """Who reported."""
    victim_kind: VictimKind = VictimKind.UNKNOWN
    """Whether a victim is known, and of which kind."""
    victim_confirmed: VictimConfirmed = VictimConfirmed.NOT_ASKED
    """Whether the victim confirms."""
    victim_confirmed_at: Instant | None = None
    """When the victim answered."""
    occurred_from: Instant | None = None
    """Earliest moment at which it can have happened; may be decades back."""
    occurred_to: Instant | None = None
    """Latest moment at which it can have happened."""
    qualifiers: tuple[Code, ...] = ()
    """Incident qualifiers (domestic abuse, prejudice ...); none shows a crime by itself."""
    place: Place | None = None
    """Where."""
    school: School | None = None
    """School premises and hours, where they apply."""
    officer: KeyedHash | None = None
    """Officer in the case, as a keyed hash."""
    people: tuple[Person, ...] = ()
    """People in the report, by role."""
    narrative: tuple[NarrativeEntry, ...] = ()
    """Entries in the order written, first account first."""
    incident_refs: tuple[Ref, ...] = ()
    """Incident logs about the same matter (a referral later given a log)."""
    crime_refs: tuple[Ref, ...] = ()
    """References of crime records made for this report."""
    linked_logs: tuple[LinkedLog, ...] = ()
    """Other logs, and how they relate."""
    recording_body: Code = ""
    """Another body that records this matter: a force, British Transport Police, Report Fraud."""
    recording_body_ref: Ref = ""
    """That body's reference."""
    closed_at: Instant | None = None
    """When the report was closed; absent while it is open or after it was reopened."""
    closure: Closure | None = None
    """The decision not to record, where one was made."""


class IncidentLog(_Report):
    """One incident log as it now stands (topic ``incident-log``, key: force)."""

    kind: Literal["incident"] = "incident"
    """Names the contract."""
    opened_at: Instant | None = None
    """When the log was opened; the gap since receipt is what untriaged online reports show."""
    opening_codes: tuple[Code, ...] = ()
    """Codes under which the log was opened."""
    closing_codes: tuple[Code, ...] = ()
    """Codes under which it was closed; never remove what the opening showed."""
    priority: Code = ""
    """Graded response."""
    results: tuple[Result, ...] = ()
    """Arrests and seizures."""


class Referral(_Report):
    """A report straight to a protection team (topic ``public-protection-referral``, key: force)."""

    kind: Literal["referral"] = "referral"
    """Names the contract."""
    sending_body: Code = ""
    """Who referred: school, NHS, social care, MASH."""
    opening_codes: tuple[Code, ...] = ()
    """Concern types as the sending body codes them."""
    closing_codes: tuple[Code, ...] = ()
    """Result codes of the protection team."""


Report = IncidentLog | Referral
"""Anything that can show that a crime was committed."""
