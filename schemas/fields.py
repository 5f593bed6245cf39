"""The parts contracts are made of: the frozen base, instants, references, people, places, entries."""

from datetime import UTC
from operator import methodcaller
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from schemas.words import AgeBand, LogRelation, NotRecordedReason, PersonRole, Role

PERSONAL: dict[str, Any] = {"personal": True}
"""Marks a field whose value never leaves the decision: not in errors, logs, metrics or topics."""


Instant = Annotated[AwareDatetime, AfterValidator(methodcaller("astimezone", UTC))]
"""A moment with its offset stated; held in UTC. A time without an offset is refused."""

Name = Annotated[str, Field(min_length=1, max_length=100)]
"""An identifier that must be there: a force, a reference, a source."""

Ref = Annotated[str, Field(max_length=200)]
"""A reference to something elsewhere; blank means none and matches nothing."""

Code = Annotated[str, Field(max_length=200)]
"""A code exactly as the source writes it."""

KeyedHash = Annotated[str, Field(max_length=200)]
"""An HMAC of a person, as ``key id:digest``; the key belongs to the force, both feeds share it."""


class Contract(BaseModel):
    """A frozen value agreed with another team; unknown fields are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Person(Contract):
    """Somebody named in a report, reduced to role, keyed hash and age band."""

    role: PersonRole
    """In which capacity the person appears."""
    key: KeyedHash | None = None
    """Keyed hash of the person; absent where the source could not identify them."""
    age_band: AgeBand = AgeBand.UNKNOWN
    """Age as a band."""


class Place(Contract):
    """Where it happened, as far as matching and routing need it."""

    text: Annotated[str | None, Field(default=None, max_length=2000, json_schema_extra=PERSONAL)]
    """Address or description as written. Personal: read for matching, never kept."""
    area: Code | None = None
    """Local area: beat, ward, LSOA or whatever the force routes by."""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Degrees north, WGS84."""
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    """Degrees east, WGS84."""


class School(Contract):
    """What the schools protocol asks [HOCR p12]."""

    premises: bool
    """Did it happen on school premises?"""
    in_hours: bool
    """Did it happen in school hours?"""
    crime_requested: bool = False
    """Did the school, the child or a parent ask for a crime?"""


class NarrativeEntry(Contract):
    """One entry of a log: read for indications, then let go."""

    at: Instant | None = None
    """When it was written."""
    category: Code | None = None
    """Kind of entry as the source names it."""
    writer: Role = Role.OTHER
    """The writer's role; the first account outweighs later entries."""
    text: Annotated[str, Field(json_schema_extra=PERSONAL)]
    """What was written. Personal: only ids of matched terms are kept."""


class LinkedLog(Contract):
    """A reference from one log to another."""

    ref: Ref
    """The other log's reference."""
    relation: LogRelation
    """Same incident, duplicate of, or merely related."""


class Closure(Contract):
    """Why a report was closed with no crime, with what the rules demand of such a decision [HOCR p10]."""

    reason: NotRecordedReason | None = None
    """Reason from the closed list; absent where the log was closed without one."""
    decided_by: Role | None = None
    """Role of whoever decided."""
    decided_at: Instant | None = None
    """When it was decided."""
    rationale_given: bool = False
    """Is the rationale written down?"""
    told_at: Instant | None = None
    """When the victim or reporter was told."""
    evidence_what: bool = False
    """For contrary evidence: is it stated what it is?"""
    evidence_from: bool = False
    """For contrary evidence: is it stated whom it came from?"""
    evidence_at: Instant | None = None
    """For contrary evidence: when it came."""
    other_ref: Ref = ""
    """The other body's reference, or the crime in which this is already counted."""
    other_body: Code = ""
    """Who recorded it: a force, British Transport Police, Report Fraud."""
    signed_off_by: Role | None = None
    """Role of the supervisor who signed off, where the reason needs it."""
